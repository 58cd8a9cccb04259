//! Watching, with the kernel's own events.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use eventlog::OriginPath;
use futures::StreamExt;
use origins::{Depth, Dirty, ErrorKind, Origin, RefreshPolicy, Watch, follow};
use tokio::time::timeout;

use crate::support::{Folder, not_tested, path};

/// Within this a change has to be known (FS-9 leaves a second from there to the mount).
const SOON: Duration = Duration::from_secs(1);

/// Takes reports until all of `wanted` have been named; gives everything that was.
async fn until(watch: &mut Watch, wanted: &[&str]) -> BTreeSet<OriginPath> {
    let wanted: BTreeSet<_> = wanted.iter().map(|text| path(text)).collect();
    let mut seen = BTreeSet::new();
    let waited = timeout(SOON, async {
        while !seen.is_superset(&wanted) {
            match watch.events.recv().await.expect("the watch stands") {
                Dirty::Directories(directories) => seen.extend(directories),
                Dirty::Everything => panic!("events were lost"),
            }
        }
    });
    assert!(waited.await.is_ok(), "only {seen:?} of {wanted:?}");
    seen
}

fn watch(folder: &Folder) -> Watch {
    folder.origin().watch().unwrap().unwrap()
}

#[tokio::test]
async fn every_kind_of_change_names_its_directory_alone() {
    let folder = Folder::new();
    folder.put("a/1.flac", b"1");
    folder.put("b/2.flac", b"2");
    let mut watch = watch(&folder);
    let only = |seen: BTreeSet<OriginPath>, names: &[&str]| {
        assert_eq!(seen, names.iter().map(|text| path(text)).collect());
    };
    fs::write(folder.at("a/new.flac"), b"new").unwrap();
    only(until(&mut watch, &["a"]).await, &["a"]);
    fs::write(folder.at("a/1.flac"), b"changed").unwrap();
    only(until(&mut watch, &["a"]).await, &["a"]);
    let touched = File::open(folder.at("a/1.flac")).unwrap();
    touched
        .set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    only(until(&mut watch, &["a"]).await, &["a"]);
    fs::rename(folder.at("a/1.flac"), folder.at("b/1.flac")).unwrap();
    only(until(&mut watch, &["a", "b"]).await, &["a", "b"]);
    fs::remove_file(folder.at("b/1.flac")).unwrap();
    only(until(&mut watch, &["b"]).await, &["b"]);
    fs::write(folder.at("top.flac"), b"").unwrap();
    only(until(&mut watch, &[""]).await, &[""]);
}

#[tokio::test]
async fn reading_is_no_change() {
    let folder = Folder::new();
    folder.put("a/1.flac", b"1");
    let mut watch = watch(&folder);
    let origin = folder.origin();
    for _ in 0..50 {
        assert_eq!(crate::support::files(&origin), ["a/1.flac"]);
        let revision = origin.stat(&path("a/1.flac")).await.unwrap();
        let file = origin.open(&path("a/1.flac"), &revision).await.unwrap();
        file.read_at(0, 1).await.unwrap();
    }
    folder.put("end/2.flac", b"");
    assert_eq!(
        until(&mut watch, &["", "end"]).await,
        [path(""), path("end")].into()
    );
}

#[tokio::test]
async fn a_path_that_is_being_written_waits_for_its_end() {
    let folder = Folder::new();
    folder.mkdir("a");
    let mut watch = watch(&folder);
    let mut file = File::create(folder.at("a/1.flac")).unwrap();
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(600) {
        file.write_all(b"more").unwrap();
        assert!(
            watch.events.try_recv().is_err(),
            "reported while it was being written"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    until(&mut watch, &["a"]).await;
}

/// Files put into directories that were made an instant ago are found by listing what is named.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_made_in_new_directories_is_lost() {
    let folder = Folder::new();
    let origin = folder.origin();
    let mut watch = watch(&folder);
    let count: usize = 200;
    let root = folder.root();
    let maker = std::thread::spawn(move || {
        for number in 0..count {
            let place = root.join(format!("{}/b{number}/c/d", number % 20));
            fs::create_dir_all(&place).unwrap();
            fs::write(place.join("1.flac"), b"").unwrap();
        }
    });
    let mut found = BTreeSet::new();
    let search = timeout(Duration::from_secs(10), async {
        while found.len() < count {
            let Some(Dirty::Directories(directories)) = watch.events.recv().await else {
                panic!("events were lost")
            };
            for directory in directories {
                let mut listed = origin.walk(&directory, Depth::One);
                while let Some(Ok(listed)) = listed.next().await {
                    let files = listed.files.iter();
                    found.extend(files.map(|file| listed.path.join(&file.name).unwrap()));
                }
            }
        }
    });
    let complete = search.await.is_ok();
    maker.join().unwrap();
    assert!(complete, "only {} of {count} files were found", found.len());
}

#[tokio::test]
async fn a_renamed_directory_is_watched_under_its_new_name() {
    let folder = Folder::new();
    folder.put("old/deep/1.flac", b"1");
    let mut watch = watch(&folder);
    fs::rename(folder.at("old"), folder.at("new")).unwrap();
    until(&mut watch, &["", "new", "new/deep"]).await;
    fs::write(folder.at("new/deep/2.flac"), b"2").unwrap();
    assert_eq!(
        until(&mut watch, &["new/deep"]).await,
        [path("new/deep")].into()
    );
    // A directory moved out is no business of ours any more.
    fs::rename(folder.at("new"), folder.outer().join("out")).unwrap();
    until(&mut watch, &[""]).await;
    fs::write(folder.outer().join("out/deep/3.flac"), b"3").unwrap();
    fs::write(folder.at("4.flac"), b"4").unwrap();
    assert_eq!(until(&mut watch, &[""]).await, [path("")].into());
}

#[tokio::test]
async fn a_linked_directory_changes_under_both_names() {
    let folder = Folder::new();
    folder.put("real/1.flac", b"1");
    folder.link("real", "link");
    let mut watch = watch(&folder);
    fs::write(folder.at("real/2.flac"), b"2").unwrap();
    until(&mut watch, &["link", "real"]).await;
    folder.link("real", "later");
    until(&mut watch, &["", "later"]).await;
    fs::write(folder.at("later/3.flac"), b"3").unwrap();
    until(&mut watch, &["link", "later", "real"]).await;
}

#[tokio::test]
async fn a_directory_that_is_opened_up_is_watched_from_then_on() {
    let folder = Folder::new();
    folder.put("closed/1.flac", b"1");
    let set = |mode| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs::set_permissions(folder.at("closed"), mode).unwrap();
    };
    set(0o000);
    let mut watch = crate::support::as_ordinary_user(|| watch(&folder));
    set(0o755);
    until(&mut watch, &["", "closed"]).await;
    fs::write(folder.at("closed/2.flac"), b"2").unwrap();
    until(&mut watch, &["closed"]).await;
}

#[tokio::test]
async fn a_root_that_goes_ends_the_watch() {
    for moved in [true, false] {
        let folder = Folder::new();
        folder.put("a/1.flac", b"1");
        let mut watch = watch(&folder);
        if moved {
            fs::rename(folder.root(), folder.outer().join("elsewhere")).unwrap();
        } else {
            fs::remove_dir_all(folder.root()).unwrap();
        }
        let ended = timeout(SOON, async { while watch.events.recv().await.is_some() {} });
        assert!(ended.await.is_ok(), "moved: {moved}");
    }
}

#[tokio::test]
async fn changes_begin_with_everything_and_survive_the_loss_of_the_root() {
    let folder = Folder::new();
    folder.put("a/1.flac", b"1");
    let (reports, mut changes) = tokio::sync::mpsc::channel(1);
    let policy = RefreshPolicy::Watch(RefreshPolicy::INTERVAL);
    tokio::spawn(follow(folder.shared(), policy, reports));
    assert_eq!(changes.recv().await, Some(Dirty::Everything));
    fs::write(folder.at("a/2.flac"), b"2").unwrap();
    assert_eq!(
        changes.recv().await,
        Some(Dirty::Directories(vec![path("a")]))
    );
    let elsewhere = folder.outer().join("elsewhere");
    fs::rename(folder.root(), &elsewhere).unwrap();
    fs::rename(&elsewhere, folder.root()).unwrap();
    // After a second the watch is made anew, and what happened meanwhile is unknown.
    assert_eq!(changes.recv().await, Some(Dirty::Everything));
    fs::write(folder.at("a/3.flac"), b"3").unwrap();
    assert_eq!(
        changes.recv().await,
        Some(Dirty::Directories(vec![path("a")]))
    );
}

/// In a user namespace of its own, where three watches are the limit.
#[test]
fn the_limit_of_watches_is_named() {
    let child = "watching::with_three_watches";
    let script = "echo 3 > /proc/sys/user/max_inotify_watches && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "sh", "-c", script, "sh"]);
    command
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", child, "--ignored"]);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let refused = String::from_utf8_lossy(&output.stderr);
    if refused.contains("unshare failed") || refused.contains("max_inotify_watches") {
        return not_tested("no user namespaces for us on this machine");
    }
    assert!(text.contains("1 passed"), "{text}{refused}");
}

#[test]
#[ignore = "run by the_limit_of_watches_is_named"]
fn with_three_watches() {
    let folder = Folder::new();
    folder.mkdir("a/b/c");
    let error = folder.origin().watch().err().unwrap();
    assert_eq!(error.kind, ErrorKind::Exhausted);
    assert!(
        error.message.contains("fs.inotify.max_user_watches"),
        "{error}"
    );
}

#[tokio::test]
async fn a_bottomless_tree_is_watched_as_far_as_it_is_listed() {
    let folder = Folder::new();
    let innermost = crate::trees::dig(&folder, 300, 255);
    let mut watch = watch(&folder);
    let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CREATE;
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::openat(&innermost, "deep.flac", flags, mode).unwrap();
    fs::write(folder.at("top.flac"), b"").unwrap();
    assert_eq!(until(&mut watch, &[""]).await, [path("")].into());
}
