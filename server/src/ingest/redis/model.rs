//! The protocol of [`interval`](super::interval) against a model of Redis, in all the orders that
//! can happen: nodes come, leave, die, lose their connection, lag as they like, and append again
//! what may have been appended.
//!
//! Held to: no publish becomes two events, and every publish becomes one or is followed by a gap.

use std::collections::{HashSet, VecDeque};

use proptest::prelude::*;

use super::interval::{Cover, GRACE, Interval, Marker, Step, cover};

const NODES: usize = 3;

/// What happens next.
#[derive(Debug, Clone)]
enum Action {
    /// Somebody publishes one of a few payloads.
    Publish(u8),
    /// A node that listens publishes a marker.
    Mark(usize),
    /// A node subscribes, anew if it had.
    Subscribe(usize),
    /// A node loses its connection, dies, or leaves: what it hadn't done is not done.
    Lose(usize),
    /// A node takes so many messages from its connection.
    Hear(usize, usize),
    /// A node does the next thing it has to. It may not learn that it was done, and will do it again.
    Do { node: usize, doubtful: bool, patient: bool },
    /// The seals are too old to be kept.
    ForgetSeals,
}

fn action() -> impl Strategy<Value = Action> {
    let node = 0..NODES;
    prop_oneof![
        6 => (0_u8..2).prop_map(Action::Publish),
        4 => node.clone().prop_map(Action::Mark),
        2 => node.clone().prop_map(Action::Subscribe),
        1 => node.clone().prop_map(Action::Lose),
        6 => (node.clone(), 1_usize..6).prop_map(|(node, count)| Action::Hear(node, count)),
        12 => (node, prop::bool::weighted(0.2), prop::bool::weighted(0.7))
            .prop_map(|(node, doubtful, patient)| Action::Do { node, doubtful, patient }),
        1 => Just(Action::ForgetSeals),
    ]
}

/// What Redis delivers, in its one order.
#[derive(Debug, Clone)]
enum Message {
    /// The publish of this number.
    Publish {
        number: usize,
        payload: u8,
    },
    Marker(Marker),
}

/// What a node has to do.
#[derive(Debug, Clone)]
enum Task {
    Append { id: String, number: usize },
    Step(Step),
}

/// A subscription of a node.
struct Node {
    /// The next message it will hear.
    at: usize,
    interval: Interval,
    tasks: VecDeque<Task>,
}

#[derive(Debug, PartialEq)]
enum Entry {
    Event(usize),
    Gap,
}

#[derive(Default)]
struct World {
    order: Vec<Message>,
    /// How long the log was when each publish happened.
    published: Vec<usize>,
    nodes: [Option<Node>; NODES],
    log: Vec<Entry>,
    ids: HashSet<String>,
    seals: HashSet<String>,
    markers: usize,
}

impl World {
    fn act(&mut self, action: &Action) {
        match *action {
            Action::Publish(payload) => {
                self.order.push(Message::Publish { number: self.published.len(), payload });
                self.published.push(self.log.len());
            }
            Action::Mark(node) if self.nodes[node].is_some() => {
                self.markers += 1;
                self.order.push(Message::Marker(Marker(self.markers.to_string())));
            }
            Action::Subscribe(node) => {
                let at = self.order.len();
                self.nodes[node] = Some(Node { at, interval: Interval::default(), tasks: VecDeque::new() });
            }
            Action::Lose(node) => self.nodes[node] = None,
            Action::Hear(node, count) => (0..count).for_each(|_| self.hear(node)),
            Action::Do { node, doubtful, patient } => self.work(node, doubtful, patient),
            Action::ForgetSeals => self.seals.clear(),
            Action::Mark(_) => {}
        }
    }

    fn hear(&mut self, node: usize) {
        let Some(node) = &mut self.nodes[node] else { return };
        let Some(message) = self.order.get(node.at) else { return };
        node.at += 1;
        match message {
            Message::Publish { number, payload } => {
                let id = node.interval.publish(b"tenant:acme:alerts", &[*payload]);
                node.tasks.extend(id.map(|id| Task::Append { id, number: *number }));
            }
            Message::Marker(marker) => node.tasks.push_back(Task::Step(node.interval.marker(marker.clone()))),
        }
    }

    fn work(&mut self, node: usize, doubtful: bool, patient: bool) {
        let Some(node) = &mut self.nodes[node] else { return };
        let Some(task) = node.tasks.pop_front() else { return };
        if doubtful {
            node.tasks.push_front(task.clone());
        }
        match task {
            Task::Append { id, number } => {
                if self.ids.insert(id) {
                    self.log.push(Entry::Event(number));
                }
            }
            Task::Step(Step::Join(marker)) => {
                let waited = if patient { GRACE / 2 } else { GRACE };
                match cover(self.seals.contains(&marker.0), false, waited) {
                    Cover::Gap => self.log.push(Entry::Gap),
                    Cover::Sealed => {}
                    Cover::Wait => {
                        if !doubtful {
                            node.tasks.push_front(Task::Step(Step::Join(marker)));
                        }
                        return;
                    }
                }
                self.seals.insert(marker.0);
            }
            Task::Step(Step::Seal(marker)) => drop(self.seals.insert(marker.0)),
        }
    }

    /// One node is there for good, hears everything and does everything.
    fn settle(&mut self) {
        if self.nodes[0].is_none() {
            self.act(&Action::Subscribe(0));
        }
        self.act(&Action::Mark(0));
        for node in 0..NODES {
            self.act(&Action::Hear(node, self.order.len()));
            for _ in 0..=self.order.len() {
                self.work(node, false, false);
            }
        }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        for (number, from) in self.published.iter().enumerate() {
            let times = self.log.iter().filter(|entry| **entry == Entry::Event(number)).count();
            prop_assert!(times <= 1, "publish {number} became {times} events: {:?}", self.log);
            let said = self.log[*from..].contains(&Entry::Gap);
            prop_assert!(times == 1 || said, "publish {number} is lost without a word: {:?}", self.log);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_publish_is_one_event_or_said_to_be_lost(actions in prop::collection::vec(action(), 0..80)) {
        let mut world = World::default();
        actions.iter().for_each(|action| world.act(action));
        world.settle();
        world.check()?;
    }
}
