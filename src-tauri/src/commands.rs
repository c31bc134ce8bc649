//! What the interface can ask. Each command is a line here; its meaning is in [`crate::core`].

use sally_protocol::Id;
use sally_protocol::action::{ActionOutcome, AlertAction};
use sally_protocol::desktop::{CommandError, Push, Session, SignIn};
use sally_protocol::message::{Acknowledge, Conversations, History, Mark, SendMessage, SetTyping};
use sally_protocol::search::SearchResults;
use sally_protocol::team::{
    Acknowledgements, Assignment, AwaitedAcknowledgements, Note, NoteDraft, Notes, Team, Template, TemplateDraft,
    Templates,
};
use tauri::State;
use tauri::ipc::Channel;

use crate::core::Core;

/// Set by whoever starts the app to show it.
const DEMO: &str = "SALLY_DESKTOP_DEMO";

type Answer<T> = Result<T, CommandError>;

/// Attaches the interface, with a fresh board when somebody is signed in.
#[tauri::command]
pub(crate) async fn open(core: State<'_, Core>, channel: Channel<Push>) -> Answer<Option<Session>> {
    core.open(channel).await
}

/// Whether the app was started as the demo.
#[tauri::command]
pub(crate) fn demo() -> bool {
    std::env::var_os(DEMO).is_some_and(|value| value == "1")
}

#[tauri::command]
pub(crate) async fn sign_in(core: State<'_, Core>, request: SignIn) -> Answer<Session> {
    core.sign_in(request).await
}

#[tauri::command]
pub(crate) async fn use_this_computer(core: State<'_, Core>, fleet: bool) -> Answer<Session> {
    core.use_this_computer(fleet).await
}

#[tauri::command]
pub(crate) async fn sign_out(core: State<'_, Core>) -> Answer<()> {
    core.sign_out().await
}

#[tauri::command]
pub(crate) async fn enter_messaging(core: State<'_, Core>) -> Answer<()> {
    core.enter_messaging().await
}

#[tauri::command]
pub(crate) async fn leave_messaging(core: State<'_, Core>) -> Answer<()> {
    core.leave_messaging().await
}

#[tauri::command]
pub(crate) async fn conversations(core: State<'_, Core>) -> Answer<Conversations> {
    core.conversations().await
}

#[tauri::command]
pub(crate) async fn templates(core: State<'_, Core>) -> Answer<Templates> {
    core.templates().await
}

#[tauri::command]
pub(crate) async fn team(core: State<'_, Core>) -> Answer<Team> {
    core.team().await
}

#[tauri::command]
pub(crate) async fn assign(core: State<'_, Core>, conversation_id: Id, user_id: Option<Id>) -> Answer<Assignment> {
    core.assign(&conversation_id, user_id.as_ref()).await
}

#[tauri::command]
pub(crate) async fn notes(core: State<'_, Core>, conversation_id: Id, before: Option<Id>) -> Answer<Notes> {
    core.notes(&conversation_id, before.as_ref()).await
}

#[tauri::command]
pub(crate) async fn add_note(core: State<'_, Core>, conversation_id: Id, note: NoteDraft) -> Answer<Note> {
    core.add_note(conversation_id, note).await
}

#[tauri::command]
pub(crate) async fn discard_note(core: State<'_, Core>, client_note_id: String) -> Answer<()> {
    core.discard_note(client_note_id).await
}

#[tauri::command]
pub(crate) async fn add_template(core: State<'_, Core>, draft: TemplateDraft) -> Answer<Template> {
    core.add_template(&draft).await
}

#[tauri::command]
pub(crate) async fn change_template(core: State<'_, Core>, template_id: Id, draft: TemplateDraft) -> Answer<Template> {
    core.change_template(&template_id, &draft).await
}

#[tauri::command]
pub(crate) async fn remove_template(core: State<'_, Core>, template_id: Id, version: u64) -> Answer<()> {
    core.remove_template(&template_id, version).await
}

#[tauri::command]
pub(crate) async fn acknowledgements(core: State<'_, Core>, message_id: String) -> Answer<Acknowledgements> {
    core.acknowledgements(&message_id).await
}

#[tauri::command]
pub(crate) async fn awaited_acknowledgements(core: State<'_, Core>) -> Answer<AwaitedAcknowledgements> {
    core.awaited_acknowledgements().await
}

#[tauri::command]
pub(crate) async fn history(core: State<'_, Core>, conversation_id: Id, before_seq: Option<u64>) -> Answer<History> {
    core.history(&conversation_id, before_seq).await
}

#[tauri::command]
pub(crate) async fn search(core: State<'_, Core>, query: String, before: Option<String>) -> Answer<SearchResults> {
    core.search(&query, before.as_deref()).await
}

#[tauri::command]
pub(crate) async fn send_messages(core: State<'_, Core>, messages: Vec<SendMessage>) -> Answer<()> {
    core.send_messages(messages).await
}

#[tauri::command]
pub(crate) async fn retry_message(core: State<'_, Core>, client_message_id: String) -> Answer<()> {
    core.retry_message(client_message_id).await
}

#[tauri::command]
pub(crate) async fn discard_message(core: State<'_, Core>, client_message_id: String) -> Answer<()> {
    core.discard_message(client_message_id).await
}

#[tauri::command]
pub(crate) async fn mark_read(core: State<'_, Core>, mark: Mark) -> Answer<()> {
    core.mark_read(&mark).await
}

#[tauri::command]
pub(crate) async fn acknowledge_message(core: State<'_, Core>, request: Acknowledge) -> Answer<()> {
    core.acknowledge_message(&request).await
}

#[tauri::command]
pub(crate) async fn set_typing(core: State<'_, Core>, typing: SetTyping) -> Answer<()> {
    core.set_typing(&typing).await
}

#[tauri::command]
pub(crate) async fn alert_action(core: State<'_, Core>, alert_id: Id, action: AlertAction) -> Answer<()> {
    core.alert_action(&alert_id, &action).await
}

#[tauri::command]
pub(crate) async fn alert_actions(
    core: State<'_, Core>,
    alert_ids: Vec<Id>,
    action: AlertAction,
) -> Answer<Vec<ActionOutcome>> {
    core.alert_actions(&alert_ids, &action).await
}
