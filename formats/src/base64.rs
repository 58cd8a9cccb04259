//! Base64 (RFC 4648 §4) being undone as it is read: how pictures stand in Vorbis comments.

use std::io;

use crate::source::MAX_READ;
use crate::stream::{Place, Stream};

/// What a text says.
pub(crate) struct Base64<S> {
    text: S,
    start: Place,
    /// Bytes taken or stepped over.
    done: u64,
    /// Bytes decoded and not yet taken.
    held: Vec<u8>,
    ended: bool,
}

impl<S: Stream> Base64<S> {
    pub(crate) fn new(text: S) -> Self {
        Self {
            start: text.place(),
            text,
            done: 0,
            held: Vec::new(),
            ended: false,
        }
    }
}

impl<S: Stream> Stream for Base64<S> {
    fn take(&mut self, len: usize) -> io::Result<Vec<u8>> {
        let len = len.min(MAX_READ);
        while self.held.len() < len && !self.ended {
            let wanted = ((len - self.held.len()).div_ceil(3) * 4).min(MAX_READ);
            let text = self.text.take(wanted)?;
            let whole = text.chunks(4).all(|four| decode(four, &mut self.held));
            self.ended = !whole || text.len() < wanted;
        }
        let rest = self.held.split_off(len.min(self.held.len()));
        let taken = std::mem::replace(&mut self.held, rest);
        self.done += taken.len() as u64;
        Ok(taken)
    }

    fn skip(&mut self, len: u64) -> io::Result<u64> {
        let held = self
            .held
            .len()
            .min(usize::try_from(len).unwrap_or(usize::MAX));
        let mut skipped = self.take(held)?.len() as u64;
        if !self.ended {
            // The last few are decoded: the text may end within four digits.
            let fours = (len - skipped).saturating_sub(1) / 3;
            let stepped = 3 * (self.text.skip(fours.saturating_mul(4))? / 4);
            self.done += stepped;
            skipped += stepped;
            self.ended = stepped < fours * 3;
        }
        let last = self.take(usize::try_from(len - skipped).unwrap_or(MAX_READ))?;
        Ok(skipped + last.len() as u64)
    }

    fn place(&self) -> Place {
        Place::Base64(Box::new(self.start.clone()), self.done)
    }
}

/// Adds what up to four digits say; false where they say less than three bytes.
fn decode(digits: &[u8], out: &mut Vec<u8>) -> bool {
    let values = digits.iter().map_while(|digit| value(*digit));
    let (bits, count) = values.fold((0, 0), |(bits, count), value| {
        (bits << 6 | value, count + 1)
    });
    let [_, bytes @ ..] = u32::to_be_bytes(bits << (6 * (4 - count)));
    out.extend(bytes.iter().take(count * 6 / 8));
    count == 4
}

fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}
