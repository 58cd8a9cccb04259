//! Shapes that know their fields, so that the reference is made from what the code reads.

use super::Shape;

/// One kind and version of event, as the reference shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindDescription {
    /// The kind's stored name.
    pub kind: &'static str,
    /// The version of the shape.
    pub version: u16,
    /// When it is written.
    pub meaning: String,
    /// Its fields, those of inner maps after the field that holds them.
    pub fields: Vec<FieldDescription>,
}

/// One field of a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDescription {
    /// Its name; `.` leads into a map, `[]` into the elements of an array.
    pub name: String,
    /// Its type.
    pub type_name: String,
    /// True where it may be missing.
    pub optional: bool,
    /// What it means.
    pub meaning: String,
}

/// A type that can be a field of a shape.
pub(super) trait Described {
    /// The type, for people.
    fn type_name() -> String;

    /// True where a value may be missing.
    fn optional() -> bool {
        false
    }

    /// Fields within, each under `prefix`.
    fn inner(_prefix: &str, _out: &mut Vec<FieldDescription>) {}
}

/// What a shape is for.
pub(super) trait Meaning {
    /// The lines of its doc comment.
    const LINES: &'static [&'static str];
}

pub(super) fn kind<S: Shape + Described + Meaning>() -> KindDescription {
    let mut fields = Vec::new();
    S::inner("", &mut fields);
    KindDescription {
        kind: S::KIND,
        version: S::VERSION,
        meaning: prose(S::LINES),
        fields,
    }
}

pub(super) fn field<T: Described>(
    prefix: &str,
    name: &str,
    lines: &[&str],
    out: &mut Vec<FieldDescription>,
) {
    let name = format!("{prefix}{name}");
    out.push(FieldDescription {
        name: name.clone(),
        type_name: T::type_name(),
        optional: T::optional(),
        meaning: prose(lines),
    });
    T::inner(&name, out);
}

fn prose(lines: &[&str]) -> String {
    lines
        .iter()
        .map(|line| line.trim())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Declares a stored shape: the struct, its MessagePack form, its description.
macro_rules! shape {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident $(<$life:lifetime>)? {
            $($(#[doc = $field_doc:literal])+ $(#[serde($($attribute:tt)*)])? $field:ident: $type:ty,)*
        }
    )*) => {$(
        $(#[doc = $doc])+
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name $(<$life>)? {
            $($(#[doc = $field_doc])+ $(#[serde($($attribute)*)])? pub(super) $field: $type,)*
        }

        impl $(<$life>)? $crate::wire::describe::Meaning for $name $(<$life>)? {
            const LINES: &'static [&'static str] = &[$($doc),+];
        }

        impl $(<$life>)? $crate::wire::describe::Described for $name $(<$life>)? {
            fn type_name() -> String {
                "map".to_owned()
            }

            fn inner(prefix: &str, out: &mut Vec<$crate::wire::describe::FieldDescription>) {
                let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}.") };
                $($crate::wire::describe::field::<$type>(
                    &prefix, stringify!($field), &[$($field_doc),+], out,
                );)*
            }
        }
    )*};
}
pub(super) use shape;

macro_rules! plain {
    ($($type:ty = $name:literal),* $(,)?) => {$(
        impl Described for $type {
            fn type_name() -> String {
                $name.to_owned()
            }
        }
    )*};
}

plain! {
    bool = "boolean",
    u8 = "integer, 8 bits unsigned",
    u32 = "integer, 32 bits unsigned",
    u64 = "integer, 64 bits unsigned",
    i64 = "integer, 64 bits signed",
    &str = "text",
    std::collections::BTreeMap<&str, &str> = "map of text to text",
}

impl<T: Described> Described for Option<T> {
    fn type_name() -> String {
        T::type_name()
    }

    fn optional() -> bool {
        true
    }

    fn inner(prefix: &str, out: &mut Vec<FieldDescription>) {
        T::inner(prefix, out);
    }
}

impl<T: Described> Described for Vec<T> {
    fn type_name() -> String {
        format!("array of {}", T::type_name())
    }

    fn inner(prefix: &str, out: &mut Vec<FieldDescription>) {
        T::inner(&format!("{prefix}[]"), out);
    }
}
