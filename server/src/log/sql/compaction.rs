//! The compacted view: the newest event of each slot, and how long it stays.
//!
//! The events of one transaction are applied in memory, to what is stored of their entities, and
//! each slot that came out different is written once.

use std::collections::{BTreeMap, BTreeSet};

use sally_protocol::entity::{Fate, Slot};
use sally_protocol::{Event, Tenant};
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::{millis, signed};
use crate::log::entry::readers_to_text;
use crate::log::{ENDED_STAYS, LogError, UNTOUCHED_STAYS};
use crate::store::Kind;
use crate::store::rows::{parts, places};

/// An entity of a tenant.
type Entity = (Tenant, String);

/// What one slot keeps.
#[derive(Default)]
struct Kept<'e> {
    /// The newest event and its offset, where it isn't the one that is stored.
    newest: Option<(&'e Event, u64)>,
    /// Whether the same event fills both sides' slots of a conversation.
    shared: bool,
    ended: bool,
    /// In milliseconds since 1970.
    leaves_at: i64,
    /// Whether there is a row of it.
    stored: bool,
    /// Whether it has left.
    gone: bool,
    /// Whether its stay isn't the one that is stored.
    touched: bool,
}

/// The slots of the entities that a transaction touches, by entity and key.
#[derive(Default)]
struct View<'e>(BTreeMap<Entity, BTreeMap<String, Kept<'e>>>);

/// Brings the view up to events that were just appended, with their tenants and offsets.
pub(super) async fn compact(
    transaction: &mut AnyConnection,
    events: &[(&Tenant, &Event, u64)],
    now: i64,
) -> Result<(), LogError> {
    let mut view = View::default();
    view.load(transaction, events).await?;
    for (tenant, event, offset) in events {
        view.apply(tenant, event, *offset, now);
    }
    view.store(transaction).await
}

impl<'e> View<'e> {
    fn apply(&mut self, tenant: &Tenant, event: &'e Event, offset: u64, now: i64) {
        let shared = event.subject.slots.len() > 1;
        for slot in &event.subject.slots {
            let (ended, stays) = match event.subject.fate {
                Fate::Alive => (false, UNTOUCHED_STAYS),
                Fate::Ended => (true, ENDED_STAYS),
                Fate::Part => match self.ended_until(tenant, slot) {
                    // A part that comes after its whole has ended leaves with it.
                    Some(leaves_at) => {
                        let kept = self.put(tenant, slot, event, offset, shared);
                        (kept.ended, kept.leaves_at) = (true, leaves_at);
                        continue;
                    }
                    None => (false, UNTOUCHED_STAYS),
                },
                // A notice that both sides share would come back through the other side's slot, so
                // there the event that takes it back stays as well.
                Fate::Gone if !shared && self.twin(tenant, slot).is_some_and(|twin| twin.shared) => {
                    (true, UNTOUCHED_STAYS)
                }
                Fate::Gone => {
                    if let Some(kept) = self.of_entity(tenant, slot).get_mut(&slot.key) {
                        kept.gone = true;
                    }
                    self.release_twin(tenant, slot);
                    continue;
                }
            };
            self.put(tenant, slot, event, offset, shared);
            if !shared {
                self.release_twin(tenant, slot);
            }
            for kept in self.of_entity(tenant, slot).values_mut() {
                (kept.ended, kept.leaves_at, kept.touched) = (ended, now + millis(stays), true);
            }
        }
    }

    fn put(&mut self, tenant: &Tenant, slot: &Slot, event: &'e Event, offset: u64, shared: bool) -> &mut Kept<'e> {
        let kept = self.of_entity(tenant, slot).entry(slot.key.clone()).or_default();
        if kept.gone {
            *kept = Kept { stored: kept.stored, ..Kept::default() };
        }
        (kept.newest, kept.shared) = (Some((event, offset)), shared);
        kept
    }

    /// When the slot's entity leaves, if it has ended.
    fn ended_until(&mut self, tenant: &Tenant, slot: &Slot) -> Option<i64> {
        let ended = self.of_entity(tenant, slot).values().filter(|kept| kept.ended && !kept.gone);
        ended.map(|kept| kept.leaves_at).max()
    }

    /// Removes what takes back the other side's share in a notice that stood in this slot until now.
    fn release_twin(&mut self, tenant: &Tenant, slot: &Slot) {
        if let Some(twin) = self.twin(tenant, slot)
            && twin.ended
        {
            twin.gone = true;
        }
    }

    fn twin(&mut self, tenant: &Tenant, slot: &Slot) -> Option<&mut Kept<'e>> {
        let twin = slot.twin.as_ref()?;
        let kept = self.0.get_mut(&(tenant.clone(), twin.entity.clone()))?.get_mut(&twin.key)?;
        (!kept.gone).then_some(kept)
    }

    fn of_entity(&mut self, tenant: &Tenant, slot: &Slot) -> &mut BTreeMap<String, Kept<'e>> {
        self.0.entry((tenant.clone(), slot.entity.clone())).or_default()
    }

    /// Reads what is stored of the entities that these events touch.
    async fn load(
        &mut self,
        transaction: &mut AnyConnection,
        events: &[(&Tenant, &Event, u64)],
    ) -> Result<(), LogError> {
        let slots =
            events.iter().flat_map(|(tenant, event, _)| event.subject.slots.iter().map(move |slot| (*tenant, slot)));
        let entities = slots.flat_map(|(tenant, slot)| {
            let twin = slot.twin.as_ref().map(|twin| twin.entity.as_str());
            [Some(slot.entity.as_str()), twin].into_iter().flatten().map(move |entity| (tenant, entity))
        });
        let entities: Vec<(&Tenant, &str)> = entities.collect::<BTreeSet<_>>().into_iter().collect();
        for part in parts(&entities) {
            // SQLite joins in the order of a CROSS JOIN: it looks each entity up, and doesn't walk
            // through all slots to see whether they were asked for.
            let statement = format!(
                "WITH asked (tenant, entity) AS (VALUES {})
                 SELECT s.tenant, s.slot, s.entity, s.shared, s.ended, s.leaves_at FROM asked CROSS JOIN log_slot s
                 WHERE s.tenant = asked.tenant AND s.entity = asked.entity",
                places(Kind::of(transaction), part.len(), 2)
            );
            let mut query = sqlx::query(AssertSqlSafe(statement));
            for (tenant, entity) in part {
                query = query.bind(tenant.as_str()).bind(*entity);
            }
            for row in query.fetch_all(&mut *transaction).await? {
                let tenant = Tenant::parse(&row.try_get::<String, _>("tenant")?)
                    .map_err(|error| LogError::Corrupt(error.to_string()))?;
                let kept = Kept {
                    shared: row.try_get::<i64, _>("shared")? != 0,
                    ended: row.try_get::<i64, _>("ended")? != 0,
                    leaves_at: row.try_get("leaves_at")?,
                    stored: true,
                    ..Kept::default()
                };
                self.0.entry((tenant, row.try_get("entity")?)).or_default().insert(row.try_get("slot")?, kept);
            }
        }
        Ok(())
    }

    /// Writes what isn't as it is stored.
    async fn store(&self, transaction: &mut AnyConnection) -> Result<(), LogError> {
        let (mut gone, mut fresh) = (Vec::new(), Vec::new());
        for (entity, slots) in &self.0 {
            let mut touched = None;
            for (key, kept) in slots {
                match kept.newest {
                    _ if kept.gone && kept.stored => gone.push((&entity.0, key)),
                    _ if kept.gone => {}
                    Some((event, offset)) => fresh.push((entity, key, kept, event, offset)),
                    None if kept.touched => touched = Some(kept),
                    None => {}
                }
            }
            // All slots of an entity that no event of this transaction fills have one stay; the
            // others are written after this.
            if let Some(kept) = touched {
                sqlx::query("UPDATE log_slot SET ended = $3, leaves_at = $4 WHERE tenant = $1 AND entity = $2")
                    .bind(entity.0.as_str())
                    .bind(entity.1.as_str())
                    .bind(i64::from(kept.ended))
                    .bind(kept.leaves_at)
                    .execute(&mut *transaction)
                    .await?;
            }
        }
        for part in parts(&gone) {
            let statement = format!(
                "DELETE FROM log_slot WHERE (tenant, slot) IN (VALUES {})",
                places(Kind::of(transaction), part.len(), 2)
            );
            let mut query = sqlx::query(AssertSqlSafe(statement));
            for (tenant, key) in part {
                query = query.bind(tenant.as_str()).bind(key.as_str());
            }
            query.execute(&mut *transaction).await?;
        }
        for part in parts(&fresh) {
            let statement = format!(
                "INSERT INTO log_slot (tenant, slot, entity, log_offset, readers, json, shared, ended, leaves_at)
                 VALUES {}
                 ON CONFLICT (tenant, slot) DO UPDATE SET log_offset = excluded.log_offset,
                     readers = excluded.readers, json = excluded.json, shared = excluded.shared,
                     ended = excluded.ended, leaves_at = excluded.leaves_at",
                places(Kind::of(transaction), part.len(), 9)
            );
            let mut query = sqlx::query(AssertSqlSafe(statement));
            for ((tenant, entity), key, kept, event, offset) in part {
                query = query.bind(tenant.as_str()).bind(key.as_str()).bind(entity.as_str()).bind(signed(*offset));
                query = query.bind(readers_to_text(&event.subject.readers)).bind(event.json.as_str());
                query = query.bind(i64::from(kept.shared)).bind(i64::from(kept.ended)).bind(kept.leaves_at);
            }
            query.execute(&mut *transaction).await?;
        }
        Ok(())
    }
}
