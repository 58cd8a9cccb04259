//! Which work runs, which waits, and which is late: no threads, no clock.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::ticket::Late;
use crate::library::Lane;

/// Work of one lane that may run at once: as many of its threads can be stuck.
pub(super) const SLOTS: usize = 64;

pub(super) type Work = Box<dyn FnOnce() + Send>;
type Answer = Arc<dyn Late>;

/// All work that has not ended, by lane. A lane is remembered while it has any.
#[derive(Default)]
pub(super) struct Lanes {
    next: u64,
    under_way: BTreeMap<u64, Request>,
    ready: VecDeque<(u64, Work)>,
    lanes: HashMap<u64, Queue>,
}

struct Request {
    lane: u64,
    due: Option<(Instant, Answer)>,
    running: bool,
    late: bool,
}

#[derive(Default)]
struct Queue {
    running: usize,
    /// Of those that run, the ones that were answered for being late.
    late: usize,
    waiting: VecDeque<(u64, Work)>,
}

impl Lanes {
    /// Takes in work that answers a request; gives the request back where all that the lane may run
    /// is stuck already.
    pub(super) fn add(
        &mut self,
        lane: Lane,
        now: Instant,
        answer: Answer,
        work: Work,
    ) -> Result<(), Answer> {
        if self
            .lanes
            .get(&lane.id)
            .is_some_and(|queue| queue.late >= SLOTS)
        {
            return Err(answer);
        }
        let due = now.checked_add(lane.limit).map(|due| (due, answer));
        self.take_in(lane.id, due, work);
        Ok(())
    }

    /// Takes in work that nobody waits for.
    pub(super) fn add_unanswered(&mut self, lane: Lane, work: Work) {
        self.take_in(lane.id, None, work);
    }

    fn take_in(&mut self, lane: u64, due: Option<(Instant, Answer)>, work: Work) {
        let number = self.next;
        self.next += 1;
        let queue = self.lanes.entry(lane).or_default();
        let running = queue.running < SLOTS;
        if running {
            queue.running += 1;
            self.ready.push_back((number, work));
        } else {
            queue.waiting.push_back((number, work));
        }
        let request = Request {
            lane,
            due,
            running,
            late: false,
        };
        self.under_way.insert(number, request);
    }

    /// How much work may begin.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// True where everything has ended.
    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Work to be run; [`done`](Self::done) has to be told when it has.
    pub(super) fn next(&mut self) -> Option<(u64, Work)> {
        self.ready.pop_front()
    }

    /// Work has ended; returns its request's answer, to be dropped outside of locks.
    pub(super) fn done(&mut self, number: u64) -> Option<Answer> {
        let request = self.under_way.remove(&number)?;
        if let Some(queue) = self.lanes.get_mut(&request.lane) {
            queue.late -= usize::from(request.late);
            match queue.waiting.pop_front() {
                Some(next) => {
                    if let Some(request) = self.under_way.get_mut(&next.0) {
                        request.running = true;
                    }
                    self.ready.push_back(next);
                }
                None => queue.running -= 1,
            }
            if queue.running == 0 {
                self.lanes.remove(&request.lane);
            }
        }
        request.due.map(|(_, answer)| answer)
    }

    /// Requests whose time is over, each told once.
    pub(super) fn late(&mut self, now: Instant) -> Vec<Answer> {
        let mut late = Vec::new();
        for request in self.under_way.values_mut() {
            let Some((_, answer)) = request.due.take_if(|(due, _)| *due <= now) else {
                continue;
            };
            if request.running
                && let Some(queue) = self.lanes.get_mut(&request.lane)
            {
                queue.late += 1;
                request.late = true;
            }
            late.push(answer);
        }
        late
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    struct Silent;

    impl Late for Silent {
        fn answer(&self) {}
    }

    const LIMIT: Duration = Duration::from_secs(5);

    fn add(lanes: &mut Lanes, id: u64, now: Instant) -> bool {
        let lane = Lane { id, limit: LIMIT };
        lanes
            .add(lane, now, Arc::new(Silent), Box::new(|| {}))
            .is_ok()
    }

    #[test]
    fn a_lane_runs_no_more_than_its_slots_and_the_rest_in_order() {
        let (mut lanes, now) = (Lanes::default(), Instant::now());
        for _ in 0..SLOTS + 2 {
            assert!(add(&mut lanes, 1, now));
        }
        assert!(add(&mut lanes, 2, now));
        let numbers: Vec<u64> = std::iter::from_fn(|| Some(lanes.next()?.0)).collect();
        let first: Vec<u64> = (0..SLOTS as u64).chain([SLOTS as u64 + 2]).collect();
        assert_eq!(numbers, first);
        lanes.done(7);
        assert_eq!(lanes.next().unwrap().0, SLOTS as u64);
        assert_eq!(lanes.ready(), 0);
    }

    #[test]
    fn what_is_late_is_told_once_and_only_a_stuck_lane_refuses() {
        let (mut lanes, now) = (Lanes::default(), Instant::now());
        for _ in 0..SLOTS + 1 {
            assert!(add(&mut lanes, 1, now));
        }
        assert!(lanes.late(now).is_empty());
        assert_eq!(lanes.late(now + LIMIT).len(), SLOTS + 1);
        assert!(lanes.late(now + LIMIT).is_empty());
        assert!(!add(&mut lanes, 1, now) && add(&mut lanes, 2, now));
        lanes.done(0);
        assert!(add(&mut lanes, 1, now));
    }

    #[test]
    fn nothing_is_remembered_of_what_has_ended() {
        let (mut lanes, now) = (Lanes::default(), Instant::now());
        for _ in 0..2 * SLOTS {
            add(&mut lanes, 1, now);
        }
        drop(lanes.late(now + LIMIT));
        while let Some((number, _)) = lanes.next() {
            lanes.done(number);
        }
        assert!(lanes.is_empty() && lanes.lanes.is_empty());
    }
}
