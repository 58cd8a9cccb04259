//! Whether a file has the sound of its last revision, which the library knows by its identity (CAS-3).
//!
//! The best proof is a checksum of the whole file that its origin offers: it is computed of the tags
//! as they are now and the sound as it is kept. Next comes the sound's own checksum, within the
//! identity. Where that is one of samples, more are compared, at places that nobody can guess. Where
//! tags are as they were, they are not what changed: then nothing is known of the sound.

use std::ops::Range;
use std::sync::Arc;

use origins::OriginError;
use tokio::task::JoinSet;

use crate::kept::Kept;
use crate::key::Key;
use crate::piece::{At, Pieces};
use crate::reader::{Purpose, Reader};
use crate::store::DeltaVerify;

/// Samples that are compared, and bytes of each. The first and the last of the sound are among them.
const SAMPLES: u64 = 16;
const SAMPLE: u64 = 128;

/// Less sound than this is read.
pub(crate) const SHORTEST: u64 = SAMPLES * SAMPLE;

/// Bytes of tags that are compared at most.
const TAGS: u64 = 32 << 20;

/// Bytes that a checksum is computed of at a time.
const STEP: u64 = 256 << 10;

/// What is known of the sound of two revisions.
pub(crate) enum Judgement {
    /// It is the same.
    Proven,
    /// All that was compared is the same; the rest has to be compared later.
    Presumed,
    /// It may differ, and all of it has to be read: why.
    Unknown(&'static str),
}

/// Judges whether a file has the sound that is kept of an older one, `before`, of which the key is
/// given. Both have the same identity and as much sound.
///
/// # Errors
/// Why the origin could not be asked.
pub(crate) fn judge(reader: &Reader, older: &Key, before: &Kept) -> Result<Judgement, OriginError> {
    let kept = &reader.kept;
    let exact = Reader::of(
        Arc::clone(kept),
        Arc::clone(&reader.source),
        reader.runtime.clone(),
        Purpose::Scanning,
    );
    match checksum_agrees(&exact, before)? {
        Some(true) => return Ok(Judgement::Proven),
        Some(false) => {
            let why = "its origin tells another checksum than it would have with the sound it had";
            return Ok(Judgement::Unknown(why));
        }
        None => {}
    }
    if kept.store.delta == DeltaVerify::Proof && !kept.shape.checksummed {
        return Ok(Judgement::Unknown("nothing proves its sound"));
    }
    // Moved, and otherwise as it was.
    let moved = older.revision == kept.key.revision && older.origin == kept.key.origin;
    Ok(if !(moved || tags_differ(&exact, before)?) {
        Judgement::Unknown("its tags are as they were, or not known")
    } else if !read_agrees(kept, before) {
        Judgement::Unknown("what was read of its sound is not as it was, or not known")
    } else if !samples_agree(reader, before)? {
        Judgement::Unknown("samples of its sound are not as they were, or not known")
    } else if kept.shape.checksummed {
        Judgement::Proven
    } else {
        Judgement::Presumed
    })
}

/// Whether the checksum that the origin tells is the one of the tags as they are with the sound as it
/// was; `None` where it tells none, or where not all of that sound is kept.
fn checksum_agrees(now: &Reader, before: &Kept) -> Result<Option<bool>, OriginError> {
    let [head, _, tail] = now.kept.shape.sections(now.size());
    let [_, sound, _] = before.shape.sections(before.size());
    let missing = before.state.lock().pieces.gaps(sound.clone());
    if !missing.is_empty() || (head.end - head.start) + (tail.end - tail.start) > TAGS {
        return Ok(None);
    }
    let Some(checksum) = now.runtime.block_on(now.source.checksum())? else {
        return Ok(None);
    };
    let mut verify = checksum.verify();
    for step in steps(head) {
        verify.update(&read_now(now, step)?);
    }
    for step in steps(sound) {
        let Some(bytes) = read_kept(before, step) else {
            return Ok(None);
        };
        verify.update(&bytes);
    }
    for step in steps(tail) {
        verify.update(&read_now(now, step)?);
    }
    let holds = verify.holds();
    Ok(Some(holds).filter(|holds| *holds || checksum.disproves))
}

/// A stretch in pieces that fit into memory.
fn steps(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let step = usize::try_from(STEP).unwrap_or(usize::MAX);
    let end = range.end;
    range.step_by(step).map(move |at| at..end.min(at + STEP))
}

/// Bytes of a file as it is now; `range` is no longer than [`TAGS`].
fn read_now(now: &Reader, range: Range<u64>) -> Result<Vec<u8>, OriginError> {
    let len = range.end.saturating_sub(range.start);
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    now.read_at(&mut bytes, range.start)?;
    Ok(bytes)
}

/// True where the tags before or after the sound are known to be others than they were.
fn tags_differ(now: &Reader, before: &Kept) -> Result<bool, OriginError> {
    let [head, _, tail] = now.kept.shape.sections(now.size());
    let [head_before, _, tail_before] = before.shape.sections(before.size());
    for (now_at, before_at) in [(head, head_before), (tail, tail_before)] {
        let len = now_at.end - now_at.start;
        if len != before_at.end - before_at.start {
            return Ok(true);
        }
        if len > TAGS {
            return Ok(false);
        }
        let bytes = read_now(now, now_at)?;
        match read_kept(before, before_at) {
            Some(known) if known == bytes => {}
            Some(_) => return Ok(true),
            None => return Ok(false),
        }
    }
    Ok(false)
}

/// True where all that was read of the sound already is as it was.
fn read_agrees(now: &Kept, before: &Kept) -> bool {
    let ([_, sound, _], [_, then, _]) = (
        now.shape.sections(now.size()),
        before.shape.sections(before.size()),
    );
    let pieces = now.state.lock().pieces.clone();
    pieces
        .iter()
        .filter(|(offset, piece)| piece.at == At::Own && sound.contains(offset))
        .all(|(offset, piece)| {
            let from = offset - sound.start + then.start;
            let known = read_kept(before, from..from + u64::from(piece.len));
            let read = now.read_piece(offset, &piece).ok().flatten();
            known.is_some_and(|known| read.is_some_and(|read| read == known))
        })
}

/// True where samples of the sound at its origin are as they were. They are asked for all at once.
fn samples_agree(reader: &Reader, before: &Kept) -> Result<bool, OriginError> {
    let (now, then) = (reader.kept.shape.audio, before.shape.audio);
    let last = now.len - SAMPLE;
    let between = (2..SAMPLES).map(|_| fastrand::u64(0..=last));
    let places = [0, last].into_iter().chain(between);
    let known: Option<Vec<(u64, Vec<u8>)>> = places
        .map(|at| {
            let from = then.offset + at;
            Some((at, read_kept(before, from..from + SAMPLE)?))
        })
        .collect();
    let mut samples = JoinSet::new();
    for (at, known) in known.unwrap_or_default() {
        let counters = &reader.kept.store.counters;
        counters.fetches.add(1);
        counters.fetched_bytes.add(SAMPLE);
        let (source, from) = (Arc::clone(&reader.source), now.offset + at);
        let compare = async move { Ok(source.read_original(from, known.len()).await? == known) };
        samples.spawn_on(compare, &reader.runtime);
    }
    let mut agree = !samples.is_empty();
    // What still runs once one differs is given up.
    while let (true, Some(compared)) = (agree, reader.runtime.block_on(samples.join_next())) {
        // One that panicked has compared nothing.
        agree = compared.unwrap_or(Ok(false))?;
    }
    Ok(agree)
}

/// Bytes of a file, where all of them are kept.
fn read_kept(kept: &Kept, range: Range<u64>) -> Option<Vec<u8>> {
    let pieces: Pieces = kept.state.lock().pieces.clone();
    let mut bytes = Vec::with_capacity(usize::try_from(range.end - range.start).ok()?);
    let mut at = range.start;
    while at < range.end {
        let (start, piece) = pieces.at(at)?;
        let held = kept.read_piece(start, &piece).ok()??;
        let end = range.end.min(start + u64::from(piece.len));
        let from = usize::try_from(at - start).ok()?;
        bytes.extend_from_slice(held.get(from..usize::try_from(end - start).ok()?)?);
        at = end;
    }
    Some(bytes)
}
