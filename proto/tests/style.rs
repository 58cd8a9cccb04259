//! The protocol keeps to Buf's STANDARD rules of style (<https://buf.build/docs/lint/rules/>), and
//! says what everything in it is for.

use std::collections::BTreeSet;

use prost::Message;
use prost_types::source_code_info::Location;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet, MessageOptions,
};

const PACKAGE: &str = "musicfs.v1";

/// What breaks a rule, as `file: what`.
struct Faults<'a> {
    file: &'a FileDescriptorProto,
    found: &'a mut Vec<String>,
}

impl Faults<'_> {
    fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.found.push(format!("{}: {}", self.file.name(), what()));
        }
    }

    /// Every element has a comment. `path` is that of descriptor.proto's `SourceCodeInfo`.
    fn comment(&mut self, path: &[i32], what: &str) {
        let info = self.file.source_code_info.iter();
        let mut locations = info.flat_map(|info| &info.location);
        let is_said = |it: &Location| it.path == path && !it.leading_comments().trim().is_empty();
        let said = locations.any(is_said);
        self.check(said, || format!("{what} has no comment"));
    }

    fn message(&mut self, message: &DescriptorProto, path: &[i32]) {
        let name = message.name();
        if message
            .options
            .as_ref()
            .is_some_and(MessageOptions::map_entry)
        {
            return;
        }
        self.check(is_pascal(name), || format!("message {name}"));
        self.comment(path, name);
        for (at, field) in (0..).zip(&message.field) {
            let field_name = field.name();
            self.check(is_snake(field_name), || {
                format!("field {name}.{field_name}")
            });
            self.comment(&[path, &[2, at]].concat(), &format!("{name}.{field_name}"));
        }
        for oneof in &message.oneof_decl {
            let oneof = oneof.name();
            // The compiler makes one, with this prefix, for each `optional` field.
            self.check(is_snake(oneof.trim_start_matches('_')), || {
                format!("oneof {name}.{oneof}")
            });
        }
        for (at, nested) in (0..).zip(&message.nested_type) {
            self.message(nested, &[path, &[3, at]].concat());
        }
        for (at, nested) in (0..).zip(&message.enum_type) {
            self.enumeration(nested, &[path, &[4, at]].concat());
        }
    }

    fn enumeration(&mut self, of: &EnumDescriptorProto, path: &[i32]) {
        let name = of.name();
        self.check(is_pascal(name), || format!("enum {name}"));
        self.comment(path, name);
        let prefix = upper_snake(name) + "_";
        for (at, value) in (0..).zip(&of.value) {
            let value_name = value.name();
            let is_upper = value_name
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
            let fits = is_upper && value_name.starts_with(&prefix);
            self.check(fits, || format!("value {value_name} is not {prefix}…"));
            let is_zero = value_name == format!("{prefix}UNSPECIFIED");
            self.check((value.number() == 0) == is_zero, || {
                format!("{value_name} is {}", value.number())
            });
            self.comment(&[path, &[2, at]].concat(), value_name);
        }
    }

    fn services(&mut self, taken: &mut BTreeSet<String>) {
        let services = self.file.service.clone();
        for (at, service) in (0..).zip(&services) {
            let name = service.name();
            let fits = is_pascal(name) && name.ends_with("Service");
            self.check(fits, || format!("service {name}"));
            self.comment(&[6, at], name);
            for (number, method) in (0..).zip(&service.method) {
                let rpc = method.name();
                self.check(is_pascal(rpc), || format!("rpc {name}.{rpc}"));
                self.comment(&[6, at, 2, number], &format!("{name}.{rpc}"));
                for (kind, end) in [
                    (method.input_type(), "Request"),
                    (method.output_type(), "Response"),
                ] {
                    let expected = format!(".{PACKAGE}.{rpc}{end}");
                    self.check(kind == expected, || {
                        format!("{rpc} has {kind}, not {expected}")
                    });
                    self.check(taken.insert(kind.to_owned()), || {
                        format!("{kind} is used twice")
                    });
                }
            }
        }
    }
}

fn is_pascal(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
}

fn is_snake(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.contains("__")
        && !name.ends_with('_')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn upper_snake(pascal: &str) -> String {
    let mut upper = String::new();
    for c in pascal.chars() {
        if c.is_ascii_uppercase() && !upper.is_empty() {
            upper.push('_');
        }
        upper.push(c.to_ascii_uppercase());
    }
    upper
}

#[test]
fn the_protocol_keeps_to_the_rules() {
    let set = FileDescriptorSet::decode(proto::DESCRIPTORS).unwrap();
    let ours = |file: &&FileDescriptorProto| !file.name().starts_with("google/");
    let files: Vec<_> = set.file.iter().filter(ours).collect();
    assert!(files.len() >= 5);
    let (mut found, mut taken) = (Vec::new(), BTreeSet::new());
    for file in files {
        let mut faults = Faults {
            file,
            found: &mut found,
        };
        let directory = PACKAGE.replace('.', "/") + "/";
        let base = file.name().strip_prefix(&directory);
        let base = base.and_then(|name| name.strip_suffix(".proto"));
        faults.check(base.is_some_and(is_snake), || {
            "not where its package is".to_owned()
        });
        faults.check(file.package() == PACKAGE, || {
            format!("package {}", file.package())
        });
        faults.check(file.syntax() == "proto3", || {
            format!("syntax {}", file.syntax())
        });
        faults.services(&mut taken);
        for (at, message) in (0..).zip(&file.message_type) {
            faults.message(message, &[4, at]);
        }
        for (at, enumeration) in (0..).zip(&file.enum_type) {
            faults.enumeration(enumeration, &[5, at]);
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
