//! Which query may work now, which waits, and which is sent away?
//!
//! ```text
//! places of all      [ i s s . . . ]     one is kept for small queries, and one from them
//! places of a user   [ s . . ]           scans never take the last one
//! queues             interactive: ann 1 2 3, bob 4     scan: ann 5 6, eve 7     served in turns: ann, bob, ann, ...
//! ```
//! Users take turns, each one's queries in the order in which they came; small queries have a queue of their own, so they
//! never stand behind scans. A place whose reader does not read is lent to others meanwhile. Knows no protocol and no plan.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sidereus_engine::{EngineError, QueryClass};
use tokio::sync::oneshot;

use super::caller::User;

/// Times after which to ask again: small queries are soon over.
const RETRY_INTERACTIVE: Duration = Duration::from_secs(5);
const RETRY_SCAN: Duration = Duration::from_secs(30);

/// How many queries work and wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AdmissionLimits {
    /// Queries that work at the same time.
    pub(crate) queries: usize,
    /// Scans among them, fewer.
    pub(crate) scans: usize,
    /// Queries of one user that work at the same time.
    pub(crate) queries_per_user: usize,
    /// Scans among them, fewer.
    pub(crate) scans_per_user: usize,
    /// Queries that wait.
    pub(crate) queue: usize,
    /// Queries of one user that wait.
    pub(crate) queue_per_user: usize,
    /// Time that a query waits.
    pub(crate) wait: Duration,
}

/// Gives out places; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Admission(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: AdmissionLimits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    working: Working,
    users: HashMap<User, Share>,
    /// Users with queries that wait, the next one first; by class.
    turns: [VecDeque<User>; 2],
    waiting: usize,
    number: u64,
}

/// What one user has.
#[derive(Debug, Default)]
struct Share {
    working: Working,
    waiting: [VecDeque<Waiting>; 2],
}

#[derive(Debug, Clone, Copy, Default)]
struct Working {
    by_class: [usize; 2],
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    go: oneshot::Sender<Place>,
}

const CLASSES: [QueryClass; 2] = [QueryClass::Interactive, QueryClass::Scan];

const fn slot(class: QueryClass) -> usize {
    match class {
        QueryClass::Interactive => 0,
        QueryClass::Scan => 1,
    }
}

impl Working {
    fn all(self) -> usize {
        self.by_class.iter().sum()
    }

    const fn of(self, class: QueryClass) -> usize {
        self.by_class[slot(class)]
    }
}

impl Share {
    fn waits(&self) -> usize {
        self.waiting.iter().map(VecDeque::len).sum()
    }
}

impl State {
    fn has_room(&self, limits: &AdmissionLimits, user: &User, class: QueryClass) -> bool {
        let own = self.users.get(user).map(|share| share.working).unwrap_or_default();
        let of_class = match class {
            QueryClass::Interactive => self.working.of(class) + 1 < limits.queries,
            QueryClass::Scan => self.working.of(class) < limits.scans && own.of(class) < limits.scans_per_user,
        };
        of_class && self.working.all() < limits.queries && own.all() < limits.queries_per_user
    }

    fn start(&mut self, user: &User, class: QueryClass) {
        self.working.by_class[slot(class)] += 1;
        self.users.entry(user.clone()).or_default().working.by_class[slot(class)] += 1;
    }

    fn end(&mut self, user: &User, class: QueryClass) {
        self.working.by_class[slot(class)] -= 1;
        if let Some(share) = self.users.get_mut(user) {
            share.working.by_class[slot(class)] -= 1;
        }
        self.forget_idle(user);
    }

    fn forget_idle(&mut self, user: &User) {
        if self.users.get(user).is_some_and(|share| share.working.all() == 0 && share.waits() == 0) {
            self.users.remove(user);
        }
    }

    /// Starts whatever may start now, users in turns.
    fn next_ones(&mut self, limits: &AdmissionLimits) -> Vec<(User, QueryClass, oneshot::Sender<Place>)> {
        let mut started = Vec::new();
        for class in CLASSES {
            let mut passed_over = 0;
            while passed_over < self.turns[slot(class)].len() {
                let Some(user) = self.turns[slot(class)].pop_front() else { break };
                let room = self.has_room(limits, &user, class);
                let Some(queue) = self.users.get_mut(&user).map(|share| &mut share.waiting[slot(class)]) else {
                    continue;
                };
                let next = if room { queue.pop_front() } else { None };
                if !queue.is_empty() {
                    self.turns[slot(class)].push_back(user.clone());
                }
                match next {
                    Some(next) => {
                        passed_over = 0;
                        self.waiting -= 1;
                        self.start(&user, class);
                        started.push((user, class, next.go));
                    }
                    None => passed_over += 1,
                }
            }
        }
        started
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what works, and starts what may start then.
    fn change(self: &Arc<Self>, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let started = state.next_ones(&self.limits);
        drop(state);
        for (user, class, go) in started {
            let place = Place { shared: Arc::clone(self), user, class, lent: AtomicBool::new(false) };
            // Who went away meanwhile gives it back by dropping it.
            drop(go.send(place));
        }
    }
}

/// A query's right to work; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    shared: Arc<Shared>,
    user: User,
    class: QueryClass,
    lent: AtomicBool,
}

impl Place {
    /// Lets others work in its stead.
    pub(super) fn lend(&self) {
        if !self.lent.swap(true, Ordering::AcqRel) {
            self.shared.change(|state| state.end(&self.user, self.class));
        }
    }

    /// Takes it back at once, even if there are too many then for a while.
    pub(super) fn take_back(&self) {
        if self.lent.load(Ordering::Acquire) && self.lent.swap(false, Ordering::AcqRel) {
            self.shared.lock().start(&self.user, self.class);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.lend();
    }
}

/// A query's place in the queue; it leaves when this is dropped.
struct InQueue {
    shared: Arc<Shared>,
    user: User,
    class: QueryClass,
    number: u64,
}

impl Drop for InQueue {
    fn drop(&mut self) {
        self.shared.change(|state| {
            let Some(share) = state.users.get_mut(&self.user) else { return };
            let queue = &mut share.waiting[slot(self.class)];
            let before = queue.len();
            queue.retain(|waiting| waiting.number != self.number);
            state.waiting -= before - queue.len();
            if queue.is_empty() {
                state.turns[slot(self.class)].retain(|user| *user != self.user);
            }
            state.forget_idle(&self.user);
        });
    }
}

impl Admission {
    /// Places within limits.
    pub(super) fn new(limits: AdmissionLimits) -> Self {
        Self(Arc::new(Shared { limits, state: Mutex::default() }))
    }

    /// Queries that work and that wait now.
    pub(super) fn load(&self) -> (usize, usize) {
        let state = self.0.lock();
        (state.working.all(), state.waiting)
    }

    /// A place for a query, at once or when it is its turn; `patience` replaces the limits of the queue.
    ///
    /// *Errors*: `Busy`, naming the limit that was hit.
    pub(super) async fn enter(
        &self,
        user: User,
        class: QueryClass,
        patience: Option<Duration>,
    ) -> Result<Place, EngineError> {
        let limits = self.0.limits;
        let (go, turn) = oneshot::channel();
        let in_queue = {
            let mut state = self.0.lock();
            let (waits, queued) = state
                .users
                .get(&user)
                .map_or((0, false), |share| (share.waits(), !share.waiting[slot(class)].is_empty()));
            if !queued && state.has_room(&limits, &user, class) {
                state.start(&user, class);
                return Ok(Place { shared: Arc::clone(&self.0), user, class, lent: AtomicBool::new(false) });
            }
            if patience.is_none() && waits >= limits.queue_per_user {
                let what = "queries of one user may wait (admission.queue_per_user)";
                return Err(busy(class, &format!("no more than {} {what}", limits.queue_per_user)));
            }
            if patience.is_none() && state.waiting >= limits.queue {
                let what = "queries may wait (admission.queue)";
                return Err(busy(class, &format!("no more than {} {what}", limits.queue)));
            }
            state.number += 1;
            state.waiting += 1;
            let number = state.number;
            let queue = &mut state.users.entry(user.clone()).or_default().waiting[slot(class)];
            queue.push_back(Waiting { number, go });
            if queue.len() == 1 {
                state.turns[slot(class)].push_back(user.clone());
            }
            InQueue { shared: Arc::clone(&self.0), user, class, number }
        };
        let wait = patience.unwrap_or(limits.wait);
        let place = tokio::time::timeout(wait, turn).await;
        drop(in_queue);
        match place {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => {
                let seconds = wait.as_secs_f64();
                let (own, all) = match class {
                    QueryClass::Interactive => (limits.queries_per_user, limits.queries),
                    QueryClass::Scan => (limits.scans_per_user, limits.scans),
                };
                let what = match class {
                    QueryClass::Interactive => "queries",
                    QueryClass::Scan => "queries that read much",
                };
                Err(busy(
                    class,
                    &format!(
                        "the query waited for its turn for {seconds} s (admission.queue_seconds): \
                     {own} {what} of one user work at the same time, and {all} in all"
                    ),
                ))
            }
        }
    }
}

fn busy(class: QueryClass, why: &str) -> EngineError {
    let retry_after = match class {
        QueryClass::Interactive => RETRY_INTERACTIVE,
        QueryClass::Scan => RETRY_SCAN,
    };
    let seconds = retry_after.as_secs();
    EngineError::Busy { message: format!("the service is busy: {why}; try again in {seconds} s"), retry_after }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use futures::FutureExt;
    use sidereus_engine::ErrorKind;

    use super::*;

    const LIMITS: AdmissionLimits = AdmissionLimits {
        queries: 4,
        scans: 3,
        queries_per_user: 3,
        scans_per_user: 2,
        queue: 500,
        queue_per_user: 300,
        wait: Duration::from_secs(60),
    };

    fn user(name: &str) -> User {
        User::Named(name.to_owned())
    }

    fn now(admission: &Admission, name: &str, class: QueryClass) -> Option<Place> {
        admission.enter(user(name), class, None).now_or_never().map(Result::unwrap)
    }

    #[tokio::test]
    async fn scans_leave_a_place_for_small_queries() {
        let admission = Admission::new(LIMITS);
        let scans: Vec<Place> =
            ["a", "a", "b"].iter().map(|name| now(&admission, name, QueryClass::Scan).unwrap()).collect();
        assert!(now(&admission, "c", QueryClass::Scan).is_none());
        let waiting = tokio::spawn({
            let admission = admission.clone();
            async move { admission.enter(user("c"), QueryClass::Scan, None).await.map(drop) }
        });
        tokio::task::yield_now().await;
        assert_eq!(admission.load(), (3, 1));
        for name in ["a", "b", "c"] {
            assert!(now(&admission, name, QueryClass::Interactive).is_some(), "{name} waits behind scans");
        }
        drop(scans);
        waiting.await.unwrap().unwrap();
        assert_eq!(admission.load(), (0, 0));
        assert!(admission.0.lock().users.is_empty());
    }

    #[tokio::test]
    async fn users_take_turns_and_keep_their_own_order() {
        let limits = AdmissionLimits { queries: 2, scans: 1, queries_per_user: 2, scans_per_user: 1, ..LIMITS };
        let admission = Admission::new(limits);
        let held = now(&admission, "z", QueryClass::Scan).unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for (name, count) in [("a", 200), ("b", 2)] {
            for number in 0..count {
                let (admission, order) = (admission.clone(), Arc::clone(&order));
                tasks.push(tokio::spawn(async move {
                    let place = admission.enter(user(name), QueryClass::Scan, None).await.unwrap();
                    order.lock().unwrap().push((name, number));
                    tokio::task::yield_now().await;
                    drop(place);
                }));
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(admission.load(), (1, 202));
        drop(held);
        for task in tasks {
            task.await.unwrap();
        }
        let order = order.lock().unwrap();
        assert_eq!(order[..5], [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2)]);
        let own: Vec<_> = order.iter().filter(|(name, _)| *name == "a").map(|(_, number)| *number).collect();
        assert_eq!(own, (0..200).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn what_cannot_wait_is_told_which_limit_it_hit() {
        let admission =
            Admission::new(AdmissionLimits { queue: 3, queue_per_user: 2, wait: Duration::from_millis(300), ..LIMITS });
        let _held: Vec<_> = (0..2).map(|_| now(&admission, "a", QueryClass::Scan).unwrap()).collect();
        let wait = |name: &str| {
            let (admission, user) = (admission.clone(), user(name));
            tokio::spawn(async move { admission.enter(user, QueryClass::Scan, None).await })
        };
        let late = wait("a");
        let gone = wait("a");
        tokio::task::yield_now().await;
        let error = admission.enter(user("a"), QueryClass::Scan, None).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::Unavailable, Some(RETRY_SCAN)));
        assert!(error.to_string().contains("no more than 2 queries of one user"), "{error}");
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        assert_eq!(admission.load().1, 1, "who went away waits no more");
        let error = late.await.unwrap().unwrap_err();
        assert!(error.to_string().contains("for 0.3 s"), "{error}");
        assert_eq!(admission.load(), (2, 0));
        let kept = admission.enter(user("a"), QueryClass::Scan, Some(Duration::from_millis(90))).await.unwrap_err();
        assert!(kept.to_string().contains("for 0.09 s"), "{kept}");
    }

    #[tokio::test]
    async fn a_place_that_is_lent_is_used_and_taken_back() {
        let admission = Admission::new(AdmissionLimits { scans_per_user: 1, ..LIMITS });
        let first = now(&admission, "a", QueryClass::Scan).unwrap();
        assert!(now(&admission, "a", QueryClass::Scan).is_none());
        first.lend();
        let second = now(&admission, "a", QueryClass::Scan).unwrap();
        first.take_back();
        assert_eq!(admission.load(), (2, 0));
        drop(second);
        assert!(now(&admission, "a", QueryClass::Scan).is_none());
        drop(first);
        assert!(now(&admission, "a", QueryClass::Scan).is_some());
    }

    #[tokio::test]
    async fn many_users_at_random_leave_nothing_behind() {
        let admission = Admission::new(LIMITS);
        let mut tasks = Vec::new();
        for number in 0..400_u32 {
            let admission = admission.clone();
            tasks.push(tokio::spawn(async move {
                let class = CLASSES[number as usize % 2];
                let user = User::At(IpAddr::V4(Ipv4Addr::from_bits(number % 7)));
                let entered = admission.enter(user, class, None);
                let patience = Duration::from_micros(u64::from(number * 37 % 900));
                let Ok(place) = tokio::time::timeout(patience, entered).await else { return };
                let place = place.unwrap();
                assert!(admission.load().0 <= LIMITS.queries);
                tokio::time::sleep(Duration::from_micros(u64::from(number % 50))).await;
                drop(place);
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        let state = admission.0.lock();
        assert!(state.users.is_empty() && state.turns.iter().all(VecDeque::is_empty));
        assert_eq!((state.working.all(), state.waiting), (0, 0));
    }
}
