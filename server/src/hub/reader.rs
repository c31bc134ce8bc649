//! Reading further back than the ring reaches.
//!
//! Whoever needs the log waits for the one who is already reading it, and takes the same page:
//! when ten thousand streams come back at once, the log is read once and not ten thousand times.
//! What was read is kept as long as somebody reads.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Channel;
use super::ring::Found;
use crate::log::{Compacted, Entry, LogError, Page, Position};

/// The most entries that are read from the log at once.
const READ_ENTRIES: usize = 256;

/// About how many bytes of frames are read at once: whoever catches up holds as much, each at their
/// own place if need be.
const READ_BYTES: usize = 256 * 1024;

/// What the readers of a tenant share. A lock is held while the log is asked: that is what makes
/// the others wait for the same answer.
#[derive(Default)]
pub(super) struct Shelf {
    page: Mutex<Answers<Read>>,
    snapshot: Mutex<Answers<Arc<Snapshot>>>,
    head: Mutex<Answers<Position>>,
}

/// What the log has answered to one kind of question.
struct Answers<T> {
    newest: Option<T>,
    /// When the question was put to which that is the answer.
    asked_at: Option<Instant>,
    /// When the log last failed, and how.
    failed: Option<(Instant, LogError)>,
}

impl<T> Default for Answers<T> {
    fn default() -> Self {
        Self { newest: None, asked_at: None, failed: None }
    }
}

impl<T> Answers<T> {
    /// The failure that whoever has waited since `since` shares: the log isn't asked for each of
    /// them, one after the other, only to fail as often.
    fn failure(&self, since: Instant) -> Result<(), LogError> {
        match &self.failed {
            Some((at, error)) if *at >= since => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Asks the log, and remembers what it answers.
    async fn ask(&mut self, question: impl Future<Output = Result<T, LogError>>) -> Result<&T, LogError> {
        let asked_at = Instant::now();
        match question.await {
            Ok(answer) => {
                self.asked_at = Some(asked_at);
                Ok(self.newest.insert(answer))
            }
            Err(error) => {
                self.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }
}

/// What was found right after a position.
struct Read {
    begin: Position,
    page: Page,
}

impl Read {
    /// A page that was read, as much of it as may be held. What is left out is read again.
    fn new(begin: Position, mut page: Page) -> Self {
        if let Page::Entries(entries) = &mut page {
            let mut bytes = 0;
            let fits = |entry: &&Entry| {
                bytes += entry.frame_bytes();
                bytes <= READ_BYTES
            };
            entries.truncate(entries.iter().take_while(fits).count().max(1));
            entries.shrink_to_fit();
        }
        Self { begin, page }
    }

    /// How many entries a page has that holds about as much as may be held, if they are like these.
    fn fitting(&self) -> usize {
        let Page::Entries(entries) = &self.page else { return READ_ENTRIES };
        let bytes: usize = entries.iter().map(Entry::frame_bytes).sum();
        (READ_BYTES * entries.len()).checked_div(bytes).unwrap_or(READ_ENTRIES).clamp(1, READ_ENTRIES)
    }

    /// What this says of another position; `None` when nothing.
    fn of(&self, cursor: Position) -> Option<Next> {
        let same_life = self.begin.epoch == cursor.epoch;
        match &self.page {
            Page::Entries(entries) if same_life => {
                let skip = usize::try_from(cursor.offset.checked_sub(self.begin.offset)?).ok()?;
                let rest = entries.get(skip..).filter(|rest| !rest.is_empty())?;
                Some(Next::Entries(rest.to_vec()))
            }
            // What has gone doesn't come back, and neither does what came before it.
            Page::TooOld if same_life && cursor.offset <= self.begin.offset => Some(Next::TooOld),
            Page::Entries(_) | Page::TooOld | Page::EpochChanged => None,
        }
    }
}

/// The compacted log, and its frames for those who see everything.
pub struct Snapshot {
    /// The compacted log.
    pub compacted: Compacted,
    frames: OnceLock<Vec<Bytes>>,
}

impl Snapshot {
    /// The frames for those who see everything, built by whoever needs them first.
    pub fn frames(&self, build: impl FnOnce(&Compacted) -> Vec<Bytes>) -> &[Bytes] {
        self.frames.get_or_init(|| build(&self.compacted))
    }
}

/// What comes next for a cursor.
#[derive(Debug)]
pub enum Next {
    /// Entries right after it.
    Entries(Vec<Entry>),
    /// Nothing yet.
    Nothing,
    /// The log no longer reaches back to it.
    TooOld,
    /// The log has begun anew.
    EpochChanged,
}

/// Somebody who reads a tenant's log.
pub struct Reader {
    channel: Arc<Channel>,
    shelf: Arc<Shelf>,
}

impl Reader {
    pub(super) fn new(channel: Arc<Channel>, shelf: Arc<Shelf>) -> Self {
        Self { channel, shelf }
    }

    /// Where the log stands, as far as this node has heard; while the log can't be reached, nobody
    /// begins a stream on hearsay.
    ///
    /// # Errors
    ///
    /// [`LogError`] when the log can't be reached.
    pub async fn heard_head(&self) -> Result<Position, LogError> {
        match self.channel.head().filter(|_| self.channel.log().is_reachable()) {
            Some(head) => Ok(head),
            None => self.head().await,
        }
    }

    /// Where the log stands for sure.
    ///
    /// # Errors
    ///
    /// [`LogError`] when the log can't be reached.
    pub async fn head(&self) -> Result<Position, LogError> {
        let since = Instant::now();
        let mut answers = self.shelf.head.lock().await;
        answers.failure(since)?;
        // An answer to a question that was put before this one may be older than what its asker
        // has seen.
        match answers.newest.filter(|_| answers.asked_at.is_some_and(|at| at >= since)) {
            Some(head) => Ok(head),
            None => answers.ask(self.channel.ask_head()).await.copied(),
        }
    }

    /// What comes right after a cursor, from the ring or else from the log.
    ///
    /// # Errors
    ///
    /// [`LogError`] when the log is needed and can't be reached.
    pub async fn next(&self, cursor: Position) -> Result<Next, LogError> {
        match self.channel.after(cursor) {
            Found::Nothing => Ok(Next::Nothing),
            Found::Entries(entries) => Ok(Next::Entries(entries)),
            Found::EpochChanged => Ok(Next::EpochChanged),
            Found::Behind => self.next_in_log(cursor).await,
        }
    }

    /// What comes right after a cursor in the log, whatever the ring has heard.
    ///
    /// # Errors
    ///
    /// [`LogError`] when the log can't be reached.
    pub async fn next_in_log(&self, cursor: Position) -> Result<Next, LogError> {
        let since = Instant::now();
        let mut answers = self.shelf.page.lock().await;
        answers.failure(since)?;
        if let Some(next) = answers.newest.as_ref().and_then(|read| read.of(cursor)) {
            return Ok(next);
        }
        let limit = answers.newest.as_ref().map_or(READ_ENTRIES, Read::fitting);
        let question = async {
            let page = self.channel.log().read(self.channel.tenant(), cursor, limit).await?;
            Ok(Read::new(cursor, page))
        };
        Ok(match &answers.ask(question).await?.page {
            Page::Entries(entries) if entries.is_empty() => Next::Nothing,
            Page::Entries(entries) => Next::Entries(entries.clone()),
            Page::TooOld => Next::TooOld,
            Page::EpochChanged => Next::EpochChanged,
        })
    }

    /// The compacted log, as it stood at `at_least` or later.
    ///
    /// # Errors
    ///
    /// [`LogError`] when the log can't be reached.
    pub async fn snapshot(&self, at_least: Position) -> Result<Arc<Snapshot>, LogError> {
        let since = Instant::now();
        let mut answers = self.shelf.snapshot.lock().await;
        answers.failure(since)?;
        let recent = |held: &&Arc<Snapshot>| {
            let position = held.compacted.position;
            position.epoch == at_least.epoch && position.offset >= at_least.offset
        };
        if let Some(recent) = answers.newest.as_ref().filter(recent) {
            return Ok(Arc::clone(recent));
        }
        let question = async {
            let compacted = self.channel.log().compacted(self.channel.tenant()).await?;
            Ok(Arc::new(Snapshot { compacted, frames: OnceLock::new() }))
        };
        answers.ask(question).await.map(Arc::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sally_protocol::Tenant;
    use sally_protocol::cursor::Epoch;

    /// A page of events of this size.
    fn read(count: u64, bytes: usize) -> Read {
        let (tenant, begin) = (Tenant::parse("t").expect("a tenant"), Position { epoch: Epoch(1), offset: 0 });
        let entry = |offset| Entry::event(&tenant, Position { offset, ..begin }, "zz_top", &[], &"x".repeat(bytes));
        Read::new(begin, Page::Entries((1..=count).map(entry).collect()))
    }

    fn held(read: &Read) -> usize {
        let Page::Entries(entries) = &read.page else { return 0 };
        entries.len()
    }

    #[test]
    fn a_page_holds_so_many_bytes_and_one_event_at_the_least() {
        assert_eq!(held(&read(256, 100)), 256);
        assert_eq!(held(&read(256, 60_000)), 4);
        assert_eq!(held(&read(2, 2 * READ_BYTES)), 1);
    }

    #[test]
    fn as_much_is_read_as_may_be_held() {
        assert_eq!(read(256, 100).fitting(), READ_ENTRIES);
        assert_eq!(read(256, 60_000).fitting(), 4);
        assert_eq!(read(1, 2 * READ_BYTES).fitting(), 1);
        assert!(read(1, 1_000).fitting() > 200, "and more again when events are small");
        assert_eq!(read(0, 0).fitting(), READ_ENTRIES);
    }
}
