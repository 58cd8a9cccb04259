//! What is wrong with values beyond their types.

use projections::layout::Template;

use super::Config;
use crate::logging;
use crate::report::{Kind, Report};

/// Everything that keeps a configuration from being used, though it could be read.
#[must_use]
pub fn problems(config: &Config) -> Vec<Report> {
    let mut problems = Vec::new();
    if let Some(Err(error)) = config.layout_template.as_deref().map(Template::parse) {
        problems.push(
            Report::new(Kind::Config, format!("layout.template: {error}"))
                .hint("try it with `musicfs layout preview TEMPLATE`"),
        );
    }
    problems.extend(logging::filter(&config.log.level).err());
    problems
}
