//! Who gets which name in a directory.
//!
//! Every file tries the name it wants, then that name with 2, 3, …; a name goes to a directory
//! before any file, and to a lower track before a higher one. Such tries lead to one outcome, in
//! whatever order they are made: a newcomer takes the first name that it may, whoever it displaces
//! tries on, and a name that falls free goes to the lowest track that tried it in vain.
//!
//! Since the order does not matter, most of that waits until the end of a batch: a name that falls
//! free is only noted, and who is displaced goes behind all others. Then those who tried a noted
//! name in vain try again, each once, however many came and went. What holds in between: each name
//! that a file tried before its own is held by one with a better claim, or is noted.

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

    /// Seats a file that lost its name anew, behind all who want the same.
    pub(super) fn reseat(&mut self, file: Entry) {
        let (wanted, number) = file.claim();
        let next = number.saturating_add(1);
        let last = self.rows.last_numbered(file.parent, wanted, Ino::LAST);
        let end = last.map_or(next, |last| next.max(last.saturating_add(1)));
        if end > next {
            self.note(file.parent, nth_name(wanted, next));
        }
        self.seat_from(file, end);
    }

    fn seat_from(&mut self, file: Entry, mut number: u32) {
        let wanted: Box<str> = file.claim().0.into();
        loop {
            let name = nth_name(&wanted, number);
            match self.rows.find(file.parent, &name) {
                Some(holder) if holder.is_directory() || holder.ino < file.ino => {
                    number = self.next_try(&file, &wanted, number);
                }
                Some(holder) => {
                    self.unseat(&holder);
                    self.sit(file, name, &wanted, number);
                    return self.reseat(holder);
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

    /// Tells that a name fell free, for those who tried it in vain.
    pub(super) fn vacate(&mut self, parent: Ino, name: Box<str>) {
        if self.one_in_vain(parent, &name).is_some() {
            self.note(parent, name);
        }
    }

    fn note(&mut self, parent: Ino, name: Box<str>) {
        let class = names::conflict_class(&name);
        let noted = self.rows.noted().entry((parent, class)).or_default();
        noted.push(name);
    }

    /// Has all try again who tried a noted name in vain.
    pub(super) fn settle(&mut self) {
        while let Some(((parent, _), noted)) = self.rows.noted().pop_first() {
            // A directory's time is that of what came or went, which was told then.
            if let Some(directory) = self.rows.entry(parent) {
                self.now_ns = directory.mtime_ns;
                self.try_again(parent, noted);
            }
        }
    }

    fn try_again(&mut self, parent: Ino, mut noted: Vec<Box<str>>) {
        let mut files = Vec::new();
        while let Some(name) = noted.pop() {
            while let Some(file) = self.one_in_vain(parent, &name) {
                self.unseat(&file);
                noted.push(file.name.clone());
                files.push(file);
            }
        }
        // In this order none displaces another.
        files.sort_unstable_by_key(|file| file.ino);
        for file in files {
            self.seat(file);
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

    /// A file that tried `name` in vain.
    fn one_in_vain(&mut self, parent: Ino, name: &str) -> Option<Entry> {
        let profile = self.layout.profile();
        let class = names::conflict_class(name);
        let mut after = Box::from("");
        while let Some(wanted) = self.rows.next_wanted(parent, class, &after) {
            let file = try_at(&wanted, name, profile)
                .and_then(|number| self.rows.next_numbered(parent, &wanted, number));
            if file.is_some() {
                return file;
            }
            after = wanted;
        }
        None
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
