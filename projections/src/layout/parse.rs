//! Reads a template's text.

use super::inputs::NameInputs;
use super::problem::{Problem, TemplateError};
use super::template::{Node, Part, Template};
use super::variable::Variable;

/// The directories' parts and the file's.
pub(super) fn parts(source: &str) -> Result<(Vec<Part>, Part), TemplateError> {
    if source.chars().nth(Template::MAX_LEN).is_some() {
        return Err(error(Template::MAX_LEN + 1, Problem::TooLong));
    }
    let mut parser = Parser {
        rest: source,
        column: 1,
        text: String::new(),
        nodes: Vec::new(),
        open: Vec::new(),
        parts: Vec::new(),
    };
    parser.run()?;
    let Some(file) = parser.parts.pop() else {
        return Err(error(1, Problem::NoFileName));
    };
    Ok((parser.parts, file))
}

fn error(column: usize, problem: Problem) -> TemplateError {
    TemplateError { column, problem }
}

struct Parser<'s> {
    rest: &'s str,
    column: usize,
    /// Literal text that is not yet a node.
    text: String,
    /// Nodes of the innermost open `<…>`, else of the part.
    nodes: Vec<Node>,
    /// For each open `<`: its column, and the nodes before it.
    open: Vec<(usize, Vec<Node>)>,
    parts: Vec<Part>,
}

impl<'s> Parser<'s> {
    fn run(&mut self) -> Result<(), TemplateError> {
        loop {
            let column = self.column;
            let at = |problem| Err(error(column, problem));
            match self.advance() {
                None => break,
                Some('$') => self.variable(column)?,
                Some('<') if self.open.len() == Template::MAX_DEPTH => return at(Problem::TooDeep),
                Some('<') => {
                    self.end_text();
                    self.open.push((column, std::mem::take(&mut self.nodes)));
                }
                Some('>') => self.close(column)?,
                Some('/') if !self.open.is_empty() => return at(Problem::SlashInOptional),
                Some('/') => self.end_part(column, Problem::EmptyPart)?,
                Some('\\') => match self.advance() {
                    Some(escaped @ ('$' | '<' | '>' | '\\')) => self.text.push(escaped),
                    _ => return at(Problem::NeedlessEscape),
                },
                Some(other) => self.text.push(other),
            }
        }
        if let Some((column, _)) = self.open.last() {
            return Err(error(*column, Problem::UnclosedOptional));
        }
        self.end_part(self.column, Problem::NoFileName)
    }

    fn advance(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let char = chars.next()?;
        self.rest = chars.as_str();
        self.column += 1;
        Some(char)
    }

    fn take(&mut self, bytes: usize) -> &'s str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        self.column += taken.chars().count();
        taken
    }

    fn end_text(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let node = if self.text.chars().all(is_separator) {
            Node::Separator
        } else {
            Node::Text
        };
        self.nodes.push(node(std::mem::take(&mut self.text).into()));
    }

    fn close(&mut self, column: usize) -> Result<(), TemplateError> {
        self.end_text();
        let Some((opened, before)) = self.open.pop() else {
            return Err(error(column, Problem::UnopenedOptional));
        };
        let nodes = std::mem::replace(&mut self.nodes, before);
        if nodes
            .iter()
            .all(|node| matches!(node, Node::Text(_) | Node::Separator(_)))
        {
            return Err(error(opened, Problem::ConstantOptional));
        }
        self.nodes.push(Node::Optional(nodes.into()));
        Ok(())
    }

    fn end_part(&mut self, column: usize, if_empty: Problem) -> Result<(), TemplateError> {
        self.end_text();
        if self.nodes.is_empty() {
            return Err(error(column, if_empty));
        }
        if self.parts.len() == Template::MAX_PARTS {
            return Err(error(column, Problem::TooManyParts));
        }
        self.parts
            .push(Part(std::mem::take(&mut self.nodes).into()));
        Ok(())
    }

    /// What follows a `$` that stood at `column`.
    fn variable(&mut self, column: usize) -> Result<(), TemplateError> {
        self.end_text();
        let choices = if self.rest.starts_with('{') {
            self.choices(column)?
        } else {
            vec![self.bare(column)?]
        };
        self.nodes.push(Node::Variable(choices.into()));
        Ok(())
    }

    /// `name`, as far as letters and `_` go; a `_` at the end is text, as in `$disc_$track`.
    fn bare(&mut self, column: usize) -> Result<Variable, TemplateError> {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_alphabetic() && c != '_')
            .unwrap_or(self.rest.len());
        let name = self
            .rest
            .get(..end)
            .unwrap_or_default()
            .trim_end_matches('_');
        let variable = named(name).map_err(|problem| error(column, problem))?;
        self.take(name.len());
        Ok(variable)
    }

    /// `{a|b|c}`.
    fn choices(&mut self, column: usize) -> Result<Vec<Variable>, TemplateError> {
        let Some(end) = self.rest.find('}') else {
            return Err(error(column, Problem::UnclosedBrace));
        };
        self.advance();
        let inner = self.take(end.saturating_sub(1));
        self.advance();
        let mut choice_column = column + 2;
        let mut choices = Vec::new();
        for choice in inner.split('|') {
            choices.push(named(choice.trim()).map_err(|problem| error(choice_column, problem))?);
            choice_column += choice.chars().count() + 1;
        }
        Ok(choices)
    }
}

fn named(name: &str) -> Result<Variable, Problem> {
    if let Some(tag) = name.strip_prefix("tag:") {
        return match Variable::from_tag(tag.trim()) {
            _ if tag.trim().is_empty() => Err(Problem::MissingName),
            Variable::Tag(field) if !NameInputs::keeps(&field) => {
                Err(Problem::UnusableTag(tag.trim().to_owned()))
            }
            variable => Ok(variable),
        };
    }
    if name.is_empty() {
        return Err(Problem::MissingName);
    }
    Variable::from_name(name).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> Problem {
    Problem::UnknownVariable {
        name: name.to_owned(),
        nearest: Variable::nearest(name),
    }
}

/// True for what only keeps two things apart.
fn is_separator(char: char) -> bool {
    char.is_whitespace() || "-_.,;~+–—·•".contains(char)
}
