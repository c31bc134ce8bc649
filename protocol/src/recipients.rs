//! Whom a message goes to: one rule for whoever writes it, keeps it and takes it.

use crate::Id;
use crate::message::SendMessage;

/// The most drivers that one message may name.
pub const MAX_RECIPIENTS: usize = 1_000;

/// Whom a message goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipients<'m> {
    /// Nobody is named: a driver's message to the dispatch team.
    Unnamed,
    /// One user.
    One(&'m Id),
    /// 1 to [`MAX_RECIPIENTS`] drivers, each in their own thread. The same one may be named twice.
    Several(&'m [Id]),
    /// Every driver of the tenant, as they are when the server takes the message.
    EveryDriver,
}

/// Why nobody can tell whom a message goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecipientsError {
    /// Too few or too many drivers are named.
    #[error("recipientIds must name 1 to {MAX_RECIPIENTS} drivers")]
    Number,
    /// The message says more than one thing.
    #[error("name exactly one of recipientId, recipientIds and broadcast")]
    Contradiction,
}

impl SendMessage {
    /// Whom it goes to.
    ///
    /// # Errors
    ///
    /// A [`RecipientsError`]: it can't be sent.
    pub fn recipients(&self) -> Result<Recipients<'_>, RecipientsError> {
        match (&self.recipient_id, &self.recipient_ids, self.broadcast == Some(true)) {
            (None, None, false) => Ok(Recipients::Unnamed),
            (Some(user), None, false) => Ok(Recipients::One(user)),
            (None, Some(drivers), false) if (1..=MAX_RECIPIENTS).contains(&drivers.len()) => {
                Ok(Recipients::Several(drivers))
            }
            (None, Some(_), false) => Err(RecipientsError::Number),
            (None, None, true) => Ok(Recipients::EveryDriver),
            _ => Err(RecipientsError::Contradiction),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Id {
        Id::parse(text).expect("an id")
    }

    #[test]
    fn a_message_says_one_thing_about_whom_it_goes_to() {
        let one = SendMessage { recipient_id: Some(id("d1")), ..SendMessage::default() };
        let several = SendMessage { recipient_ids: Some(vec![id("d1"), id("d2")]), ..SendMessage::default() };
        let everyone = SendMessage { broadcast: Some(true), ..SendMessage::default() };
        assert_eq!(SendMessage::default().recipients(), Ok(Recipients::Unnamed));
        assert_eq!(SendMessage { broadcast: Some(false), ..one.clone() }.recipients(), Ok(Recipients::One(&id("d1"))));
        assert_eq!(several.recipients(), Ok(Recipients::Several(&[id("d1"), id("d2")])));
        assert_eq!(everyone.recipients(), Ok(Recipients::EveryDriver));
        for both in [
            SendMessage { recipient_id: Some(id("d1")), ..several.clone() },
            SendMessage { recipient_id: Some(id("d1")), ..everyone.clone() },
            SendMessage { broadcast: Some(true), ..several },
        ] {
            assert_eq!(both.recipients(), Err(RecipientsError::Contradiction));
        }
    }

    #[test]
    fn several_are_at_least_one_and_not_too_many() {
        let to = |count: usize| SendMessage { recipient_ids: Some(vec![id("d"); count]), ..SendMessage::default() };
        for (count, fine) in [(0, false), (1, true), (MAX_RECIPIENTS, true), (MAX_RECIPIENTS + 1, false)] {
            assert_eq!(to(count).recipients().is_ok(), fine, "{count}");
        }
    }
}
