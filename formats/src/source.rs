//! Ranged reads of one file: few, bounded, and each byte at most once where that can be helped.

use std::io;

use eventlog::Media;
use eventlog::tags::DefectKind;

use crate::identity::SAMPLE;
use crate::{Known, ReadAt};

/// What one read fetches at least, in bytes: what a remote origin sends as fast as less.
const BLOCK: usize = 64 << 10;

/// The same of a file that is [`Known`], where each byte counts (CAS-3): what is sampled of its
/// sound's beginning, and a little before or behind it.
const SMALL_BLOCK: usize = SAMPLE + 256;

/// And of its end, where tags are looked for: an ID3v1 tag and another one's footer.
const SMALL_TAIL: usize = 512;

/// What one read fetches at most, in bytes. Reading on in sequence doubles up to it.
pub(crate) const MAX_READ: usize = 1 << 20;

/// What is fetched of one file at most, in bytes, and in how many reads.
const BUDGET: usize = 16 << 20;
const MAX_FETCHES: usize = 256;

/// What of both is kept back for [`Source::exactly`]: room for an identity's three samples and
/// the longest search of a file's end.
const RESERVE: usize = 512 << 10;
const RESERVED_FETCHES: usize = 4;

/// How many windows are kept: head, tail, and the latest few.
const KEPT: usize = 6;

/// A stretch of the file in memory.
struct Window {
    offset: u64,
    bytes: Vec<u8>,
}

impl Window {
    fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }

    fn get(&self, offset: u64, len: usize) -> Option<&[u8]> {
        let from = usize::try_from(offset.checked_sub(self.offset)?).ok()?;
        self.bytes.get(from..from.checked_add(len)?)
    }
}

/// A file's bytes, as far as they were fetched.
pub(crate) struct Source<'a> {
    file: &'a dyn ReadAt,
    len: u64,
    windows: Vec<Window>,
    fetched: usize,
    fetches: usize,
    /// What one read fetches at least, the first, and that of the end.
    block: usize,
    first: usize,
    tail: usize,
    ahead: usize,
    /// What is fetched at most.
    budget: usize,
    exhausted: bool,
    known: Option<Known<'a>>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(file: &'a dyn ReadAt) -> Self {
        Self {
            file,
            len: file.len(),
            windows: Vec::with_capacity(2),
            fetched: 0,
            fetches: 0,
            block: BLOCK,
            first: BLOCK,
            tail: BLOCK,
            ahead: BLOCK,
            budget: BUDGET,
            exhausted: false,
            known: None,
        }
    }

    /// A file to take a picture out of: as much may be fetched as to find it, and the largest in
    /// Base64 beside.
    pub(crate) fn for_picture(file: &'a dyn ReadAt) -> Self {
        Self {
            budget: 2 * BUDGET,
            ..Self::new(file)
        }
    }

    /// A file that was read before: little more than its tags is fetched.
    pub(crate) fn again(file: &'a dyn ReadAt, known: Known<'a>) -> Self {
        let tags = usize::try_from(known.head(file.len())).unwrap_or(MAX_READ);
        Self {
            block: SMALL_BLOCK,
            first: (tags + SMALL_BLOCK).min(MAX_READ),
            tail: SMALL_TAIL,
            ahead: SMALL_BLOCK,
            known: Some(known),
            ..Self::new(file)
        }
    }

    /// The same file as if nothing were known of it; none where nothing is.
    pub(crate) fn anew(&self) -> Option<Self> {
        self.known.map(|_| Self::new(self.file))
    }

    /// What was found when the file was read before, if it sounded whole.
    pub(crate) fn known_whole(&self) -> Option<&'a Media> {
        let media = self.known?.media;
        let whole = media
            .defects
            .iter()
            .all(|defect| !matches!(defect.kind, DefectKind::Truncated | DefectKind::BadAudio));
        whole.then_some(media)
    }

    /// The file's length in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// True once the file asked for more reading than any good file needs; it reads as ended.
    pub(crate) fn exhausted(&self) -> bool {
        self.exhausted
    }

    /// The `len` bytes from `offset`; fewer at the file's end, where `len` is over [`MAX_READ`],
    /// and where the budget is spent.
    ///
    /// # Errors
    /// What the origin said.
    pub(crate) fn at(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        let len = self.clip(offset, len);
        while len > 0 && self.holding(offset, len).is_none() {
            let (start, size) = self.plan(offset, len);
            if !self.fetch(start, size, RESERVE, RESERVED_FETCHES)? {
                break;
            }
        }
        Ok(self.kept(offset, len))
    }

    /// As [`at`](Self::at), but fetches no more than is asked for, and where the budget is spent
    /// it takes from what is kept back. For what tells one sound from another: a file whose tags
    /// cost all that may be read must not be taken for every other such file.
    ///
    /// # Errors
    /// What the origin said.
    pub(crate) fn exactly(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        let len = self.clip(offset, len);
        while len > 0 && self.holding(offset, len).is_none() && self.fetch(offset, len, 0, 0)? {}
        Ok(self.kept(offset, len))
    }

    /// The `N` bytes at `offset`, where the file has them.
    ///
    /// # Errors
    /// What the origin said.
    pub(crate) fn array<const N: usize>(&mut self, offset: u64) -> io::Result<Option<[u8; N]>> {
        Ok(self.at(offset, N)?.try_into().ok())
    }

    /// Which window holds all of that.
    fn holding(&self, offset: u64, len: usize) -> Option<usize> {
        self.windows
            .iter()
            .position(|window| window.get(offset, len).is_some())
    }

    /// As much of that as a window holds.
    fn kept(&self, offset: u64, len: usize) -> &[u8] {
        let begun = (self.windows.iter()).filter_map(|window| {
            let held = usize::try_from(window.end().checked_sub(offset)?).ok()?;
            window.get(offset, held.min(len))
        });
        begun.max_by_key(|bytes| bytes.len()).unwrap_or_default()
    }

    fn clip(&self, offset: u64, len: usize) -> usize {
        let rest = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        len.min(rest).min(MAX_READ)
    }

    /// Which stretch to fetch so as to hold `len` bytes from `offset`: a small file whole, the
    /// last block as one, what follows the latest stretch in ever larger steps.
    fn plan(&mut self, offset: u64, len: usize) -> (u64, usize) {
        if self.windows.is_empty() && offset == 0 {
            return (0, len.max(self.first));
        }
        let tail = self.len.saturating_sub(self.tail as u64);
        if offset >= tail {
            return (tail, self.tail);
        }
        let sequential = self.windows.last().is_some_and(|last| {
            offset <= last.end() && last.end() < offset.saturating_add(len as u64)
        });
        // What is known grows by little: what doubled would be fetched for nothing.
        self.ahead = if sequential && self.known.is_none() {
            (self.ahead * 2).min(MAX_READ)
        } else {
            self.block
        };
        (offset, len.max(self.ahead))
    }

    /// Fetches of a stretch what no window holds: all of it, or what precedes or follows a window
    /// that holds a part. False where nothing came: less than `spare` bytes and `fetches` reads
    /// would be left of the budget, or the file has become shorter.
    fn fetch(&mut self, offset: u64, len: usize, spare: usize, fetches: usize) -> io::Result<bool> {
        let end = offset + self.clip(offset, len) as u64;
        let growing = |window: &Window| window.bytes.len() < MAX_READ;
        let before = (self.windows.iter())
            .position(|window| window.offset <= offset && offset < window.end() && growing(window));
        let before = before.and_then(|index| Some((index, self.windows.get(index)?.end())));
        let offset = before.map_or(offset, |(_, end)| end);
        let behind = (self.windows.iter())
            .position(|window| offset < window.offset && window.offset < end && growing(window));
        let behind = behind.and_then(|index| Some((index, self.windows.get(index)?.offset)));
        let end = behind.map_or(end, |(_, start)| start);
        let len = usize::try_from(end.saturating_sub(offset)).unwrap_or(0);
        if self.fetched + len + spare > self.budget || self.fetches + fetches >= MAX_FETCHES {
            self.exhausted = true;
            return Ok(false);
        }
        let mut bytes = vec![0; len];
        let read = self.file.read_at(&mut bytes, offset)?;
        bytes.truncate(read);
        self.fetched += len;
        self.fetches += 1;
        let joined = before.or(behind.filter(|_| read == len));
        if let Some(window) = joined.and_then(|(index, _)| self.windows.get_mut(index)) {
            if before.is_some() {
                window.bytes.append(&mut bytes);
            } else {
                bytes.append(&mut window.bytes);
                *window = Window { offset, bytes };
            }
        } else {
            if self.windows.len() == KEPT {
                // The head stays: identification, tags and samples come back to it.
                self.windows.remove(1);
            }
            self.windows.push(Window { offset, bytes });
        }
        Ok(read > 0)
    }
}
