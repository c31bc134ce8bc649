//! A share of the live streams, served by one task.
//!
//! When a tenant has something new, the shard walks over the tenant's streams and writes to each
//! all that is new for it, in one write. It goes a slice at a time and takes turns among tenants,
//! so that a busy one doesn't hold up the others. A socket that is full is left alone until it has
//! room; one that has no room for fifteen seconds is closed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Wake;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use sally_protocol::Tenant;
use slab::Slab;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::time::DelayQueue;

use super::batch::{Batch, merged};
use super::client::Client;
use super::fanout::Fanout;
use super::live::{Live, Written};
use crate::drain::Draining;
use crate::hub::{Bell, Channel};
use crate::log::Position;
use crate::metrics::Metrics;

/// How many streams of a tenant are served before it is another tenant's turn.
const SLICE: usize = 64;

/// A tenant that has just been served rests this long. What comes meanwhile goes out in one write
/// per stream; a tenant that has something new now and then never waits.
const REST: Duration = Duration::from_millis(2);

/// What comes to a shard from outside.
#[derive(Default)]
pub(super) struct Inbox {
    bell: Arc<Bell>,
    arrivals: Mutex<Vec<Client>>,
    /// Streams whose sockets have something to read or room to write.
    woken: Mutex<Vec<usize>>,
}

impl Inbox {
    /// Takes over a stream that is live.
    pub(super) fn adopt(&self, client: Client) {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).push(client);
        self.bell.wake();
    }

    /// Has a stream looked at soon.
    fn look_at(&self, key: usize) {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner).push(key);
        self.bell.wake();
    }

    fn take<T>(list: &Mutex<Vec<T>>, into: &mut Vec<T>) {
        std::mem::swap(into, &mut *list.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Wakes a shard for one of its streams.
struct Waker {
    key: usize,
    inbox: Arc<Inbox>,
}

impl Wake for Waker {
    fn wake(self: Arc<Self>) {
        self.inbox.look_at(self.key);
    }
}

/// The streams of one tenant.
struct Room {
    channel: Arc<Channel>,
    streams: Vec<usize>,
    /// Up to where the log has been passed on to all of them that could take it.
    passed: Option<Position>,
    /// The place in `streams` where the pass under way goes on.
    pass: Option<usize>,
    /// The next pass begins no sooner.
    rested_at: Instant,
    /// Whether it waits for that.
    rests: bool,
}

/// See the module.
pub(super) struct Shard {
    inbox: Arc<Inbox>,
    fanout: Fanout,
    draining: Draining,
    metrics: Metrics,
    streams: Slab<Live>,
    rooms: HashMap<Tenant, Room>,
    /// The tenants with a pass under way, in turn.
    passes: VecDeque<Tenant>,
    /// The tenants that rest, the first to be rested first.
    resting: VecDeque<(Instant, Tenant)>,
    timers: DelayQueue<usize>,
}

impl Shard {
    pub(super) fn new(inbox: Arc<Inbox>, fanout: Fanout, draining: Draining, metrics: Metrics) -> Self {
        Self {
            inbox,
            fanout,
            draining,
            metrics,
            streams: Slab::new(),
            rooms: HashMap::new(),
            passes: VecDeque::new(),
            resting: VecDeque::new(),
            timers: DelayQueue::new(),
        }
    }

    /// Serves streams until `stop`.
    pub(super) async fn run(self, stop: CancellationToken) {
        // The shard gives way by itself; tokio's budget would end a pass in the middle.
        tokio::select! {
            () = tokio::task::unconstrained(self.serve()) => {}
            () = stop.cancelled() => {}
        }
    }

    async fn serve(mut self) {
        let (mut rung, mut arrivals, mut woken) = (Vec::new(), Vec::new(), Vec::new());
        let mut told = false;
        loop {
            if !told && self.draining.has_begun() {
                told = true;
                let keys: Vec<usize> = self.streams.iter().map(|(key, _)| key).collect();
                keys.into_iter().for_each(|key| self.tell_drain(key));
            }
            Inbox::take(&self.inbox.arrivals, &mut arrivals);
            arrivals.drain(..).for_each(|client| self.arrive(client));
            Inbox::take(&self.inbox.woken, &mut woken);
            woken.drain(..).for_each(|key| self.look_at(key));
            self.inbox.bell.take(&mut rung);
            rung.drain(..).for_each(|channel| self.begin_pass(channel.tenant()));
            // A shard that is never idle looks at the clock, too.
            while let Some(Some(expired)) = self.timers.next().now_or_never() {
                self.keep_time(expired.into_inner());
            }
            self.rouse();
            if self.pass_on_slice() {
                tokio::task::yield_now().await;
                continue;
            }
            let rested_at = self.resting.front().map_or_else(Instant::now, |(at, _)| *at);
            tokio::select! {
                () = self.inbox.bell.rung() => {}
                () = tokio::time::sleep_until(rested_at), if !self.resting.is_empty() => {}
                Some(expired) = self.timers.next(), if !self.timers.is_empty() => self.keep_time(expired.into_inner()),
                () = self.draining.begun(), if !told => {}
            }
        }
    }

    fn arrive(&mut self, client: Client) {
        let tenant = client.tenant().clone();
        let channel = Arc::clone(client.place.channel());
        let entry = self.streams.vacant_entry();
        let key = entry.key();
        let waker = Arc::new(Waker { key, inbox: Arc::clone(&self.inbox) });
        let room = self.rooms.entry(tenant.clone()).or_insert_with(|| Room {
            channel: Arc::clone(&channel),
            streams: Vec::new(),
            passed: None,
            pass: None,
            rested_at: Instant::now(),
            rests: false,
        });
        entry.insert(Live::new(client, waker.into(), room.streams.len()));
        room.streams.push(key);
        self.set_timer(key);
        channel.hang_up(&self.inbox.bell);
        if self.draining.has_begun() {
            self.tell_drain(key);
        }
        // Something may have come between its last look and now.
        self.look_at(key);
    }

    fn begin_pass(&mut self, tenant: &Tenant) {
        let Some(room) = self.rooms.get_mut(tenant) else { return };
        if room.pass.is_some() || room.rests || room.passed == room.channel.head() {
            return;
        }
        if Instant::now() < room.rested_at {
            room.rests = true;
            self.resting.push_back((room.rested_at, tenant.clone()));
        } else {
            room.passed = room.channel.head();
            room.pass = Some(0);
            self.passes.push_back(tenant.clone());
        }
    }

    /// Begins the passes of those that have rested.
    fn rouse(&mut self) {
        let now = Instant::now();
        while let Some((_, tenant)) = self.resting.pop_front_if(|(at, _)| *at <= now) {
            if let Some(room) = self.rooms.get_mut(&tenant) {
                room.rests = false;
            }
            self.begin_pass(&tenant);
        }
    }

    /// Serves one slice of the tenant whose turn it is. False when nothing is to be done.
    fn pass_on_slice(&mut self) -> bool {
        let Some(tenant) = self.passes.pop_front() else { return false };
        let Some(room) = self.rooms.get_mut(&tenant) else { return true };
        let (channel, begin) = (Arc::clone(&room.channel), room.pass.unwrap_or_default());
        let slice: Vec<usize> = room.streams.iter().skip(begin).take(SLICE).copied().collect();
        let ends = begin + slice.len() >= room.streams.len();
        room.pass = (!ends).then_some(begin + slice.len());
        let mut batch = None;
        for key in slice {
            self.pass_on(key, &channel, &mut batch);
        }
        if let Some(room) = self.rooms.get_mut(&tenant).filter(|_| ends) {
            room.rested_at = Instant::now() + REST;
            // What has come since this pass began is the next one's.
            self.begin_pass(&tenant);
        } else {
            self.passes.push_back(tenant);
        }
        true
    }

    /// Writes to a stream what is new for it. `batch` is what the one before it was sent.
    fn pass_on(&mut self, key: usize, channel: &Channel, batch: &mut Option<(Position, Batch)>) {
        let Some(live) = self.streams.get_mut(key) else { return };
        if live.is_stalled() {
            return;
        }
        let position = live.client.position;
        if batch.as_ref().is_none_or(|(from, _)| *from != position) {
            *batch = Some((position, Batch::after(channel, position)));
        }
        match batch {
            Some((_, Batch::Entries { to, entries, all, more })) => {
                let bytes = Batch::seen_by(&live.client.view, entries, all);
                live.client.position.offset = *to;
                // A batch is bounded; whoever is far behind takes several.
                if *more {
                    self.inbox.look_at(key);
                }
                self.write(key, bytes);
            }
            Some((_, Batch::Unusual)) => {
                if let Some(live) = self.remove(key) {
                    self.fanout.serve_again(live.client);
                }
            }
            Some((_, Batch::Nothing)) | None => {}
        }
    }

    fn write(&mut self, key: usize, bytes: Bytes) {
        let Some(live) = self.streams.get_mut(key) else { return };
        match live.write(bytes) {
            Written::All => {}
            Written::Some => self.set_timer(key),
            Written::Gone => drop(self.remove(key)),
        }
    }

    /// Looks at a stream whose socket has something to read or room to write.
    fn look_at(&mut self, key: usize) {
        let Some(live) = self.streams.get_mut(key) else { return };
        match live.progress() {
            Written::Gone => drop(self.remove(key)),
            Written::Some => self.set_timer(key),
            Written::All => {
                let channel = Arc::clone(live.client.place.channel());
                self.pass_on(key, &channel, &mut None);
            }
        }
    }

    /// Does what is due on a stream.
    fn keep_time(&mut self, key: usize) {
        let Some(live) = self.streams.get_mut(key) else { return };
        live.timer = None;
        let now = Instant::now();
        if live.has_stalled(now) {
            self.metrics.stalled.inc();
            drop(self.remove(key));
            return;
        }
        let cursor = live.client.cursor();
        let Some(due) = live.client.schedule.take_due(now, &cursor) else {
            drop(self.remove(key));
            return;
        };
        // Who takes nothing has something to read before the news that there is none.
        let silent = live.is_stalled();
        self.set_timer(key);
        if !due.is_empty() && !silent {
            self.write(key, merged(due));
        }
    }

    fn set_timer(&mut self, key: usize) {
        let Some(live) = self.streams.get_mut(key) else { return };
        match &live.timer {
            Some(timer) => self.timers.reset_at(timer, live.due()),
            None => live.timer = Some(self.timers.insert_at(key, live.due())),
        }
    }

    fn tell_drain(&mut self, key: usize) {
        let after = self.draining.after();
        let Some(live) = self.streams.get_mut(key) else { return };
        let cursor = live.client.cursor();
        if let Some(frame) = live.client.schedule.close_after(after, &cursor) {
            self.set_timer(key);
            self.write(key, frame);
        }
    }

    /// Takes a stream out.
    fn remove(&mut self, key: usize) -> Option<Live> {
        let live = self.streams.try_remove(key)?;
        if let Some(timer) = &live.timer {
            self.timers.remove(timer);
        }
        live.client.place.channel().take_down(&self.inbox.bell);
        let tenant = live.client.tenant();
        let room = self.rooms.get_mut(tenant)?;
        room.streams.swap_remove(live.seat);
        if let Some(moved) = room.streams.get(live.seat) {
            self.streams[*moved].seat = live.seat;
        }
        // One that was moved to a place that the pass under way has left behind still gets its share.
        if room.pass.is_some_and(|at| live.seat < at) {
            room.pass = Some(live.seat);
        }
        if room.streams.is_empty() {
            self.rooms.remove(tenant);
        }
        Some(live)
    }
}
