//! What was heard and isn't in the log yet: each tenant's in a lane of its own.
//!
//! Of each lane one lot is under way at a time, so a tenant's events keep their order, and a tenant
//! whose server of a cluster doesn't answer holds up nobody else. What such a tenant's lane can't keep
//! is lost, and a gap is due in that tenant's log: it is the lane's next lot, until it has been noted.
//! A marker is sealed when of everything that was heard before it, whichever lane it was in, each
//! publish or a gap after it is in the log. Nothing in here waits or reads a clock.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use sally_protocol::{Event, Tenant};
use tokio::time::Instant;

use super::interval::Marker;

/// A publish that the log hasn't taken by then is lost: much later, and its id would no longer be
/// known as a repeat of what other nodes have appended.
const MAX_AGE: Duration = Duration::from_secs(60);

/// The most that a lane keeps whose last lot failed; beyond, its oldest publishes are lost.
const MAX_STUCK_BYTES: usize = 4 << 20;

/// How much all lanes keep together. Beyond, those whose last lot failed lose what they keep, and where
/// there are none, more waits outside.
const MAX_BYTES: usize = 64 << 20;

/// About what a publish takes beside its JSON.
const OVERHEAD_BYTES: usize = 512;

/// The most publishes of a lot.
const LOT: usize = 256;

/// A lot takes no further publish beyond this size.
const LOT_BYTES: usize = 256 << 10;

/// How many markers may wait to be sealed. An older one isn't sealed any more: whoever has waited
/// for it has noted a gap long since.
const MAX_MARKERS: usize = 32;

/// What is to be appended to one tenant's log together.
#[derive(Debug)]
pub(super) struct Lot {
    pub(super) tenant: Tenant,
    pub(super) content: Content,
}

/// What a lot is.
#[derive(Debug)]
pub(super) enum Content {
    /// A gap.
    Gap,
    /// Publishes, in the order in which they were heard.
    Publishes(Vec<Publish>),
}

/// A publish that was heard.
#[derive(Debug)]
pub(super) struct Publish {
    pub(super) event: Event,
    heard_at: Instant,
    number: u64,
}

impl Publish {
    fn bytes(&self) -> usize {
        self.event.json.len() + OVERHEAD_BYTES
    }
}

#[derive(Default)]
struct Lane {
    waiting: VecDeque<Publish>,
    /// The number of the first that is lost; a gap is due.
    lost: Option<u64>,
    under_way: Option<UnderWay>,
    /// Whether the last lot failed.
    stuck: bool,
    /// The size of what is under way and of what waits.
    bytes: usize,
}

/// A lot that is under way.
struct UnderWay {
    /// The number of its first publish, or of the first that its gap stands for.
    first: u64,
    bytes: usize,
}

impl Lane {
    fn oldest(&self) -> Option<u64> {
        let waiting = self.waiting.front().map(|publish| publish.number);
        let under_way = self.under_way.as_ref().map(|lot| lot.first);
        [under_way, self.lost, waiting].into_iter().flatten().min()
    }

    fn push(&mut self, publish: Publish) {
        self.bytes += publish.bytes();
        self.waiting.push_back(publish);
    }

    fn lose_first(&mut self) {
        if let Some(first) = self.waiting.pop_front() {
            self.bytes -= first.bytes();
            self.lost.get_or_insert(first.number);
        }
    }

    fn lose_what_is_too_old(&mut self, now: Instant) {
        while self.waiting.front().is_some_and(|first| now.duration_since(first.heard_at) > MAX_AGE) {
            self.lose_first();
        }
    }

    fn lose_what_is_too_much(&mut self) {
        while self.stuck && self.bytes > MAX_STUCK_BYTES && !self.waiting.is_empty() {
            self.lose_first();
        }
    }

    /// Takes out the next lot: a gap before anything else, so that nothing hides it.
    fn begin_lot(&mut self, now: Instant) -> Option<Content> {
        if self.under_way.is_some() {
            return None;
        }
        self.lose_what_is_too_old(now);
        if let Some(first) = self.lost.take() {
            self.under_way = Some(UnderWay { first, bytes: 0 });
            return Some(Content::Gap);
        }
        let first = self.waiting.front()?.number;
        let (mut publishes, mut bytes) = (Vec::new(), 0);
        while publishes.len() < LOT
            && bytes < LOT_BYTES
            && let Some(publish) = self.waiting.pop_front()
        {
            bytes += publish.bytes();
            publishes.push(publish);
        }
        self.under_way = Some(UnderWay { first, bytes });
        Some(Content::Publishes(publishes))
    }

    fn end_lot(&mut self) {
        self.stuck = false;
        self.bytes -= self.under_way.take().map_or(0, |lot| lot.bytes);
    }

    fn take_back(&mut self, content: Content) {
        let under_way = self.under_way.take();
        match content {
            // What was lost meanwhile is in the same gap.
            Content::Gap => self.lost = under_way.map(|gap| gap.first),
            Content::Publishes(publishes) => {
                publishes.into_iter().rev().for_each(|publish| self.waiting.push_front(publish))
            }
        }
        self.stuck = true;
    }
}

/// All lanes.
#[derive(Default)]
pub(super) struct Lanes {
    /// A lane is in here as long as there is something in it.
    lanes: HashMap<Tenant, Lane>,
    /// The oldest number in each lane, and in how many lanes it is: a gap for everyone is in many.
    oldest: BTreeMap<u64, usize>,
    bytes: usize,
    /// Set while every tenant has a gap due and it isn't known yet which tenants there are.
    everyone: Option<Everyone>,
    /// Markers to be sealed, each with how much was heard before it.
    markers: VecDeque<(Marker, u64)>,
    heard: u64,
}

/// Every tenant has a gap due.
struct Everyone {
    since: u64,
    /// Those in whose lanes it is.
    told: HashSet<Tenant>,
}

impl Lanes {
    /// Whether more may be taken.
    pub(super) fn have_room(&self) -> bool {
        self.bytes < MAX_BYTES
    }

    /// Takes a publish in.
    pub(super) fn publish(&mut self, tenant: &Tenant, event: Event, heard_at: Instant) {
        if let Some(everyone) = &mut self.everyone
            && everyone.told.insert(tenant.clone())
        {
            let since = everyone.since;
            self.gap(tenant, since);
        }
        let publish = Publish { event, heard_at, number: self.number() };
        self.change(tenant, |lane| {
            lane.push(publish);
            lane.lose_what_is_too_much();
        });
        self.shed();
    }

    /// Takes a marker in, to be sealed when its time has come.
    pub(super) fn marker(&mut self, marker: Marker) {
        self.markers.push_back((marker, self.heard));
        if self.markers.len() > MAX_MARKERS {
            self.markers.pop_front();
        }
    }

    /// A gap is due in every tenant's log. Until [`Lanes::tenants`] says whose these are, it is in the
    /// lane of whoever publishes, before what they publish.
    pub(super) fn gap_for_everyone(&mut self) {
        self.everyone = Some(Everyone { since: self.number(), told: HashSet::new() });
    }

    /// These tenants there are, and perhaps others whose logs have begun since.
    pub(super) fn tenants(&mut self, all: &[Tenant]) {
        let Some(everyone) = self.everyone.take() else { return };
        for tenant in all.iter().filter(|tenant| !everyone.told.contains(*tenant)) {
            self.gap(tenant, everyone.since);
        }
    }

    /// What a tenant's next attempt is at; `None` while one is under way or nothing waits.
    pub(super) fn next_lot(&mut self, tenant: &Tenant, now: Instant) -> Option<Lot> {
        let content = self.change(tenant, |lane| lane.begin_lot(now))?;
        Some(Lot { tenant: tenant.clone(), content })
    }

    /// Notes that a tenant's lot is in the log.
    pub(super) fn done(&mut self, tenant: &Tenant) {
        self.change(tenant, Lane::end_lot);
    }

    /// Takes back a lot that may not be in the log.
    pub(super) fn failed(&mut self, Lot { tenant, content }: Lot) {
        self.change(&tenant, |lane| {
            lane.take_back(content);
            lane.lose_what_is_too_much();
        });
        self.shed();
    }

    /// The next marker of which everything before is taken care of.
    pub(super) fn next_seal(&mut self) -> Option<Marker> {
        let (_, before) = self.markers.front()?;
        let everyone = self.everyone.as_ref().map(|everyone| everyone.since);
        let oldest = self.oldest.keys().next().copied().into_iter().chain(everyone).min();
        if oldest.is_some_and(|oldest| oldest < *before) {
            return None;
        }
        self.markers.pop_front().map(|(marker, _)| marker)
    }

    /// Whatever was heard of a tenant from this number on may be incomplete.
    fn gap(&mut self, tenant: &Tenant, since: u64) {
        self.change(tenant, |lane| lane.lost = Some(since));
    }

    fn number(&mut self) -> u64 {
        self.heard += 1;
        self.heard - 1
    }

    /// As long as there is too much, the fullest lane of those that are stuck loses what waits in it.
    fn shed(&mut self) {
        while !self.have_room() {
            let stuck = self.lanes.iter().filter(|(_, lane)| lane.stuck && !lane.waiting.is_empty());
            let Some((fullest, _)) = stuck.max_by_key(|(_, lane)| lane.bytes) else { return };
            self.change(&fullest.clone(), |lane| {
                while !lane.waiting.is_empty() {
                    lane.lose_first();
                }
            });
        }
    }

    /// Changes a lane, and what is known of all of them with it.
    fn change<T>(&mut self, tenant: &Tenant, change: impl FnOnce(&mut Lane) -> T) -> T {
        let lane = self.lanes.entry(tenant.clone()).or_default();
        let (oldest_before, bytes_before) = (lane.oldest(), lane.bytes);
        let outcome = change(lane);
        let oldest = lane.oldest();
        self.bytes = self.bytes + lane.bytes - bytes_before;
        if let Some(before) = oldest_before
            && let Entry::Occupied(mut lanes) = self.oldest.entry(before)
        {
            *lanes.get_mut() -= 1;
            if *lanes.get() == 0 {
                lanes.remove();
            }
        }
        if let Some(oldest) = oldest {
            *self.oldest.entry(oldest).or_default() += 1;
        }
        if oldest.is_none() {
            self.lanes.remove(tenant);
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> Tenant {
        Tenant::parse(name).expect("a tenant")
    }

    fn marker(id: &str) -> Marker {
        Marker(id.into())
    }

    /// Takes in an event whose JSON has about this size.
    fn publish_sized(lanes: &mut Lanes, of: &str, bytes: usize, at: Instant) {
        let payload = format!(r#"{{"type":"zz_top","x":"{}"}}"#, "x".repeat(bytes));
        let event = Event::check(payload.as_bytes(), &tenant(of), jiff::Timestamp::UNIX_EPOCH, || "e".into());
        lanes.publish(&tenant(of), event.expect("an event"), at);
    }

    fn publish(lanes: &mut Lanes, of: &str) {
        publish_sized(lanes, of, 0, Instant::now());
    }

    fn lot(lanes: &mut Lanes, of: &str) -> Option<Lot> {
        lanes.next_lot(&tenant(of), Instant::now())
    }

    /// How many publishes a lot has, or `None` for a gap.
    fn publishes(lot: &Lot) -> Option<usize> {
        match &lot.content {
            Content::Gap => None,
            Content::Publishes(publishes) => Some(publishes.len()),
        }
    }

    /// Tries a tenant's next lot, which fails.
    fn fail(lanes: &mut Lanes, of: &str) {
        let lot = lot(lanes, of).expect("a lot");
        lanes.failed(lot);
    }

    #[test]
    fn a_tenant_that_waits_holds_up_its_own_and_the_markers_after_it() {
        let mut lanes = Lanes::default();
        publish(&mut lanes, "slow");
        assert_eq!(publishes(&lot(&mut lanes, "slow").expect("a lot")), Some(1));
        lanes.marker(marker("a"));
        publish(&mut lanes, "fast");
        publish(&mut lanes, "slow");
        assert!(lot(&mut lanes, "slow").is_none(), "one at a time");
        assert_eq!(publishes(&lot(&mut lanes, "fast").expect("a lot")), Some(1));
        lanes.done(&tenant("fast"));
        assert!(lot(&mut lanes, "fast").is_none());
        lanes.marker(marker("b"));
        assert_eq!(lanes.next_seal(), None);
        lanes.done(&tenant("slow"));
        assert_eq!(lanes.next_seal(), Some(marker("a")), "the second event came after it");
        assert_eq!(lanes.next_seal(), None);
        assert_eq!(publishes(&lot(&mut lanes, "slow").expect("a lot")), Some(1));
        assert_eq!(lanes.next_seal(), None, "under way isn't done");
        lanes.done(&tenant("slow"));
        assert_eq!(lanes.next_seal(), Some(marker("b")));
        assert_eq!(lanes.next_seal(), None);
        assert!(lanes.lanes.is_empty() && lanes.oldest.is_empty() && lanes.bytes == 0);
    }

    #[test]
    fn nobody_remembers_markers_for_ever() {
        let mut lanes = Lanes::default();
        publish(&mut lanes, "slow");
        for n in 0..MAX_MARKERS + 1 {
            lanes.marker(marker(&n.to_string()));
        }
        assert!(lot(&mut lanes, "slow").is_some());
        lanes.done(&tenant("slow"));
        assert_eq!(lanes.next_seal(), Some(marker("1")));
    }

    #[test]
    fn a_gap_for_everyone_is_the_first_of_each_tenant_once() {
        let mut lanes = Lanes::default();
        lanes.gap_for_everyone();
        lanes.marker(marker("first"));
        publish(&mut lanes, "known");
        assert_eq!(publishes(&lot(&mut lanes, "known").expect("a lot")), None, "nothing of theirs hides it");
        lanes.done(&tenant("known"));
        assert_eq!(publishes(&lot(&mut lanes, "known").expect("a lot")), Some(1));
        lanes.done(&tenant("known"));
        assert_eq!(lanes.next_seal(), None, "there may be others");
        lanes.tenants(&[tenant("known"), tenant("quiet")]);
        assert!(lot(&mut lanes, "known").is_none(), "theirs is noted");
        assert_eq!(lanes.next_seal(), None);
        fail(&mut lanes, "quiet");
        assert_eq!(lanes.next_seal(), None, "a gap that failed is still due");
        assert_eq!(publishes(&lot(&mut lanes, "quiet").expect("a lot")), None);
        lanes.done(&tenant("quiet"));
        assert_eq!(lanes.next_seal(), Some(marker("first")));
    }

    #[test]
    fn what_is_too_old_is_lost_to_its_tenant_alone() {
        let (mut lanes, now) = (Lanes::default(), Instant::now());
        publish_sized(&mut lanes, "acme", 0, now);
        publish_sized(&mut lanes, "acme", 0, now + MAX_AGE);
        lanes.marker(marker("m"));
        let later = now + MAX_AGE + Duration::from_secs(1);
        let gap = lanes.next_lot(&tenant("acme"), later).expect("a lot");
        assert_eq!(publishes(&gap), None);
        lanes.done(&tenant("acme"));
        assert_eq!(lanes.next_seal(), None);
        assert_eq!(publishes(&lanes.next_lot(&tenant("acme"), later).expect("a lot")), Some(1), "the younger one");
        lanes.done(&tenant("acme"));
        assert_eq!(lanes.next_seal(), Some(marker("m")));
    }

    #[test]
    fn what_is_lost_while_a_gap_is_under_way_is_in_the_next() {
        let (mut lanes, now) = (Lanes::default(), Instant::now());
        lanes.gap_for_everyone();
        lanes.tenants(&[tenant("acme")]);
        fail(&mut lanes, "acme");
        assert_eq!(publishes(&lot(&mut lanes, "acme").expect("a lot")), None);
        for _ in 0..100 {
            publish_sized(&mut lanes, "acme", 60_000, now);
        }
        lanes.marker(marker("m"));
        assert!(lanes.bytes <= MAX_STUCK_BYTES);
        lanes.done(&tenant("acme"));
        assert_eq!(lanes.next_seal(), None);
        assert_eq!(publishes(&lot(&mut lanes, "acme").expect("a lot")), None, "the first gap may be before them");
    }

    #[test]
    fn a_lane_that_works_waits_rather_than_loses() {
        let mut lanes = Lanes::default();
        let mut taken = 0;
        while lanes.have_room() {
            publish_sized(&mut lanes, "busy", 60_000, Instant::now());
            taken += 1;
        }
        assert!(taken > 1_000 && lanes.bytes < MAX_BYTES + 64_000);
        let first = lot(&mut lanes, "busy").expect("a lot");
        assert!(publishes(&first).is_some_and(|count| (1..10).contains(&count)), "a lot is bounded by its size");
        assert!(!lanes.have_room(), "under way isn't done");
        lanes.done(&tenant("busy"));
        assert!(lanes.have_room());
    }

    #[test]
    fn when_there_is_too_much_those_that_are_stuck_lose_it() {
        let mut lanes = Lanes::default();
        let stuck: Vec<String> = (0..20).map(|n| format!("stuck-{n}")).collect();
        for of in &stuck {
            publish(&mut lanes, of);
            fail(&mut lanes, of);
        }
        publish(&mut lanes, "busy");
        for _ in 0..100 {
            stuck.iter().for_each(|of| publish_sized(&mut lanes, of, 60_000, Instant::now()));
            assert!(lanes.have_room(), "they hold up nobody");
        }
        assert_eq!(publishes(&lot(&mut lanes, "busy").expect("a lot")), Some(1));
        assert_eq!(publishes(&lot(&mut lanes, &stuck[0]).expect("a lot")), None, "a gap is due");
    }
}
