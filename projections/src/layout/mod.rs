//! Tags to names: the path template, and which names are allowed. Pure.
