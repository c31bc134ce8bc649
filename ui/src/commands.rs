//! The core's commands, one function each. All fail with the core's [`CommandError`], whose message
//! is a sentence for people.

use sally_protocol::Id;
use sally_protocol::action::{ActionOutcome, AlertAction};
use sally_protocol::desktop::{CommandError, Session, SignIn};
use sally_protocol::message::{Acknowledge, Conversations, History, Mark, SendMessage, SetTyping};
use sally_protocol::search::SearchResults;
use sally_protocol::team::{
    Acknowledgements, Assignment, AwaitedAcknowledgements, Note, NoteDraft, Notes, Team, Template, TemplateDraft,
    Templates,
};
use serde_json::json;

use crate::bridge::call;

type Answer<T> = Result<T, CommandError>;

/// Whether the app was started as the demo.
pub(crate) async fn demo() -> Answer<bool> {
    call("demo", &json!({})).await
}

/// Signs in at a server.
pub(crate) async fn sign_in(request: &SignIn) -> Answer<Session> {
    call("sign_in", &json!({ "request": request })).await
}

/// Starts the server inside the app, with a simulated fleet if wanted.
pub(crate) async fn use_this_computer(fleet: bool) -> Answer<Session> {
    call("use_this_computer", &json!({ "fleet": fleet })).await
}

/// Ends the session.
pub(crate) async fn sign_out() -> Answer<()> {
    call("sign_out", &json!({})).await
}

/// Opens the messaging connection.
pub(crate) async fn enter_messaging() -> Answer<()> {
    call("enter_messaging", &json!({})).await
}

/// Closes the messaging connection; it is closed when this returns.
pub(crate) async fn leave_messaging() -> Answer<()> {
    call("leave_messaging", &json!({})).await
}

/// The tenant's conversations.
pub(crate) async fn conversations() -> Answer<Conversations> {
    call("conversations", &json!({})).await
}

/// The quick replies that the tenant shares.
pub(crate) async fn templates() -> Answer<Templates> {
    call("templates", &json!({})).await
}

/// The dispatch team.
pub(crate) async fn team() -> Answer<Team> {
    call("team", &json!({})).await
}

/// Gives a conversation to one of the dispatch team, or to nobody.
pub(crate) async fn assign(conversation: &Id, assignee: Option<&Id>) -> Answer<Assignment> {
    call("assign", &json!({ "conversationId": conversation, "userId": assignee })).await
}

/// A page of the notes in a conversation: the newest one, or the one before a note.
pub(crate) async fn notes(conversation: &Id, before: Option<&Id>) -> Answer<Notes> {
    call("notes", &json!({ "conversationId": conversation, "before": before })).await
}

/// Leaves a note. It is stored when this returns, and kept on this computer until it is; a repeat with
/// the same id is harmless.
pub(crate) async fn add_note(conversation: &Id, note: &NoteDraft) -> Answer<Note> {
    call("add_note", &json!({ "conversationId": conversation, "note": note })).await
}

/// Gives up a note that could not be stored.
pub(crate) async fn discard_note(client_note_id: &str) -> Answer<()> {
    call("discard_note", &json!({ "clientNoteId": client_note_id })).await
}

/// Adds a quick reply.
pub(crate) async fn add_template(draft: &TemplateDraft) -> Answer<Template> {
    call("add_template", &json!({ "draft": draft })).await
}

/// Changes a quick reply; the draft names the version that was edited.
pub(crate) async fn change_template(id: &Id, draft: &TemplateDraft) -> Answer<Template> {
    call("change_template", &json!({ "templateId": id, "draft": draft })).await
}

/// Removes a quick reply, as it was seen.
pub(crate) async fn remove_template(id: &Id, version: u64) -> Answer<()> {
    call("remove_template", &json!({ "templateId": id, "version": version })).await
}

/// Who has acknowledged a message, or the broadcast that it is of.
pub(crate) async fn acknowledgements(message_id: &str) -> Answer<Acknowledgements> {
    call("acknowledgements", &json!({ "messageId": message_id })).await
}

/// The team's messages that a driver still has to acknowledge.
pub(crate) async fn awaited_acknowledgements() -> Answer<AwaitedAcknowledgements> {
    call("awaited_acknowledgements", &json!({})).await
}

/// A page of a conversation: the newest one, or the one before `before_seq`.
pub(crate) async fn history(conversation: &Id, before_seq: Option<u64>) -> Answer<History> {
    call("history", &json!({ "conversationId": conversation, "beforeSeq": before_seq })).await
}

/// The newest messages with every word of `query`, or those before the cursor of a message.
pub(crate) async fn search(query: &str, before: Option<&str>) -> Answer<SearchResults> {
    call("search", &json!({ "query": query, "before": before })).await
}

/// Has messages sent, in this order, as soon as that can be. All or none of them are kept on this
/// computer when this returns.
pub(crate) async fn send_messages(messages: &[SendMessage]) -> Answer<()> {
    call("send_messages", &json!({ "messages": messages })).await
}

/// Tries again to send a message that failed.
pub(crate) async fn retry_message(client_message_id: &str) -> Answer<()> {
    call("retry_message", &json!({ "clientMessageId": client_message_id })).await
}

/// Gives up a message that failed.
pub(crate) async fn discard_message(client_message_id: &str) -> Answer<()> {
    call("discard_message", &json!({ "clientMessageId": client_message_id })).await
}

/// Says that everything up to a message has been read.
pub(crate) async fn mark_read(mark: &Mark) -> Answer<()> {
    call("mark_read", &json!({ "mark": mark })).await
}

/// Acknowledges a message of the other side that asks for it.
pub(crate) async fn acknowledge_message(request: &Acknowledge) -> Answer<()> {
    call("acknowledge_message", &json!({ "request": request })).await
}

/// Says whether the user types.
pub(crate) async fn set_typing(typing: &SetTyping) -> Answer<()> {
    call("set_typing", &json!({ "typing": typing })).await
}

/// Acts on an alert. The board changes by the event that follows.
pub(crate) async fn alert_action(alert: &Id, action: &AlertAction) -> Answer<()> {
    call("alert_action", &json!({ "alertId": alert, "action": action })).await
}

/// Acts on several alerts with one request, and tells what became of each.
pub(crate) async fn alert_actions(alerts: &[Id], action: &AlertAction) -> Answer<Vec<ActionOutcome>> {
    call("alert_actions", &json!({ "alertIds": alerts, "action": action })).await
}
