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
}

impl TemplateForm {
    /// Nothing is edited.
    pub(super) fn new() -> Self {
        Self {
            form: RwSignal::default(),
            busy: RwSignal::new(false),
            refused: RwSignal::default(),
            removing: RwSignal::new(false),
        }
    }

    /// Begins anew, with nothing.
    pub(crate) fn clear(self) {
        self.begin(None);
    }

    /// Begins to edit a template, or a new one.
    pub(crate) fn begin(self, form: Option<Form>) {
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
        let Some(edited) = self.form.form.get_untracked() else { return };
        if edited.problem().is_some() || self.form.busy.get_untracked() {
            return;
        }
        self.form.busy.set(true);
        self.form.refused.set(None);
        spawn_local(async move {
            let draft = edited.draft();
            let answer = match edited.id() {
                Some(id) => commands::change_template(id, &draft).await,
                None => commands::add_template(&draft).await,
            };
            let now = self.form.form.get_untracked();
            let is_still = now.as_ref().map(Form::id) == Some(edited.id());
            match answer {
                Ok(template) => {
                    if is_still {
                        // What was typed meanwhile stays.
                        let form = now.filter(|now| *now != edited).map_or_else(
                            || Form::edit(template.clone()),
                            |typed| Form { of: Some(template.clone()), ..typed },
                        );
                        self.form.begin(Some(form));
                    }
                    self.stored(template);
                }
                Err(error) => self.not_done(&error, is_still),
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
            self.form.busy.set(false);
            self.form.removing.set(false);
            self.form.refused.set(words(error));
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
