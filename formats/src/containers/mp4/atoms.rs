//! Atoms (boxes): the framing of MP4 (ISO 14496-12 §4.2).

use std::io;

use crate::source::Source;

/// How many atoms are looked at in one place.
const MAX_CHILDREN: usize = 1024;

/// An atom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Atom {
    /// Its four letters.
    pub(crate) kind: [u8; 4],
    /// Where it begins.
    pub(crate) start: u64,
    /// Where its contents begin.
    pub(crate) body: u64,
    /// Where it ends, within what holds it.
    pub(crate) end: u64,
    /// Where it claims to end.
    pub(crate) claimed: u64,
}

impl Atom {
    /// True where it claims to go on behind what holds it.
    pub(crate) fn cut(&self) -> bool {
        self.claimed > self.end
    }
}

/// The atoms between `start` and `end`.
///
/// # Errors
/// What the origin said.
pub(crate) fn children(source: &mut Source<'_>, start: u64, end: u64) -> io::Result<Vec<Atom>> {
    until(source, start, end, |_| false)
}

/// The atoms between `start` and `end`, up to and with the one that is the `last` wanted.
///
/// # Errors
/// What the origin said.
pub(crate) fn until(
    source: &mut Source<'_>,
    start: u64,
    end: u64,
    mut last: impl FnMut(&Atom) -> bool,
) -> io::Result<Vec<Atom>> {
    let end = end.min(source.len());
    let mut atoms = Vec::new();
    let mut position = start;
    while position.saturating_add(8) <= end && atoms.len() < MAX_CHILDREN {
        let Some([a, b, c, d, kind @ ..]) = source.array::<8>(position)? else {
            break;
        };
        let (header, len) = match u32::from_be_bytes([a, b, c, d]) {
            0 => (8, end - position),
            1 => {
                let long = source.array(position + 8)?.map(u64::from_be_bytes);
                (16, long.unwrap_or(0))
            }
            len => (8, len.into()),
        };
        if len < header {
            break;
        }
        let claimed = position.saturating_add(len);
        let body = position.saturating_add(header).min(end);
        let atom = Atom {
            kind,
            start: position,
            body,
            end: claimed.min(end),
            claimed,
        };
        atoms.push(atom);
        if last(&atom) {
            break;
        }
        position = claimed;
    }
    Ok(atoms)
}

/// The first of the atoms of that kind, going down from `parent`.
///
/// # Errors
/// What the origin said.
pub(crate) fn descend(
    source: &mut Source<'_>,
    parent: Atom,
    path: &[&[u8; 4]],
) -> io::Result<Option<Atom>> {
    let mut at = parent;
    for kind in path {
        // ISO's `meta` begins with version and flags, QuickTime's does not.
        let quicktime = source.at(at.body.saturating_add(4), 4)? == b"hdlr";
        let skipped = if &at.kind == b"meta" && !quicktime {
            4
        } else {
            0
        };
        let inside = children(source, at.body.saturating_add(skipped), at.end)?;
        match inside.into_iter().find(|atom| atom.kind == **kind) {
            Some(atom) => at = atom,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}
