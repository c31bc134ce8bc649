//! The quick replies that the dispatch team shares, kept at hand.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sally_protocol::team::Template;

use super::desk::Load;
use super::template_form::TemplateForm;
use crate::commands;

/// The quick replies. A bundle of signals.
#[derive(Clone, Copy)]
pub(crate) struct Templates {
    /// All of the tenant's, by title.
    pub(crate) list: RwSignal<Vec<Template>>,
    /// How they stand. What was fetched once stays ready while it is fetched again.
    pub(crate) load: RwSignal<Load>,
    /// Whether the place to edit them is shown.
    pub(crate) open: RwSignal<bool>,
    /// What is being edited.
    pub(crate) form: TemplateForm,
    /// How often they were asked for: of several answers the last one's counts.
    asked: StoredValue<u64>,
}

impl Templates {
    /// None yet.
    pub(super) fn new() -> Self {
        Self {
            list: RwSignal::default(),
            load: RwSignal::default(),
            open: RwSignal::new(false),
            form: TemplateForm::new(),
            asked: StoredValue::default(),
        }
    }

    /// Forgets them, for the next user.
    pub(super) fn forget(self) {
        self.asked.update_value(|asked| *asked += 1);
        self.list.set(Vec::new());
        self.load.set(Load::Idle);
        self.open.set(false);
        self.form.clear();
    }

    /// Fetches them: on connecting, and whenever somebody has changed one.
    pub(crate) fn fetch(self) {
        let asked = self.asked.get_value() + 1;
        self.asked.set_value(asked);
        if self.load.get_untracked() != Load::Ready {
            self.load.set(Load::Loading);
        }
        spawn_local(async move {
            let answer = commands::templates().await;
            if self.asked.get_value() != asked {
                return;
            }
            match answer {
                Ok(answer) => {
                    self.list.set(answer.templates);
                    self.load.set(Load::Ready);
                }
                // Those of a moment ago are better than none.
                Err(_) if self.load.get_untracked() == Load::Ready => {}
                Err(error) => self.load.set(Load::Failed(error)),
            }
        });
    }

    /// Takes in what the server has stored, in the place of what was known of it.
    pub(super) fn stored(self, template: Template) {
        self.list.update(|list| {
            list.retain(|known| known.template_id != template.template_id);
            list.push(template);
            list.sort_by_cached_key(|known| (known.title.to_lowercase(), known.template_id.clone()));
        });
        // A list that was asked for before says nothing of this one.
        self.fetch();
    }

    /// Takes in that one has been removed.
    pub(super) fn removed(self, id: &sally_protocol::Id) {
        self.list.update(|list| list.retain(|known| known.template_id != *id));
        self.fetch();
    }
}
