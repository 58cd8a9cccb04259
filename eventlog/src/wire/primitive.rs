//! Values that MessagePack has and serde's defaults would store otherwise: bytes, hashes, tags.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::describe::Described;
use crate::tags::{Field, Tags};

/// Bytes as they are, borrowed from the payload.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Bytes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowed;

        impl<'de> Visitor<'de> for Borrowed {
            type Value = &'de [u8];

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_borrowed_bytes<E: de::Error>(self, bytes: &'de [u8]) -> Result<&'de [u8], E> {
                Ok(bytes)
            }
        }

        deserializer.deserialize_bytes(Borrowed).map(Self)
    }
}

impl Described for Bytes<'_> {
    fn type_name() -> String {
        "bytes".to_owned()
    }
}

/// Sixteen bytes.
#[derive(Clone, Copy)]
pub(super) struct Bytes16(pub(super) [u8; 16]);

impl Serialize for Bytes16 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes16 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Bytes::deserialize(deserializer)?.0;
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| de::Error::invalid_length(bytes.len(), &"16 bytes"))
    }
}

impl Described for Bytes16 {
    fn type_name() -> String {
        "16 bytes".to_owned()
    }
}

/// The well-known fields of some tags.
pub(super) struct KnownTags<'a>(pub(super) Cow<'a, Tags>);

/// The other fields of some tags.
#[derive(Default)]
pub(super) struct CustomTags<'a>(pub(super) Cow<'a, Tags>);

impl CustomTags<'_> {
    pub(super) fn is_empty(&self) -> bool {
        !self.0.has_custom()
    }
}

impl Serialize for KnownTags<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_tags(&self.0, false, serializer)
    }
}

impl Serialize for CustomTags<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_tags(&self.0, true, serializer)
    }
}

impl<'de> Deserialize<'de> for KnownTags<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_map(TagMap { custom: false })
            .map(|tags| Self(Cow::Owned(tags)))
    }
}

impl<'de> Deserialize<'de> for CustomTags<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_map(TagMap { custom: true })
            .map(|tags| Self(Cow::Owned(tags)))
    }
}

impl Described for KnownTags<'_> {
    fn type_name() -> String {
        "map of text to text or array of text".to_owned()
    }
}

impl Described for CustomTags<'_> {
    fn type_name() -> String {
        KnownTags::type_name()
    }

    fn optional() -> bool {
        true
    }
}

/// One value as text, several as an array.
fn write_tags<S: Serializer>(tags: &Tags, custom: bool, serializer: S) -> Result<S::Ok, S::Error> {
    let wanted = || {
        tags.iter()
            .filter(|(field, _)| matches!(field, Field::Custom(_)) == custom)
    };
    let mut map = serializer.serialize_map(Some(wanted().count()))?;
    for (field, values) in wanted() {
        match values {
            [value] => map.serialize_entry(field.name(), value)?,
            values => map.serialize_entry(field.name(), values)?,
        }
    }
    map.end()
}

/// Few files have more tags.
const USUAL_TAGS: usize = 32;

struct TagMap {
    custom: bool,
}

impl<'de> Visitor<'de> for TagMap {
    type Value = Tags;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of tags")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tags, A::Error> {
        // What the map says of itself is not believed further than usual ones go.
        let mut tags = Tags::with_capacity(map.size_hint().unwrap_or_default().min(USUAL_TAGS));
        while let Some(name) = map.next_key::<&str>()? {
            let field = if self.custom {
                Field::Custom(name.into())
            } else {
                Field::from_name(name)
            };
            map.next_value_seed(TagValues {
                field,
                tags: &mut tags,
            })?;
        }
        Ok(tags)
    }
}

struct TagValues<'t> {
    field: Field,
    tags: &'t mut Tags,
}

impl<'de> DeserializeSeed<'de> for TagValues<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TagValues<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or an array of text")
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<(), E> {
        self.tags.push(self.field, value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        while let Some(value) = values.next_element::<&str>()? {
            self.tags.push(self.field.clone(), value);
        }
        Ok(())
    }
}
