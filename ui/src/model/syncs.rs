//! Which integration syncs are shown, in which order, and how far they are.

use sally_protocol::fleet::{SyncProgress, SyncStatus};
use sally_protocol::{Board, Id};

/// The integrations to show: failed ones first, then those under way, then the rest, each by vendor.
pub(crate) fn integrations(board: &Board, text: &str) -> Vec<Id> {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let mut syncs: Vec<&SyncProgress> =
        board.syncs.values().filter(|sync| words.iter().all(|word| mentions(sync, word))).collect();
    syncs.sort_by_key(|sync| {
        let rank = match sync.status {
            SyncStatus::Failed => 0,
            SyncStatus::Running => 1,
            SyncStatus::Success => 2,
        };
        (rank, sync.vendor.to_lowercase(), sync.integration_id.clone())
    });
    syncs.into_iter().map(|sync| sync.integration_id.clone()).collect()
}

fn mentions(sync: &SyncProgress, word: &str) -> bool {
    let texts =
        [Some(sync.vendor.as_str()), Some(sync.integration_id.as_str()), sync.entity.as_deref(), sync.error.as_deref()];
    texts.into_iter().flatten().any(|text| text.to_lowercase().contains(word))
}

/// How far a sync is, from 0 to 1; `None` when it doesn't know how much there is.
pub(crate) fn fraction(sync: &SyncProgress) -> Option<f64> {
    match (sync.status, sync.records_total) {
        (SyncStatus::Success, _) => Some(1.0),
        (_, None | Some(0)) => None,
        // A publisher may find more records than it announced.
        (_, Some(total)) => Some((sync.records_processed as f64 / total as f64).min(1.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sally_protocol::stream::Frame;
    use serde_json::json;

    fn sync(id: &str, vendor: &str, status: &str, done: u64, total: Option<u64>) -> SyncProgress {
        let data = json!({ "integrationId": id, "vendor": vendor, "status": status,
                           "recordsProcessed": done, "recordsTotal": total });
        serde_json::from_value(data).expect("a sync")
    }

    #[test]
    fn failures_come_first() {
        let mut board = Board::default();
        for sync in [
            sync("i1", "samsara", "success", 1, None),
            sync("i2", "Motive", "success", 1, None),
            sync("i3", "zeta", "running", 1, None),
            sync("i4", "zeta", "failed", 1, None),
        ] {
            let data = serde_json::to_value(&sync).expect("JSON");
            board.apply(&Frame::Event { kind: "sync_progress".into(), data });
        }
        let order = |text: &str| integrations(&board, text).iter().map(Id::to_string).collect::<Vec<_>>().join(" ");
        assert_eq!(order(""), "i4 i3 i2 i1");
        assert_eq!(order("ZETA"), "i4 i3");
    }

    #[test]
    fn the_fraction_stays_between_nothing_and_all() {
        assert_eq!(fraction(&sync("i", "v", "running", 50, Some(200))), Some(0.25));
        assert_eq!(fraction(&sync("i", "v", "running", 300, Some(200))), Some(1.0));
        assert_eq!(fraction(&sync("i", "v", "running", 300, None)), None);
        assert_eq!(fraction(&sync("i", "v", "running", 0, Some(0))), None);
        assert_eq!(fraction(&sync("i", "v", "success", 3, None)), Some(1.0));
    }
}
