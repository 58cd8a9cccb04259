//! Any text is a collection's query or an error with a place in it; a query is printed as what is read as
//! the same, and has one form.

#![no_main]

use libfuzzer_sys::fuzz_target;
use projections::collections::Query;

fuzz_target!(|source: &str| {
    match Query::parse(source) {
        Ok(query) => {
            let printed = query.to_string();
            // Signs that could be left out may make it longer than it may be.
            if printed.chars().count() <= Query::MAX_CHARS {
                let again = Query::parse(&printed).expect(&printed);
                assert_eq!(again, query, "{printed}");
                assert_eq!(again.to_string(), printed);
            }
        }
        Err(error) => {
            let last = source.chars().count().max(Query::MAX_CHARS) + 1;
            assert!(error.column >= 1 && error.column <= last, "{error}");
            assert!(!error.expected.is_empty());
        }
    }
});
