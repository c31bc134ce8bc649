//! What is done to several alerts at once.

use crate::team::session;
use crate::unruly::{Answer, Unruly};
use sally_protocol::Id;
use sally_protocol::action::AlertAction;
use serde_json::json;

#[tokio::test]
async fn each_of_many_has_an_outcome_of_its_own() {
    let server = Unruly::start().await;
    let session = session(&server).await;
    let problem = json!({ "type": "about:blank", "title": "Conflict", "status": 409, "code": "wrong_state",
                          "detail": "the alert is resolved", "state": "resolved" });
    let done = json!({ "id": "a1", "alert": { "id": "a1", "status": "acknowledged" } });
    let results = json!({ "results": [done, { "id": "a2", "error": problem }] });
    server.script("/api/alerts/bulk", [Answer::json(results), Answer::problem(422, "invalid_ids")]);

    let alerts = ["a1", "a2"].map(|id| Id::parse(id).expect("an id"));
    let outcomes = session.alert_actions(&alerts, &AlertAction::Acknowledge).await.expect("an answer");
    assert_eq!(outcomes.iter().map(|outcome| outcome.id.clone()).collect::<Vec<_>>(), alerts);
    assert_eq!(outcomes[0].error, None);
    let refused = outcomes[1].error.as_ref().expect("a refusal");
    assert_eq!((refused.code.as_str(), refused.state.as_deref()), ("wrong_state", Some("resolved")));

    let error = session.alert_actions(&[], &AlertAction::Resolve).await.expect_err("none named");
    assert_eq!(error.code(), "invalid_ids");
}
