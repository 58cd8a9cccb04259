//! The path template: what it is, and how it becomes text.

use std::fmt;
use std::str::FromStr;

use super::inputs::NameInputs;
use super::parse;
use super::problem::TemplateError;
use super::variable::Variable;

/// A path template (FS-3).
///
/// `$name` and `${name}` stand for a [`Variable`], `${a|b|c}` for the first of several that has a
/// value, `${tag:NAME}` for any other tag. `<…>` is shown only where every variable in it has a
/// value. `/` separates the path's parts, the last of which is the file's name. `\` takes the
/// meaning from a following `$`, `<`, `>` or `\`.
#[derive(Debug, Clone)]
pub struct Template {
    source: Box<str>,
    directories: Box<[Part]>,
    file: Part,
}

impl Template {
    /// The template of a library that never chose one.
    pub const DEFAULT: &'static str =
        "$albumartist/$album< ($year)> [$format_upper]/<$disc->$track - $title.$format";
    /// Longest template, in characters.
    pub const MAX_LEN: usize = 1_024;
    /// Most parts, the file's name included.
    pub const MAX_PARTS: usize = 16;
    /// How deep `<…>` may stand within `<…>`.
    pub const MAX_DEPTH: usize = 8;

    /// Reads a template.
    ///
    /// # Errors
    /// Where it is none: says at which column, and what was probably meant.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        let (directories, file) = parse::parts(source)?;
        Ok(Self {
            source: source.into(),
            directories: directories.into(),
            file,
        })
    }

    /// What it asks for, in the order in which it does; the same thing may come several times.
    #[must_use]
    pub fn variables(&self) -> Vec<&Variable> {
        let mut found = Vec::new();
        let parts = self.directories.iter().chain([&self.file]);
        parts.for_each(|part| part.0.iter().for_each(|node| node.variables(&mut found)));
        found
    }

    /// The parts that name directories, from the root down.
    pub(super) fn directories(&self) -> impl Iterator<Item = &Part> {
        self.directories.iter()
    }

    /// The part that names the file.
    pub(super) fn file(&self) -> &Part {
        &self.file
    }
}

/// The template as it was written.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(source: &str) -> Result<Self, Self::Err> {
        Self::parse(source)
    }
}

/// Templates are equal where they were written alike.
impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Template {}

/// [`Template::DEFAULT`].
impl Default for Template {
    fn default() -> Self {
        Self::parse(Self::DEFAULT).unwrap_or_else(|_| Self {
            source: "$filename".into(),
            directories: Box::default(),
            file: Part(Box::new([Node::Variable(Box::new([Variable::Filename]))])),
        })
    }
}

/// What stands between two `/`.
#[derive(Debug, Clone)]
pub(super) struct Part(pub(super) Box<[Node]>);

/// A piece of a template.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// Text that is shown as it is.
    Text(Box<str>),
    /// Text that only keeps its neighbours apart: goes where one of them is absent.
    Separator(Box<str>),
    /// The first of these that has a value.
    Variable(Box<[Variable]>),
    /// `<…>`.
    Optional(Box<[Node]>),
}

impl Node {
    fn variables<'n>(&'n self, found: &mut Vec<&'n Variable>) {
        match self {
            Self::Text(_) | Self::Separator(_) => {}
            Self::Variable(choices) => found.extend(choices),
            Self::Optional(nodes) => nodes.iter().for_each(|node| node.variables(found)),
        }
    }
}

/// Where a part's text has grown beyond this many bytes, the rest would be cut off anyway.
const ENOUGH: usize = 1_024;

impl Part {
    /// The part's text, not yet a valid name; empty where nothing in it has a value.
    pub(super) fn render(&self, inputs: &NameInputs, multi_disc: bool) -> String {
        let mut rendering = Rendering {
            inputs,
            multi_disc,
            out: String::with_capacity(64),
            held: None,
            leading: false,
        };
        rendering.nodes(&self.0);
        rendering.release();
        rendering.out
    }
}

struct Rendering<'a> {
    inputs: &'a NameInputs,
    multi_disc: bool,
    out: String,
    /// A separator that waits for what follows it.
    held: Option<&'a str>,
    /// True where something absent has been met at the beginning of the part.
    leading: bool,
}

impl<'a> Rendering<'a> {
    fn nodes(&mut self, nodes: &'a [Node]) {
        for node in nodes {
            if self.out.len() > ENOUGH {
                return;
            }
            match node {
                Node::Text(text) => self.show(text),
                Node::Separator(_) if self.leading && self.out.is_empty() => {}
                Node::Separator(text) => {
                    self.release();
                    self.held = Some(text);
                }
                Node::Variable(choices) => {
                    let inputs = self.inputs;
                    match self
                        .value(choices)
                        .or_else(|| choices.iter().find_map(|v| inputs.fallback(v)))
                    {
                        Some(value) => self.show(value),
                        None => self.absent(),
                    }
                }
                Node::Optional(nodes) if self.is_shown(nodes) => self.nodes(nodes),
                Node::Optional(_) => self.absent(),
            }
        }
    }

    fn show(&mut self, text: &str) {
        self.release();
        self.out.push_str(text);
    }

    fn release(&mut self) {
        if let Some(separator) = self.held.take() {
            self.out.push_str(separator);
        }
    }

    /// What is absent takes the separator before it along; at the beginning, the one after it.
    fn absent(&mut self) {
        self.held = None;
        self.leading = self.out.is_empty();
    }

    fn value(&self, choices: &[Variable]) -> Option<&'a str> {
        let inputs = self.inputs;
        choices
            .iter()
            .find_map(|variable| inputs.value(variable, self.multi_disc))
    }

    fn is_shown(&self, nodes: &[Node]) -> bool {
        let mut variables = nodes.iter().filter_map(|node| match node {
            Node::Variable(choices) => Some(self.value(choices).is_some()),
            _ => None,
        });
        match variables.next() {
            Some(first) => first && variables.all(|has_value| has_value),
            None => nodes
                .iter()
                .any(|node| matches!(node, Node::Optional(inner) if self.is_shown(inner))),
        }
    }
}
