//! What can be wrong with a template, said so that it can be mended.

use super::template::Template;
use super::variable::Variable;

/// Why a text is no template, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template, column {column}: {problem}")]
pub struct TemplateError {
    /// Where, in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What can be wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A `$name` that is no variable.
    #[error("no variable is called {name:?}; {}", hint(*.nearest))]
    UnknownVariable {
        /// The name.
        name: String,
        /// What was probably meant.
        nearest: Option<&'static str>,
    },
    /// A tag that is not kept for naming.
    #[error("the tag {0:?} cannot be part of a name")]
    UnusableTag(String),
    /// A `$` with no name after it.
    #[error("a name is missing; write '\\$' for a dollar sign")]
    MissingName,
    /// A `${` with no `}`.
    #[error("'${{' is never closed; add '}}'")]
    UnclosedBrace,
    /// A `<` with no `>`.
    #[error("'<' is never closed; add '>', or write '\\<' for the sign itself")]
    UnclosedOptional,
    /// A `>` with no `<`.
    #[error("'>' closes nothing; write '\\>' for the sign itself")]
    UnopenedOptional,
    /// A `<…>` in which nothing can be absent.
    #[error("'<…>' holds no variable; write '\\<' and '\\>' for the signs themselves")]
    ConstantOptional,
    /// A `/` within `<…>`.
    #[error(
        "'/' cannot stand within '<…>'; write '/<…>/' instead: a part with nothing to show is left out"
    )]
    SlashInOptional,
    /// A `\` before something that needs none.
    #[error("'\\' can stand only before '$', '<', '>' and '\\'")]
    NeedlessEscape,
    /// Two `/` with nothing between, or one at the beginning.
    #[error("a part of the path is empty; take out the '/'")]
    EmptyPart,
    /// A template that is empty or ends in `/`.
    #[error("the file's name is missing; end with, for example, '$track - $title.$format'")]
    NoFileName,
    /// More than [`Template::MAX_LEN`] characters.
    #[error("longer than {} characters", Template::MAX_LEN)]
    TooLong,
    /// More than [`Template::MAX_PARTS`] parts.
    #[error("more than {} parts", Template::MAX_PARTS)]
    TooManyParts,
    /// `<…>` deeper than [`Template::MAX_DEPTH`].
    #[error("'<…>' within '<…>' more than {} deep", Template::MAX_DEPTH)]
    TooDeep,
}

fn hint(nearest: Option<&str>) -> String {
    match nearest {
        Some(name) => format!("did you mean '${name}'?"),
        None => format!(
            "there are {}, and ${{tag:NAME}} for other tags",
            Variable::NAMES.join(", ")
        ),
    }
}
