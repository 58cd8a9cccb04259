//! `musicfs layout`.

mod hypothetical;
mod preview;

use clap::{Args, Subcommand, ValueEnum};
use eventlog::event::{Duplicates, LayoutSpec, NameProfile};
use projections::layout::Template;
use proto::v1;
use serde_json::json;

use self::preview::Preview;
use super::context::Context;
use super::library::Opened;
use crate::control::received;
use crate::report::Result;

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Show the rule by which names are made
    Show,
    /// Show which names another rule would change; changes nothing
    Preview(Preview),
    /// Have names made by another rule from now on; see `preview` first
    Set(Asked),
}

/// A rule for names; what is left out stays as it is.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct Asked {
    /// The template, such as '$genre/$artist - $title.$format', or `default` [default: as now]
    template: Option<String>,
    /// Which names are allowed [default: as now; with `default`, posix]
    #[arg(long)]
    names: Option<Names>,
    /// Which files of several origins are shown once [default: as now; with `default`, content]
    #[arg(long)]
    duplicates: Option<Alike>,
}

/// Which names are allowed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Names {
    Posix,
    Windows,
}

/// Which files of several origins are shown once.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Alike {
    /// Those that sound the same
    Content,
    /// Those whose tags say the same
    Tags,
    /// None: all are shown
    All,
}

impl Action {
    pub(super) fn run(self, context: &Context) -> Result<()> {
        context.block_on(async {
            match self {
                Self::Show => show(context, &Opened::at(&context.state()?).await?),
                Self::Preview(preview) => {
                    let library = Opened::at(&context.state()?).await?;
                    preview.run(context, library).await
                }
                Self::Set(asked) => set(context, &asked).await,
            }
        })
    }
}

fn show(context: &Context, library: &Opened) -> Result<()> {
    let layout = library.catalog.layout()?;
    let mut out = context.output();
    if context.json() {
        out.json(&json!({
            "template": layout.template,
            "names": profile(layout.names),
            "duplicates": layout.duplicates.name(),
        }))?;
    } else {
        out.table(&rows(layout))?;
    }
    out.end()
}

/// A layout for people.
fn rows(layout: LayoutSpec) -> [[String; 2]; 3] {
    [
        ["template".to_owned(), layout.template],
        ["names".to_owned(), profile(layout.names).to_owned()],
        ["duplicates".to_owned(), layout.duplicates.name().to_owned()],
    ]
}

impl Asked {
    /// What is asked for; what is left out is absent. `default` is the layout that a new library has,
    /// in all of it.
    fn wanted(&self) -> (Option<&str>, Option<NameProfile>, Option<Duplicates>) {
        let names = self.names.map(|names| match names {
            Names::Posix => NameProfile::Posix,
            Names::Windows => NameProfile::Windows,
        });
        let duplicates = self.duplicates.map(|duplicates| match duplicates {
            Alike::Content => Duplicates::Content,
            Alike::Tags => Duplicates::Tags,
            Alike::All => Duplicates::All,
        });
        match self.template.as_deref() {
            Some("default") => (
                Some(Template::DEFAULT),
                Some(names.unwrap_or_default()),
                Some(duplicates.unwrap_or_default()),
            ),
            other => (other, names, duplicates),
        }
    }
}

async fn set(context: &Context, asked: &Asked) -> Result<()> {
    let client = context.connect().await?;
    let (template, names, duplicates) = asked.wanted();
    let names = match names {
        None => v1::NameProfile::Unspecified,
        Some(NameProfile::Posix) => v1::NameProfile::Posix,
        Some(NameProfile::Windows) => v1::NameProfile::Windows,
    };
    let duplicates = match duplicates {
        None => v1::Duplicates::Unspecified,
        Some(Duplicates::Content) => v1::Duplicates::Content,
        Some(Duplicates::Tags) => v1::Duplicates::Tags,
        Some(Duplicates::All) => v1::Duplicates::All,
    };
    let layout = Some(v1::Layout {
        template: template.unwrap_or_default().to_owned(),
        names: names.into(),
        duplicates: duplicates.into(),
    });
    let request = v1::SetLayoutRequest { layout };
    let answer = client.layout().set_layout(request).await;
    let answer = answer.map_err(|status| received(&status))?.into_inner();
    let now = client.layout().get_layout(v1::GetLayoutRequest {}).await;
    let now = now.map_err(|status| received(&status))?.into_inner();
    let now = in_force(now.layout.unwrap_or_default());
    let mut out = context.output();
    if context.json() {
        out.json(&json!({
            "position": answer.position,
            "template": now.template,
            "names": profile(now.names),
            "duplicates": now.duplicates.name(),
        }))?;
    } else {
        out.line("the tree follows the layout now")?;
        out.table(&rows(now))?;
    }
    out.end()
}

/// A layout as the daemon tells it.
fn in_force(layout: v1::Layout) -> LayoutSpec {
    LayoutSpec {
        names: match layout.names() {
            v1::NameProfile::Windows => NameProfile::Windows,
            _ => NameProfile::Posix,
        },
        duplicates: match layout.duplicates() {
            v1::Duplicates::Tags => Duplicates::Tags,
            v1::Duplicates::All => Duplicates::All,
            _ => Duplicates::Content,
        },
        template: layout.template,
    }
}

/// The name of a profile, as configured.
pub(super) const fn profile(names: NameProfile) -> &'static str {
    match names {
        NameProfile::Posix => "posix",
        NameProfile::Windows => "windows",
    }
}
