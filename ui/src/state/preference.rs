//! What is remembered on this computer between two starts.

use leptos::prelude::{document, window};

/// Something that is remembered. A browser without storage remembers nothing, which disturbs nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Preference {
    /// The server that was last signed in at.
    Server,
    /// The e-mail address that was last signed in with.
    Email,
    /// The tenant that was last signed in to, where one had to be named.
    Tenant,
    /// The theme.
    Theme,
    /// Whose conversations are listed.
    Conversations,
}

impl Preference {
    fn key(self) -> &'static str {
        match self {
            Self::Server => "sally.server",
            Self::Email => "sally.email",
            Self::Tenant => "sally.tenant",
            Self::Theme => "sally.theme",
            Self::Conversations => "sally.conversations",
        }
    }

    /// What was remembered; empty when nothing was.
    pub(crate) fn load(self) -> String {
        let storage = window().local_storage().ok().flatten();
        storage.and_then(|storage| storage.get_item(self.key()).ok().flatten()).unwrap_or_default()
    }

    /// Remembers.
    pub(crate) fn save(self, value: &str) {
        if let Ok(Some(storage)) = window().local_storage() {
            // A full storage costs the memory of a preference and nothing else.
            let _ = storage.set_item(self.key(), value);
        }
    }
}

/// How the app looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    /// Light on dark.
    Dark,
    /// Dark on light.
    Light,
    /// As the system does.
    System,
}

impl Theme {
    /// The theme that was last chosen; dark at first.
    pub(crate) fn load() -> Self {
        match Preference::Theme.load().as_str() {
            "light" => Self::Light,
            "system" => Self::System,
            _ => Self::Dark,
        }
    }

    /// Shows the theme and remembers it.
    pub(crate) fn apply(self) {
        if let Some(root) = document().document_element() {
            // The attribute's name is a valid one, which is all that could be refused.
            let _ = root.set_attribute("data-theme", self.word());
        }
        Preference::Theme.save(self.word());
    }

    /// The theme after this one, for a switch that goes round.
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Dark => Self::Light,
            Self::Light => Self::System,
            Self::System => Self::Dark,
        }
    }

    /// The word in the document and in the storage.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::System => "system",
        }
    }
}
