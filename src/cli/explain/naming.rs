//! Why a name is what it is. Pure.

use eventlog::event::LayoutSpec;
use eventlog::tags::{DefectKind, Field, Media};
use projections::TrackRow;
use projections::layout::{Layout, NameInputs, Template, Variable};
use serde_json::{Value, json};

use crate::cli::layout::profile;
use crate::cli::output::Output;
use crate::cli::track::{number, path_of};
use crate::report::Result;

/// A name, taken apart.
pub(super) struct Naming {
    layout: LayoutSpec,
    /// The name that the layout gives.
    wanted: String,
    /// The number that keeps it apart from others; 1 where it stands alone, `None` where there is
    /// no name.
    number: Option<u32>,
    variables: Vec<Explained>,
}

/// A variable of the template.
struct Explained {
    name: String,
    value: Option<String>,
    from: String,
}

impl Naming {
    pub(super) fn of(row: &TrackRow, spec: LayoutSpec, shown: Option<&str>) -> Self {
        let layout = Layout::of_or_default(&spec);
        let inputs = NameInputs::of(&row.media, &row.locator.origin, &row.locator.path);
        // Whether its album has several discs is the tree's to know; the name that it shows tells.
        let places =
            [false, true].map(|multi_disc| (multi_disc, layout.place(&inputs, multi_disc)));
        let told = places
            .iter()
            .find_map(|(multi_disc, place)| Some((*multi_disc, place, number(place, shown?)?)));
        let [(_, single), _] = &places;
        let (multi_disc, place, number) = told
            .map_or((false, single, None), |(multi_disc, place, number)| {
                (multi_disc, place, Some(number))
            });
        let template = Template::parse(&spec.template).unwrap_or_default();
        let mut variables: Vec<Explained> = Vec::new();
        for variable in template.variables() {
            let name = variable.name().to_owned();
            if !variables.iter().any(|known| known.name == name) {
                let value = inputs.value(variable, multi_disc);
                let from = source(variable, &row.media, value.is_some());
                let value = value
                    .or_else(|| inputs.fallback(variable))
                    .map(str::to_owned);
                variables.push(Explained { name, value, from });
            }
        }
        Self {
            layout: spec,
            wanted: path_of(place),
            number,
            variables,
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let variables = self
            .variables
            .iter()
            .map(|variable| json!({ "name": variable.name, "value": variable.value, "from": variable.from }));
        json!({
            "template": self.layout.template,
            "names": profile(self.layout.names),
            "wanted": self.wanted,
            "number": self.number,
            "variables": variables.collect::<Vec<_>>(),
        })
    }

    pub(super) fn print(&self, out: &mut Output) -> Result<()> {
        out.line(format!("template  {}", self.layout.template))?;
        let rows: Vec<[String; 3]> = self
            .variables
            .iter()
            .map(|variable| {
                let value = variable.value.as_deref().unwrap_or("(none)").to_owned();
                [
                    format!("  ${}", variable.name),
                    value,
                    variable.from.clone(),
                ]
            })
            .collect();
        out.table(&rows)?;
        out.line(format!("name      {}", self.wanted))?;
        match self.number {
            Some(number @ 2..) => out.line(format!(
                "numbered ({number}): other tracks of lower number have the same name"
            )),
            _ => Ok(()),
        }
    }
}

/// True where the content tells no format, but the name does.
pub(super) fn told_by_name(media: &Media) -> bool {
    let unfit = [DefectKind::NotAudio, DefectKind::Unreadable];
    media.format.is_some()
        && media
            .defects
            .iter()
            .any(|defect| unfit.contains(&defect.kind))
}

/// Where a variable's value comes from.
fn source(variable: &Variable, media: &Media, has_value: bool) -> String {
    let tag = |fields: &[Field]| {
        let found = fields
            .iter()
            .find(|field| media.tags.first(field).is_some());
        found.map(|field| format!("tag {}", field.name()))
    };
    let from_tag = match variable {
        Variable::AlbumArtist => tag(&[Field::AlbumArtist]).or_else(|| {
            let compilation = media
                .tags
                .first(&Field::Compilation)
                .is_some_and(|text| text != "0");
            if compilation {
                tag(&[Field::Compilation])
            } else {
                tag(&[Field::Artist])
            }
        }),
        Variable::Year | Variable::Date => tag(&[Field::Date, Field::OriginalDate]),
        Variable::Format | Variable::FormatUpper => Some(
            if media.format.is_none() || told_by_name(media) {
                "the file's name"
            } else {
                "content"
            }
            .to_owned(),
        ),
        Variable::Filename => Some("the file's name".to_owned()),
        Variable::Origin => Some("the origin".to_owned()),
        Variable::Tag(field) => tag(std::slice::from_ref(field)),
        other => tag(&[Field::from_name(other.name())]),
    };
    match (has_value, from_tag) {
        (true, Some(from)) => from,
        (false, Some(from)) if *variable == Variable::Disc => {
            format!("{from}, left out: the album has one disc")
        }
        _ if *variable == Variable::Title => "no tag; the file's name".to_owned(),
        _ => "no tag".to_owned(),
    }
}
