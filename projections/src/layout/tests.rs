//! Templates and inputs, and the names that come out.
