//! What a driver has yet to do with their phone, and when.

use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use sally_protocol::message::{Message, MessagePriority, SendMessage};
use tokio::time::Instant;

use super::facts::Facts;
use super::voice::Voice;
use super::world::Remark;
use super::{answer, remark};

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    /// Confirm that messages up to this `seq` have arrived.
    Deliver(u64),
    /// Read up to this `seq`.
    Read(u64),
    /// Confirm a message that asks for it.
    Acknowledge(String),
    /// Begin to type.
    Type,
    /// Send what was typed.
    Send(Box<SendMessage>),
}

/// A driver's phone.
#[derive(Debug)]
pub(super) struct Phone {
    voice: Voice,
    rng: StdRng,
    /// In the order of their times.
    actions: Vec<(Instant, Action)>,
    /// Read next, and not yet answered.
    unread: Vec<String>,
    /// Until then the driver says nothing unasked.
    quiet_until: Option<Instant>,
}

/// Nobody writes two things unasked in a shorter time.
const QUIET: Duration = Duration::from_secs(45);

impl Phone {
    pub(super) fn new(mut rng: StdRng) -> Self {
        Self { voice: Voice::of(&mut rng), rng, actions: Vec::new(), unread: Vec::new(), quiet_until: None }
    }

    /// When the next thing is to be done.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.actions.first().map(|(at, _)| *at)
    }

    /// The next thing, when its time has come.
    pub(super) fn take(&mut self, now: Instant) -> Option<Action> {
        (self.next_at()? <= now).then(|| self.actions.remove(0).1)
    }

    /// Does a thing later that couldn't be done now.
    pub(super) fn put_back(&mut self, action: Action, at: Instant) {
        self.plan(at, action);
    }

    /// A message from dispatch has come: it is confirmed at once and read when the driver gets to
    /// it. What the driver was about to answer waits for what this one says.
    pub(super) fn receive(&mut self, message: &Message, facts: &Facts, now: Instant) {
        self.actions.retain(|(_, action)| !matches!(action, Action::Read(_)));
        self.unread.push(message.content.clone());
        let seconds = match (facts.at_the_wheel(), message.priority) {
            (true, MessagePriority::Normal) => 5.0..14.0,
            (false, MessagePriority::Normal) => 2.0..7.0,
            (_, MessagePriority::Urgent) => 1.5..4.0,
        };
        let arrives = now + self.seconds(0.15..0.8);
        let reads = arrives + self.seconds(seconds);
        self.plan(arrives, Action::Deliver(message.seq));
        self.plan(reads, Action::Read(message.seq));
        if message.requires_ack {
            let confirms = reads + self.seconds(0.5..2.0);
            self.plan(confirms, Action::Acknowledge(message.message_id.clone()));
        }
    }

    /// The driver has read what came, and makes up their mind about an answer.
    pub(super) fn read(&mut self, facts: &Facts, now: Instant) {
        let message = std::mem::take(&mut self.unread).join(" ");
        if let Some(text) = answer::answer(&message, facts, self.voice, &mut self.rng) {
            self.write(text, facts, None, MessagePriority::Normal, now);
        }
    }

    /// Something happened that the driver writes about, unless they have just written or are about
    /// to answer.
    pub(super) fn remark(&mut self, remark: &Remark, facts: &Facts, now: Instant) {
        let busy = self.actions.iter().any(|(_, action)| matches!(action, Action::Read(_) | Action::Send(_)));
        if busy || self.quiet_until.is_some_and(|until| now < until) {
            return;
        }
        self.quiet_until = Some(now + QUIET);
        let text = remark::remark(remark.occasion, facts, self.voice, &mut self.rng);
        let priority = match remark.occasion {
            remark::Occasion::Breakdown => MessagePriority::Urgent,
            _ => MessagePriority::Normal,
        };
        self.write(text, facts, remark.alert.clone(), priority, now);
    }

    fn write(
        &mut self,
        content: String,
        facts: &Facts,
        alert: Option<sally_protocol::Id>,
        priority: MessagePriority,
        now: Instant,
    ) {
        let begins = now + self.seconds(0.6..2.0);
        let per_letter = self.rng.random_range(0.03..0.06);
        let typing = Duration::from_secs_f64((content.chars().count() as f64 * per_letter).clamp(1.2, 6.0));
        self.plan(begins, Action::Type);
        let message = SendMessage {
            content,
            client_message_id: uuid::Uuid::new_v4().to_string(),
            priority,
            alert_id: alert,
            route_plan_id: Some(facts.plan.clone()),
            ..SendMessage::default()
        };
        self.plan(begins + typing, Action::Send(Box::new(message)));
    }

    fn plan(&mut self, at: Instant, action: Action) {
        let place = self.actions.partition_point(|(planned, _)| *planned <= at);
        self.actions.insert(place, (at, action));
    }

    fn seconds(&mut self, range: std::ops::Range<f64>) -> Duration {
        Duration::from_secs_f64(self.rng.random_range(range))
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use sally_protocol::Role;

    use super::super::remark::Occasion;
    use super::super::roster::id;
    use super::super::world::World;
    use super::*;

    fn facts() -> Facts {
        let world = World::new(1, 1, "2026-03-02T15:00:00Z".parse().expect("a time"));
        world.facts(0).expect("a driver")
    }

    fn message(seq: u64, requires_ack: bool) -> Message {
        Message {
            message_id: format!("m{seq}"),
            conversation_id: id("drv-1"),
            seq,
            cursor: seq.to_string(),
            sender_id: id("ann"),
            sender_role: Role::Dispatcher,
            sender_name: None,
            recipient_id: id("drv-1"),
            content: "Where are you?".into(),
            priority: MessagePriority::Normal,
            requires_ack,
            timestamp: jiff::Timestamp::UNIX_EPOCH,
            client_message_id: String::new(),
            alert_id: None,
            route_plan_id: None,
        }
    }

    /// Everything that is done over the next five minutes, in order.
    fn all(phone: &mut Phone, facts: &Facts, mut now: Instant) -> Vec<Action> {
        let (mut done, end) = (Vec::new(), now + Duration::from_secs(300));
        while let Some(at) = phone.next_at().filter(|at| *at < end) {
            assert_eq!(phone.take(now.min(at - Duration::from_nanos(1))), None, "nothing is done early");
            now = now.max(at);
            let Some(action) = phone.take(now) else { panic!("it is due") };
            if let Action::Read(_) = action {
                phone.read(facts, now);
            }
            done.push(action);
        }
        done
    }

    #[tokio::test]
    async fn a_message_is_confirmed_read_and_answered_in_this_order() {
        let (mut phone, facts, now) = (Phone::new(StdRng::seed_from_u64(1)), facts(), Instant::now());
        phone.receive(&message(4, true), &facts, now);
        let done = all(&mut phone, &facts, now);
        assert_eq!(done[..2], [Action::Deliver(4), Action::Read(4)]);
        assert!(done.contains(&Action::Acknowledge("m4".into())));
        let typed = done.iter().position(|action| *action == Action::Type);
        let sent = done.iter().position(|action| matches!(action, Action::Send(_)));
        assert!(typed.is_some() && typed < sent, "{done:?}");
    }

    #[tokio::test]
    async fn two_messages_in_a_row_are_read_and_answered_once() {
        let (mut phone, facts, now) = (Phone::new(StdRng::seed_from_u64(1)), facts(), Instant::now());
        phone.receive(&message(4, false), &facts, now);
        phone.receive(&message(5, false), &facts, now);
        let done = all(&mut phone, &facts, now);
        let count = |wanted: fn(&Action) -> bool| done.iter().filter(|action| wanted(action)).count();
        assert_eq!(count(|action| matches!(action, Action::Read(_))), 1);
        assert_eq!(count(|action| matches!(action, Action::Send(_))), 1);
        assert_eq!(count(|action| matches!(action, Action::Deliver(_))), 2);
    }

    #[tokio::test]
    async fn nobody_chatters() {
        let (mut phone, facts, now) = (Phone::new(StdRng::seed_from_u64(1)), facts(), Instant::now());
        let remark = Remark { truck: 0, occasion: Occasion::Arrived, alert: None };
        phone.remark(&remark, &facts, now);
        phone.remark(&remark, &facts, now + Duration::from_secs(20));
        let sent = |done: Vec<Action>| done.iter().filter(|action| matches!(action, Action::Send(_))).count();
        assert_eq!(sent(all(&mut phone, &facts, now)), 1);
        phone.remark(&remark, &facts, now + QUIET);
        assert_eq!(sent(all(&mut phone, &facts, now + QUIET)), 1);
    }
}
