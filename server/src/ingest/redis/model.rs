//! The protocol of [`interval`](super::interval) and [`lanes`](super::lanes) against a model of Redis,
//! in all the orders that can happen: nodes come, leave, die, lose their connection, lag as they like,
//! and append again what may have been appended; the server of a tenant's log goes away and comes back.
//!
//! Held to: no publish becomes two events, and every publish becomes one or is followed by a gap in its
//! tenant's log.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use proptest::prelude::*;
use sally_protocol::{Event, Tenant};
use tokio::time::Instant;

use super::interval::{Cover, GRACE, Interval, Marker, Step, cover};
use super::lanes::{Content, Lanes, Lot};

const NODES: usize = 3;

/// The logs, each on a server of its own.
const TENANTS: usize = 2;

/// What happens next.
#[derive(Debug, Clone)]
enum Action {
    /// Somebody publishes one of a few payloads for a tenant.
    Publish { tenant: usize, payload: u8 },
    /// A node that listens publishes a marker.
    Mark(usize),
    /// A node subscribes, anew if it had.
    Subscribe(usize),
    /// A node loses its connection, dies, or leaves: what it hadn't done is not done.
    Lose(usize),
    /// A node takes so many messages from its connection.
    Hear(usize, usize),
    /// A node takes in the next thing that it has heard. It may have waited long enough for a seal.
    Take { node: usize, patient: bool },
    /// A node's attempt at a lot ends. It may not learn that it was done, and will try again.
    Attempt { node: usize, lot: usize, doubtful: bool },
    /// A node asks which tenants there are.
    List(usize),
    /// A node seals what it may seal.
    Seal(usize),
    /// A node does everything that it can do.
    Work(usize),
    /// The server of a tenant's log goes away, or comes back.
    Away(usize, bool),
    /// The seals are too old to be kept.
    ForgetSeals,
    /// So many seconds pass.
    Pass(u64),
}

fn action() -> impl Strategy<Value = Action> {
    let node = 0..NODES;
    let tenant = 0..TENANTS;
    prop_oneof![
        6 => (tenant.clone(), 0_u8..2).prop_map(|(tenant, payload)| Action::Publish { tenant, payload }),
        4 => node.clone().prop_map(Action::Mark),
        2 => node.clone().prop_map(Action::Subscribe),
        1 => node.clone().prop_map(Action::Lose),
        6 => (node.clone(), 1_usize..6).prop_map(|(node, count)| Action::Hear(node, count)),
        10 => (node.clone(), prop::bool::weighted(0.7)).prop_map(|(node, patient)| Action::Take { node, patient }),
        10 => (node.clone(), 0_usize..4, prop::bool::weighted(0.2))
            .prop_map(|(node, lot, doubtful)| Action::Attempt { node, lot, doubtful }),
        2 => node.clone().prop_map(Action::List),
        4 => node.clone().prop_map(Action::Seal),
        4 => node.prop_map(Action::Work),
        2 => (tenant, any::<bool>()).prop_map(|(tenant, away)| Action::Away(tenant, away)),
        1 => Just(Action::ForgetSeals),
        2 => (1_u64..90).prop_map(Action::Pass),
    ]
}

/// What Redis delivers, in its one order.
#[derive(Debug, Clone)]
enum Message {
    /// The publish of this number.
    Publish {
        number: usize,
        tenant: usize,
        payload: u8,
    },
    Marker(Marker),
}

/// What a node has heard and not taken in.
enum Heard {
    Publish { tenant: usize, event: Box<Event>, at: Instant },
    Step(Step),
}

/// A subscription of a node.
struct Node {
    /// The next message it will hear.
    at: usize,
    interval: Interval,
    heard: VecDeque<Heard>,
    /// The number of the publish that each id stands for.
    numbers: HashMap<String, usize>,
    lanes: Lanes,
    lots: Vec<Lot>,
    listing: bool,
}

#[derive(Debug, PartialEq)]
enum Entry {
    Event(usize),
    Gap,
}

struct World {
    now: Instant,
    order: Vec<Message>,
    /// The tenant of each publish, and how long its log was when it happened.
    published: Vec<(usize, usize)>,
    nodes: [Option<Node>; NODES],
    tenants: [Tenant; TENANTS],
    logs: [Vec<Entry>; TENANTS],
    away: [bool; TENANTS],
    ids: HashSet<String>,
    seals: HashSet<String>,
    markers: usize,
}

impl World {
    fn new() -> Self {
        let tenants = ["acme", "globex"].map(|name| Tenant::parse(name).expect("a tenant"));
        Self {
            now: Instant::now(),
            order: Vec::new(),
            published: Vec::new(),
            nodes: Default::default(),
            tenants,
            logs: Default::default(),
            away: [false; TENANTS],
            ids: HashSet::new(),
            seals: HashSet::new(),
            markers: 0,
        }
    }

    fn act(&mut self, action: &Action) {
        match *action {
            Action::Publish { tenant, payload } => {
                self.order.push(Message::Publish { number: self.published.len(), tenant, payload });
                self.published.push((tenant, self.logs[tenant].len()));
            }
            Action::Mark(node) if self.nodes[node].is_some() => {
                self.markers += 1;
                self.order.push(Message::Marker(Marker(self.markers.to_string())));
            }
            Action::Mark(_) => {}
            Action::Subscribe(node) => {
                self.nodes[node] = Some(Node {
                    at: self.order.len(),
                    interval: Interval::default(),
                    heard: VecDeque::new(),
                    numbers: HashMap::new(),
                    lanes: Lanes::default(),
                    lots: Vec::new(),
                    listing: false,
                });
            }
            Action::Lose(node) => self.nodes[node] = None,
            Action::Hear(node, count) => (0..count).for_each(|_| self.hear(node)),
            Action::Take { node, patient } => self.take(node, patient),
            Action::Attempt { node, lot, doubtful } => self.attempt(node, lot, doubtful),
            Action::List(node) => self.list(node),
            Action::Seal(node) => self.seal(node),
            Action::Work(node) => self.work(node),
            Action::Away(tenant, away) => self.away[tenant] = away,
            Action::ForgetSeals => self.seals.clear(),
            Action::Pass(seconds) => self.now += Duration::from_secs(seconds),
        }
    }

    fn hear(&mut self, node: usize) {
        let Some(node) = &mut self.nodes[node] else { return };
        let Some(message) = self.order.get(node.at) else { return };
        node.at += 1;
        match message {
            Message::Publish { number, tenant, payload } => {
                let channel = format!("tenant:{}:alerts", self.tenants[*tenant].as_str());
                let Some(id) = node.interval.publish(channel.as_bytes(), &[*payload]) else { return };
                node.numbers.insert(id.clone(), *number);
                let event =
                    Event::check(br#"{"type":"zz_top"}"#, &self.tenants[*tenant], jiff::Timestamp::UNIX_EPOCH, || id);
                let event = Box::new(event.expect("an event"));
                node.heard.push_back(Heard::Publish { tenant: *tenant, event, at: self.now });
            }
            Message::Marker(marker) => node.heard.push_back(Heard::Step(node.interval.marker(marker.clone()))),
        }
    }

    fn take(&mut self, node: usize, patient: bool) {
        let Some(node) = &mut self.nodes[node] else { return };
        match node.heard.pop_front() {
            None => {}
            Some(Heard::Publish { tenant, event, at }) => node.lanes.publish(&self.tenants[tenant], *event, at),
            Some(Heard::Step(Step::Seal(marker))) => node.lanes.marker(marker),
            Some(Heard::Step(Step::Join(marker))) => {
                let waited = if patient { GRACE / 2 } else { GRACE };
                match cover(self.seals.contains(&marker.0), false, waited) {
                    Cover::Wait => {
                        node.heard.push_front(Heard::Step(Step::Join(marker)));
                        return;
                    }
                    Cover::Gap => {
                        node.lanes.gap_for_everyone();
                        node.listing = true;
                    }
                    Cover::Sealed => {}
                }
                node.lanes.marker(marker);
            }
        }
        self.go_on();
    }

    fn list(&mut self, node: usize) {
        let Some(node) = self.nodes[node].as_mut().filter(|node| node.listing) else { return };
        node.listing = false;
        node.lanes.tenants(&self.tenants);
        self.go_on();
    }

    fn attempt(&mut self, node: usize, lot: usize, doubtful: bool) {
        let Some(node) = &mut self.nodes[node] else { return };
        if lot >= node.lots.len() {
            return;
        }
        let lot = node.lots.remove(lot);
        let tenant = self.tenants.iter().position(|tenant| *tenant == lot.tenant).expect("one of them");
        if !self.away[tenant] {
            match &lot.content {
                Content::Gap => self.logs[tenant].push(Entry::Gap),
                Content::Publishes(publishes) => {
                    for publish in publishes {
                        let id = &publish.event.event_id;
                        if self.ids.insert(id.clone()) {
                            self.logs[tenant].push(Entry::Event(node.numbers[id]));
                        }
                    }
                }
            }
        }
        if doubtful || self.away[tenant] {
            node.lanes.failed(lot);
        } else {
            node.lanes.done(&lot.tenant);
        }
        self.go_on();
    }

    /// Whatever can be begun begins.
    fn go_on(&mut self) {
        for node in self.nodes.iter_mut().flatten() {
            let lots = self.tenants.iter().filter_map(|tenant| node.lanes.next_lot(tenant, self.now));
            node.lots.extend(lots);
        }
    }

    fn seal(&mut self, node: usize) {
        if let Some(marker) = self.nodes[node].as_mut().and_then(|node| node.lanes.next_seal()) {
            self.seals.insert(marker.0);
        }
    }

    /// All servers are back, and one node is there for good, with the others or without, hears everything
    /// and does everything.
    fn settle(&mut self, alone: bool) {
        self.away = [false; TENANTS];
        if alone {
            self.nodes[1..].fill_with(|| None);
        }
        if self.nodes[0].is_none() {
            self.act(&Action::Subscribe(0));
        }
        self.act(&Action::Mark(0));
        (0..NODES).for_each(|node| self.work(node));
    }

    fn work(&mut self, node: usize) {
        self.act(&Action::Hear(node, self.order.len()));
        while self.nodes[node].as_ref().is_some_and(|node| !node.heard.is_empty()) {
            self.take(node, false);
        }
        self.list(node);
        // Those of a server that is away fail, and are under way again at once.
        let away = self.away;
        for tenant in (0..TENANTS).filter(|tenant| !away[*tenant]) {
            let of = self.tenants[tenant].clone();
            loop {
                let lots = self.nodes[node].iter().flat_map(|node| &node.lots);
                let Some(lot) = lots.map(|lot| &lot.tenant).position(|tenant| *tenant == of) else { break };
                self.attempt(node, lot, false);
            }
        }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        for (number, (tenant, from)) in self.published.iter().enumerate() {
            let log = &self.logs[*tenant];
            let times = log.iter().filter(|entry| **entry == Entry::Event(number)).count();
            prop_assert!(times <= 1, "publish {number} became {times} events: {log:?}");
            let said = log[*from..].contains(&Entry::Gap);
            prop_assert!(times == 1 || said, "publish {number} is lost without a word: {log:?}");
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_publish_is_one_event_or_said_to_be_lost(
        actions in prop::collection::vec(action(), 0..120),
        alone in any::<bool>(),
    ) {
        let mut world = World::new();
        actions.iter().for_each(|action| world.act(action));
        world.settle(alone);
        world.check()?;
    }
}
