//! Quick replies: which are offered for what has been typed, and what is known to fill them with.

use jiff::Timestamp;
use sally_protocol::fleet::PlanStatus;
use sally_protocol::team::Template;
use sally_protocol::template::Facts;
use sally_protocol::{Board, Id};

use super::routes;
use super::time::{self, Zone};

/// What is looked for: whatever follows a slash at the start of a text that is one line yet.
/// `None` where the text is no question for templates.
pub(crate) fn sought(text: &str) -> Option<&str> {
    text.strip_prefix('/').filter(|words| !words.contains('\n'))
}

/// The templates that have every word in their title or text, in their order; those whose titles
/// have them all come first.
pub(crate) fn matching(templates: &[Template], sought: &str) -> Vec<Template> {
    let words: Vec<String> = sought.split_whitespace().map(str::to_lowercase).collect();
    let has = |text: &str| {
        let text = text.to_lowercase();
        words.iter().all(|word| text.contains(word))
    };
    let (mut first, rest): (Vec<_>, Vec<_>) = templates.iter().cloned().partition(|template| has(&template.title));
    first.extend(rest.into_iter().filter(|template| has(&format!("{}\n{}", template.title, template.text))));
    first
}

/// What the board knows of a driver: where they arrive next on the route that they are on, and when,
/// in the viewer's zone.
pub(crate) fn facts(board: &Board, driver: &Id, name: Option<String>, now: Timestamp, zone: Zone) -> Facts {
    let under_way = |route: &&sally_protocol::board::Route| {
        let active = route.status.as_ref().is_none_or(|status| status.status == PlanStatus::Active);
        active && routes::driver(route) == Some(driver)
    };
    let ahead = board.routes.values().filter(under_way).flat_map(|route| routes::stops(route));
    let next = ahead.filter_map(|stop| Some((stop.eta.filter(|eta| *eta >= now)?, stop))).min_by_key(|(eta, _)| *eta);
    Facts {
        driver: name,
        stop: next.and_then(|(_, stop)| stop.stop_name.clone()),
        eta: next.map(|(eta, _)| time::day_and_time(eta, now, zone)),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::Offset;
    use sally_protocol::stream::Frame;
    use serde_json::json;

    use super::*;

    fn id(text: &str) -> Id {
        Id::parse(text).expect("an id")
    }

    fn template(title: &str, text: &str) -> Template {
        Template {
            template_id: id(title),
            title: title.into(),
            text: text.into(),
            version: 1,
            updated_by: id("ann"),
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_slash_at_the_start_asks() {
        assert_eq!(sought("/"), Some(""));
        assert_eq!(sought("/eta"), Some("eta"));
        for text in ["", " /", "a/b", "/a\nb"] {
            assert_eq!(sought(text), None, "{text:?}");
        }
    }

    #[test]
    fn titles_come_before_texts() {
        let all = [template("Call", "Call when at the gate"), template("Gate", "Use gate 4"), template("Rest", "Rest")];
        let found = |words: &str| matching(&all, words).into_iter().map(|found| found.title).collect::<Vec<_>>();
        assert_eq!(found(""), ["Call", "Gate", "Rest"]);
        assert_eq!(found("GATE"), ["Gate", "Call"]);
        assert_eq!(found("gate when"), ["Call"]);
        assert!(found("dock").is_empty());
    }

    #[test]
    fn the_next_stop_is_the_first_ahead_on_the_drivers_own_route() {
        let mut board = Board::default();
        for (plan, driver, stop, hour) in
            [("p1", "d1", "Past", 9), ("p1", "d1", "Later", 15), ("p1", "d1", "Next", 12), ("p2", "d2", "Other", 11)]
        {
            let data = json!({ "planId": plan, "driverId": driver, "stopId": stop, "stopName": stop,
                               "eta": format!("2026-11-24T{hour:02}:00:00Z"), "etaShiftMinutes": 0, "etaStatus": "on_time" });
            board.apply(&Frame::Event { kind: "eta_update".into(), data });
        }
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().expect("a time");
        let of = |board: &Board, driver: &str| facts(board, &id(driver), Some("Zoë".into()), now, |_| Offset::UTC);
        let expected = Facts { driver: Some("Zoë".into()), stop: Some("Next".into()), eta: Some("12:00".into()) };
        assert_eq!(of(&board, "d1"), expected);
        assert_eq!(of(&board, "d3"), Facts { driver: Some("Zoë".into()), ..Facts::default() });
        let ended = json!({ "planId": "p1", "driverId": "d1", "status": "cancelled", "source": "test" });
        board.apply(&Frame::Event { kind: "route_status".into(), data: ended });
        assert_eq!(of(&board, "d1").stop, None);
    }
}
