//! How many connections there may be, so that no peer takes what others need (SEC-2).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// Most connections of one address, agreed on TLS or not. A client needs one.
const EACH: usize = 32;
/// Most of all addresses together.
const ALL: usize = 256;

/// Who is connected to an address that is served.
#[derive(Debug, Default)]
pub(super) struct Peers(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    each: HashMap<IpAddr, usize>,
    all: usize,
    /// Whether it was said that some are turned away: once, as peers can ask for it at will.
    told: bool,
}

impl Peers {
    /// A place for another connection of that peer; `None` where it, or all, have as many as they
    /// may.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let mut counts = self.0.lock();
        let of_peer = counts.each.get(&peer).copied().unwrap_or_default();
        if of_peer < EACH && counts.all < ALL {
            counts.each.insert(peer, of_peer + 1);
            counts.all += 1;
            let peers = Arc::clone(self);
            return Some(Place { peers, peer });
        }
        let (all, told) = (counts.all, std::mem::replace(&mut counts.told, true));
        drop(counts);
        if !told {
            tracing::warn!(
                "control over TCP: {peer} has {of_peer} connections, of {all}; more are turned \
                 away, and this is not said again"
            );
        }
        None
    }

    fn leave(&self, peer: IpAddr) {
        let mut counts = self.0.lock();
        counts.all = counts.all.saturating_sub(1);
        match counts.each.get_mut(&peer) {
            Some(of_peer) if *of_peer > 1 => *of_peer -= 1,
            _ => drop(counts.each.remove(&peer)),
        }
    }
}

/// A connection that counts, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    peers: Arc<Peers>,
    peer: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.peers.leave(self.peer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_peer_takes_the_places_of_others() {
        let peers = Arc::new(Peers::default());
        let peer = |number: usize| IpAddr::from([10, 0, 0, u8::try_from(number).unwrap()]);
        let mut places: Vec<_> = (0..EACH).map(|_| peers.admit(peer(0)).unwrap()).collect();
        assert!(peers.admit(peer(0)).is_none());
        for number in EACH..ALL {
            places.push(peers.admit(peer(number / EACH)).unwrap());
        }
        assert!(peers.admit(peer(ALL / EACH)).is_none(), "that is all");
        places.truncate(1);
        assert!(peers.admit(peer(0)).is_some());
        places.clear();
        let counts = peers.0.lock();
        assert!(counts.each.is_empty() && counts.all == 0 && counts.told);
    }
}
