//! Any text is a search or an error with a place in it; what a search marks lies in any text, in order.

#![no_main]

use libfuzzer_sys::fuzz_target;
use search::query::LONGEST;
use search::{Marker, Query};

fuzz_target!(|input: (&str, &str)| {
    let (source, shown) = input;
    let length = source.chars().count();
    match Query::parse(source) {
        Ok(query) => {
            assert!(length <= LONGEST);
            assert_eq!(query.is_empty(), source.trim().is_empty());
            assert_eq!(Query::parse(source.trim()), Ok(query.clone()));
            // As one part of a whole, it means the same.
            if !query.is_empty() && length + 2 <= LONGEST {
                assert_eq!(Query::parse(&format!("({source})")), Ok(query.clone()));
            }
            let mut start = 0;
            for range in Marker::of(&query).ranges(shown) {
                assert!(range.start >= start && shown.get(range.clone()).is_some());
                start = range.end;
            }
        }
        Err(error) => {
            assert!(error.at >= 1 && error.at <= length + 1, "{error}");
            assert!(!error.what.is_empty());
        }
    }
});
