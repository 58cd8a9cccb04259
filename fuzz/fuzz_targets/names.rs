//! Names made of anything are valid, stay as they are, and keep their class when numbered.

#![no_main]

use eventlog::event::NameProfile;
use libfuzzer_sys::fuzz_target;
use projections::layout::names::{
    MAX_BYTES, MAX_FILE_BYTES, conflict_class, directory, file, key, numbered,
};

fuzz_target!(|input: (&str, &str, u32)| {
    let (raw, other, n) = input;
    for profile in [NameProfile::Posix, NameProfile::Windows] {
        let dir = directory(raw, profile);
        assert_valid(&dir, profile, MAX_BYTES);
        assert_eq!(directory(&dir, profile), dir);

        let name = file(raw, profile);
        assert_valid(&name, profile, MAX_FILE_BYTES);
        assert_eq!(file(&name, profile), name);

        let second = numbered(&name, n);
        assert_valid(&second, profile, MAX_BYTES);
        assert_ne!(key(&second, profile), key(&name, profile));
        assert_eq!(conflict_class(&second), conflict_class(&name));
        assert_eq!(conflict_class(&numbered(raw, n)), conflict_class(raw));

        let other = file(other, profile);
        if key(&other, profile) == key(&name, profile)
            || key(&other, profile) == key(&second, profile)
        {
            assert_eq!(conflict_class(&other), conflict_class(&name));
        }
        for variant in [name.to_uppercase(), name.to_lowercase()] {
            let variant = file(&variant, profile);
            if key(&variant, profile) == key(&name, profile) {
                assert_eq!(conflict_class(&variant), conflict_class(&name));
            }
        }
    }
});

fn assert_valid(name: &str, profile: NameProfile, limit: usize) {
    assert!(!name.is_empty() && name.len() <= limit);
    assert!(!name.starts_with('.') && name.trim() == name);
    assert!(!name.contains(|char: char| char == '/' || char.is_control()));
    if profile == NameProfile::Windows {
        assert!(!name.contains(['<', '>', ':', '"', '\\', '|', '?', '*']) && !name.ends_with('.'));
    }
}
