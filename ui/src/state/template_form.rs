//! Editing the quick replies that the dispatch team shares.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sally_protocol::desktop::CommandError;
use sally_protocol::team::{MAX_TEMPLATES, Template};

use super::templates::Templates;
use crate::commands;
use crate::model::template_form::{Form, Meanwhile};

/// What is being edited, and what became of storing it. A bundle of signals.
#[derive(Clone, Copy)]
pub(crate) struct TemplateForm {
    /// What is being edited; nothing when the list alone is shown.
    pub(crate) form: RwSignal<Option<Form>>,
    /// Whether the server is being asked.
    pub(crate) busy: RwSignal<bool>,
    /// Why it couldn't be stored, as a sentence.
    pub(crate) refused: RwSignal<Option<String>>,
    /// Whether it is being asked if the template may be removed.
    pub(crate) removing: RwSignal<bool>,
    /// How often editing has begun: an answer to what was edited before is none to what is edited now.
    begun: StoredValue<u64>,
}

/// What the server is asked to store, and for which editing.
#[derive(Debug, Clone)]
struct Saving {
    sent: Form,
    begun: u64,
}

impl TemplateForm {
    /// Nothing is edited.
    pub(super) fn new() -> Self {
        Self {
            form: RwSignal::default(),
            busy: RwSignal::new(false),
            refused: RwSignal::default(),
            removing: RwSignal::new(false),
            begun: StoredValue::default(),
        }
    }

    /// Begins anew, with nothing.
    pub(crate) fn clear(self) {
        self.begin(None);
    }

    /// Begins to edit a template, or a new one.
    pub(crate) fn begin(self, form: Option<Form>) {
        self.begun.update_value(|begun| *begun += 1);
        self.form.set(form);
        self.refused.set(None);
        self.removing.set(false);
        self.busy.set(false);
    }

    /// Changes what is being edited.
    pub(crate) fn change(self, change: impl FnOnce(&mut Form)) {
        self.form.update(|form| {
            if let Some(form) = form {
                change(form);
            }
        });
        self.refused.set(None);
    }

    /// Begins to store what is edited, where it can be stored and isn't being stored yet.
    fn saving(self) -> Option<Saving> {
        let sent = self.form.get_untracked().filter(|form| form.problem().is_none())?;
        if self.busy.get_untracked() {
            return None;
        }
        self.busy.set(true);
        self.refused.set(None);
        Some(Saving { sent, begun: self.begun.get_value() })
    }

    /// Takes in that it is stored, where it is still edited.
    fn saved(self, saving: &Saving, template: Template) {
        if let Some(form) = self.form.get_untracked().filter(|_| self.is_at(saving)) {
            self.begin(Some(form.saved(&saving.sent, template)));
        }
    }

    /// Whether what is edited is still what was sent.
    fn is_at(self, saving: &Saving) -> bool {
        let of_it = |form: &Option<Form>| form.as_ref().is_some_and(|form| form.id() == saving.sent.id());
        self.begun.get_value() == saving.begun && self.form.with_untracked(of_it)
    }

    /// Takes in that it could not be stored or removed. What is written stays.
    fn refuse(self, error: &CommandError) {
        self.busy.set(false);
        self.removing.set(false);
        self.refused.set(words(error));
    }
}

impl Templates {
    /// What has happened to the edited template since the editing began.
    pub(crate) fn meanwhile(self) -> Meanwhile {
        self.list.with(|list| {
            self.form.form.with(|form| form.as_ref().map_or(Meanwhile::Nothing, |form| form.meanwhile(list)))
        })
    }

    /// Stores what is being edited.
    pub(crate) fn save(self) {
        let Some(saving) = self.form.saving() else { return };
        spawn_local(async move {
            let draft = saving.sent.draft();
            let answer = match saving.sent.id() {
                Some(id) => commands::change_template(id, &draft).await,
                None => commands::add_template(&draft).await,
            };
            match answer {
                Ok(template) => {
                    self.form.saved(&saving, template.clone());
                    self.stored(template);
                }
                Err(error) => self.not_done(&error, self.form.is_at(&saving)),
            }
        });
    }

    /// Removes the template that is being edited, as it was seen.
    pub(crate) fn remove(self) {
        let edited = self.form.form.with_untracked(|form| form.as_ref().and_then(|form| form.of.clone()));
        let Some(Template { template_id, version, .. }) = edited else { return };
        self.form.busy.set(true);
        spawn_local(async move {
            let answer = commands::remove_template(&template_id, version).await;
            let is_still = self
                .form
                .form
                .with_untracked(|now| now.as_ref().and_then(Form::id).is_some_and(|now| *now == template_id));
            match answer {
                Ok(()) => {
                    if is_still {
                        self.form.begin(None);
                    }
                    self.removed(&template_id);
                }
                Err(error) => self.not_done(&error, is_still),
            }
        });
    }

    fn not_done(self, error: &CommandError, is_still: bool) {
        // What somebody else has done shows when the list has come anew, beside what is written here.
        self.fetch();
        if is_still {
            self.form.refuse(error);
        }
    }
}

/// What to say of a refusal. Nothing where the form itself shows what has happened.
fn words(error: &CommandError) -> Option<String> {
    match error.code.as_str() {
        "version_conflict" | "not_found" => None,
        "too_many_templates" => Some(format!(
            "Your team has {MAX_TEMPLATES} quick replies, which is the most. Delete one that nobody uses."
        )),
        _ => Some(error.message.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stored(id: &str, version: u64, text: &str) -> Template {
        serde_json::from_value(json!({
            "templateId": id, "title": "Gate", "text": text, "version": version,
            "updatedBy": "ann", "updatedAt": "2026-11-24T10:00:00Z",
        }))
        .expect("a template")
    }

    fn new_one(text: &str) -> Form {
        Form { of: None, title: "Gate".into(), text: text.into() }
    }

    /// What is edited: of which version of which template, and its text.
    fn edited(form: TemplateForm) -> Option<(Option<(String, u64)>, String)> {
        let form = form.form.get_untracked()?;
        Some((form.of.map(|of| (of.template_id.to_string(), of.version)), form.text))
    }

    fn refusal(code: &str) -> CommandError {
        CommandError { code: code.into(), message: "It didn't work.".into(), retryable: false }
    }

    #[test]
    fn what_is_typed_while_it_is_saved_is_kept() {
        let form = TemplateForm::new();
        form.begin(Some(Form::edit(stored("t1", 1, "Use gate 4"))));
        form.change(|form| form.text = "Use gate 5".into());
        let saving = form.saving().expect("something to save");
        assert!(form.busy.get_untracked() && form.saving().is_none(), "once at a time");
        form.change(|form| form.text = "Use gate 6".into());
        form.saved(&saving, stored("t1", 2, "Use gate 5"));
        assert_eq!(edited(form), Some((Some(("t1".into(), 2)), "Use gate 6".into())));
        assert!(!form.busy.get_untracked());
    }

    #[test]
    fn a_new_one_that_is_begun_while_another_is_saved_is_another() {
        let form = TemplateForm::new();
        form.begin(Some(new_one("Use gate 4")));
        let saving = form.saving().expect("something to save");
        form.begin(Some(new_one("Use gate 5")));
        form.saved(&saving, stored("t1", 1, "Use gate 4"));
        assert_eq!(edited(form), Some((None, "Use gate 5".into())), "it must not be saved over the first");

        form.begin(None);
        form.saved(&saving, stored("t1", 1, "Use gate 4"));
        assert_eq!(edited(form), None, "what was closed stays closed");
    }

    #[test]
    fn what_is_kept_as_a_new_one_while_it_is_saved_is_another() {
        let form = TemplateForm::new();
        form.begin(Some(Form::edit(stored("t1", 1, "Use gate 4"))));
        let saving = form.saving().expect("something to save");
        form.change(Form::keep_as_new);
        assert!(!form.is_at(&saving));
    }

    #[test]
    fn a_conflict_loses_nothing_and_is_shown_by_the_list() {
        let form = TemplateForm::new();
        form.begin(Some(Form::edit(stored("t1", 1, "Use gate 4"))));
        form.change(|form| form.text = "Use gate 5".into());
        let saving = form.saving().expect("something to save");
        assert!(form.is_at(&saving));
        form.refuse(&refusal("version_conflict"));
        assert_eq!(edited(form), Some((Some(("t1".into(), 1)), "Use gate 5".into())));
        assert_eq!((form.busy.get_untracked(), form.refused.get_untracked()), (false, None));
        let theirs = stored("t1", 2, "Use gate 6");
        let mine = form.form.get_untracked().expect("a form");
        assert_eq!(mine.meanwhile(std::slice::from_ref(&theirs)), Meanwhile::Changed(theirs));

        form.refuse(&refusal("unavailable"));
        assert_eq!(form.refused.get_untracked().as_deref(), Some("It didn't work."));
    }
}
