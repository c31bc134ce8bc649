//! A simulated fleet: it publishes what a carrier's systems would, and its drivers answer messages.
//!
//! `sally-server simulate` and the app's demo run it against a server, over the wire like any other
//! publisher and any other driver. It looks like a dispatcher's morning: loads under way between
//! real cities, appointments kept and missed, alerts that come up, grow and go away with their
//! causes, hours of service by 49 CFR 395, integrations that sync and sometimes fail.
//!
//! An hour on the road takes ten minutes; see `truck::ROAD_FACTOR`. Everything published carries
//! the times of the clock on the wall. Ids follow from the seed: a later run with the same one takes
//! over the board that an earlier one left, and whatever it doesn't take over it closes.
//!
//! # Layout
//!
//! The world, which knows neither clock nor network, from the ground up:
//!
//! - `place` and `weather`: where things are, and what it is like there.
//! - `clocks`, `roster`: hours of service, and who drives what.
//! - `plan`, `forecast`, `truck`: a load, when it will be where, and the truck that carries it.
//! - `cause`, `wording`, `docket`: why alerts come up, what they say, and how they live.
//! - `integration`: syncs.
//! - `world`, `incident`, `report`: all of that together, what befalls it and what it says of it;
//!   `event`: how that is published; `leftover`: what an earlier run left.
//! - `facts`, `voice`, `remark`, `answer`: what drivers know, and what they write.
//!
//! The run:
//!
//! - `pace`, how many events when; `publisher`, from here to the server.
//! - `phone` and `driver`: a driver's messages, and the connection that carries them.
//! - `backoff`: how long to wait before the next attempt.

mod answer;
mod backoff;
mod cause;
mod clocks;
mod docket;
mod driver;
mod event;
mod facts;
mod forecast;
mod incident;
mod integration;
mod leftover;
mod pace;
mod phone;
mod place;
mod plan;
mod publisher;
mod remark;
mod report;
mod roster;
mod truck;
mod voice;
mod weather;
mod wording;
mod world;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use jiff::{Timestamp, TimestampRound, Unit};
use sally_client::events::{Events, Update};
use sally_client::{Server, Session};
use sally_protocol::stream::Frame;
use sally_protocol::{Id, Role, Tenant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::auth::{Identity, Issuer};
use driver::Driver;
use pace::Pace;
use publisher::Publisher;
use remark::Occasion;
use world::{Remark, World};

/// The largest fleet. Every driver holds a connection.
pub const MAX_DRIVERS: usize = 20_000;

/// How often the world is looked at.
const TICK: Duration = Duration::from_millis(250);

/// The most of the wall clock that is caught up on at once, after a time without the server.
const CATCH_UP: Duration = Duration::from_secs(60);

/// Over this long the drivers come in.
const COMING_IN: Duration = Duration::from_millis(1_500);

/// Tokens live this long; they are renewed before they end.
const TOKEN_TTL: Duration = Duration::from_secs(3_600);

/// How many drivers have something to say in the morning.
const MORNING_MESSAGES: usize = 6;

/// How long drivers may take to hang up.
const HANGING_UP: Duration = Duration::from_secs(3);

/// What to simulate, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// The server, such as `http://127.0.0.1:8787`.
    pub url: String,
    /// Whose fleet it is.
    pub tenant: Tenant,
    /// How many drivers, at most [`MAX_DRIVERS`]; each has a truck and a messaging connection.
    pub drivers: usize,
    /// Events a second on average. What happens is published in any case, about one event in five
    /// minutes and driver; routine reports make up the rest.
    pub rate: f64,
    /// What happens follows from it.
    pub seed: u64,
}

/// Why a simulation couldn't begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The rate isn't a number from 0 up.
    #[error("a rate of {0} events per second can't be kept")]
    Rate(f64),
    /// Too many drivers.
    #[error("a fleet can have at most {MAX_DRIVERS} drivers, not {0}")]
    Drivers(usize),
    /// No token could be made.
    #[error("a token couldn't be issued: {0}")]
    Token(String),
    /// The server refused what it was sent, or isn't one. Being away is no reason to give up.
    #[error(transparent)]
    Server(#[from] sally_client::Error),
}

/// Runs a fleet until `stop`, or until the server refuses it.
///
/// A server that is away is waited for; the world goes on meanwhile, and what happened is published
/// in order when the server is back.
///
/// # Errors
///
/// An [`Error`] for options that can't be met and for a server that says no.
pub async fn run(options: Options, issuer: Issuer, stop: CancellationToken) -> Result<(), Error> {
    if !options.rate.is_finite() || options.rate < 0.0 {
        return Err(Error::Rate(options.rate));
    }
    if options.drivers > MAX_DRIVERS {
        return Err(Error::Drivers(options.drivers));
    }
    let stop = stop.child_token();
    let mut drivers = JoinSet::new();
    let outcome = tokio::select! {
        () = stop.cancelled() => Ok(()),
        outcome = async { Desk::open(options, issuer).await?.work(&mut drivers, &stop).await } => outcome,
    };
    // Drivers hang up by themselves, so that nobody is left online who isn't there.
    stop.cancel();
    let _ = timeout(HANGING_UP, async { while drivers.join_next().await.is_some() {} }).await;
    outcome
}

/// Where the run is set up and driven from.
struct Desk {
    options: Options,
    issuer: Issuer,
    server: Server,
    session: Session,
}

/// A world that the drivers' tasks look into.
#[derive(Clone)]
struct Shared(Arc<Mutex<World>>);

impl Shared {
    /// The world. The guard must not be held across an await, and can't be: it isn't `Send`.
    fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    async fn open(options: Options, issuer: Issuer) -> Result<Self, Error> {
        let identity = Identity {
            tenant: options.tenant.to_string(),
            user: roster::id("simulate"),
            role: Role::Service,
            driver: None,
            name: Some("Simulated fleet".into()),
        };
        issuer.issue(&identity, TOKEN_TTL).map_err(|error| Error::Token(error.to_string()))?;
        let server = publisher::find(&options.url).await?;
        let session = session(&server, &issuer, identity);
        Ok(Self { options, issuer, server, session })
    }

    async fn work(&self, drivers: &mut JoinSet<()>, stop: &CancellationToken) -> Result<(), Error> {
        let mut publisher = Publisher::new(self.session.clone());
        let snapshot = publisher.snapshot().await?;
        let mut world = World::new(self.options.seed, self.options.drivers, now());
        let opening = world.opening();
        let cleared = leftover::clear(snapshot.events, &opening, now());
        tracing::info!(
            drivers = self.options.drivers,
            seed = self.options.seed,
            opening = opening.len(),
            cleared = cleared.len(),
            "the fleet is on the road"
        );
        publisher.publish(cleared).await?;
        publisher.publish(opening).await?;

        let mut first_words = first_words(&mut world);
        let world = Shared(Arc::new(Mutex::new(world)));
        let crews: Vec<_> = world.lock().crews().map(|crew| (crew.driver.clone(), crew.name.clone())).collect();
        let mut phones = Vec::with_capacity(crews.len());
        for (index, (id, name)) in crews.into_iter().enumerate() {
            let (phone, remarks) = mpsc::channel(4);
            phones.push(phone);
            let driver = self.driver(index, id, name, &world, first_words[index].take());
            let wait = COMING_IN.mul_f64(index as f64 / self.options.drivers as f64);
            drivers.spawn(driver.run(remarks, wait, stop.clone()));
        }

        // The stream shows what dispatchers do with the alerts.
        let mut stream = Events::follow(self.session.clone(), sally_client::events::Options::default());
        let mut pace = Pace::new(self.options.rate, self.options.seed);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut following = true;
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                update = stream.next(), if following => {
                    match update {
                        Some(Update::Frame { frame: Frame::Event { data, .. }, .. }) => world.lock().hear(&data),
                        Some(_) => {}
                        None => following = false,
                    }
                    continue;
                }
            }
            let mut behind = true;
            while behind {
                let (events, remarks) = {
                    let mut world = world.lock();
                    let passed = lag(world.now).min(CATCH_UP);
                    behind = passed == CATCH_UP;
                    let mut events = world.step(passed);
                    for _ in 0..pace.reports(passed, events.len()) {
                        events.extend(world.report());
                    }
                    (events, world.remarks())
                };
                publisher.publish(events).await?;
                for remark in remarks {
                    // A driver whose phone has several unsaid things in it has enough to say.
                    let _ = phones[remark.truck].try_send(remark);
                }
            }
        }
    }

    fn driver(&self, index: usize, id: Id, name: String, world: &Shared, first_words: Option<Remark>) -> Driver {
        let identity = Identity {
            tenant: self.options.tenant.to_string(),
            user: id.clone(),
            role: Role::Driver,
            driver: Some(id),
            name: Some(name),
        };
        Driver::new(
            index,
            self.options.seed,
            session(&self.server, &self.issuer, identity.clone()),
            self.options.url.clone(),
            (self.issuer.clone(), identity),
            world.clone(),
            first_words,
        )
    }
}

/// A session on tokens of `issuer`'s own.
fn session(server: &Server, issuer: &Issuer, identity: Identity) -> Session {
    let issuer = issuer.clone();
    // A token that can't be made is an empty one, which the server refuses.
    Session::issued(server.clone(), move || issuer.issue(&identity, TOKEN_TTL).unwrap_or_default())
}

/// What the first drivers say in the morning: what has just happened to them, else something of
/// the day's business. By the index of the truck.
fn first_words(world: &mut World) -> Vec<Option<Remark>> {
    let count = world.crews().count();
    let mut words: Vec<Option<Remark>> = vec![None; count];
    let said = |words: &[Option<Remark>]| words.iter().flatten().count();
    for remark in world.remarks() {
        if said(&words) < MORNING_MESSAGES / 2 {
            let truck = remark.truck;
            words[truck] = Some(remark);
        }
    }
    for truck in 0..count {
        if said(&words) < MORNING_MESSAGES && words[truck].is_none() {
            words[truck] = Some(Remark { truck, occasion: Occasion::Morning, alert: None });
        }
    }
    words
}

/// How far the world is behind the clock on the wall; zero when that was set back.
fn lag(world: Timestamp) -> Duration {
    Duration::try_from(now().duration_since(world)).unwrap_or_default()
}

/// The clock on the wall, to a millisecond: nobody reads nanoseconds.
fn now() -> Timestamp {
    let now = Timestamp::now();
    now.round(TimestampRound::new().smallest(Unit::Millisecond)).unwrap_or(now)
}

#[cfg(test)]
mod tests;
