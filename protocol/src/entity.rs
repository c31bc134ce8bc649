//! What an event is about: the key under which the compacted log keeps only the newest event, how
//! long it keeps it, and which drivers may see it.

use serde::Deserialize;
use serde_json::Value;

use crate::alert::AlertStatus;
use crate::fleet::{PlanStatus, Side};
use crate::{Claims, Id, Role};

/// Who beside the dispatch team may see an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reader {
    /// The driver with this id in events (`driverId` of the token, else its `sub`).
    Driver(Id),
    /// The user with this id (`sub` of the token).
    User(Id),
}

impl Reader {
    /// Whether a driver with these claims is meant.
    pub fn matches(&self, user: &Id, driver: &Id) -> bool {
        match self {
            Self::Driver(id) => id == driver,
            Self::User(id) => id == user,
        }
    }

    /// The reader as text, `d:{id}` or `u:{id}`.
    pub fn to_text(&self) -> String {
        match self {
            Self::Driver(id) => format!("d:{id}"),
            Self::User(id) => format!("u:{id}"),
        }
    }

    /// Reads [`Reader::to_text`].
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("d", id) => Id::parse(id).ok().map(Self::Driver),
            ("u", id) => Id::parse(id).ok().map(Self::User),
            _ => None,
        }
    }
}

/// How an event changes the time its entity stays in the compacted log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The entity lives: it stays until it has been untouched for seven days.
    Alive,
    /// The entity has ended: it stays for one day.
    Ended,
    /// The entity is part of another and ends with it: it stays as long as that one does.
    Part,
    /// The entity leaves at once.
    Gone,
}

/// One place in the compacted log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The entity; all slots of one entity share a fate.
    pub entity: String,
    /// The slot itself: the newest event with this key replaces the one before.
    pub key: String,
    /// The same notice's slot on the other side of the conversation, for `message_waiting`.
    pub twin: Option<Twin>,
}

/// The other side's slot of a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twin {
    /// Its entity.
    pub entity: String,
    /// Its key.
    pub key: String,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Who beside the dispatch team may see it.
    pub readers: Vec<Reader>,
    /// Where the compacted log keeps it; empty for types that aren't in snapshots. An unread
    /// notice for both sides has one slot a side.
    pub slots: Vec<Slot>,
    /// What it does to the entity's stay.
    pub fate: Fate,
}

impl Subject {
    /// The entity, where there is one that snapshots show; of an unread notice for both sides, one side's.
    pub fn entity(&self) -> Option<&str> {
        self.slots.first().map(|slot| slot.entity.as_str())
    }
}

/// The few fields that compaction and filters look at.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Fields {
    alert: Option<AlertFields>,
    driver_id: Value,
    plan_id: Value,
    stop_id: Value,
    integration_id: Value,
    conversation_id: Value,
    status: Value,
    audience: Value,
    unread: Value,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AlertFields {
    id: Value,
    driver_id: Value,
    status: Value,
}

impl Subject {
    /// Reads the subject of a checked event of type `kind`.
    ///
    /// An event of a known type that lacks its entity's id has no slot: it is delivered and not
    /// kept in snapshots.
    pub fn of(kind: &str, json: &str) -> Self {
        // A field of another shape than expected is worth no more than an absent one.
        let fields: Fields = serde_json::from_str(json).unwrap_or_default();
        let alert = fields.alert.unwrap_or_default();

        let slot = |prefix: &str, entity: &Value, part: &str| {
            id(entity).map(|entity| Slot {
                entity: format!("{prefix}:{entity}"),
                key: format!("{kind}:{entity}{part}"),
                twin: None,
            })
        };
        let (slots, fate) = match kind {
            "new_alert" | "alert_updated" | "alert_resolved" => {
                let status = text(&alert.status).map(AlertStatus::parse);
                let ended = status.map_or(kind == "alert_resolved", AlertStatus::is_resolved);
                (slot("alert", &alert.id, "").into_iter().collect(), if ended { Fate::Ended } else { Fate::Alive })
            }
            "route_status" => {
                let ended = text(&fields.status).map(PlanStatus::parse).is_some_and(PlanStatus::is_ended);
                (slot("plan", &fields.plan_id, "").into_iter().collect(), if ended { Fate::Ended } else { Fate::Alive })
            }
            "eta_update" => {
                let part = id(&fields.stop_id).map(|stop| format!("/{stop}")).unwrap_or_default();
                (slot("plan", &fields.plan_id, &part).into_iter().collect(), Fate::Part)
            }
            "sync_progress" => (slot("integration", &fields.integration_id, "").into_iter().collect(), Fate::Alive),
            "message_waiting" => {
                let sides = match text(&fields.audience).map(Side::parse) {
                    Some(side) => vec![side],
                    None => vec![Side::Dispatch, Side::Driver],
                };
                let slots = id(&fields.conversation_id).map(|conversation| {
                    let name = |side: Side| format!("{conversation}/{}", side.as_str());
                    let entity = |side: Side| format!("conversation:{}", name(side));
                    let key = |side: Side| format!("{kind}:{}", name(side));
                    let slot = |side: Side| Slot {
                        entity: entity(side),
                        key: key(side),
                        twin: Some(Twin { entity: entity(side.other()), key: key(side.other()) }),
                    };
                    sides.into_iter().map(slot).collect()
                });
                let read = fields.unread.as_u64() == Some(0);
                (slots.unwrap_or_default(), if read { Fate::Gone } else { Fate::Alive })
            }
            _ => (Vec::new(), Fate::Alive),
        };

        let readers = if kind == "message_waiting" {
            let for_driver = text(&fields.audience).map(Side::parse) != Some(Side::Dispatch);
            id(&fields.conversation_id).filter(|_| for_driver).map(Reader::User).into_iter().collect()
        } else {
            let mut readers: Vec<Reader> =
                [&fields.driver_id, &alert.driver_id].into_iter().filter_map(id).map(Reader::Driver).collect();
            readers.dedup();
            readers
        };
        Self { readers, slots, fate }
    }
}

/// Whose events somebody sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum View {
    /// Everything of the tenant.
    Everything,
    /// What names this driver.
    Driver {
        /// The user's id.
        user: Id,
        /// The user's id in events.
        driver: Id,
    },
}

impl View {
    /// The view of a user with these claims.
    pub fn of(claims: &Claims, role: Role) -> Self {
        match role {
            Role::Driver => Self::Driver {
                user: claims.sub.clone(),
                driver: claims.driver_id.clone().unwrap_or_else(|| claims.sub.clone()),
            },
            _ => Self::Everything,
        }
    }

    /// Whether an event for these readers is in the view.
    pub fn sees(&self, readers: &[Reader]) -> bool {
        match self {
            Self::Everything => true,
            Self::Driver { user, driver } => readers.iter().any(|reader| reader.matches(user, driver)),
        }
    }
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

fn id(value: &Value) -> Option<Id> {
    text(value).and_then(|text| Id::parse(text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(kind: &str, json: &str) -> Subject {
        Subject::of(kind, json)
    }

    #[test]
    fn an_alert_is_kept_by_its_id_and_seen_by_its_driver() {
        let subject = subject("new_alert", r#"{"alert":{"id":"a1","driverId":"d7","status":"active"}}"#);
        assert_eq!(subject.slots, [Slot { entity: "alert:a1".into(), key: "new_alert:a1".into(), twin: None }]);
        assert_eq!(subject.fate, Fate::Alive);
        assert_eq!(subject.readers, [Reader::Driver(Id::parse("d7").expect("an id"))]);
    }

    #[test]
    fn ended_things_end_in_any_case_of_the_word() {
        assert_eq!(subject("alert_resolved", r#"{"alert":{"id":"a1"}}"#).fate, Fate::Ended);
        assert_eq!(subject("alert_updated", r#"{"alert":{"id":"a1","status":"RESOLVED"}}"#).fate, Fate::Ended);
        assert_eq!(subject("route_status", r#"{"planId":"p1","status":"Completed"}"#).fate, Fate::Ended);
        assert_eq!(subject("eta_update", r#"{"planId":"p1","stopId":"s1"}"#).fate, Fate::Part);
    }

    #[test]
    fn an_unread_notice_has_one_slot_a_side() {
        let both = subject("message_waiting", r#"{"conversationId":"d7","unread":2}"#);
        assert_eq!(both.slots.len(), 2);
        let twin = both.slots[0].twin.as_ref().expect("a twin");
        assert_eq!((&twin.entity, &twin.key), (&both.slots[1].entity, &both.slots[1].key));
        let read = subject("message_waiting", r#"{"conversationId":"d7","audience":"dispatch","unread":0}"#);
        assert_eq!((read.slots.len(), read.fate, read.readers.len()), (1, Fate::Gone, 0));
    }

    #[test]
    fn odd_shapes_have_no_subject() {
        for json in [r#"{"alert":7}"#, r#"{"alert":{"id":{"x":1}}}"#, r#"{"alert":{"id":"a b"}}"#, "{}"] {
            assert!(subject("new_alert", json).slots.is_empty(), "{json}");
        }
        assert!(subject("zz_top", r#"{"planId":"p1"}"#).slots.is_empty());
    }

    #[test]
    fn a_driver_sees_what_names_them() {
        let id = |text| Id::parse(text).expect("an id");
        let view = View::Driver { user: id("u1"), driver: id("d1") };
        let sees = |kind, json| view.sees(&subject(kind, json).readers);
        assert!(sees("new_alert", r#"{"alert":{"id":"a","driverId":"d1"}}"#));
        assert!(sees("zz_top", r#"{"driverId":"d1"}"#));
        assert!(!sees("zz_top", r#"{"driverId":"u1"}"#));
        assert!(sees("message_waiting", r#"{"conversationId":"u1","audience":"driver","unread":1}"#));
        assert!(!sees("message_waiting", r#"{"conversationId":"u1","audience":"dispatch","driverId":"d1"}"#));
        assert!(!sees("sync_progress", r#"{"integrationId":"i1"}"#));
    }
}
