//! Which partners does each row keep, of those it is offered?
//!
//! ```text
//!  heads     row -> its best partner
//!  links     partner -> the next best of the same row
//! ```
//! All lie side by side in two lists, so that a million rows with a partner each take two pieces of memory.
//!
//! This file knows neither Arrow nor DataFusion.

use smallvec::SmallVec;

/// No partner.
const NONE: u32 = 0;
/// Where a partner is that was let go.
const FREE: (u32, u32) = (u32::MAX, u32::MAX);

/// One partner of a row.
#[derive(Debug)]
struct Link {
    /// What partners are ordered by, as bytes that compare alike.
    key: SmallVec<[u8; 16]>,
    /// Which batch its row is in, and where there.
    at: (u32, u32),
    /// The number of the next one, of the row's or of those let go.
    next: u32,
}

/// The best partners of some rows.
#[derive(Debug)]
pub(super) struct Partners {
    /// Partners that a row keeps.
    most: usize,
    heads: Vec<u32>,
    /// Numbered from 1.
    links: Vec<Link>,
    /// The first of those that were let go.
    free: u32,
    count: usize,
    /// Those added since rows were settled.
    new: Vec<u32>,
}

impl Partners {
    /// Of so many rows, at most `most` each.
    pub(super) fn new(rows: usize, most: usize) -> Self {
        Self { most, heads: vec![NONE; rows], links: Vec::new(), free: NONE, count: 0, new: Vec::new() }
    }

    /// Partners that are kept.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Bytes of memory that they take.
    pub(super) fn memory(&self) -> usize {
        self.heads.len() * size_of::<u32>() + self.links.capacity() * size_of::<Link>()
    }

    /// The places of a row's partners, the best first.
    pub(super) fn of(&self, row: u32) -> impl Iterator<Item = (usize, usize)> {
        let mut at = self.heads.get(row as usize).copied().unwrap_or(NONE);
        std::iter::from_fn(move || {
            let link = self.link(at)?;
            at = link.next;
            Some((link.at.0 as usize, link.at.1 as usize))
        })
    }

    /// Offers a partner to a row, which keeps it if it is among the best; of equals those that came first.
    pub(super) fn offer(&mut self, row: u32, key: &[u8], at: (u32, u32)) {
        let (mut before, mut next, mut rank) = (NONE, self.heads.get(row as usize).copied().unwrap_or(NONE), 0);
        while let Some(link) = self.link(next).filter(|link| *link.key <= *key) {
            (before, next, rank) = (next, link.next, rank + 1);
        }
        if rank >= self.most {
            return;
        }
        let added = self.add(Link { key: SmallVec::from_slice(key), at, next });
        self.set_next(row, before, added);
        self.new.push(added);
        self.cut(row, added, rank);
    }

    /// Lets a row's last partner go if it has too many, of which `at` is the one of that rank.
    fn cut(&mut self, row: u32, mut at: u32, mut rank: usize) {
        let mut before = NONE;
        while let Some(next) = self.link(at).map(|link| link.next).filter(|next| *next != NONE) {
            (before, at, rank) = (at, next, rank + 1);
        }
        if rank >= self.most {
            self.set_next(row, before, NONE);
            self.count -= 1;
            let free = self.free;
            if let Some(link) = self.link_mut(at) {
                (link.at, link.next) = (FREE, free);
                self.free = at;
            }
        }
    }

    fn add(&mut self, link: Link) -> u32 {
        self.count += 1;
        let free = self.free;
        if let Some(place) = self.link_mut(free) {
            let next = std::mem::replace(place, link).next;
            self.free = next;
            return free;
        }
        self.links.push(link);
        u32::try_from(self.links.len()).unwrap_or(u32::MAX)
    }

    /// Sets what comes after a partner, or first of a row.
    fn set_next(&mut self, row: u32, before: u32, next: u32) {
        match self.link_mut(before) {
            Some(link) => link.next = next,
            None => self.heads[row as usize] = next,
        }
    }

    fn link(&self, number: u32) -> Option<&Link> {
        self.links.get((number as usize).wrapping_sub(1))
    }

    fn link_mut(&mut self, number: u32) -> Option<&mut Link> {
        self.links.get_mut((number as usize).wrapping_sub(1))
    }

    /// Gives the rows of a batch of so many that were chosen, in order, and numbers them by their place among these.
    pub(super) fn settle(&mut self, batch: u32, rows: usize) -> Vec<u32> {
        let mut new = std::mem::take(&mut self.new);
        // A place that was let go and taken again is listed twice.
        new.sort_unstable();
        new.dedup();
        let mut places = vec![u32::MAX; rows];
        for number in &new {
            if let Some(link) = self.link(*number).filter(|link| link.at.0 == batch) {
                places[link.at.1 as usize] = 0;
            }
        }
        let chosen: Vec<u32> = (0_u32..).zip(&places).filter(|(_, place)| **place == 0).map(|(row, _)| row).collect();
        for (place, row) in (0_u32..).zip(&chosen) {
            places[*row as usize] = place;
        }
        for number in new {
            if let Some(link) = self.link_mut(number).filter(|link| link.at.0 == batch) {
                link.at.1 = places[link.at.1 as usize];
            }
        }
        chosen
    }

    /// Gives the places of all partners, and numbers these as one batch.
    pub(super) fn renumber(&mut self) -> Vec<(usize, usize)> {
        let mut places = Vec::with_capacity(self.count);
        for link in self.links.iter_mut().filter(|link| link.at != FREE) {
            let at = (0, u32::try_from(places.len()).unwrap_or(u32::MAX));
            let (batch, row) = std::mem::replace(&mut link.at, at);
            places.push((batch as usize, row as usize));
        }
        places
    }

    /// Offers the rows what others of them found later, whose batches come after the first `batches`.
    pub(super) fn take_over(&mut self, later: Self, batches: u32) {
        let first = u32::try_from(self.links.len()).unwrap_or(u32::MAX);
        let moved = |number: u32| if number == NONE { NONE } else { number + first };
        let kept_before = self.count;
        self.links.extend(later.links.into_iter().map(|link| Link {
            at: if link.at == FREE { FREE } else { (link.at.0 + batches, link.at.1) },
            next: moved(link.next),
            ..link
        }));
        self.count = kept_before + later.count;
        for (row, head) in (0_u32..).zip(later.heads).filter(|(_, head)| *head != NONE) {
            let own = &mut self.heads[row as usize];
            if *own == NONE {
                *own = moved(head);
                continue;
            }
            let mut next = moved(head);
            while next != NONE {
                let free = self.free;
                let Some(link) = self.link_mut(next) else { break };
                // Out of one chain, perhaps into the other.
                let (key, at) = (std::mem::take(&mut link.key), std::mem::replace(&mut link.at, FREE));
                let after = std::mem::replace(&mut link.next, free);
                self.free = std::mem::replace(&mut next, after);
                self.count -= 1;
                self.offer(row, &key, at);
            }
        }
        self.new.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_best_are_kept(
            most in 1_usize..5, split in 0_usize..4,
            offers in prop::collection::vec(prop::collection::vec((0_u32..6, 0_u8..9, 0_u32..10), 0..20), 0..6)
        ) {
            let walk = |batches: &[Vec<(u32, u8, u32)>]| {
                let (mut partners, mut gathered) = (Partners::new(6, most), Vec::new());
                for batch in batches {
                    let at = gathered.len() as u32;
                    batch.iter().for_each(|(row, key, of_batch)| partners.offer(*row, &[*key], (at, *of_batch)));
                    gathered.push(partners.settle(at, 10));
                }
                (partners, gathered)
            };
            let split = split.min(offers.len());
            let (mut partners, mut gathered) = walk(&offers[..split]);
            let (later, more) = walk(&offers[split..]);
            partners.take_over(later, gathered.len() as u32);
            gathered.extend(more);
            for renumbered in [false, true] {
                let places = renumbered.then(|| partners.renumber());
                let mut count = 0;
                for row in 0..6 {
                    let mut all: Vec<(u8, usize, u32)> = offers.iter().enumerate().flat_map(|(batch, offers)| {
                        let of_row = offers.iter().filter(move |(other, ..)| *other == row);
                        of_row.map(move |(_, key, of_batch)| (*key, batch, *of_batch))
                    }).collect();
                    all.sort_by_key(|(key, ..)| *key);
                    all.truncate(most);
                    let found: Vec<(usize, u32)> = partners.of(row).map(|(batch, place)| {
                        let (batch, place) = places.as_ref().map_or((batch, place), |places| places[place]);
                        (batch, gathered[batch][place])
                    }).collect();
                    let best: Vec<(usize, u32)> = all.into_iter().map(|(_, batch, of_batch)| (batch, of_batch)).collect();
                    count += best.len();
                    prop_assert_eq!(found, best);
                }
                prop_assert_eq!(partners.count(), count);
                // Places are told once; then all are of one batch.
                if renumbered { prop_assert_eq!(places.map(|places| places.len()), Some(count)); }
            }
        }
    }
}
