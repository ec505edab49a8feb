//! How many connections are open, in all and from one address?

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts the connections of all listeners.
#[derive(Debug)]
pub(crate) struct Slots {
    most: usize,
    most_per_address: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    refused: u64,
    taken: u64,
    by_address: HashMap<IpAddr, usize>,
}

/// The right to one connection; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    /// Who is at the other end.
    pub(super) peer: SocketAddr,
    /// Told apart from every other connection of the process by it.
    pub(super) number: u64,
}

impl Slots {
    /// So many in all and from one address; 0 is without limit.
    pub(crate) fn new(most: usize, most_per_address: usize) -> Arc<Self> {
        let limit = |most: usize| if most == 0 { usize::MAX } else { most };
        Arc::new(Self { most: limit(most), most_per_address: limit(most_per_address), open: Mutex::default() })
    }

    /// Connections that are open, and how many were refused.
    pub(crate) fn count(&self) -> (usize, u64) {
        let open = self.lock();
        (open.all, open.refused)
    }

    pub(super) fn take(self: &Arc<Self>, peer: SocketAddr) -> Option<Slot> {
        let mut open = self.lock();
        let address = peer.ip().to_canonical();
        let own = open.by_address.get(&address).copied().unwrap_or(0);
        if open.all >= self.most || own >= self.most_per_address {
            open.refused += 1;
            return None;
        }
        open.all += 1;
        open.by_address.insert(address, own + 1);
        open.taken += 1;
        Some(Slot { slots: Arc::clone(self), peer, number: open.taken })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.slots.lock();
        open.all -= 1;
        let address = self.peer.ip().to_canonical();
        if let Some(own) = open.by_address.get_mut(&address) {
            *own -= 1;
            if *own == 0 {
                open.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_limited_in_all_and_by_address() {
        let slots = Slots::new(3, 2);
        let at = |address: &str| slots.take(format!("{address}:1").parse().unwrap());
        let held = [at("10.0.0.1").unwrap(), at("10.0.0.1").unwrap()];
        assert!(at("10.0.0.1").is_none() && at("[::ffff:10.0.0.1]").is_none());
        let other = at("10.0.0.2").unwrap();
        assert!(at("10.0.0.3").is_none());
        assert_eq!(slots.count(), (3, 3));
        drop((held, other));
        assert!(slots.lock().by_address.is_empty() && slots.count().0 == 0);
    }
}
