//! What is done for a client, and what it is answered.

use jiff::Timestamp;
use sally_protocol::fleet::Side;
use sally_protocol::message::{
    Acknowledge, DISPATCH, MAX_PAGE, Mark, Receipt, ReceiptKind, RefreshAuth, RequestError, Resume, Resumed,
    SendMessage, Sent, SetTyping, code,
};
use sally_protocol::recipients::{Recipients as Named, RecipientsError};
use sally_protocol::{Cursor, Id, Role};
use tokio::time::Instant;

use super::ask::{error, invalid};
use super::audience::Audience;
use super::gateway::Gateway;
use super::inbox::{SendError, standing};
use super::socket::Socket;
use super::typing::Typist;
use crate::auth::{Member, Principal, Scope};
use crate::store::StoreError;
use crate::store::messages::{Outgoing, Recipients};
use crate::store::receipts::{self, Marked};

fn not_found(what: &str) -> RequestError {
    error(code::NOT_FOUND, format!("no such {what}"))
}

fn unavailable() -> RequestError {
    RequestError { retryable: true, ..error(code::UNAVAILABLE, "the store can't be reached, try again") }
}

impl From<StoreError> for Failure {
    fn from(cause: StoreError) -> Self {
        tracing::error!(error = %cause, "a messaging request failed");
        Self(unavailable())
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        Self(error)
    }
}

/// A refused request.
pub(super) struct Failure(pub(super) RequestError);

/// One socket's requests.
pub(super) struct Requests<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) member: &'a Member,
    pub(super) socket: &'a Socket,
}

impl Requests<'_> {
    /// Which side of a conversation the member is on.
    fn side(&self) -> Side {
        side(self.member.role)
    }

    /// Takes a send from what its user may send in a while, whether it turns out right or not.
    pub(super) fn admit(&self, event: &str) -> Result<(), Failure> {
        let Member { tenant, user, .. } = self.member;
        if event != "send_message" {
            return Ok(());
        }
        self.gateway.limit.take(tenant, user, Instant::now()).map_err(|wait| {
            Failure(RequestError {
                retryable: true,
                retry_after_ms: Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1)),
                ..error(code::RATE_LIMITED, "too many messages at once")
            })
        })
    }

    pub(super) async fn send_message(&self, message: SendMessage) -> Result<Sent, Failure> {
        let Member { tenant, user, role, name, .. } = self.member;
        let to = match self.side() {
            Side::Driver => self.to_dispatch(&message).await?,
            Side::Dispatch => to_drivers(&message)?,
        };
        let outgoing = Outgoing {
            tenant: tenant.clone(),
            sender: user.clone(),
            role: *role,
            name: name.clone(),
            to,
            content: message.content,
            client_message_id: message.client_message_id,
            priority: message.priority,
            requires_ack: message.requires_ack,
            alert_id: message.alert_id,
            route_plan_id: message.route_plan_id,
        };
        self.gateway.inbox.send(outgoing, self.socket.id).await.map_err(|cause| {
            Failure(match cause {
                SendError::UnknownRecipient => not_found("recipient"),
                SendError::Unavailable => unavailable(),
            })
        })
    }

    /// A driver needs no recipient, and may name the dispatch team or one of its members. Any other
    /// is refused alike, whether it exists or not.
    async fn to_dispatch(&self, message: &SendMessage) -> Result<Recipients, Failure> {
        if message.broadcast == Some(true) || message.recipient_ids.is_some() {
            return Err(error(code::FORBIDDEN, "a driver writes to the dispatch team").into());
        }
        if let Some(recipient) = &message.recipient_id
            && recipient.as_str() != DISPATCH
        {
            let known = self.gateway.database.user(&self.member.tenant, recipient).await?;
            if !known.is_some_and(|known| known.role.is_dispatch()) {
                return Err(error(code::FORBIDDEN, "a driver writes to the dispatch team").into());
            }
        }
        Ok(Recipients::Dispatch)
    }

    pub(super) async fn resume(&self, resume: Resume) -> Result<Resumed, Failure> {
        let database = &self.gateway.database;
        let standing = standing(database, self.member).await?;
        let Some(cursor) = resume.cursor else {
            return Ok(Resumed { messages: Vec::new(), more: false, cursor: standing.to_string() });
        };
        let after = Cursor::parse(&cursor, &self.member.tenant)
            .filter(|cursor| cursor.epoch == standing.epoch)
            .ok_or_else(|| invalid("the cursor is unknown; resume without one"))?;
        let limit = resume.limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
        let own = (!self.member.role.is_dispatch()).then_some(&self.member.user);
        let mut messages =
            database.messages_after(&self.member.tenant, after.epoch, after.offset, own, limit + 1).await?;
        let more = messages.len() > limit;
        messages.truncate(limit);
        let cursor = messages.last().map_or_else(|| standing.to_string(), |last| last.cursor.clone());
        Ok(Resumed { messages, more, cursor })
    }

    pub(super) async fn mark(&self, kind: ReceiptKind, mark: Mark) -> Result<(), Failure> {
        let Mark { conversation_id, seq } = mark;
        self.check_conversation(&conversation_id)?;
        let Member { tenant, user, .. } = self.member;
        let now = stored_now();
        match self
            .gateway
            .database
            .mark(tenant, &conversation_id, user, self.side(), receipts::Mark { kind, seq, at: now })
            .await?
        {
            Marked::UnknownConversation => Err(not_found("conversation").into()),
            Marked::Unchanged => Ok(()),
            Marked::At(seq) => {
                let receipt = Receipt {
                    conversation_id: conversation_id.clone(),
                    user_id: user.clone(),
                    kind,
                    seq: Some(seq),
                    message_id: None,
                    at: now,
                };
                self.tell_participants(&receipt).await;
                if kind == ReceiptKind::Read {
                    self.gateway.badges.refresh([(tenant.clone(), conversation_id, self.side())]);
                }
                Ok(())
            }
        }
    }

    pub(super) async fn acknowledge(&self, request: Acknowledge) -> Result<(), Failure> {
        let Member { tenant, user, .. } = self.member;
        let database = &self.gateway.database;
        let message = database.message(tenant, &request.message_id).await?.ok_or_else(|| not_found("message"))?;
        if self.check_conversation(&message.conversation_id).is_err() {
            return Err(not_found("message").into());
        }
        if side(message.sender_role) == self.side() {
            return Err(error(code::FORBIDDEN, "a message is acknowledged by the other side").into());
        }
        let now = stored_now();
        if database.acknowledge(tenant, &request.message_id, user, now).await? {
            let receipt = Receipt {
                conversation_id: message.conversation_id.clone(),
                user_id: user.clone(),
                kind: ReceiptKind::Acknowledged,
                seq: None,
                message_id: Some(request.message_id),
                at: now,
            };
            self.tell_participants(&receipt).await;
        }
        Ok(())
    }

    pub(super) async fn typing(&self, typing: SetTyping) -> Result<(), Failure> {
        let SetTyping { conversation_id, typing } = typing;
        self.check_conversation(&conversation_id)?;
        let Member { tenant, user, .. } = self.member;
        if self.side() == Side::Dispatch && !self.is_driver(&conversation_id).await? {
            return Err(not_found("conversation").into());
        }
        let typist =
            Typist { tenant: tenant.clone(), conversation: conversation_id, user: user.clone(), side: self.side() };
        self.gateway.note_typing(typist, typing, Some(self.socket));
        Ok(())
    }

    /// A newer token of the same user; its principal, for the session to go on with.
    pub(super) async fn refresh_auth(&self, request: &RefreshAuth) -> Result<Member, Failure> {
        let refused = |message: &str| Failure(error(code::FORBIDDEN, message));
        let principal: Principal = self
            .gateway
            .verifier
            .verify(&request.token, Timestamp::now())
            .await
            .map_err(|cause| refused(&cause.to_string()))?;
        let same_tenant = principal.scope == Some(Scope::One(self.member.tenant.clone()));
        let member = principal.member(None).map_err(|_| refused("the token is another's"))?;
        if !same_tenant || member.user != self.member.user || member.role != self.member.role {
            return Err(refused("the token is another's"));
        }
        Ok(member)
    }

    /// A driver has one conversation; every other is unknown to them. Whether the one that a
    /// dispatcher names exists is for the store to say.
    fn check_conversation(&self, conversation: &Id) -> Result<(), RequestError> {
        match self.side() {
            Side::Driver if *conversation != self.member.user => Err(not_found("conversation")),
            _ => Ok(()),
        }
    }

    async fn is_driver(&self, user: &Id) -> Result<bool, StoreError> {
        let known = self.gateway.database.user(&self.member.tenant, user).await?;
        Ok(known.is_some_and(|known| known.role == Role::Driver))
    }

    /// Tells a conversation's other sockets. Receipts are cumulative, so one that is lost is made
    /// up for by the next.
    async fn tell_participants(&self, receipt: &Receipt) {
        let to = Audience::Conversation(receipt.conversation_id.clone());
        self.gateway.tell(&self.member.tenant, to, "receipt", receipt, Some(self.socket)).await;
    }
}

/// The time, as exactly as the store keeps it.
fn stored_now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// Which side of a conversation a role is on.
pub(super) fn side(role: Role) -> Side {
    if role.is_dispatch() { Side::Dispatch } else { Side::Driver }
}

fn to_drivers(message: &SendMessage) -> Result<Recipients, RequestError> {
    match message.recipients() {
        Ok(Named::One(driver)) => Ok(Recipients::Drivers(vec![driver.clone()])),
        Ok(Named::Several(drivers)) => {
            let mut unique: Vec<Id> = Vec::with_capacity(drivers.len());
            for driver in drivers {
                if !unique.contains(driver) {
                    unique.push(driver.clone());
                }
            }
            Ok(Recipients::Drivers(unique))
        }
        Ok(Named::EveryDriver) => Ok(Recipients::EveryDriver),
        Ok(Named::Unnamed) => Err(invalid(RecipientsError::Contradiction.to_string())),
        Err(error) => Err(invalid(error.to_string())),
    }
}
