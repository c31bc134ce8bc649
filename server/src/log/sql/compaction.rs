//! The compacted view: the newest event of each slot, and how long it stays.

use jiff::Timestamp;
use sally_protocol::entity::{Fate, Slot};
use sally_protocol::{Event, Tenant};
use sqlx::{AnyConnection, Row as _};

use super::{millis, signed};
use crate::log::entry::readers_to_text;
use crate::log::{ENDED_STAYS, LogError, Position, UNTOUCHED_STAYS};

/// Brings the view up to an event that was just appended.
pub(super) async fn compact(
    transaction: &mut AnyConnection,
    tenant: &Tenant,
    position: Position,
    event: &Event,
    now: Timestamp,
) -> Result<(), LogError> {
    let shared = event.subject.slots.len() > 1;
    for slot in &event.subject.slots {
        let (ended, stays) = match event.subject.fate {
            Fate::Alive => (false, UNTOUCHED_STAYS),
            Fate::Ended => (true, ENDED_STAYS),
            // A part that comes after its whole has ended leaves with it.
            Fate::Part if has_ended(transaction, tenant, slot).await? => {
                put(transaction, tenant, position, event, slot, shared).await?;
                inherit(transaction, tenant, slot).await?;
                continue;
            }
            Fate::Part => (false, UNTOUCHED_STAYS),
            // A notice that both sides share would come back through the other side's slot, so
            // there the event that takes it back stays as well.
            Fate::Gone if !shared && twin_is_shared(transaction, tenant, slot).await? => (true, UNTOUCHED_STAYS),
            Fate::Gone => {
                sqlx::query("DELETE FROM log_slot WHERE tenant = $1 AND slot = $2")
                    .bind(tenant.as_str())
                    .bind(&slot.key)
                    .execute(&mut *transaction)
                    .await?;
                release_twin(transaction, tenant, slot).await?;
                continue;
            }
        };
        put(transaction, tenant, position, event, slot, shared).await?;
        if !shared {
            release_twin(transaction, tenant, slot).await?;
        }
        sqlx::query("UPDATE log_slot SET ended = $3, leaves_at = $4 WHERE tenant = $1 AND entity = $2")
            .bind(tenant.as_str())
            .bind(&slot.entity)
            .bind(i64::from(ended))
            .bind(now.as_millisecond() + millis(stays))
            .execute(&mut *transaction)
            .await?;
    }
    Ok(())
}

async fn put(
    transaction: &mut AnyConnection,
    tenant: &Tenant,
    position: Position,
    event: &Event,
    slot: &Slot,
    shared: bool,
) -> Result<(), LogError> {
    sqlx::query(
        "INSERT INTO log_slot (tenant, slot, entity, log_offset, readers, json, shared, ended, leaves_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0)
         ON CONFLICT (tenant, slot) DO UPDATE SET log_offset = $4, readers = $5, json = $6, shared = $7",
    )
    .bind(tenant.as_str())
    .bind(&slot.key)
    .bind(&slot.entity)
    .bind(signed(position.offset))
    .bind(readers_to_text(&event.subject.readers))
    .bind(&event.json)
    .bind(i64::from(shared))
    .execute(transaction)
    .await?;
    Ok(())
}

/// Removes what takes back the other side's share in a notice that stood in this slot until now.
async fn release_twin(transaction: &mut AnyConnection, tenant: &Tenant, slot: &Slot) -> Result<(), LogError> {
    let Some(twin) = &slot.twin else { return Ok(()) };
    sqlx::query("DELETE FROM log_slot WHERE tenant = $1 AND slot = $2 AND ended = 1")
        .bind(tenant.as_str())
        .bind(twin)
        .execute(transaction)
        .await?;
    Ok(())
}

/// Gives a part the time at which its ended whole leaves.
async fn inherit(transaction: &mut AnyConnection, tenant: &Tenant, slot: &Slot) -> Result<(), LogError> {
    sqlx::query(
        "UPDATE log_slot SET ended = 1, leaves_at =
             (SELECT MAX(leaves_at) FROM log_slot WHERE tenant = $1 AND entity = $2 AND ended = 1)
         WHERE tenant = $1 AND slot = $3",
    )
    .bind(tenant.as_str())
    .bind(&slot.entity)
    .bind(&slot.key)
    .execute(transaction)
    .await?;
    Ok(())
}

async fn has_ended(transaction: &mut AnyConnection, tenant: &Tenant, slot: &Slot) -> Result<bool, LogError> {
    let row = sqlx::query("SELECT COUNT(*) AS ended FROM log_slot WHERE tenant = $1 AND entity = $2 AND ended = 1")
        .bind(tenant.as_str())
        .bind(&slot.entity)
        .fetch_one(transaction)
        .await?;
    Ok(row.try_get::<i64, _>("ended")? > 0)
}

async fn twin_is_shared(transaction: &mut AnyConnection, tenant: &Tenant, slot: &Slot) -> Result<bool, LogError> {
    let Some(twin) = &slot.twin else { return Ok(false) };
    let row = sqlx::query("SELECT COUNT(*) AS twins FROM log_slot WHERE tenant = $1 AND slot = $2 AND shared = 1")
        .bind(tenant.as_str())
        .bind(twin)
        .fetch_one(transaction)
        .await?;
    Ok(row.try_get::<i64, _>("twins")? > 0)
}
