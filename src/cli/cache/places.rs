//! What a PATH argument of `pin`, `unpin` and `prefetch` leads to.

use std::ffi::OsStr;
use std::path::Path;

use tonic::{Code, Status};

use crate::cli::context::{Context, absolute};
use crate::cli::track::{in_tree, mountpoint};
use crate::control::received;
use crate::report::{Kind, Report, Result};

/// Asks for each of the places in the tree that a PATH may mean, the likeliest first, until one is there.
pub(super) async fn with_each<T>(
    context: &Context,
    path: &OsStr,
    ask: impl AsyncFn(String) -> Result<T, Status>,
) -> Result<T> {
    let mut refused = None;
    for path in places(context, path).await? {
        match ask(path).await {
            Ok(answer) => return Ok(answer),
            Err(status) if status.code() == Code::NotFound => {
                refused.get_or_insert(status);
            }
            Err(status) => return Err(received(&status)),
        }
    }
    let outside = || {
        let message = format!("{} is not in the mount", Path::new(path).display());
        Report::new(Kind::Input, message).hint(
            "give a path in the mount, or one from the root of the tree, such as Artist/Album",
        )
    };
    Err(refused.map_or_else(outside, |status| received(&status)))
}

/// Paths in the tree, each written in one way.
async fn places(context: &Context, path: &OsStr) -> Result<Vec<String>> {
    let mut places = Vec::new();
    // Elsewhere, paths of this machine mean nothing.
    let meant = if context.is_remote() {
        path.to_str().map(str::to_owned).into_iter().collect()
    } else {
        in_tree(
            mountpoint(context).await.as_deref(),
            path,
            &absolute(Path::new(path))?,
        )
    };
    for path in meant {
        let names = path.split('/').filter(|name| !matches!(*name, "" | "."));
        let path = names.collect::<Vec<_>>().join("/");
        if !places.contains(&path) {
            places.push(path);
        }
    }
    Ok(places)
}
