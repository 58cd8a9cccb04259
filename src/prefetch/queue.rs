//! Which file is fetched next: no I/O.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Heard;
use super::job::Job;
use crate::originals::FileRef;

/// Files that wait: those that were asked for, in turn, and then those that are likely to be played,
/// of the newest prediction first. Each waits once.
#[derive(Debug, Default)]
pub(super) struct Queue {
    asked: VecDeque<Arc<Job>>,
    /// The newest last.
    likely: Vec<(Heard, VecDeque<Arc<Job>>)>,
}

impl Queue {
    /// How many wait.
    pub(super) fn len(&self) -> usize {
        let likely = self.likely.iter().map(|(_, jobs)| jobs.len());
        self.asked.len() + likely.sum::<usize>()
    }

    /// Bytes that are still to come.
    pub(super) fn bytes(&self) -> u64 {
        self.all().map(|job| job.file.bytes).sum()
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Job>> {
        let likely = self.likely.iter().flat_map(|(_, jobs)| jobs);
        self.asked.iter().chain(likely)
    }

    /// The file that waits, asked for or likely.
    pub(super) fn find(&self, file: FileRef) -> Option<&Arc<Job>> {
        self.all().find(|job| job.file.file == file)
    }

    /// The file that waits because it was asked for.
    pub(super) fn asked(&self, file: FileRef) -> Option<&Arc<Job>> {
        self.asked.iter().find(|job| job.file.file == file)
    }

    /// Has a file wait that is asked for and does not wait for that yet, where fewer than `most` do.
    /// Where that makes too many, the least likely is dropped.
    pub(super) fn ask(&mut self, job: &Arc<Job>, most: usize) -> bool {
        if self.asked.len() >= most {
            return false;
        }
        self.drop_likely(job.file.file);
        self.asked.push_back(Arc::clone(job));
        self.trim(most);
        true
    }

    /// Has tracks wait that are likely to follow, the likeliest first, in place of those that were
    /// thought to.
    pub(super) fn predict(&mut self, heard: Heard, jobs: Vec<Arc<Job>>, most: usize) {
        self.forget(heard);
        for job in &jobs {
            self.drop_likely(job.file.file);
        }
        let new = jobs
            .into_iter()
            .filter(|job| self.asked(job.file.file).is_none());
        let new: VecDeque<_> = new.collect();
        self.likely.push((heard, new));
        self.trim(most);
    }

    /// Drops what was thought to follow.
    pub(super) fn forget(&mut self, heard: Heard) {
        self.likely.retain(|(other, _)| *other != heard);
    }

    /// Drops everything that was not asked for.
    pub(super) fn forget_all(&mut self) {
        self.likely.clear();
    }

    /// The next one, and whether it was asked for.
    pub(super) fn pop(&mut self) -> Option<(Arc<Job>, bool)> {
        if let Some(job) = self.asked.pop_front() {
            return Some((job, true));
        }
        let mut newest_first = self.likely.iter_mut().rev();
        let job = newest_first.find_map(|(_, jobs)| jobs.pop_front());
        self.likely.retain(|(_, jobs)| !jobs.is_empty());
        job.map(|job| (job, false))
    }

    fn drop_likely(&mut self, file: FileRef) {
        for (_, jobs) in &mut self.likely {
            jobs.retain(|job| job.file.file != file);
        }
    }

    fn trim(&mut self, most: usize) {
        while self.len() > most {
            let oldest = self.likely.iter_mut().find(|(_, jobs)| !jobs.is_empty());
            if oldest.and_then(|(_, jobs)| jobs.pop_back()).is_none() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use content::Key;
    use eventlog::{OriginPath, Revision, TrackId};

    use super::*;
    use crate::cache::survey::Missing;

    fn job(track: u64) -> Arc<Job> {
        let key = Key {
            origin: "nas".parse().unwrap(),
            path: OriginPath::new(track.to_string().into_bytes()).unwrap(),
            revision: Revision {
                size: 10,
                mtime_ns: 0,
                tag: None,
            },
        };
        Job::new(Missing {
            file: FileRef::Track(TrackId(track)),
            key: Arc::new(key),
            bytes: 10,
        })
    }

    fn jobs(tracks: &[u64]) -> Vec<Arc<Job>> {
        tracks.iter().map(|track| job(*track)).collect()
    }

    fn heard(track: u64) -> Heard {
        Heard {
            process: 7,
            track: TrackId(track),
        }
    }

    fn rest(mut queue: Queue) -> Vec<u64> {
        std::iter::from_fn(|| queue.pop())
            .filter_map(|(job, _)| match job.file.file {
                FileRef::Track(track) => Some(track.0),
                FileRef::Sidecar(_) => None,
            })
            .collect()
    }

    #[test]
    fn what_is_asked_for_comes_first_and_then_the_newest_prediction() {
        let mut queue = Queue::default();
        queue.predict(heard(1), jobs(&[2, 3, 4]), 100);
        queue.predict(heard(20), jobs(&[21, 3, 22]), 100);
        assert!(queue.ask(&job(50), 100) && queue.ask(&job(22), 100));
        assert_eq!((queue.len(), queue.bytes()), (6, 60));
        assert!(queue.pop().is_some_and(|(_, asked)| asked));
        assert_eq!(rest(queue), [22, 21, 3, 2, 4]);
    }

    #[test]
    fn what_is_no_longer_likely_is_dropped() {
        let mut queue = Queue::default();
        queue.predict(heard(1), jobs(&[2, 3, 4]), 100);
        queue.predict(heard(1), jobs(&[3, 5]), 100);
        queue.predict(heard(9), jobs(&[10]), 100);
        queue.forget(heard(9));
        assert_eq!(rest(queue), [3, 5]);
    }

    #[test]
    fn it_holds_so_many_and_the_least_likely_make_way() {
        let mut queue = Queue::default();
        queue.predict(heard(1), jobs(&[2, 3]), 4);
        queue.predict(heard(5), jobs(&[6, 7, 8]), 4);
        assert_eq!(queue.len(), 4);
        assert!(queue.ask(&job(9), 4) && queue.ask(&job(10), 4));
        assert_eq!(queue.len(), 4);
        assert!(queue.ask(&job(11), 4) && queue.ask(&job(12), 4));
        assert!(!queue.ask(&job(13), 4));
        queue.predict(heard(20), jobs(&[21]), 4);
        assert_eq!(rest(queue), [9, 10, 11, 12]);
    }
}
