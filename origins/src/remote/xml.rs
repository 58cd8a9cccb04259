//! XML, one child of its root at a time. Pure.

use quick_xml::NsReader;
use quick_xml::events::{BytesRef, Event};
use quick_xml::name::ResolveResult;

/// Deepest that elements may be within each other.
const DEEPEST: usize = 32;

/// Why a text is not the XML that it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct BadXml(pub(super) String);

impl From<&str> for BadXml {
    fn from(why: &str) -> Self {
        Self(why.to_owned())
    }
}

impl From<quick_xml::Error> for BadXml {
    fn from(error: quick_xml::Error) -> Self {
        Self(error.to_string())
    }
}

/// An element with all that is in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// Its name without prefix; empty where it is of another namespace than the one asked for.
    pub(super) name: String,
    /// Its own text, with all blanks.
    pub(super) text: String,
    /// The elements in it.
    pub(super) children: Vec<Element>,
}

impl Element {
    /// The first child of that name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of that name.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }
}

/// Gives each child of the root to `each`; the root must have that name. With a `namespace`, only
/// names of it count; without, all do.
///
/// # Errors
/// Where the text is not such a document, whole; [`BadXml`] of `each`.
pub(super) fn children(
    body: &[u8],
    namespace: Option<&str>,
    root: &str,
    mut each: impl FnMut(Element) -> Result<(), BadXml>,
) -> Result<(), BadXml> {
    let text = std::str::from_utf8(body).map_err(|_| BadXml::from("it is not UTF-8"))?;
    let mut reader = NsReader::from_str(text.trim_start_matches('\u{feff}').trim_start());
    reader.config_mut().expand_empty_elements = true;
    // The elements that are open, the root first.
    let mut open: Vec<Element> = Vec::new();
    let mut rooted = false;
    loop {
        let (resolved, event) = reader.read_resolved_event()?;
        match event {
            Event::Start(start) => {
                let known = match (namespace, resolved) {
                    (None, _) => true,
                    (Some(wanted), ResolveResult::Bound(bound)) => bound.as_ref() == wanted,
                    (Some(_), _) => false,
                };
                let name = if known {
                    start.local_name().as_ref().to_owned()
                } else {
                    String::new()
                };
                if open.is_empty() && (rooted || name != root) {
                    return Err(BadXml(format!("it is no {root}")));
                }
                if open.len() == DEEPEST {
                    return Err("its elements are too deep within each other".into());
                }
                rooted = true;
                open.push(Element {
                    name,
                    ..Element::default()
                });
            }
            Event::End(_) => {
                let Some(done) = open.pop() else {
                    return Err("an element ends that did not begin".into());
                };
                let depth = open.len();
                match open.last_mut() {
                    Some(_) if depth == 1 => each(done)?,
                    Some(parent) => parent.children.push(done),
                    None => {}
                }
            }
            // Between the children of the root there is nothing to keep.
            _ if open.len() < 2 => match event {
                Event::Eof if rooted && open.is_empty() => return Ok(()),
                Event::Eof => return Err("it breaks off".into()),
                Event::DocType(_) => return Err("it has a document type".into()),
                _ => {}
            },
            Event::Text(text) => add(&mut open, &text.into_inner()),
            Event::CData(text) => add(&mut open, &text.into_inner()),
            Event::GeneralRef(reference) => add(&mut open, &resolved_ref(&reference)?),
            Event::Eof => return Err("it breaks off".into()),
            Event::DocType(_) => return Err("it has a document type".into()),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

fn add(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn resolved_ref(reference: &BytesRef<'_>) -> Result<String, BadXml> {
    if let Some(character) = reference.resolve_char_ref()? {
        return Ok(character.to_string());
    }
    let name = reference.borrow().into_inner();
    match &*name {
        "lt" => Ok("<".to_owned()),
        "gt" => Ok(">".to_owned()),
        "amp" => Ok("&".to_owned()),
        "quot" => Ok("\"".to_owned()),
        "apos" => Ok("'".to_owned()),
        other => Err(BadXml(format!("it means something by &{other};"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str, namespace: Option<&str>) -> Result<Vec<Element>, BadXml> {
        let mut found = Vec::new();
        children(text.as_bytes(), namespace, "root", |element| {
            found.push(element);
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn texts_are_kept_with_all_their_blanks() {
        let found = all(
            "<?xml version='1.0'?>\n<root>\n <a> x &amp;&#32;<![CDATA[<]]> </a><b/></root>\n",
            None,
        );
        let found = found.unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].text, " x & < ");
        assert_eq!(found[1].name, "b");
    }

    #[test]
    fn names_count_by_their_namespace() {
        let text =
            "<z:root xmlns:z='DAV:' xmlns='x'><z:a><b>1</b><c xmlns='DAV:'>2</c></z:a></z:root>";
        let found = all(text, Some("DAV:")).unwrap();
        assert_eq!(found[0].name, "a");
        assert_eq!(found[0].text_of("b"), None);
        assert_eq!(found[0].text_of("c"), Some("2"));
        assert!(all("<root/>", Some("DAV:")).is_err());
        assert_eq!(all("<root xmlns='y'/>", None), Ok(Vec::new()));
    }

    #[test]
    fn only_a_whole_document_counts() {
        for bad in [
            "",
            " ",
            "not xml",
            "<html></html>",
            "<root>",
            "<root><a>",
            "<root><a></a>",
            "<root><a></root>",
            "<root></root><root></root>",
            "</root>",
            "<root><a>&unknown;</a></root>",
            "<!DOCTYPE root><root></root>",
        ] {
            assert!(all(bad, None).is_err(), "{bad}");
        }
        let deep = format!("<root>{}{}</root>", "<a>".repeat(40), "</a>".repeat(40));
        assert!(all(&deep, None).is_err());
        assert!(children(b"<root>\xff</root>", None, "root", |_| Ok(())).is_err());
    }
}
