//! The carrier's integrations and their syncs. They run by the wall clock.

use jiff::Timestamp;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use sally_protocol::fleet::{SyncProgress, SyncStatus};

use super::roster::id;

/// An integration as the carrier has set it up.
#[derive(Debug)]
struct Vendor {
    word: &'static str,
    name: &'static str,
    /// What it syncs, and about how many records a run has.
    entities: &'static [(&'static str, u64)],
    failures: &'static [&'static str],
}

static VENDORS: [Vendor; 7] = [
    Vendor {
        word: "samsara",
        name: "Samsara ELD",
        entities: &[("hos_logs", 1_240), ("vehicle_stats", 3_900), ("dvirs", 62), ("drivers", 118)],
        failures: &[
            "429 Too Many Requests: rate limit of 25 requests per second exceeded, retry after 30 s",
            "GET /fleet/hos/logs: 503 Service Unavailable after 3 attempts",
        ],
    },
    Vendor {
        word: "motive",
        name: "Motive",
        entities: &[("hos_logs", 410), ("vehicle_locations", 2_200), ("safety_events", 48)],
        failures: &[
            "401 Unauthorized: the OAuth refresh token was revoked, reconnect the account",
            "GET /v3/vehicle_locations: read timed out after 30 s",
        ],
    },
    Vendor {
        word: "mcleod",
        name: "McLeod LoadMaster",
        entities: &[("orders", 356), ("movements", 812), ("customers", 1_460)],
        failures: &[
            "Order 0418823: stop 2 has no appointment and its location code HRTLND-OMA is unknown",
            "ORA-12170: connect timed out (host tms-db, port 1521)",
        ],
    },
    Vendor {
        word: "project44",
        name: "project44",
        entities: &[("shipments", 274), ("appointments", 190)],
        failures: &[
            "422 Unprocessable Entity: shipmentStops[1].appointmentWindow.endDateTime is before startDateTime",
            "Webhook delivery refused: 410 Gone",
        ],
    },
    Vendor {
        word: "wex",
        name: "WEX Fuel",
        entities: &[("transactions", 96), ("cards", 131)],
        failures: &[
            "SFTP: connection reset by peer while reading EDI_FUEL_0412.csv at line 61",
            "Row 44: unit number '2O71' matches no vehicle (letter O?)",
        ],
    },
    Vendor {
        word: "relay_payments",
        name: "Relay Payments",
        entities: &[("lumper_receipts", 38), ("payments", 84)],
        failures: &["402: funding account is below its minimum balance, new payment codes are on hold"],
    },
    Vendor {
        word: "dat",
        name: "DAT iQ",
        entities: &[("lane_rates", 640), ("postings", 150)],
        failures: &["403 Forbidden: seat licence expired", "Gateway timeout after 60 s while fetching lane_rates"],
    },
];

/// A sync's life, one step at a time.
#[derive(Debug)]
pub(super) struct Integration {
    vendor: &'static Vendor,
    run: Option<Run>,
    /// Seconds until the next run.
    idle: f64,
    runs: usize,
    /// Whether the newest finished run failed.
    pub(super) failing: bool,
    /// How that run ended.
    last: Option<SyncProgress>,
}

#[derive(Debug)]
struct Run {
    entity: &'static str,
    sync: String,
    started: Timestamp,
    seconds: f64,
    passed: f64,
    total: u64,
    failure: Option<&'static str>,
}

impl Integration {
    /// All of the carrier's, at rest.
    pub(super) fn all(rng: &mut StdRng) -> Vec<Self> {
        let mut all = Vec::with_capacity(VENDORS.len());
        for vendor in &VENDORS {
            all.push(Self {
                vendor,
                run: None,
                idle: rng.random_range(5.0..150.0),
                runs: 0,
                failing: false,
                last: None,
            });
        }
        all
    }

    pub(super) fn id(&self) -> String {
        format!("int-{}", self.vendor.word)
    }

    pub(super) fn name(&self) -> &'static str {
        self.vendor.name
    }

    /// Lets time pass; the outcome when a run has begun or ended.
    pub(super) fn pass(&mut self, seconds: f64, now: Timestamp, rng: &mut StdRng) -> Option<SyncProgress> {
        match &mut self.run {
            None => {
                self.idle -= seconds;
                if self.idle > 0.0 {
                    return None;
                }
                self.begin(now, rng);
                self.progress(now)
            }
            Some(run) => {
                run.passed += seconds;
                let end = if run.failure.is_some() { run.seconds * 0.6 } else { run.seconds };
                if run.passed < end {
                    return None;
                }
                let outcome = self.progress(now);
                self.failing = run_failed(&outcome);
                self.last.clone_from(&outcome);
                self.run = None;
                // A failed run is tried again sooner.
                self.idle = if self.failing { rng.random_range(25.0..80.0) } else { rng.random_range(60.0..300.0) };
                outcome
            }
        }
    }

    /// How the run under way stands; `None` between runs.
    pub(super) fn progress(&self, now: Timestamp) -> Option<SyncProgress> {
        let run = self.run.as_ref()?;
        let failed = run.failure.filter(|_| run.passed >= run.seconds * 0.6);
        let done = run.passed >= run.seconds;
        let status = match (failed, done) {
            (Some(_), _) => SyncStatus::Failed,
            (None, true) => SyncStatus::Success,
            (None, false) => SyncStatus::Running,
        };
        let share = (run.passed / run.seconds).min(1.0);
        Some(SyncProgress {
            integration_id: id(&self.id()),
            vendor: self.vendor.word.to_owned(),
            sync_id: Some(run.sync.clone()),
            entity: Some(run.entity.to_owned()),
            status,
            records_processed: (run.total as f64 * share) as u64,
            records_total: Some(run.total),
            started_at: Some(run.started),
            completed_at: (status != SyncStatus::Running).then_some(now),
            error: failed.map(str::to_owned),
        })
    }

    fn begin(&mut self, now: Timestamp, rng: &mut StdRng) {
        let (entity, usual) = self.vendor.entities[self.runs % self.vendor.entities.len()];
        self.runs += 1;
        // Who failed fails once more in two, as a revoked token does until somebody renews it.
        let failure = rng.random_bool(if self.failing { 0.5 } else { 0.09 });
        self.run = Some(Run {
            entity,
            sync: format!("sync-{}-{}", self.vendor.word, now.as_second()),
            started: now,
            seconds: rng.random_range(6.0..45.0),
            passed: 0.0,
            total: (usual as f64 * rng.random_range(0.7..1.3)) as u64,
            failure: self.vendor.failures.choose(rng).copied().filter(|_| failure),
        });
    }

    /// The newest thing to say about it; `None` before its first run.
    pub(super) fn latest(&self, now: Timestamp) -> Option<SyncProgress> {
        self.progress(now).or_else(|| self.last.clone())
    }
}

fn run_failed(outcome: &Option<SyncProgress>) -> bool {
    outcome.as_ref().is_some_and(|sync| sync.status == SyncStatus::Failed)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn runs_begin_and_end_and_some_fail() {
        let mut rng = StdRng::seed_from_u64(4);
        let mut all = Integration::all(&mut rng);
        let mut now: Timestamp = "2026-03-02T15:00:00Z".parse().expect("a time");
        let mut seen = Vec::new();
        for _ in 0..3_600 {
            now = now.checked_add(SignedDuration::from_secs(1)).expect("in range");
            for integration in &mut all {
                seen.extend(integration.pass(1.0, now, &mut rng));
            }
        }
        let count = |status| seen.iter().filter(|sync| sync.status == status).count();
        let (running, success, failed) =
            (count(SyncStatus::Running), count(SyncStatus::Success), count(SyncStatus::Failed));
        assert!(success > 3 * failed && failed > 0, "{success} succeeded, {failed} failed");
        assert!(running - (success + failed) <= all.len(), "every run but those under way has ended");
        for sync in &seen {
            let total = sync.records_total.expect("a total");
            assert_eq!(sync.error.is_some(), sync.status == SyncStatus::Failed);
            assert_eq!(sync.completed_at.is_some(), sync.status != SyncStatus::Running);
            assert_eq!(sync.records_processed == total, sync.status == SyncStatus::Success, "{sync:?}");
        }
    }
}
