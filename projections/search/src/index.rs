//! One index on the disk, with the position in the log up to which it has everything.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use eventlog::{EventId, Position, TrackId};
use projections::{TrackRow, catalog};
use serde::{Deserialize, Serialize};
use tantivy::collector::TopDocs;
use tantivy::indexer::LogMergePolicy;
use tantivy::query::TermQuery;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, Searcher, TantivyDocument, Term};

use crate::error::{SearchError, is_damage};
use crate::schema::{Fields, REVISION};

/// Memory for documents before they are written: while little changes, and while all of it is built.
const LITTLE: usize = 16 << 20;
const MUCH: usize = 128 << 20;

/// Share of deleted documents from which a segment is written anew without them.
const TOO_MANY_DELETED: f32 = 0.3;

/// What an index was made by: search's own code, and the catalog's, whose rows it is made of.
const MADE_BY: [u32; 2] = [REVISION, catalog::REVISION];

/// Up to where an index has everything; kept in the payload of its commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) position: Position,
    /// The event there: tells whether the log is still the one that it was made from.
    pub(crate) event: Option<EventId>,
}

impl Mark {
    pub(crate) const START: Self = Self {
        position: Position::START,
        event: None,
    };
}

#[derive(Serialize, Deserialize)]
struct Payload {
    made_by: [u32; 2],
    position: u64,
    event: Option<[u8; 16]>,
}

/// An index, open for writing.
pub(crate) struct Writable {
    pub(crate) path: PathBuf,
    pub(crate) mark: Mark,
    pub(crate) reader: IndexReader,
    fields: Fields,
    index: Index,
    writer: Option<IndexWriter>,
}

impl Writable {
    /// A new, empty index in a directory of its own.
    pub(crate) fn create(path: &Path, fields: &Fields) -> Result<Self, SearchError> {
        let failed = directory(path);
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        fs::create_dir_all(path).map_err(failed)?;
        let index = Index::create_in_dir(path, fields.schema.clone());
        Self::of(index.map_err(unusable(path))?, path, fields, Mark::START)
    }

    /// Opens an index that may be anything; none unless this code made it and committed it.
    ///
    /// # Errors
    /// Where the disk does not tell.
    pub(crate) fn open(path: &Path, fields: &Fields) -> Result<Option<Self>, SearchError> {
        let opened = Index::open_in_dir(path).and_then(|index| {
            let payload = index.load_metas()?.payload;
            Ok((index, payload))
        });
        let (index, payload) = match opened {
            Ok(opened) => opened,
            Err(error) if is_damage(&error) => return Ok(None),
            Err(error) => return Err(unusable(path)(error)),
        };
        let payload = payload.and_then(|payload| serde_json::from_str::<Payload>(&payload).ok());
        let payload = payload.filter(|it| it.made_by == MADE_BY && index.schema() == fields.schema);
        let Some(payload) = payload else {
            return Ok(None);
        };
        let mark = Mark {
            position: Position(payload.position),
            event: payload.event.map(EventId),
        };
        match Self::of(index, path, fields, mark) {
            Err(error) if error.is_damage() => Ok(None),
            opened => opened.map(Some),
        }
    }

    fn of(index: Index, path: &Path, fields: &Fields, mark: Mark) -> Result<Self, SearchError> {
        Fields::register(&index);
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual);
        let reader = reader.try_into().map_err(unusable(path))?;
        Ok(Self {
            path: path.to_owned(),
            mark,
            reader,
            fields: fields.clone(),
            index,
            writer: None,
        })
    }

    /// Takes memory for writing; much, where all of an index is to be written.
    fn writer(&mut self, much: bool) -> Result<&mut IndexWriter, SearchError> {
        if self.writer.is_none() {
            let memory = if much { MUCH } else { LITTLE };
            let writer = self.index.writer_with_num_threads(1, memory);
            let writer: IndexWriter = writer.map_err(unusable(&self.path))?;
            let mut policy = LogMergePolicy::default();
            policy.set_del_docs_ratio_before_merge(TOO_MANY_DELETED);
            writer.set_merge_policy(Box::new(policy));
            self.writer = Some(writer);
        }
        self.writer.as_mut().ok_or(SearchError::Closed)
    }

    /// Puts in what a living track is, in the place of what it was. Returns its hash.
    pub(crate) fn put(&mut self, row: &TrackRow, all: bool) -> Result<u64, SearchError> {
        let (key, entry) = (self.fields.key(row.id), self.fields.document(row));
        let failed = unusable(&self.path);
        let writer = self.writer(all)?;
        // Of an index that is built in the order of the tracks, none is in it.
        if !all {
            writer.delete_term(key);
        }
        writer.add_document(entry.document).map_err(failed)?;
        Ok(entry.print)
    }

    /// Takes out a track.
    pub(crate) fn take_out(&mut self, track: TrackId) -> Result<(), SearchError> {
        let key = self.fields.key(track);
        self.writer(false)?.delete_term(key);
        Ok(())
    }

    /// Takes out all tracks of an origin.
    pub(crate) fn take_out_origin(&mut self, origin: &str) -> Result<(), SearchError> {
        let term = tantivy::Term::from_field_text(self.fields.origin, origin);
        self.writer(false)?.delete_term(term);
        Ok(())
    }

    /// Makes durable and visible what was put in and taken out, together with how far that is.
    pub(crate) fn commit(&mut self, mark: Mark) -> Result<(), SearchError> {
        let failed = unusable(&self.path);
        let payload = serde_json::to_string(&Payload {
            made_by: MADE_BY,
            position: mark.position.0,
            event: mark.event.map(|id| id.0),
        });
        let payload = payload.map_err(|_| SearchError::Bug("a position cannot be written"))?;
        let commit = |writer: &mut IndexWriter| {
            let mut prepared = writer.prepare_commit()?;
            prepared.set_payload(&payload);
            prepared.commit()
        };
        commit(self.writer(false)?).map_err(&failed)?;
        self.mark = mark;
        self.reader.reload().map_err(failed)
    }

    /// Gives back the memory for writing. What was not committed is as if it had never been; merges that
    /// are under way end, and are begun again some time.
    pub(crate) fn rest(&mut self) {
        self.writer = None;
    }

    /// True where a word of each segment is found, and what has it can be shown. Reads little.
    pub(crate) fn answers(&self) -> Result<bool, SearchError> {
        let searcher = self.reader.searcher();
        // What is damaged may be met anywhere.
        match catch_unwind(AssertUnwindSafe(|| ask(&searcher, self.fields.any))) {
            Ok(Ok(())) => Ok(true),
            Ok(Err(error)) if !is_damage(&error) => Err(unusable(&self.path)(error)),
            Ok(Err(_)) | Err(_) => Ok(false),
        }
    }

    /// True where all its files are as they were written. Reads all of it.
    pub(crate) fn is_sound(&self) -> Result<bool, SearchError> {
        let damaged = self.index.validate_checksum();
        match damaged {
            Ok(damaged) => Ok(damaged.is_empty()),
            Err(error) if is_damage(&error) => Ok(false),
            Err(error) => Err(unusable(&self.path)(error)),
        }
    }

    /// The tracks in it and their hashes, by track.
    pub(crate) fn prints(&self) -> Result<Vec<(TrackId, u64)>, SearchError> {
        let searcher = self.reader.searcher();
        prints(&searcher).map_err(unusable(&self.path))
    }
}

/// Asks for the first word of each segment.
fn ask(searcher: &Searcher, any: Field) -> tantivy::Result<()> {
    for segment in searcher.segment_readers() {
        let index = segment.inverted_index(any)?;
        let mut words = index.terms().stream()?;
        if !words.advance() {
            continue;
        }
        let word = Term::from_field_bytes(any, words.key());
        let query = TermQuery::new(word, IndexRecordOption::WithFreqs);
        let best = searcher.search(&query, &TopDocs::with_limit(1).order_by_score())?;
        for (_, address) in best {
            searcher.doc::<TantivyDocument>(address)?;
        }
    }
    Ok(())
}

fn prints(searcher: &Searcher) -> tantivy::Result<Vec<(TrackId, u64)>> {
    let mut prints = Vec::new();
    for segment in searcher.segment_readers() {
        let (ids, hashes) = (
            segment.fast_fields().u64("id")?,
            segment.fast_fields().u64("print")?,
        );
        let of = |document| Some((TrackId(ids.first(document)?), hashes.first(document)?));
        prints.extend(segment.doc_ids_alive().filter_map(of));
    }
    prints.sort_unstable();
    Ok(prints)
}

pub(crate) fn unusable(path: &Path) -> impl Fn(tantivy::TantivyError) -> SearchError + use<> {
    let path = path.to_owned();
    move |source| SearchError::Index {
        path: path.clone(),
        source,
    }
}

pub(crate) fn directory(path: &Path) -> impl Fn(io::Error) -> SearchError + use<> {
    let path = path.to_owned();
    move |source| SearchError::Directory {
        path: path.clone(),
        source,
    }
}
