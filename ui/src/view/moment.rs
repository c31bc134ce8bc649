//! A time: relative at a glance, absolute on hover.

use jiff::Timestamp;
use leptos::prelude::*;

use crate::model::time;
use crate::state::{Desk, zone};

/// A time as it is from now: `4 min`. The absolute one is in the title, in the viewer's zone.
#[component]
pub(crate) fn Moment(
    /// The time; a dash stands for an unknown one.
    #[prop(into)]
    at: Signal<Option<Timestamp>>,
    /// Put after a time that is past: `ago` makes it `4 min ago`.
    #[prop(optional)]
    suffix: &'static str,
) -> impl IntoView {
    let desk = expect_context::<Desk>();
    // A memo, so that the document is touched when the words change and not once a second.
    let words = Memo::new(move |_| {
        let Some(at) = at.get() else { return "–".to_owned() };
        let relative = time::relative(at, desk.now.get());
        let past = !suffix.is_empty() && relative != "now" && !relative.starts_with("in");
        if past { format!("{relative} {suffix}") } else { relative }
    });
    let title = move || at.get().map(|at| time::absolute(at, zone));
    view! {
        <time datetime=move || at.get().map(|at| at.to_string()) title=title>
            {words}
        </time>
    }
}

/// A time of day, with the day where it isn't today: `14:05`. The whole of it is in the title.
#[component]
pub(crate) fn Clock(
    /// The time.
    at: Timestamp,
    /// The time just before it in the text, which has named the day of both if they have the same.
    #[prop(optional)]
    since: Option<Timestamp>,
) -> impl IntoView {
    let desk = expect_context::<Desk>();
    let words = Memo::new(move |_| match since {
        Some(since) => time::end_of(since, at, desk.now.get(), zone),
        None => time::day_and_time(at, desk.now.get(), zone),
    });
    view! {
        <time datetime=at.to_string() title=time::absolute(at, zone)>
            {words}
        </time>
    }
}
