//! Who has acknowledged what the dispatch team has sent, and who still has to.

use reqwest::Method;
use sally_protocol::team::{Acknowledgements, AwaitedAcknowledgements};

use crate::Error;
use crate::session::Session;

impl Session {
    /// `GET /api/messages/{id}/acknowledgements`: over the whole broadcast that the message is of.
    ///
    /// # Errors
    ///
    /// As any ordinary call; a 404 for what isn't a message of the dispatch team.
    pub async fn acknowledgements(&self, message: &str) -> Result<Acknowledgements, Error> {
        let path = format!("api/messages/{message}/acknowledgements");
        self.read(self.call(Method::GET, &path, |request| request).await?).await
    }

    /// `GET /api/acknowledgements`: the newest `limit` of the team's messages that a driver still has
    /// to acknowledge, a broadcast being one.
    ///
    /// # Errors
    ///
    /// As any ordinary call.
    pub async fn awaited_acknowledgements(&self, limit: usize) -> Result<AwaitedAcknowledgements, Error> {
        let answer =
            self.call(Method::GET, "api/acknowledgements", |request| request.query(&[("limit", limit)])).await?;
        self.read(answer).await
    }
}
