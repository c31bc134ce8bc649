use sally_protocol::stream::Frame;
use serde_json::{Value, json};

use super::*;

fn board(alerts: &[Value]) -> Board {
    let mut board = Board::default();
    for alert in alerts {
        board.apply(&Frame::Event { kind: "new_alert".into(), data: json!({ "alert": alert }) });
    }
    assert_eq!(board.alerts.len(), alerts.len(), "every alert of the test is a valid one");
    board
}

fn alert(id: &str, priority: &str, status: &str, minute: u32) -> Value {
    json!({ "id": id, "priority": priority, "status": status, "title": format!("Title {id}"),
            "createdAt": format!("2026-11-24T12:{minute:02}:00Z") })
}

fn ids(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.id.as_str()).collect()
}

#[test]
fn the_most_urgent_come_first_and_the_ended_last() {
    let mut ended = alert("z1", "critical", "resolved", 1);
    ended["resolvedAt"] = json!("2026-11-24T12:30:00Z");
    let mut ended_later = alert("z2", "low", "auto_resolved", 1);
    ended_later["resolvedAt"] = json!("2026-11-24T12:40:00Z");
    let board = board(&[
        ended,
        ended_later,
        alert("l", "low", "active", 0),
        alert("c-acked", "critical", "acknowledged", 1),
        alert("c-new", "critical", "active", 9),
        alert("c-old", "critical", "active", 2),
        alert("h", "high", "snoozed", 0),
    ]);
    let lines = lines(&board, &Filter::default());
    assert_eq!(ids(&lines), ["c-old", "c-new", "c-acked", "h", "l", "z2", "z1"]);
    assert_eq!(lines[0].group, Group::Open(Priority::Critical));
    assert_eq!(lines[6].group, Group::Ended);
}

#[test]
fn every_word_must_occur_in_any_case() {
    let mut with_driver = alert("a", "low", "active", 0);
    with_driver["driverName"] = json!("Maria Ortiz");
    with_driver["vehicleUnit"] = json!("T-104");
    let board = board(&[with_driver, alert("b", "low", "active", 1)]);
    let found = |text: &str| ids(&lines(&board, &Filter { text: text.into(), ..Filter::default() })).join(" ");
    assert_eq!(found("MARIA"), "a");
    assert_eq!(found("t-104 ortiz"), "a");
    assert_eq!(found("maria nobody"), "");
    assert_eq!(found("title"), "a b");
    assert_eq!(found("  "), "a b");
}

#[test]
fn priority_and_standing_narrow_the_open_ones() {
    let board = board(&[
        alert("a", "critical", "active", 0),
        alert("b", "critical", "acknowledged", 0),
        alert("c", "high", "active", 0),
        alert("d", "critical", "resolved", 0),
    ]);
    let narrowed = Filter { priority: Some(Priority::Critical), standing: Standing::Acknowledged, ..Filter::default() };
    assert!(narrowed.is_set());
    assert_eq!(ids(&lines(&board, &narrowed)), ["b", "d"]);
    assert!(!Filter { text: " ".into(), ..Filter::default() }.is_set());
}

#[test]
fn tallies_count_open_and_waiting_alerts() {
    let board = board(&[
        alert("a", "critical", "active", 5),
        alert("b", "critical", "active", 3),
        alert("c", "critical", "acknowledged", 1),
        alert("d", "low", "resolved", 0),
    ]);
    let [critical, high, _, low] = tallies(&board);
    assert_eq!((critical.open, critical.active), (3, 2));
    assert_eq!(critical.oldest, "2026-11-24T12:03:00Z".parse().ok());
    assert_eq!((high, low), (Tally::default(), Tally::default()));
}

#[test]
fn steps_tell_an_alerts_life() {
    let mut told = alert("a", "high", "resolved", 0);
    told["escalationLevel"] = json!(2);
    told["acknowledgedBy"] = json!("Ann");
    told["resolvedBy"] = json!("Bob");
    let board = board(&[told]);
    let alert = board.alerts.values().next().expect("the alert");
    let steps = steps(alert);
    let told: Vec<&str> = steps.iter().map(|step| step.what.as_str()).collect();
    assert_eq!(told, ["Raised", "Escalated to level 2", "Acknowledged", "Resolved"]);
    assert_eq!(steps[3].who.as_deref(), Some("Bob"));
}

#[test]
fn many_new_alerts_are_announced_in_one_sentence() {
    let raised = |priority, title: &str| (priority, title.to_owned());
    assert_eq!(announcement(&[]), None);
    assert_eq!(announcement(&[raised(Priority::High, "Late")]).as_deref(), Some("New high alert: Late"));
    let many = [raised(Priority::High, "Late"), raised(Priority::Critical, "Crash"), raised(Priority::Low, "x")];
    assert_eq!(announcement(&many).as_deref(), Some("3 new alerts, 1 of them critical"));
    assert_eq!(announcement(&[many[0].clone(), many[0].clone()]).as_deref(), Some("2 new alerts"));
}
