//! One transaction of the log: what a group of requests appends, in few statements.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use sally_protocol::cursor::Epoch;
use sally_protocol::{Event, Tenant};
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::{compaction, millis, position, signed, unsigned};
use crate::log::entry::{Entry, readers_to_text};
use crate::log::{Appended, LogError, Position, REPEAT_WINDOW};
use crate::store::Kind;
use crate::store::rows::{parts, places};

/// Where each tenant's log stands.
pub(super) type Heads = HashMap<Tenant, Position>;

/// The entries of one transaction, by tenant, and where its log stands after them.
pub(super) type Written = BTreeMap<Tenant, (Position, Vec<Entry>)>;

/// One row of the log to be.
struct Placed<'e> {
    tenant: &'e Tenant,
    offset: u64,
    /// `None` for a gap.
    event: Option<&'e Event>,
}

/// What is being written. `heads` is moved at once, before anything is committed.
pub(super) struct Lot<'e> {
    heads: &'e mut Heads,
    /// Events with an id of their publisher's that are there already, and recent enough to make a
    /// new one their repeat.
    repeats: HashMap<(&'e Tenant, &'e str), u64>,
    /// Where the newest events of the entities that were asked for stand, 0 where there is none.
    newest: HashMap<(&'e Tenant, &'e str), u64>,
    placed: Vec<Placed<'e>>,
    /// In milliseconds since 1970.
    now: i64,
}

impl<'e> Lot<'e> {
    /// A lot of these events, none of them appended yet, and the logs of `tenants`, begun where
    /// there is none. [`Lot::is_at`] can be asked of `entities`.
    pub(super) async fn begin(
        transaction: &mut AnyConnection,
        heads: &'e mut Heads,
        events: &[&'e (Tenant, Event)],
        tenants: impl Iterator<Item = &'e Tenant>,
        entities: impl Iterator<Item = (&'e Tenant, &'e str)>,
        now: Timestamp,
    ) -> Result<Self, LogError> {
        let now = now.as_millisecond();
        let tenants: BTreeSet<&Tenant> = events.iter().map(|(tenant, _)| tenant).chain(tenants).collect();
        learn_heads(transaction, heads, &tenants).await?;
        let named = events.iter().filter(|(_, event)| event.id_given);
        let named: BTreeSet<(&Tenant, &str)> = named.map(|(tenant, event)| (tenant, event.event_id.as_str())).collect();
        let repeats = repeated(transaction, &named.into_iter().collect::<Vec<_>>(), now).await?;
        let entities: BTreeSet<(&Tenant, &str)> = entities.collect();
        let newest = newest(transaction, &entities.into_iter().collect::<Vec<_>>()).await?;
        Ok(Self { heads, repeats, newest, placed: Vec::with_capacity(events.len()), now })
    }

    /// Whether the newest event of an event's entity stands at `newest`, or else the event is a repeat.
    pub(super) fn is_at(&self, (tenant, event): &(Tenant, Event), newest: u64) -> bool {
        let stands_at = event.subject.entity().and_then(|entity| self.newest.get(&(tenant, entity)));
        let repeats = event.id_given && self.repeats.contains_key(&(tenant, event.event_id.as_str()));
        repeats || stands_at.copied().unwrap_or_default() == newest
    }

    /// Appends an event, unless it is a repeat.
    pub(super) fn append(&mut self, (tenant, event): &'e (Tenant, Event)) -> Result<Appended, LogError> {
        let repeated = self.repeats.get(&(tenant, event.event_id.as_str())).filter(|_| event.id_given).copied();
        let position = match repeated {
            Some(offset) => Position { offset, ..self.head(tenant)? },
            None => self.place(tenant, Some(event))?,
        };
        if event.id_given {
            self.repeats.insert((tenant, event.event_id.as_str()), position.offset);
        }
        Ok(Appended { event_id: event.event_id.clone(), position, duplicate: repeated.is_some() })
    }

    /// Where a tenant's log stands, which [`Lot::begin`] was told of.
    pub(super) fn head(&self, tenant: &Tenant) -> Result<Position, LogError> {
        self.heads.get(tenant).copied().ok_or_else(|| LogError::Corrupt("a log that did not begin".into()))
    }

    /// A gap takes an offset of its own, so that cursors from before it and after it differ.
    pub(super) fn gap(&mut self, tenant: &'e Tenant) -> Result<(), LogError> {
        self.place(tenant, None).map(drop)
    }

    fn place(&mut self, tenant: &'e Tenant, event: Option<&'e Event>) -> Result<Position, LogError> {
        let head = self.head(tenant)?;
        let position = Position { offset: head.offset + 1, ..head };
        self.heads.insert(tenant.clone(), position);
        for slot in event.into_iter().flat_map(|event| &event.subject.slots) {
            if let Some(newest) = self.newest.get_mut(&(tenant, slot.entity.as_str())) {
                *newest = position.offset;
            }
        }
        self.placed.push(Placed { tenant, offset: position.offset, event });
        Ok(position)
    }

    /// Writes everything.
    pub(super) async fn write(self, transaction: &mut AnyConnection) -> Result<Written, LogError> {
        let events = self.placed.iter().filter_map(|placed| Some((placed.tenant, placed.event?, placed.offset)));
        let events: Vec<(&Tenant, &Event, u64)> = events.collect();
        self.insert_rows(transaction).await?;
        self.insert_repeats(transaction, &events).await?;
        compaction::compact(transaction, &events, self.now).await?;
        let written = self.entries()?;
        move_heads(transaction, &written).await?;
        Ok(written)
    }

    fn entries(&self) -> Result<Written, LogError> {
        let mut written = Written::new();
        for Placed { tenant, offset, event } in &self.placed {
            let head = self.head(tenant)?;
            let position = Position { offset: *offset, ..head };
            let entry = match event {
                Some(event) => Entry::event(tenant, position, &event.kind, &event.subject.readers, &event.json),
                None => Entry::gap(*offset),
            };
            written.entry((*tenant).clone()).or_insert_with(|| (head, Vec::new())).1.push(entry);
        }
        Ok(written)
    }

    async fn insert_rows(&self, transaction: &mut AnyConnection) -> Result<(), LogError> {
        for part in parts(&self.placed) {
            let statement = format!(
                "INSERT INTO log_event (tenant, log_offset, kind, readers, json, logged_at) VALUES {}",
                places(Kind::of(transaction), part.len(), 6)
            );
            let mut query = sqlx::query(AssertSqlSafe(statement));
            for Placed { tenant, offset, event } in part {
                let (kind, json) = event.map_or(("", ""), |event| (&event.kind, &event.json));
                let readers = event.map(|event| readers_to_text(&event.subject.readers)).unwrap_or_default();
                query = query.bind(tenant.as_str()).bind(signed(*offset)).bind(kind).bind(readers).bind(json);
                query = query.bind(self.now);
            }
            query.execute(&mut *transaction).await?;
        }
        Ok(())
    }

    async fn insert_repeats(
        &self,
        transaction: &mut AnyConnection,
        events: &[(&Tenant, &Event, u64)],
    ) -> Result<(), LogError> {
        let named: Vec<_> = events.iter().filter(|(_, event, _)| event.id_given).collect();
        for part in parts(&named) {
            let statement = format!(
                "INSERT INTO log_repeat (tenant, event_id, log_offset, logged_at) VALUES {}
                 ON CONFLICT (tenant, event_id) DO UPDATE SET log_offset = excluded.log_offset,
                     logged_at = excluded.logged_at",
                places(Kind::of(transaction), part.len(), 4)
            );
            let mut query = sqlx::query(AssertSqlSafe(statement));
            for (tenant, event, offset) in part {
                query = query.bind(tenant.as_str()).bind(event.event_id.as_str()).bind(signed(*offset)).bind(self.now);
            }
            query.execute(&mut *transaction).await?;
        }
        Ok(())
    }
}

/// Looks up where logs stand of which that isn't known; one that doesn't exist yet begins, with an
/// epoch of its own.
async fn learn_heads(
    transaction: &mut AnyConnection,
    heads: &mut Heads,
    tenants: &BTreeSet<&Tenant>,
) -> Result<(), LogError> {
    let unknown: Vec<&Tenant> = tenants.iter().copied().filter(|tenant| !heads.contains_key(*tenant)).collect();
    for part in parts(&unknown) {
        let statement = format!(
            "SELECT tenant, epoch, head FROM log_tenant WHERE tenant IN (VALUES {})",
            places(Kind::of(transaction), part.len(), 1)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for tenant in part {
            query = query.bind(tenant.as_str());
        }
        for row in query.fetch_all(&mut *transaction).await? {
            heads.insert(tenant(row.try_get("tenant")?)?, position(&row)?);
        }
    }
    let new: Vec<(&Tenant, Position)> = unknown
        .into_iter()
        .filter(|tenant| !heads.contains_key(*tenant))
        .map(|tenant| (tenant, Position { epoch: Epoch(rand::random::<u64>() >> 1), offset: 0 }))
        .collect();
    for part in parts(&new) {
        let statement = format!(
            "INSERT INTO log_tenant (tenant, epoch, head) VALUES {}",
            places(Kind::of(transaction), part.len(), 3)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (tenant, position) in part {
            query = query.bind(tenant.as_str()).bind(signed(position.epoch.0)).bind(signed(position.offset));
        }
        query.execute(&mut *transaction).await?;
    }
    heads.extend(new.into_iter().map(|(tenant, position)| (tenant.clone(), position)));
    Ok(())
}

/// The offsets of events with these ids that are recent enough to make new ones their repeats.
async fn repeated<'e>(
    transaction: &mut AnyConnection,
    named: &[(&'e Tenant, &'e str)],
    now: i64,
) -> Result<HashMap<(&'e Tenant, &'e str), u64>, LogError> {
    let mut repeats = HashMap::new();
    for part in parts(named) {
        // See `compaction` for the CROSS JOIN.
        let statement = format!(
            "WITH asked (tenant, event_id) AS (VALUES {})
             SELECT r.tenant, r.event_id, r.log_offset FROM asked CROSS JOIN log_repeat r
             WHERE r.tenant = asked.tenant AND r.event_id = asked.event_id AND r.logged_at > ${}",
            places(Kind::of(transaction), part.len(), 2),
            2 * part.len() + 1
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (tenant, event_id) in part {
            query = query.bind(tenant.as_str()).bind(*event_id);
        }
        for row in query.bind(now - millis(REPEAT_WINDOW)).fetch_all(&mut *transaction).await? {
            let (tenant, event_id) = (row.try_get::<String, _>("tenant")?, row.try_get::<String, _>("event_id")?);
            let asked = part.iter().find(|(of, id)| of.as_str() == tenant && *id == event_id);
            let asked = asked.ok_or_else(|| LogError::Corrupt("a repeat that nobody asked for".into()))?;
            repeats.insert(*asked, unsigned(row.try_get("log_offset")?)?);
        }
    }
    Ok(repeats)
}

/// Where the newest events of these entities stand, 0 where there is none.
async fn newest<'e>(
    transaction: &mut AnyConnection,
    entities: &[(&'e Tenant, &'e str)],
) -> Result<HashMap<(&'e Tenant, &'e str), u64>, LogError> {
    let mut newest: HashMap<_, _> = entities.iter().map(|entity| (*entity, 0)).collect();
    for part in parts(entities) {
        // See `compaction` for the CROSS JOIN.
        let statement = format!(
            "WITH asked (tenant, entity) AS (VALUES {})
             SELECT s.tenant, s.entity, s.log_offset FROM asked CROSS JOIN log_slot s
             WHERE s.tenant = asked.tenant AND s.entity = asked.entity",
            places(Kind::of(transaction), part.len(), 2)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (tenant, entity) in part {
            query = query.bind(tenant.as_str()).bind(*entity);
        }
        for row in query.fetch_all(&mut *transaction).await? {
            let (tenant, entity) = (row.try_get::<String, _>("tenant")?, row.try_get::<String, _>("entity")?);
            let asked = part.iter().find(|(of, name)| of.as_str() == tenant && *name == entity);
            let asked = asked.ok_or_else(|| LogError::Corrupt("an entity that nobody asked for".into()))?;
            let offset = unsigned(row.try_get("log_offset")?)?;
            newest.entry(*asked).and_modify(|newest| *newest = offset.max(*newest));
        }
    }
    Ok(newest)
}

/// Moves the heads of all logs that were written to.
async fn move_heads(transaction: &mut AnyConnection, written: &Written) -> Result<(), LogError> {
    let moved = written.iter().map(|(tenant, (head, entries))| (tenant, head.offset, entries.len() as u64));
    let moved: Vec<(&Tenant, u64, u64)> = moved.collect();
    for part in parts(&moved) {
        let statement = format!(
            "WITH moved (tenant, head, stood) AS (VALUES {})
             UPDATE log_tenant SET head = moved.head FROM moved
             WHERE log_tenant.tenant = moved.tenant AND log_tenant.head = moved.stood",
            places(Kind::of(transaction), part.len(), 3)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (tenant, head, by) in part {
            query = query.bind(tenant.as_str()).bind(signed(*head)).bind(signed(head - by));
        }
        if query.execute(&mut *transaction).await?.rows_affected() != part.len() as u64 {
            return Err(LogError::Backend("another server writes this log".into()));
        }
    }
    Ok(())
}

pub(super) fn tenant(name: String) -> Result<Tenant, LogError> {
    Tenant::try_from(name).map_err(|error| LogError::Corrupt(error.to_string()))
}
