//! Tags to names: the path template, and which names are allowed (FS-3, FS-4). Pure: no clock, no
//! I/O, no failure on any input, and the same names on every machine and after every rebuild.

mod inputs;
pub mod names;
mod parse;
mod problem;
pub(crate) mod row;
mod template;
pub(crate) mod values;
mod variable;

#[cfg(test)]
mod tests;

use eventlog::event::{Duplicates, LayoutSpec, NameProfile};

pub use inputs::{AlbumKey, NameInputs};
pub use problem::{Problem, TemplateError};
pub use template::Template;
pub use variable::Variable;

/// The rule by which tracks are shown and get their names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    template: Template,
    profile: NameProfile,
    duplicates: Duplicates,
}

/// Where a track wants to be shown. The tree numbers the files that want one and the same place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The directories above it, from the root down; each a valid name.
    pub directories: Vec<String>,
    /// The file's name: valid, and with room for a [number](names::numbered).
    pub file: String,
}

impl Layout {
    /// The rule that was asked for.
    ///
    /// # Errors
    /// Where the template is none.
    pub fn of(spec: &LayoutSpec) -> Result<Self, TemplateError> {
        let template = Template::parse(&spec.template)?;
        Ok(Self {
            template,
            profile: spec.names,
            duplicates: spec.duplicates,
        })
    }

    /// The rule that the log holds; its template gives way to [`Template::DEFAULT`] where this
    /// version does not understand it, so that a fold never fails.
    #[must_use]
    pub fn of_or_default(spec: &LayoutSpec) -> Self {
        Self::of(spec).unwrap_or_else(|_| Self {
            template: Template::default(),
            profile: spec.names,
            duplicates: spec.duplicates,
        })
    }

    /// The rule as the log keeps it.
    #[must_use]
    pub fn spec(&self) -> LayoutSpec {
        LayoutSpec {
            template: self.template.to_string(),
            names: self.profile,
            duplicates: self.duplicates,
        }
    }

    /// Which names are allowed, and which of them are equal.
    #[must_use]
    pub fn profile(&self) -> NameProfile {
        self.profile
    }

    /// Which files of several origins are shown once.
    #[must_use]
    pub fn duplicates(&self) -> Duplicates {
        self.duplicates
    }

    /// Where a track wants to be shown. `multi_disc` tells whether its album has several discs:
    /// only then does `$disc` have a value.
    #[must_use]
    pub fn place(&self, inputs: &NameInputs, multi_disc: bool) -> Place {
        let directories = self
            .template
            .directories()
            .map(|part| part.render(inputs, multi_disc))
            .filter(|name| !name.trim().is_empty())
            .map(|name| names::directory(&name, self.profile))
            .collect();
        let file = self.file(inputs, &self.template.file().render(inputs, multi_disc));
        Place { directories, file }
    }

    /// A file's name always ends in its format's extension, whether or not the template says so;
    /// without it no player would open the file.
    fn file(&self, inputs: &NameInputs, name: &str) -> String {
        let format = inputs.format();
        let stem = format
            .and_then(|format| names::without_extension(name, format))
            .unwrap_or(name);
        let stem = [stem.trim(), inputs.filename().trim()]
            .into_iter()
            .find(|stem| !stem.is_empty())
            .unwrap_or("_");
        match format {
            Some(format) => names::file(&format!("{stem}.{format}"), self.profile),
            None => names::file(stem, self.profile),
        }
    }
}
