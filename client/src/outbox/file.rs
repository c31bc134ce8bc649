//! Where an outbox is kept: one small JSON file an account, replaced as a whole.

use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sally_protocol::outbox::{Unsent, UnsentNote};
use serde::{Deserialize, Serialize};

use super::Account;

/// The generation of the file's shape.
const VERSION: u32 = 1;

/// The file of one account's outbox. Nobody else uses it for as long as this exists.
///
/// Calls wait for the disk: in asynchronous code they belong where that is allowed.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    account: Account,
    _lock: fs::File,
}

/// An opened file.
#[derive(Debug)]
pub struct Opened {
    /// The file.
    pub file: File,
    /// The messages that were in it, oldest first.
    pub entries: Vec<Unsent>,
    /// The notes that were in it, oldest first.
    pub notes: Vec<UnsentNote>,
    /// Where a file that couldn't be read was put aside.
    pub set_aside: Option<PathBuf>,
}

/// Why a file can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another copy of the app is signed in as the same user.
    #[error("Messages of this account wait in another window of the app. Write there, or close it first.")]
    InUse,
    /// The disk.
    #[error("What waits to be sent can't be read: {0}. Check the disk and its permissions.")]
    Disk(#[from] io::Error),
}

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    account: &'a Account,
    entries: &'a [Unsent],
    notes: &'a [UnsentNote],
}

#[derive(Deserialize)]
struct Read {
    version: u32,
    account: Account,
    entries: Vec<Unsent>,
    /// Earlier releases kept none.
    #[serde(default)]
    notes: Vec<UnsentNote>,
}

impl File {
    /// Opens the file of `account` in `dir`, which is made if need be. One that is torn or of
    /// another generation is set aside under another name, never removed.
    ///
    /// # Errors
    ///
    /// [`OpenError::InUse`] while another process has it open.
    pub fn open(dir: &Path, account: Account) -> Result<Opened, OpenError> {
        make_private_dir(dir)?;
        let stem = account.file_stem();
        let lock = private().open(dir.join(format!("{stem}.lock")))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let file = Self { path: dir.join(format!("{stem}.json")), account, _lock: lock };
        let bytes = match fs::read(&file.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Opened { file, entries: Vec::new(), notes: Vec::new(), set_aside: None });
            }
            Err(error) => return Err(error.into()),
        };
        match serde_json::from_slice::<Read>(&bytes) {
            Ok(read) if read.version == VERSION && read.account == file.account => {
                Ok(Opened { file, entries: read.entries, notes: read.notes, set_aside: None })
            }
            _ => {
                let aside = dir.join(format!("{stem}.unreadable-{}.json", Timestamp::now().as_millisecond()));
                fs::rename(&file.path, &aside)?;
                sync_dir(dir)?;
                Ok(Opened { file, entries: Vec::new(), notes: Vec::new(), set_aside: Some(aside) })
            }
        }
    }

    /// Replaces what is in the file. When this returns it is on the disk; a crash at any moment
    /// leaves either what was there before or this.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn write(&self, entries: &[Unsent], notes: &[UnsentNote]) -> io::Result<()> {
        let text = serde_json::to_vec(&Written { version: VERSION, account: &self.account, entries, notes })?;
        let new = self.path.with_extension("new");
        let mut file = private().truncate(true).open(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        self.path.parent().map_or(Ok(()), sync_dir)
    }
}

/// For writing a file that is made if need be, which only its owner may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn make_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// A new name is on the disk when its directory is. Other systems have no such call and no such need.
fn sync_dir(dir: &Path) -> io::Result<()> {
    if cfg!(unix) { fs::File::open(dir)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sally_protocol::message::SendMessage;
    use sally_protocol::outbox::UnsentState;
    use sally_protocol::team::NoteDraft;

    fn account(user: &str) -> Account {
        Account { server: "https://sally.example".into(), tenant: "acme".into(), user: user.into() }
    }

    fn unsent(id: &str) -> Unsent {
        Unsent {
            conversation_id: None,
            message: SendMessage { client_message_id: id.into(), content: "hello".into(), ..SendMessage::default() },
            created_at: "2026-11-24T10:00:00Z".parse().expect("a time"),
            state: UnsentState::Waiting { reason: None },
        }
    }

    fn note(id: &str) -> UnsentNote {
        UnsentNote {
            conversation_id: "d1".parse().expect("an id"),
            note: NoteDraft { content: "hello".into(), client_note_id: id.into() },
            created_at: "2026-11-24T10:00:00Z".parse().expect("a time"),
        }
    }

    #[test]
    fn what_was_written_is_there_again_for_the_same_account_only() {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path().join("outbox");
        let Opened { file, entries, .. } = File::open(&dir, account("ann")).expect("a file");
        assert_eq!(entries, []);
        file.write(&[unsent("u1"), unsent("u2")], &[]).expect("a disk");
        file.write(&[unsent("u2"), unsent("u3")], &[note("n1")]).expect("a disk");
        assert_eq!(File::open(&dir, account("bob")).expect("a file").entries, []);
        drop(file);
        let again = File::open(&dir, account("ann")).expect("a file");
        assert_eq!((again.entries, again.notes), (vec![unsent("u2"), unsent("u3")], vec![note("n1")]));
        assert_eq!(again.set_aside, None);
    }

    #[test]
    fn a_file_of_an_earlier_release_is_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let Opened { file, .. } = File::open(dir.path(), account("ann")).expect("a file");
        let path = file.path.clone();
        drop(file);
        let account = r#"{"server":"https://sally.example","tenant":"acme","user":"ann"}"#;
        let to_one = r#"{"conversationId":"d1","message":{"recipientId":"d1","content":"hi","clientMessageId":"u1",
            "priority":"urgent","requiresAck":true,"alertId":"a1"},"createdAt":"2026-11-24T10:00:00Z",
            "state":"failed","error":{"code":"not_found","message":"no","retryable":false}}"#;
        let to_all = r#"{"message":{"broadcast":true,"content":"hi","clientMessageId":"u2","priority":"normal",
            "requiresAck":false},"createdAt":"2026-11-24T10:00:00Z","state":"waiting"}"#;
        fs::write(&path, format!(r#"{{"version":1,"account":{account},"entries":[{to_one},{to_all}]}}"#))
            .expect("a disk");
        let Opened { entries, notes, set_aside, .. } = File::open(dir.path(), self::account("ann")).expect("a file");
        assert_eq!((set_aside, notes), (None, Vec::new()));
        assert_eq!(entries.iter().map(Unsent::id).collect::<Vec<_>>(), ["u1", "u2"]);
        assert_eq!(entries[0].conversation_id.as_ref().map(ToString::to_string).as_deref(), Some("d1"));
        assert!(matches!(&entries[0].state, UnsentState::Failed { error } if error.code == "not_found"));
        assert_eq!((entries[1].conversation_id.clone(), entries[1].message.broadcast), (None, Some(true)));
    }

    #[test]
    fn a_second_copy_of_the_app_is_kept_out() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = File::open(dir.path(), account("ann")).expect("a file");
        assert!(matches!(File::open(dir.path(), account("ann")), Err(OpenError::InUse)));
        drop(first);
        File::open(dir.path(), account("ann")).expect("a free file");
    }

    #[test]
    fn a_torn_file_is_set_aside_and_never_removed() {
        let dir = tempfile::tempdir().expect("a directory");
        let Opened { file, .. } = File::open(dir.path(), account("ann")).expect("a file");
        file.write(&[unsent("u1")], &[]).expect("a disk");
        let whole = fs::read(&file.path).expect("a file");
        let path = file.path.clone();
        drop(file);
        for end in [0, 1, whole.len() / 2, whole.len() - 1] {
            fs::write(&path, &whole[..end]).expect("a disk");
            let opened = File::open(dir.path(), account("ann")).expect("a file");
            assert_eq!(opened.entries, []);
            let aside = opened.set_aside.expect("a file that was set aside");
            assert_eq!(fs::read(&aside).expect("a file"), &whole[..end]);
            fs::remove_file(aside).expect("a disk");
        }
    }

    #[test]
    fn what_was_begun_and_not_finished_changes_nothing() {
        let dir = tempfile::tempdir().expect("a directory");
        let Opened { file, .. } = File::open(dir.path(), account("ann")).expect("a file");
        file.write(&[unsent("u1")], &[]).expect("a disk");
        fs::write(file.path.with_extension("new"), "{\"version\":1,").expect("a disk");
        drop(file);
        let Opened { file, entries, .. } = File::open(dir.path(), account("ann")).expect("a file");
        assert_eq!(entries, [unsent("u1")]);
        file.write(&[], &[]).expect("a disk");
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path().join("outbox");
        let Opened { file, .. } = File::open(&dir, account("ann")).expect("a file");
        file.write(&[unsent("u1")], &[]).expect("a disk");
        let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
        assert_eq!((mode(&file.path), mode(&dir)), (0o600, 0o700));
    }
}
