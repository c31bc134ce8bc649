//! How often somebody may try to sign in: by account, by peer, and all together.
//!
//! A password can be guessed as fast as it can be tried, and trying costs the server tens of
//! milliseconds of a core and 19 MiB. So an account, and the address that attempts come from, have
//! some failures for free; each further one makes the next attempt wait, twice as long as before up
//! to a minute. An account that doesn't exist waits like one that does. And however many come at
//! once, a bounded number of passwords is hashed at a time.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sally_protocol::Tenant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Failures of an account that cost nothing: people mistype.
const FREE_OF_ACCOUNT: u32 = 5;

/// Failures of an address that cost nothing; a whole dispatch office may share one.
const FREE_OF_PEER: u32 = 50;

/// What the first failure after those costs.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// What no failure costs more than. Somebody who keeps an account busy keeps its owner waiting,
/// too, so it is no longer.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Failures are forgotten when none was added for so long.
const MEMORY: Duration = Duration::from_secs(15 * 60);

/// How many accounts, and how many addresses, are remembered. Beyond that those are forgotten that
/// have failed least.
const MAX_REMEMBERED: usize = 10_000;

/// How many may wait for their password to be hashed.
const MAX_WAITING: usize = 64;

/// All attempts; a cheap clone.
#[derive(Clone)]
pub struct Attempts {
    book: Arc<Mutex<Book>>,
    hashing: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// The failures that are remembered. Names are kept as hashes, so that long ones take no room; the
/// hash is keyed, so that nobody can find two names with the same.
struct Book {
    hasher: RandomState,
    accounts: Failures<FREE_OF_ACCOUNT>,
    peers: Failures<FREE_OF_PEER>,
}

/// What [`Attempts::begin`] has entered for one attempt. Dropped, it counts as a failure: who goes
/// away before the answer has tried a password all the same.
#[must_use]
pub struct Attempt {
    book: Arc<Mutex<Book>>,
    account: u64,
    peer: u64,
}

impl Attempts {
    /// None so far. Half of the cores hash passwords, the others go on with their work.
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let book = Book { hasher: RandomState::new(), accounts: Failures::default(), peers: Failures::default() };
        Self {
            book: Arc::new(Mutex::new(book)),
            hashing: Arc::new(Semaphore::new((cores / 2).max(1))),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
        }
    }

    /// Whether an attempt would be looked at now.
    ///
    /// # Errors
    ///
    /// How long to wait.
    pub fn look(&self, email: &str, tenant: Option<&Tenant>, peer: IpAddr, now: Instant) -> Result<(), Duration> {
        let book = lock(&self.book);
        let (account, peer) = book.names(email, tenant, peer);
        book.look(account, peer, now)
    }

    /// Enters an attempt as failed, until it is known better: those that run at the same time must
    /// not all count as the first. The account is the address and tenant as they were named, since
    /// what exists must not show; an address without a tenant is thus an account of its own.
    ///
    /// # Errors
    ///
    /// How long to wait. An attempt that is refused isn't counted.
    pub fn begin(&self, email: &str, tenant: Option<&Tenant>, peer: IpAddr, now: Instant) -> Result<Attempt, Duration> {
        let mut book = lock(&self.book);
        let (account, peer) = book.names(email, tenant, peer);
        book.look(account, peer, now)?;
        book.accounts.add(account, now);
        book.peers.add(peer, now);
        Ok(Attempt { book: Arc::clone(&self.book), account, peer })
    }

    /// Waits for the turn to hash a password, which lasts as long as what is returned is held.
    /// `None` when too many wait already.
    pub async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let _place = self.waiting.try_acquire().ok()?;
        // It is never closed.
        Arc::clone(&self.hashing).acquire_owned().await.ok()
    }
}

impl Default for Attempts {
    fn default() -> Self {
        Self::new()
    }
}

impl Attempt {
    /// The password was right: the account's failures are forgotten, and this isn't one of the
    /// peer's. Others of the peer's stay, or one account of one's own would do to try all others.
    pub fn succeeded(self) {
        let mut book = lock(&self.book);
        book.accounts.remembered.remove(&self.account);
        book.peers.take_back(self.peer);
    }

    /// No password was tried, for a reason on this side.
    pub fn not_tried(self) {
        let mut book = lock(&self.book);
        book.accounts.take_back(self.account);
        book.peers.take_back(self.peer);
    }
}

impl Book {
    fn names(&self, email: &str, tenant: Option<&Tenant>, peer: IpAddr) -> (u64, u64) {
        let account = self.hasher.hash_one((email.to_lowercase(), tenant.map(Tenant::as_str)));
        (account, self.hasher.hash_one(network(peer)))
    }

    fn look(&self, account: u64, peer: u64, now: Instant) -> Result<(), Duration> {
        let wait = self.accounts.wait(account, now).max(self.peers.wait(peer, now));
        if wait.is_zero() { Ok(()) } else { Err(wait) }
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What an address counts as: in IPv6 a subscriber has a whole /64.
fn network(address: IpAddr) -> impl Hash {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

/// The failures of each of many, the first `FREE` of which cost nothing.
#[derive(Default)]
struct Failures<const FREE: u32> {
    remembered: HashMap<u64, Failed>,
}

struct Failed {
    times: u32,
    last: Instant,
}

impl Failed {
    /// What the last failure costs.
    fn cost(&self, free: u32) -> Duration {
        match self.times.checked_sub(free) {
            None => Duration::ZERO,
            // 2 to the 6th is more than a minute already.
            Some(over) => (FIRST_WAIT * 2_u32.pow(over.min(6))).min(LONGEST_WAIT),
        }
    }

    fn is_forgotten(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) >= MEMORY
    }
}

impl<const FREE: u32> Failures<FREE> {
    /// How long the next attempt must wait.
    fn wait(&self, of: u64, now: Instant) -> Duration {
        self.remembered
            .get(&of)
            .map_or(Duration::ZERO, |failed| (failed.last + failed.cost(FREE)).saturating_duration_since(now))
    }

    fn add(&mut self, of: u64, now: Instant) {
        if self.remembered.len() >= MAX_REMEMBERED && !self.remembered.contains_key(&of) {
            self.make_room(now);
        }
        let failed = self.remembered.entry(of).or_insert(Failed { times: 0, last: now });
        if failed.is_forgotten(now) {
            failed.times = 0;
        }
        *failed = Failed { times: failed.times.saturating_add(1), last: now };
    }

    /// Undoes one [`Failures::add`], with its wait.
    fn take_back(&mut self, of: u64) {
        if let Some(failed) = self.remembered.get_mut(&of) {
            failed.times = failed.times.saturating_sub(1);
            if failed.times < FREE {
                return;
            }
            // What was served of the wait before counts; it was served in full, or this attempt
            // would have been refused.
            failed.last = failed.last.checked_sub(failed.cost(FREE)).unwrap_or(failed.last);
        }
    }

    fn make_room(&mut self, now: Instant) {
        self.remembered.retain(|_, failed| !failed.is_forgotten(now));
        // A tenth at once, so that the next ones find room.
        let excess = (self.remembered.len() + MAX_REMEMBERED / 10).saturating_sub(MAX_REMEMBERED);
        if excess == 0 {
            return;
        }
        let mut order: Vec<(u32, Instant, u64)> =
            self.remembered.iter().map(|(of, failed)| (failed.times, failed.last, *of)).collect();
        order.sort_unstable();
        for (_, _, of) in order.into_iter().take(excess) {
            self.remembered.remove(&of);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn fail(attempts: &Attempts, email: &str, peer: IpAddr, now: Instant) -> Result<(), Duration> {
        attempts.begin(email, None, peer, now).map(drop)
    }

    #[test]
    fn waits_double_up_to_a_minute_and_are_forgotten() {
        let attempts = Attempts::new();
        let mut now = Instant::now();
        for _ in 0..FREE_OF_ACCOUNT {
            assert_eq!(fail(&attempts, "ann", PEER, now), Ok(()));
        }
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            let wait = Duration::from_secs(seconds);
            assert_eq!(fail(&attempts, "ann", PEER, now), Err(wait));
            assert_eq!(fail(&attempts, "ANN", PEER, now), Err(wait), "asking costs nothing");
            assert_eq!(fail(&attempts, "bob", PEER, now), Ok(()), "bob is another");
            attempts.begin("bob", None, PEER, now).expect("a turn").succeeded();
            now += wait;
            assert_eq!(fail(&attempts, "ann", PEER, now), Ok(()));
        }
        now += MEMORY;
        for _ in 0..FREE_OF_ACCOUNT {
            assert_eq!(fail(&attempts, "ann", PEER, now), Ok(()));
        }
    }

    #[test]
    fn a_right_password_clears_the_account_and_not_the_peer() {
        let attempts = Attempts::new();
        let now = Instant::now();
        for n in 0..FREE_OF_PEER {
            assert_eq!(fail(&attempts, &format!("user-{n}"), PEER, now), Ok(()));
            if n + 1 < FREE_OF_PEER {
                attempts.begin("own", None, PEER, now).expect("a turn").succeeded();
            }
        }
        assert_eq!(fail(&attempts, "another", PEER, now), Err(FIRST_WAIT));
        let later = now + FIRST_WAIT;
        attempts.begin("own", None, PEER, later).expect("a turn").succeeded();
        assert_eq!(fail(&attempts, "another", PEER, later), Ok(()), "a right password costs no wait");
        assert_eq!(fail(&attempts, "another", PEER, later), Err(FIRST_WAIT * 2));
        assert_eq!(fail(&attempts, "another", IpAddr::from([192, 0, 2, 2]), later), Ok(()));
    }

    #[test]
    fn what_was_not_tried_does_not_count() {
        let attempts = Attempts::new();
        let now = Instant::now();
        for _ in 0..FREE_OF_PEER * 2 {
            attempts.begin("ann", None, PEER, now).expect("a turn").not_tried();
        }
    }

    #[test]
    fn a_subscriber_is_one_peer() {
        let attempts = Attempts::new();
        let now = Instant::now();
        let address = |host: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, host));
        for n in 0..FREE_OF_PEER {
            assert_eq!(fail(&attempts, &format!("user-{n}"), address(n as u16), now), Ok(()));
        }
        assert!(fail(&attempts, "ann", address(999), now).is_err());
        assert_eq!(fail(&attempts, "ann", IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 1)), now), Ok(()));
    }

    #[test]
    fn memory_is_bounded_and_the_worst_are_kept() {
        let attempts = Attempts::new();
        let now = Instant::now();
        let peer = |n: u32| IpAddr::from((0x0a00_0000 + n).to_be_bytes());
        for _ in 0..FREE_OF_ACCOUNT {
            assert_eq!(fail(&attempts, "ann", PEER, now), Ok(()));
        }
        for n in 0..3 * MAX_REMEMBERED as u32 {
            assert_eq!(fail(&attempts, &format!("user-{n}"), peer(n), now), Ok(()));
        }
        let book = lock(&attempts.book);
        assert!(book.accounts.remembered.len() <= MAX_REMEMBERED && book.peers.remembered.len() <= MAX_REMEMBERED);
        drop(book);
        assert_eq!(fail(&attempts, "ann", PEER, now), Err(FIRST_WAIT));
    }

    #[tokio::test]
    async fn few_hash_at_a_time_and_few_wait() {
        let attempts = Attempts::new();
        let mut turns = Vec::new();
        while attempts.hashing.available_permits() > 0 {
            turns.push(attempts.turn().await.expect("a turn"));
        }
        let waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| {
                let attempts = attempts.clone();
                tokio::spawn(async move { attempts.turn().await.is_some() })
            })
            .collect();
        while attempts.waiting.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(attempts.turn().await.is_none());
        drop(turns);
        for waiter in waiting {
            assert!(waiter.await.expect("no panic"));
        }
    }
}
