//! The quick replies that the dispatch team shares, kept at hand.

use leptos::prelude::*;
use sally_protocol::team::Template;

use super::desk::Load;
use super::renew::renew;
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
        self.list.set(Vec::new());
        self.load.set(Load::Idle);
        self.open.set(false);
        self.form.clear();
    }

    /// Fetches them: on connecting, and whenever somebody has changed one.
    pub(crate) fn fetch(self) {
        renew(self.load, self.asked, commands::templates(), move |answer| self.list.set(answer.templates));
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
