//! The position in a tenant's log.
//!
//! A cursor travels as `id:` of every frame, comes back in `Last-Event-ID` and is opaque to
//! clients. Inside it names the tenant (by a short hash, so that another tenant's cursor is known
//! as foreign without a look-up), the log's epoch and the dense offset in it.

use std::fmt;

use crate::Tenant;

/// A life of a tenant's log. A log that lost its data starts a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

/// A position in one tenant's log: everything up to and including `offset` has been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    tenant_hash: u32,
    /// The life of the log this position belongs to.
    pub epoch: Epoch,
    /// Events are numbered from 1 without holes; 0 is before the first.
    pub offset: u64,
    /// True for the id of a `snapshot` frame that isn't the last: who resumes from here has only
    /// part of a snapshot and must start it over.
    pub partial_snapshot: bool,
}

impl Cursor {
    /// The cursor after the event at `offset`.
    pub fn new(tenant: &Tenant, epoch: Epoch, offset: u64) -> Self {
        Self { tenant_hash: hash(tenant), epoch, offset, partial_snapshot: false }
    }

    /// The cursor of a snapshot that has begun and not ended.
    pub fn partial(tenant: &Tenant, epoch: Epoch, offset: u64) -> Self {
        Self { partial_snapshot: true, ..Self::new(tenant, epoch, offset) }
    }

    /// Reads a cursor of this tenant. `None` for nonsense and for another tenant's.
    pub fn parse(text: &str, tenant: &Tenant) -> Option<Self> {
        let mut parts = text.split('.');
        let (tenant_hash, epoch, offset) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || tenant_hash.len() != 8 || epoch.len() != 16 {
            return None;
        }
        let (offset, partial_snapshot) = match offset.strip_suffix('~') {
            Some(rest) => (rest, true),
            None => (offset, false),
        };
        if !offset.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let cursor = Self {
            tenant_hash: u32::from_str_radix(tenant_hash, 16).ok()?,
            epoch: Epoch(u64::from_str_radix(epoch, 16).ok()?),
            offset: offset.parse().ok()?,
            partial_snapshot,
        };
        (cursor.tenant_hash == hash(tenant)).then_some(cursor)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let partial = if self.partial_snapshot { "~" } else { "" };
        write!(f, "{:08x}.{:016x}.{}{partial}", self.tenant_hash, self.epoch.0, self.offset)
    }
}

/// FNV-1a, 32 bits. It only tells tenants apart; it keeps nothing secret.
fn hash(tenant: &Tenant) -> u32 {
    tenant.as_str().bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tenant(name: &str) -> Tenant {
        Tenant::parse(name).expect("a tenant")
    }

    proptest! {
        #[test]
        fn a_cursor_survives_its_text(epoch: u64, offset: u64, partial: bool) {
            let cursor = Cursor { partial_snapshot: partial, ..Cursor::new(&tenant("acme"), Epoch(epoch), offset) };
            prop_assert_eq!(Cursor::parse(&cursor.to_string(), &tenant("acme")), Some(cursor));
        }

        #[test]
        fn nonsense_is_no_cursor(text in "\\PC{0,40}") {
            prop_assert_eq!(Cursor::parse(&text, &tenant("acme")), None);
        }
    }

    #[test]
    fn a_foreign_cursor_is_none() {
        let cursor = Cursor::new(&tenant("acme"), Epoch(7), 42).to_string();
        assert!(Cursor::parse(&cursor, &tenant("globex")).is_none());
        assert!(Cursor::parse(&cursor.replace(".42", ".+42"), &tenant("acme")).is_none());
        assert!(Cursor::parse(&format!("{cursor}.1"), &tenant("acme")).is_none());
    }
}
