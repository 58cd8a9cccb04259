//! Places for requests under way at once: listeners before scans, each in the order they came.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// For whom a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Somebody listens, and waits for it.
    Listener,
    /// A scan. Scans leave one place to listeners where there is more than one.
    Scan,
}

/// A limited number of places.
#[derive(Debug)]
pub(super) struct Gate {
    places: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    by_scans: usize,
    listeners: VecDeque<oneshot::Sender<Place>>,
    scans: VecDeque<oneshot::Sender<Place>>,
}

/// A place, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    gate: Arc<Gate>,
    class: Class,
    /// False once it is given back, or was never handed over.
    held: bool,
}

impl Gate {
    pub(super) fn new(places: NonZero<usize>) -> Arc<Self> {
        Arc::new(Self {
            places: places.get(),
            state: Mutex::default(),
        })
    }

    /// Waits for a place.
    pub(super) async fn enter(self: &Arc<Self>, class: Class) -> Place {
        let (give, given) = oneshot::channel();
        {
            let mut state = self.lock();
            match class {
                Class::Listener => state.listeners.push_back(give),
                Class::Scan => state.scans.push_back(give),
            }
            self.hand_out(&mut state);
        }
        match given.await {
            Ok(place) => place,
            // The queue is as old as the gate, which we hold.
            Err(_) => Place {
                gate: Arc::clone(self),
                class,
                held: false,
            },
        }
    }

    /// Gives free places to those who wait.
    fn hand_out(self: &Arc<Self>, state: &mut State) {
        let most_scans = self.places.saturating_sub(1).max(1);
        while state.taken < self.places {
            let class = if !state.listeners.is_empty() {
                Class::Listener
            } else if !state.scans.is_empty() && state.by_scans < most_scans {
                Class::Scan
            } else {
                return;
            };
            let next = match class {
                Class::Listener => state.listeners.pop_front(),
                Class::Scan => state.scans.pop_front(),
            };
            let place = Place {
                gate: Arc::clone(self),
                class,
                held: true,
            };
            match next.map(|next| next.send(place)) {
                Some(Ok(())) => {
                    state.taken += 1;
                    state.by_scans += usize::from(class == Class::Scan);
                }
                // Whoever waited has gone: the place was not handed over.
                Some(Err(mut place)) => place.held = false,
                None => return,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !std::mem::take(&mut self.held) {
            return;
        }
        let mut state = self.gate.lock();
        state.taken -= 1;
        state.by_scans -= usize::from(self.class == Class::Scan);
        self.gate.hand_out(&mut state);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::future::BoxFuture;

    use super::*;

    fn enter(gate: &Arc<Gate>, class: Class) -> BoxFuture<'static, Place> {
        let gate = Arc::clone(gate);
        let mut entering = async move { gate.enter(class).await }.boxed();
        // In the queue from now on.
        match (&mut entering).now_or_never() {
            Some(place) => std::future::ready(place).boxed(),
            None => entering,
        }
    }

    fn gate(places: usize) -> Arc<Gate> {
        Gate::new(NonZero::new(places).unwrap())
    }

    #[test]
    fn scans_leave_one_place_to_listeners() {
        let gate = gate(3);
        let scans: Vec<_> = (0..3).map(|_| enter(&gate, Class::Scan)).collect();
        let mut got: Vec<_> = scans.into_iter().map(FutureExt::now_or_never).collect();
        assert_eq!(
            got.iter().map(Option::is_some).collect::<Vec<_>>(),
            [true, true, false]
        );
        let listener = enter(&gate, Class::Listener).now_or_never();
        assert!(listener.is_some());
        assert!(enter(&gate, Class::Listener).now_or_never().is_none());
        drop(got.remove(0));
        drop(listener);
        drop(got);
        assert_eq!(gate.lock().taken, 0);
    }

    #[test]
    fn a_listener_goes_before_scans_that_wait_longer() {
        let gate = gate(1);
        let first = enter(&gate, Class::Scan).now_or_never().unwrap();
        let mut scan = enter(&gate, Class::Scan);
        let mut listener = enter(&gate, Class::Listener);
        drop(first);
        assert!((&mut scan).now_or_never().is_none());
        let place = (&mut listener).now_or_never().unwrap();
        drop(place);
        assert!(scan.now_or_never().is_some());
    }

    #[test]
    fn who_gives_up_waiting_takes_no_place() {
        let gate = gate(1);
        let held = enter(&gate, Class::Listener).now_or_never().unwrap();
        drop(enter(&gate, Class::Listener));
        let mut last = enter(&gate, Class::Listener);
        drop(held);
        let place = (&mut last).now_or_never();
        assert!(place.is_some());
        // One that was handed a place and never looked at it.
        let unseen = enter(&gate, Class::Listener);
        drop(place);
        drop(unseen);
        assert!(enter(&gate, Class::Listener).now_or_never().is_some());
    }
}
