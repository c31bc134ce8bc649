//! A driver's messaging client, the other end of what a dispatcher types.

use anyhow::{Context, Result};
use sally_client::bare::{Connection, Incoming};
use sally_protocol::message::{Acknowledge, Message, NAMESPACE, Receipt, SendMessage, Sent};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::server::Server;
use super::wait::SOON;

/// A driver's open connection.
pub(crate) struct Driver {
    connection: Connection,
}

impl Driver {
    /// Connects with the driver's `token`.
    pub(crate) async fn connect(server: &Server, token: &str) -> Result<Self> {
        let connection = Connection::open(server.url(), NAMESPACE, &json!({ "token": token })).await?;
        Ok(Self { connection })
    }

    /// Sends `content` to the dispatchers and returns it as the server stored it.
    pub(crate) async fn send(&mut self, content: &str) -> Result<Message> {
        self.write(content, false).await
    }

    /// Sends `content` and asks for an acknowledgement.
    pub(crate) async fn ask(&mut self, content: &str) -> Result<Message> {
        self.write(content, true).await
    }

    async fn write(&mut self, content: &str, requires_ack: bool) -> Result<Message> {
        let request = SendMessage {
            content: content.into(),
            requires_ack,
            client_message_id: uuid::Uuid::new_v4().to_string(),
            ..SendMessage::default()
        };
        let sent: Sent = self.connection.request("send_message", &request).await?;
        sent.messages.into_iter().next().context("the server stored nothing")
    }

    /// Acknowledges a message.
    pub(crate) async fn acknowledge(&mut self, message: &Message) -> Result<()> {
        let request = Acknowledge { message_id: message.message_id.clone() };
        let _: Value = self.connection.request("acknowledge_message", &request).await?;
        Ok(())
    }

    /// Waits until the dispatch team has acknowledged a message.
    pub(crate) async fn is_acknowledged(&mut self, message: &Message) -> Result<()> {
        timeout(SOON, async {
            loop {
                if let Incoming::Event(event) = self.connection.next().await?
                    && event.name == "receipt"
                    && event
                        .read::<Receipt>()
                        .is_some_and(|receipt| receipt.message_id.as_ref() == Some(&message.message_id))
                {
                    return Ok(());
                }
            }
        })
        .await
        .context("nobody acknowledges")?
    }

    /// Waits for the next message from a dispatcher.
    pub(crate) async fn receive(&mut self) -> Result<Message> {
        timeout(SOON, async {
            loop {
                if let Incoming::Event(event) = self.connection.next().await?
                    && event.name == "new_message"
                {
                    return event.read::<Message>().context("a new_message of another shape");
                }
            }
        })
        .await
        .context("no message came")?
    }
}
