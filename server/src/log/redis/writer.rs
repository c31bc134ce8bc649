//! The task that appends.
//!
//! Of each tenant one script call is under way at a time, and it takes along whatever came while
//! the one before it ran: so a call's cost is shared, a tenant's events keep their order, and a
//! server of a cluster that doesn't answer delays its own tenants only.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use sally_protocol::entity::Fate;
use sally_protocol::{Event, Tenant};
use tokio::sync::{mpsc, oneshot};

use super::script::{Caller, Given, key};
use crate::log::entry::readers_to_text;
use crate::log::{Appended, ENDED_STAYS, LogError, Position, REPEAT_WINDOW, Retention, UNTOUCHED_STAYS};

/// The most requests that one call takes; a request is never divided.
const GROUP: usize = 256;

/// A call takes no further request beyond this size, so that Redis is never busy for long.
const GROUP_BYTES: usize = 1 << 20;

/// How many requests may wait in the writer; more wait outside.
const MAX_WAITING: usize = 1_024;

/// What `append.lua` says of an event that was there already, and of one whose entity has a newer event.
const REPEATED: &str = "1";
const OVERTAKEN: &str = "2";

/// What is to be appended to one tenant's log, all or none.
pub(super) enum Content {
    /// Events, in order. With `after`, one event, if the newest of its entity stands there; answered with
    /// nothing where it doesn't.
    Events { events: Vec<Event>, after: Option<u64> },
    /// A gap, unless the tenant has no log.
    Gap,
}

/// A request to the writer.
pub(super) struct Request {
    pub(super) tenant: Tenant,
    pub(super) content: Content,
    pub(super) reply: oneshot::Sender<Result<Vec<Appended>, LogError>>,
}

impl Request {
    fn bytes(&self) -> usize {
        match &self.content {
            Content::Events { events, .. } => events.iter().map(|event| event.json.len()).sum(),
            Content::Gap => 0,
        }
    }
}

/// What a call came to.
struct Done {
    tenant: Tenant,
    group: Vec<Request>,
    outcome: Result<Vec<Vec<Appended>>, LogError>,
}

/// The writer's state.
pub(super) struct Writer {
    caller: Arc<Caller>,
    retention: Retention,
    /// What waits, by tenant. A tenant with a call under way is in here, if only with nothing.
    lanes: HashMap<Tenant, VecDeque<Request>>,
    waiting: usize,
    calls: FuturesUnordered<BoxFuture<'static, Done>>,
}

impl Writer {
    pub(super) fn new(caller: Arc<Caller>, retention: Retention) -> Self {
        Self { caller, retention, lanes: HashMap::new(), waiting: 0, calls: FuturesUnordered::new() }
    }

    /// Serves requests until the last sender is gone and nothing waits.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Request>) {
        let mut open = true;
        while open || !self.calls.is_empty() {
            tokio::select! {
                request = queue.recv(), if open && self.waiting < MAX_WAITING => match request {
                    Some(request) => self.admit(request),
                    None => open = false,
                },
                Some(done) = self.calls.next() => self.finish(done),
            }
        }
    }

    fn admit(&mut self, request: Request) {
        let tenant = request.tenant.clone();
        self.waiting += 1;
        let idle = !self.lanes.contains_key(&tenant);
        self.lanes.entry(tenant.clone()).or_default().push_back(request);
        if idle {
            self.call(tenant);
        }
    }

    fn finish(&mut self, Done { tenant, group, outcome }: Done) {
        match outcome {
            Ok(answers) => {
                for (request, appended) in group.into_iter().zip(answers) {
                    // A caller who has stopped waiting doesn't care.
                    let _ = request.reply.send(Ok(appended));
                }
            }
            Err(error) => {
                for request in group {
                    let _ = request.reply.send(Err(error.clone()));
                }
            }
        }
        self.call(tenant);
    }

    /// Calls for what waits in a tenant's lane, or closes the lane.
    fn call(&mut self, tenant: Tenant) {
        let Some(lane) = self.lanes.get_mut(&tenant) else { return };
        let (mut group, mut bytes) = (Vec::new(), 0);
        while group.len() < GROUP
            && bytes < GROUP_BYTES
            && let Some(request) = lane.pop_front()
        {
            self.waiting -= 1;
            // Who has been told that the log can't be reached must not find it done later.
            if !request.reply.is_closed() {
                bytes += request.bytes();
                group.push(request);
            }
        }
        if group.is_empty() {
            self.lanes.remove(&tenant);
            return;
        }
        let (caller, retention) = (Arc::clone(&self.caller), self.retention);
        self.calls.push(Box::pin(async move {
            let outcome = append(&caller, retention, &tenant, &group).await;
            Done { tenant, group, outcome }
        }));
    }
}

async fn append(
    caller: &Caller,
    retention: Retention,
    tenant: &Tenant,
    group: &[Request],
) -> Result<Vec<Vec<Appended>>, LogError> {
    let millis = |duration: Duration| duration.as_millis().to_string();
    let mut given = Given::arguments([
        retention.events.to_string(),
        millis(REPEAT_WINDOW),
        millis(UNTOUCHED_STAYS),
        millis(ENDED_STAYS),
    ]);
    let mut begins = false;
    for request in group {
        match &request.content {
            Content::Events { events, after } => {
                begins = true;
                events.iter().for_each(|event| give(&mut given, tenant, event, *after));
            }
            Content::Gap => given.arguments.extend(["", "0", "", "", "", "", "0"].map(str::to_owned)),
        }
    }
    let script = &caller.scripts.append;
    let answer: Option<(Position, Vec<String>)> = if begins {
        Some(caller.call(tenant, script, &given).await?)
    } else {
        caller.call_existing(tenant, script, &given).await?
    };
    let Some((position, answers)) = answer else { return Ok(group.iter().map(|_| Vec::new()).collect()) };
    let mut places = answers.chunks_exact(2).map(|answer| {
        let offset = answer[0].parse().map_err(|_| LogError::Corrupt(format!("not an offset: {:?}", answer[0])))?;
        Ok((Position { offset, ..position }, answer[1].as_str()))
    });
    let mut next = || places.next().unwrap_or_else(|| Err(LogError::Corrupt("too few answers".into())));
    let mut outcomes = Vec::with_capacity(group.len());
    for request in group {
        outcomes.push(match &request.content {
            Content::Events { events, .. } => {
                let mut place = |event: &Event| {
                    let (position, became) = next()?;
                    let appended =
                        Appended { event_id: event.event_id.clone(), position, duplicate: became == REPEATED };
                    Ok((became != OVERTAKEN).then_some(appended))
                };
                events.iter().filter_map(|event| place(event).transpose()).collect::<Result<Vec<_>, LogError>>()?
            }
            Content::Gap => {
                next()?;
                Vec::new()
            }
        });
    }
    Ok(outcomes)
}

/// An event as `append.lua` takes it, with where the newest one of its entity must stand.
fn give(given: &mut Given, tenant: &Tenant, event: &Event, after: Option<u64>) {
    if event.id_given {
        given.keys.push(key(tenant, &format!("repeat:{}", event.event_id)));
    }
    let fate = match event.subject.fate {
        Fate::Alive => "alive",
        Fate::Ended => "ended",
        Fate::Part => "part",
        Fate::Gone => "gone",
    };
    given.arguments.extend([
        event.kind.clone(),
        u8::from(event.id_given).to_string(),
        after.map(|after| after.to_string()).unwrap_or_default(),
        readers_to_text(&event.subject.readers),
        event.json.clone(),
        fate.to_owned(),
        event.subject.slots.len().to_string(),
    ]);
    for slot in &event.subject.slots {
        let twin = slot.twin.as_ref().map(|twin| twin.key.clone()).unwrap_or_default();
        given.arguments.extend([slot.key.clone(), slot.entity.clone(), twin]);
    }
}
