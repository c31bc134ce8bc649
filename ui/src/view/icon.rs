//! The icons, drawn here: sixteen units square, one line wide, in the colour of the text.

use leptos::prelude::*;

/// What an icon shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Symbol {
    /// Act now.
    Critical,
    /// Act soon; also trouble of any kind.
    High,
    /// Act today.
    Medium,
    /// Know about it.
    Low,
    /// Alerts.
    Bell,
    /// Routes.
    Route,
    /// Integrations, and trying again.
    Sync,
    /// Messages.
    Message,
    /// Done.
    Check,
    /// Done, and seen.
    CheckTwice,
    /// Waiting.
    Clock,
    /// Out of the way; the dark theme.
    Moon,
    /// The light theme.
    Sun,
    /// The system's theme; this computer.
    Screen,
    /// Live.
    Pulse,
    /// Not connected.
    Cut,
    /// Signed out.
    Lock,
    /// Find.
    Search,
    /// Take away.
    Cross,
    /// Closed section; forward.
    Right,
    /// Back.
    Left,
    /// Open section.
    Down,
    /// Further down.
    ArrowDown,
    /// Leave.
    Leave,
    /// Keys.
    Keyboard,
    /// Add.
    Plus,
    /// Speak to many.
    Megaphone,
    /// A reply at hand.
    Reply,
    /// Send.
    Send,
    /// A note.
    Note,
    /// Somebody.
    Person,
    /// Take back.
    Undo,
}

impl Symbol {
    fn path(self) -> &'static str {
        match self {
            Self::Critical => "M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3l-3.8-3.8V5.3z M8 4.6v4 M8 11.1v.2",
            Self::High => "M8 1.8 14.9 13.9H1.1z M8 6v3.8 M8 11.8v.2",
            Self::Medium => "M8 1.3 14.7 8 8 14.7 1.3 8z M8 5v3.4 M8 10.8v.2",
            Self::Low => "M8 1.6a6.4 6.4 0 1 0 0 12.8A6.4 6.4 0 0 0 8 1.6z M8 7.4v3.8 M8 4.7v.2",
            Self::Bell => {
                "M8 1.8a4 4 0 0 0-4 4c0 4-1.6 5.2-1.6 5.2h11.2S12 9.8 12 5.8a4 4 0 0 0-4-4z M6.6 13.6a1.6 1.6 0 0 0 2.8 0"
            }
            Self::Route => {
                "M3.6 13.8a1.6 1.6 0 1 0 0-3.2 1.6 1.6 0 0 0 0 3.2z M12.4 5.4a1.6 1.6 0 1 0 0-3.2 1.6 1.6 0 0 0 0 3.2z M5.2 12.2h5.6a2.1 2.1 0 0 0 0-4.2H5.2a2.1 2.1 0 0 1 0-4.2h5.6"
            }
            Self::Sync => "M13.6 6.8A5.8 5.8 0 0 0 3 5.2 M2.4 2.4v3h3 M2.4 9.2A5.8 5.8 0 0 0 13 10.8 M13.6 13.6v-3h-3",
            Self::Message => "M2 2.8h12v8.4H7.2L4 13.8v-2.6H2z",
            Self::Check => "M2.8 8.6 6.4 12.2 13.2 4.2",
            Self::CheckTwice => "M1 8.8 4.4 12.2 11 4.2 M7.8 11.2 8.8 12.2 15.2 4.2",
            Self::Clock => "M8 1.6a6.4 6.4 0 1 0 0 12.8A6.4 6.4 0 0 0 8 1.6z M8 4.4V8l2.4 1.6",
            Self::Moon => "M13.6 9.8A5.9 5.9 0 1 1 6.2 2.4a4.7 4.7 0 0 0 7.4 7.4z",
            Self::Sun => {
                "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6z M8 1v1.4 M8 13.6V15 M1 8h1.4 M13.6 8H15 M3 3l1 1 M12 12l1 1 M13 3l-1 1 M4 12l-1 1"
            }
            Self::Screen => "M1.6 2.6h12.8v8.6H1.6z M5.4 13.8h5.2 M8 11.2v2.6",
            Self::Pulse => "M1.2 8h3l2-4.8 3.4 9.6 2-4.8h3.2",
            Self::Cut => {
                "M1.8 1.8l12.4 12.4 M3 6.4a8 8 0 0 1 2-1.3 M8 4.2a8 8 0 0 1 5 2.2 M5.2 9.2a4.4 4.4 0 0 1 2-1.1 M8 12.4v.2"
            }
            Self::Lock => "M3.2 7.2h9.6v6.6H3.2z M5.2 7.2V5a2.8 2.8 0 0 1 5.6 0v2.2",
            Self::Search => "M7 2.2a4.8 4.8 0 1 0 0 9.6A4.8 4.8 0 0 0 7 2.2z M10.5 10.5 14 14",
            Self::Cross => "M3.6 3.6l8.8 8.8 M12.4 3.6l-8.8 8.8",
            Self::Right => "M6 3.2 10.8 8 6 12.8",
            Self::Left => "M10 3.2 5.2 8l4.8 4.8",
            Self::Down => "M3.2 6 8 10.8 12.8 6",
            Self::ArrowDown => "M8 2.6v10.8 M3.6 9 8 13.4 12.4 9",
            Self::Leave => "M6.4 2.2H2.6v11.6h3.8 M10 4.8 13.2 8 10 11.2 M13.2 8H6",
            Self::Keyboard => "M1.4 3.8h13.2v8.4H1.4z M4 6.6h.2 M6.6 6.6h.2 M9.2 6.6h.2 M11.8 6.6h.2 M4.6 9.6h6.8",
            Self::Note => "M2.6 2h10.8v7.6L9.2 14H2.6z M13.4 9.6H9.2V14 M5.2 5.2h5.6 M5.2 8h3",
            Self::Person => "M8 2a2.8 2.8 0 1 0 0 5.6A2.8 2.8 0 0 0 8 2z M2.6 14a5.4 5.4 0 0 1 10.8 0",
            Self::Undo => "M5.6 2.8 2.4 6l3.2 3.2 M2.4 6h6.8a4.2 4.2 0 0 1 0 8.4H5.4",
            Self::Plus => "M8 2.8v10.4 M2.8 8h10.4",
            Self::Megaphone => "M2 6.2v3.6h2.6L12 13.2V2.8L4.6 6.2z M4.8 10l.9 3.8h1.9L6.9 10.6 M14.2 6.4v3.2",
            Self::Reply => "M2 2.6h12v8.2H7.2L4 13.4v-2.6H2z M4.6 5.4h6.8 M4.6 8h4.4",
            Self::Send => "M14.4 1.6 1.6 6.8l5 2.2 2.2 5z M6.6 9l7.8-7.4",
        }
    }
}

/// An icon. It stands beside a word or a label, so that assistive technology passes it over.
#[component]
pub(crate) fn Icon(
    /// What it shows; may change.
    #[prop(into)]
    symbol: Signal<Symbol>,
) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
            <path d=move || symbol.get().path() />
        </svg>
    }
}
