//! Who gets which name in a directory.
//!
//! Every file tries the name it wants, then that name with 2, 3, …; a name goes to a directory
//! before any file, and to a lower track before a higher one. Such tries lead to one outcome, in
//! whatever order they are made: a newcomer takes the first name that it may, whoever it displaces
//! tries on, and a name that falls free goes to the lowest track that tried it in vain.

use eventlog::event::NameProfile;

use super::directories::Edit;
use super::node::Ino;
use super::rows::{Entry, EntryKind, Numbered, TreeRows, nth_name};
use crate::layout::names;
use crate::view::Change;

impl<R: TreeRows> Edit<'_, R> {
    /// Puts a file, under the name it wants, into its directory.
    pub(super) fn seat(&mut self, file: Entry) {
        self.seat_from(file, 1);
    }

    /// Seats a file that lost its name anew.
    pub(super) fn reseat(&mut self, file: Entry) {
        let next = file.claim().1.saturating_add(1);
        self.seat_from(file, next);
    }

    fn seat_from(&mut self, mut file: Entry, mut number: u32) {
        let mut wanted: Box<str> = file.claim().0.into();
        loop {
            let name = nth_name(&wanted, number);
            match self.rows.find(file.parent, &name) {
                Some(holder) if holder.is_directory() || holder.ino < file.ino => {
                    number = self.next_try(&file, &wanted, number);
                }
                Some(holder) => {
                    self.unseat(&holder);
                    self.sit(file, name, &wanted, number);
                    wanted = holder.claim().0.into();
                    number = holder.claim().1.saturating_add(1);
                    file = holder;
                }
                None => return self.sit(file, name, &wanted, number),
            }
        }
    }

    /// The try that follows. After the first, all those are skipped that failed for a lower file
    /// which wants the same.
    fn next_try(&mut self, file: &Entry, wanted: &str, number: u32) -> u32 {
        let failed = match number {
            1 => self.rows.last_numbered(file.parent, wanted, file.ino),
            _ => None,
        };
        failed.unwrap_or(number).saturating_add(1)
    }

    /// Gives a free name to the file that has the best claim to it, then that file's name to the next.
    pub(super) fn pass_on(&mut self, parent: Ino, mut name: Box<str>) {
        while let Some((file, number)) = self.heir(parent, &name) {
            self.unseat(&file);
            let (left, wanted) = (file.name.clone(), Box::from(file.claim().0));
            // Equal names may be spelt in more than one way.
            self.sit(file, nth_name(&wanted, number), &wanted, number);
            name = left;
        }
    }

    /// Takes a file's row away; its name is then to be given to another.
    pub(super) fn unseat(&mut self, file: &Entry) {
        self.rows.remove(file);
        let Entry {
            parent, name, ino, ..
        } = file.clone();
        self.changes
            .push(Change::EntryRemoved { parent, name, ino });
        self.touch(parent);
    }

    fn sit(&mut self, mut file: Entry, name: Box<str>, wanted: &str, number: u32) {
        if let EntryKind::File { numbered, .. } = &mut file.kind {
            *numbered = (number > 1).then(|| Numbered {
                wanted: wanted.into(),
                number,
            });
        }
        file.name = name;
        self.rows.insert(&file);
        self.changes.push(Change::EntryAdded {
            parent: file.parent,
            name: file.name.clone(),
        });
        self.touch(file.parent);
    }

    /// The lowest file that tried `name` in vain, and at which try.
    fn heir(&mut self, parent: Ino, name: &str) -> Option<(Entry, u32)> {
        let profile = self.layout.profile();
        let kin = names::conflict_class(name);
        let mut best: Option<(Entry, u32)> = None;
        let mut after = Box::from("");
        while let Some(wanted) = self.rows.next_wanted(parent, kin, &after) {
            let heir = try_at(&wanted, name, profile).and_then(|number| {
                Some((self.rows.next_numbered(parent, &wanted, number)?, number))
            });
            let is_better = |(file, _): &(Entry, u32)| {
                best.as_ref().is_none_or(|(best, _)| file.ino < best.ino)
            };
            best = heir.filter(is_better).or(best);
            after = wanted;
        }
        best
    }
}

/// At which try a file that wants `wanted` comes to `name`.
fn try_at(wanted: &str, name: &str, profile: NameProfile) -> Option<u32> {
    let is = |tried: &str| names::key(tried, profile) == names::key(name, profile);
    if is(wanted) {
        return Some(1);
    }
    let (_, rest) = name.rsplit_once(" (")?;
    let number = rest
        .split_once(')')?
        .0
        .parse()
        .ok()
        .filter(|number| *number > 1)?;
    is(&nth_name(wanted, number)).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_try_is_known_by_its_name() {
        let posix = NameProfile::Posix;
        assert_eq!(try_at("a.flac", "a.flac", posix), Some(1));
        assert_eq!(try_at("a.flac", "a (12).flac", posix), Some(12));
        assert_eq!(try_at("a (2).flac", "a (2) (3).flac", posix), Some(3));
        assert_eq!(try_at("a.flac", "A (2).flac", posix), None);
        assert_eq!(
            try_at("a.flac", "A (2).flac", NameProfile::Windows),
            Some(2)
        );
        assert_eq!(try_at("a.flac", "a (1).flac", posix), None);
        assert_eq!(try_at("a.flac", "a (02).flac", posix), None);
    }
}
