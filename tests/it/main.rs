//! The tool, from outside.
