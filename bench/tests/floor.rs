//! The load generator against the floor, as real processes.

use std::fs;
use std::process::Command;

use serde_json::Value;

#[test]
fn every_event_reaches_every_stream_once_and_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let json = folder.path().join("report.json");
    let mut bench = Command::new(env!("CARGO_BIN_EXE_sally-bench"));
    bench.args(["--quick", "--peers", "floor,floor-merge", "--streams", "20", "--tenants", "3", "--seconds", "1"]);
    let output = bench.arg("--json").arg(&json).output().expect("the benchmark runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let report: Value = serde_json::from_slice(&fs::read(&json).expect("a report")).expect("JSON");
    let loads = report["loads"].as_array().expect("loads");
    assert_eq!(loads.len(), 4, "two peers, two modes");
    for load in loads {
        assert!(load["deliveriesPerSecond"].as_f64().expect("a number") > 100.0, "{load}");
        assert_eq!(load["faults"], serde_json::json!({"lost": 0, "duplicated": 0, "reordered": 0, "resyncs": 0}));
    }
    let tables = String::from_utf8_lossy(&output.stdout);
    assert!(tables.contains("### Mode flood, 20 streams of 3 tenants"), "{tables}");
}
