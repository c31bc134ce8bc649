//! A quick reply while it is edited, and what others do to it meanwhile.

use sally_protocol::Id;
use sally_protocol::team::{Template, TemplateDraft};
use sally_protocol::template::{Facts, TemplateError, check, fill};

/// What is being edited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// The template as it was when the editing began; none for a new one.
    pub(crate) of: Option<Template>,
    /// The title so far.
    pub(crate) title: String,
    /// The text so far.
    pub(crate) text: String,
}

/// What has happened to a template since its editing began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meanwhile {
    /// Nothing that matters to who edits it.
    Nothing,
    /// Somebody else has changed it to this.
    Changed(Template),
    /// Somebody has removed it.
    Removed,
}

impl Form {
    /// A template, to be edited.
    pub(crate) fn edit(template: Template) -> Self {
        Self { title: template.title.clone(), text: template.text.clone(), of: Some(template) }
    }

    /// Which template is edited; none for a new one.
    pub(crate) fn id(&self) -> Option<&Id> {
        self.of.as_ref().map(|template| &template.template_id)
    }

    /// Whether anything would be lost if it were closed.
    pub(crate) fn is_changed(&self) -> bool {
        match &self.of {
            Some(template) => !self.says(template),
            None => !self.title.is_empty() || !self.text.is_empty(),
        }
    }

    /// What the server would say no to.
    pub(crate) fn problem(&self) -> Option<TemplateError> {
        check(self.title.trim(), self.text.trim()).err()
    }

    /// The problem with what there is; that something hasn't been written yet is none.
    pub(crate) fn shown_problem(&self) -> Option<TemplateError> {
        let written =
            |text: &str, instead: &str| if text.trim().is_empty() { instead.to_owned() } else { text.to_owned() };
        check(written(&self.title, "-").trim(), written(&self.text, "-").trim()).err()
    }

    /// What is to be stored.
    pub(crate) fn draft(&self) -> TemplateDraft {
        TemplateDraft {
            title: self.title.trim().to_owned(),
            text: self.text.trim().to_owned(),
            version: self.of.as_ref().map(|template| template.version),
        }
    }

    /// What has happened to the template, by the list as it is now.
    pub(crate) fn meanwhile(&self, list: &[Template]) -> Meanwhile {
        let Some(of) = &self.of else { return Meanwhile::Nothing };
        match list.iter().find(|known| known.template_id == of.template_id) {
            None => Meanwhile::Removed,
            // Whoever has written the same is no trouble, least of all the user's own saving.
            Some(known) if known.version <= of.version || self.says(known) => Meanwhile::Nothing,
            Some(known) => Meanwhile::Changed(known.clone()),
        }
    }

    /// Goes on after `sent` has been stored as `template`. What was typed meanwhile stays.
    pub(crate) fn saved(self, sent: &Self, template: Template) -> Self {
        match self == *sent {
            true => Self::edit(template),
            false => Self { of: Some(template), ..self },
        }
    }

    /// Goes on from the newest version, with what is written here.
    pub(crate) fn keep_mine(&mut self, theirs: Template) {
        self.of = Some(theirs);
    }

    /// Goes on as a new template, with what is written here.
    pub(crate) fn keep_as_new(&mut self) {
        self.of = None;
    }

    fn says(&self, template: &Template) -> bool {
        self.title.trim() == template.title && self.text.trim() == template.text
    }
}

/// The text as a driver might read it.
pub(crate) fn example(text: &str) -> String {
    let of = |text: &str| Some(text.to_owned());
    fill(text, &Facts { driver: of("Maria Lopez"), stop: of("Dallas Terminal"), eta: of("14:05") })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn template(version: u64, title: &str, text: &str) -> Template {
        Template {
            template_id: Id::parse("t1").expect("an id"),
            title: title.into(),
            text: text.into(),
            version,
            updated_by: Id::parse("ann").expect("an id"),
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn edited(text: &str) -> Form {
        Form { text: text.into(), ..Form::edit(template(1, "Gate", "Use gate 4")) }
    }

    #[test]
    fn the_version_that_was_edited_is_named() {
        assert_eq!(Form::default().draft().version, None);
        let draft = edited(" Use gate 5 ").draft();
        assert_eq!((draft.title.as_str(), draft.text.as_str(), draft.version), ("Gate", "Use gate 5", Some(1)));
    }

    #[test]
    fn it_is_changed_when_it_says_something_else() {
        assert!(!Form::default().is_changed());
        assert!(!edited("Use gate 4").is_changed());
        assert!(edited("Use gate 5").is_changed());
        assert!(Form { title: "x".into(), ..Form::default() }.is_changed());
    }

    #[test]
    fn what_is_missing_is_no_mistake_yet() {
        let form = |title: &str, text: &str| Form { title: title.into(), text: text.into(), of: None };
        assert_eq!(form("", "").shown_problem(), None);
        assert!(form("", "").problem().is_some());
        let unknown = Some(TemplateError::UnknownPlaceholder("truck".into()));
        assert_eq!(form("", "{truck}").shown_problem(), unknown);
        assert_eq!(form("a", "{truck}").problem(), unknown);
        assert_eq!(form(&"x".repeat(81), "").shown_problem(), Some(TemplateError::Title));
        assert_eq!(form("a", "{driver}").problem(), None);
    }

    #[test]
    fn what_somebody_else_has_done_is_seen_and_mine_can_be_kept() {
        let mut form = edited("Use gate 5");
        assert_eq!(form.meanwhile(&[template(1, "Gate", "Use gate 4")]), Meanwhile::Nothing);
        assert_eq!(form.meanwhile(&[]), Meanwhile::Removed);
        let theirs = template(2, "Gate", "Use gate 6");
        assert_eq!(form.meanwhile(std::slice::from_ref(&theirs)), Meanwhile::Changed(theirs.clone()));
        let same = template(2, "Gate", "Use gate 5");
        assert_eq!(form.meanwhile(&[same]), Meanwhile::Nothing, "they wrote the same");

        form.keep_mine(theirs.clone());
        assert_eq!(form.meanwhile(&[theirs]), Meanwhile::Nothing);
        assert_eq!((form.draft().text.as_str(), form.draft().version), ("Use gate 5", Some(2)));
        form.keep_as_new();
        assert_eq!((form.meanwhile(&[]), form.draft().version), (Meanwhile::Nothing, None));
    }

    #[test]
    fn what_is_typed_while_it_is_saved_stays_and_is_saved_next() {
        let sent = edited(" Use gate 5 ");
        let stored = template(2, "Gate", "Use gate 5");
        assert_eq!(sent.clone().saved(&sent, stored.clone()), Form::edit(stored.clone()));

        let typed = Form { text: "Use gate 5 or 6".into(), ..sent.clone() };
        let form = typed.saved(&sent, stored.clone());
        assert_eq!((form.text.as_str(), form.is_changed()), ("Use gate 5 or 6", true));
        assert_eq!((form.draft().version, form.meanwhile(&[stored])), (Some(2), Meanwhile::Nothing));
    }

    #[test]
    fn an_example_fills_everything_in() {
        assert_eq!(example("{driver}: {stop} at {eta}, {x}"), "Maria Lopez: Dallas Terminal at 14:05, {x}");
    }
}
