//! Reading further back than the ring reaches.
//!
//! Whoever needs the log waits for the one who is already reading it, and takes the same page:
//! when ten thousand streams come back at once, the log is read once and not ten thousand times.
//! What was read is kept as long as somebody reads.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::sync::Mutex;

use super::Channel;
use super::ring::Found;
use crate::log::{Compacted, Entry, LogError, Page, Position};

/// The most entries that are read from the log at once.
const READ_ENTRIES: usize = 256;

/// What the readers of a tenant share.
#[derive(Default)]
pub(super) struct Shelf {
    page: Mutex<Option<(Position, Vec<Entry>)>>,
    snapshot: Mutex<Option<Arc<Snapshot>>>,
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

    /// What comes right after a cursor, from the ring or else from the log.
    ///
    /// # Errors
    ///
    /// [`LogError`] when the log is needed and can't be reached.
    pub async fn next(&self, cursor: Position) -> Result<Next, LogError> {
        match self.channel.after(cursor) {
            Found::Nothing => return Ok(Next::Nothing),
            Found::Entries(entries) => return Ok(Next::Entries(entries)),
            Found::EpochChanged => return Ok(Next::EpochChanged),
            Found::Behind => {}
        }
        let mut page = self.shelf.page.lock().await;
        if let Some(entries) = page.as_ref().and_then(|(begin, entries)| rest(*begin, entries, cursor)) {
            return Ok(Next::Entries(entries));
        }
        match self.channel.log().read(self.channel.tenant(), cursor, READ_ENTRIES).await? {
            Page::Entries(entries) if entries.is_empty() => Ok(Next::Nothing),
            Page::Entries(entries) => {
                *page = Some((cursor, entries.clone()));
                Ok(Next::Entries(entries))
            }
            Page::TooOld => Ok(Next::TooOld),
            Page::EpochChanged => Ok(Next::EpochChanged),
        }
    }

    /// The compacted log, as it stood at `at_least` or later.
    ///
    /// # Errors
    ///
    /// [`LogError`] when the log can't be reached.
    pub async fn snapshot(&self, at_least: Position) -> Result<Arc<Snapshot>, LogError> {
        let mut held = self.shelf.snapshot.lock().await;
        let recent = |held: &&Arc<Snapshot>| {
            let position = held.compacted.position;
            position.epoch == at_least.epoch && position.offset >= at_least.offset
        };
        if let Some(recent) = held.as_ref().filter(recent) {
            return Ok(Arc::clone(recent));
        }
        let compacted = self.channel.log().compacted(self.channel.tenant()).await?;
        let read = Arc::new(Snapshot { compacted, frames: OnceLock::new() });
        *held = Some(Arc::clone(&read));
        Ok(read)
    }
}

/// The part of a page, read right after `begin`, that comes right after `cursor`; `None` when the
/// page has nothing for it.
fn rest(begin: Position, entries: &[Entry], cursor: Position) -> Option<Vec<Entry>> {
    let skip = cursor.offset.checked_sub(begin.offset).filter(|_| begin.epoch == cursor.epoch)?;
    let rest = entries.get(usize::try_from(skip).ok()?..)?;
    (!rest.is_empty()).then(|| rest.to_vec())
}
