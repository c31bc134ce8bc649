//! Times as people read them: relative at a glance, absolute on demand, in the viewer's zone.

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// The viewer's offset from UTC at an instant. A function rather than an offset, since an older
/// message may lie on the other side of a change to summer time.
pub(crate) type Zone = fn(Timestamp) -> Offset;

/// A space at which no line ends: a number stays with its unit.
const NBSP: char = '\u{a0}';

/// How long ago `at` was, or how far ahead it lies, in the largest one or two units: `now`,
/// `4 min`, `1 h 12 m`, `3 d`; `in 4 min` for the future. Less than a minute either way is `now`,
/// so that a list doesn't flicker with seconds and a clock that runs behind shows no nonsense.
pub(crate) fn relative(at: Timestamp, now: Timestamp) -> String {
    let ahead = at > now;
    let span = span(now.duration_since(at).abs());
    match (span.as_str(), ahead) {
        ("", _) => "now".to_owned(),
        (_, true) => format!("in{NBSP}{span}"),
        (_, false) => span,
    }
}

/// A duration in the largest one or two units; empty below a minute.
pub(crate) fn span(duration: SignedDuration) -> String {
    let minutes = duration.as_mins();
    let (days, hours, rest) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours, rest) {
        (0, 0, 0) => String::new(),
        (0, 0, minutes) => format!("{minutes}{NBSP}min"),
        (0, hours, 0) => format!("{hours}{NBSP}h"),
        (0, hours, minutes) => format!("{hours}{NBSP}h{NBSP}{minutes:02}{NBSP}m"),
        (days, hours, _) if days < 3 && hours > 0 => format!("{days}{NBSP}d{NBSP}{hours}{NBSP}h"),
        (days, _, _) => format!("{days}{NBSP}d"),
    }
}

/// The whole truth about an instant: `Tue 24 Nov 2026, 14:05:33 (UTC+01:00)`.
pub(crate) fn absolute(at: Timestamp, zone: Zone) -> String {
    let offset = zone(at);
    let local = offset.to_datetime(at);
    format!("{} ({})", local.strftime("%a %-d %b %Y, %H:%M:%S"), offset_name(offset))
}

/// The time of day: `14:05`.
pub(crate) fn time_of_day(at: Timestamp, zone: Zone) -> String {
    zone(at).to_datetime(at).strftime("%H:%M").to_string()
}

/// The time of day, with the day in front where it isn't today: `14:05`, `Wed 08:00`, and with its date where
/// another day of that name is as near: `Wed 2 Dec 08:00`.
pub(crate) fn day_and_time(at: Timestamp, now: Timestamp, zone: Zone) -> String {
    let local = zone(at).to_datetime(at);
    let days = local.date().duration_since(day(now, zone)).as_hours().abs() / 24;
    let format = match days {
        0 => "%H:%M",
        1..=3 => "%a %H:%M",
        _ => "%a %-d %b %H:%M",
    };
    local.strftime(format).to_string()
}

/// [`day_and_time`] of the end of what begins at `start`: the day is named where it is another than that.
pub(crate) fn end_of(start: Timestamp, end: Timestamp, now: Timestamp, zone: Zone) -> String {
    match day(start, zone) == day(end, zone) {
        true => time_of_day(end, zone),
        false => day_and_time(end, now, zone),
    }
}

/// The viewer's day on which `at` falls.
pub(crate) fn day(at: Timestamp, zone: Zone) -> Date {
    zone(at).to_datetime(at).date()
}

/// A day as a heading: `Today`, `Yesterday`, `Monday 23 November`, and with the year once it is another.
pub(crate) fn day_name(date: Date, today: Date) -> String {
    if date == today {
        "Today".to_owned()
    } else if date.tomorrow().is_ok_and(|next| next == today) {
        "Yesterday".to_owned()
    } else if date.year() == today.year() {
        date.strftime("%A %-d %B").to_string()
    } else {
        date.strftime("%A %-d %B %Y").to_string()
    }
}

/// A countdown in whole seconds, never below zero: `12 s`.
pub(crate) fn countdown(until: Timestamp, now: Timestamp) -> String {
    let millis = until.duration_since(now).as_millis().max(0);
    format!("{}{NBSP}s", (millis + 999) / 1000)
}

fn offset_name(offset: Offset) -> String {
    if offset == Offset::UTC { "UTC".to_owned() } else { format!("UTC{offset:#}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    fn utc(_: Timestamp) -> Offset {
        Offset::UTC
    }

    fn india(_: Timestamp) -> Offset {
        Offset::from_seconds(5 * 3600 + 1800).expect("an offset")
    }

    #[test]
    fn relative_times_use_the_largest_units() {
        let now = at("2026-11-24T12:00:00Z");
        for (then, text) in [
            ("2026-11-24T11:59:01Z", "now"),
            ("2026-11-24T11:59:00Z", "1 min"),
            ("2026-11-24T11:00:30Z", "59 min"),
            ("2026-11-24T11:00:00Z", "1 h"),
            ("2026-11-24T10:55:00Z", "1 h 05 m"),
            ("2026-11-23T12:00:00Z", "1 d"),
            ("2026-11-23T07:00:00Z", "1 d 5 h"),
            ("2026-11-20T07:00:00Z", "4 d"),
            ("2026-11-24T12:00:40Z", "now"),
            ("2026-11-24T12:30:00Z", "in 30 min"),
        ] {
            assert_eq!(relative(at(then), now).replace(NBSP, " "), text, "{then}");
        }
    }

    #[test]
    fn absolute_times_are_in_the_viewers_zone() {
        let instant = at("2026-11-24T20:05:33Z");
        assert_eq!(absolute(instant, utc), "Tue 24 Nov 2026, 20:05:33 (UTC)");
        assert_eq!(absolute(instant, india), "Wed 25 Nov 2026, 01:35:33 (UTC+05:30)");
        assert_eq!(time_of_day(instant, india), "01:35");
    }

    #[test]
    fn the_day_is_named_only_where_it_is_another() {
        let now = at("2026-11-24T12:00:00Z");
        assert_eq!(day_and_time(at("2026-11-24T20:05:00Z"), now, utc), "20:05");
        assert_eq!(day_and_time(at("2026-11-24T20:05:00Z"), now, india), "Wed 01:35");
        assert_eq!(day_and_time(at("2026-11-21T08:00:00Z"), now, utc), "Sat 08:00");
        assert_eq!(day_and_time(at("2026-11-28T08:00:00Z"), now, utc), "Sat 28 Nov 08:00");
        assert_eq!(day_and_time(at("2026-11-20T23:59:00Z"), now, utc), "Fri 20 Nov 23:59");
    }

    #[test]
    fn of_what_ends_on_the_day_it_begins_the_day_is_named_once() {
        let now = at("2026-11-24T12:00:00Z");
        let tomorrow = at("2026-11-25T01:00:00Z");
        assert_eq!(end_of(at("2026-11-25T00:15:00Z"), tomorrow, now, utc), "01:00");
        assert_eq!(end_of(at("2026-11-24T23:45:00Z"), tomorrow, now, utc), "Wed 01:00");
        // It has begun yesterday.
        assert_eq!(end_of(at("2026-11-23T23:45:00Z"), at("2026-11-24T01:00:00Z"), now, utc), "01:00");
    }

    #[test]
    fn days_are_named_from_today() {
        let today = day(at("2026-01-01T12:00:00Z"), utc);
        assert_eq!(day_name(today, today), "Today");
        assert_eq!(day_name(day(at("2025-12-31T23:59:59Z"), utc), today), "Yesterday");
        assert_eq!(day_name(day(at("2025-12-30T00:00:00Z"), utc), today), "Tuesday 30 December 2025");
        let later = day(at("2026-03-09T00:00:00Z"), utc);
        assert_eq!(day_name(day(at("2026-03-02T00:00:00Z"), utc), later), "Monday 2 March");
    }

    #[test]
    fn a_countdown_ends_at_zero() {
        let now = at("2026-11-24T12:00:00Z");
        assert_eq!(countdown(at("2026-11-24T12:00:03.2Z"), now).replace(NBSP, " "), "4 s");
        assert_eq!(countdown(at("2026-11-24T11:59:00Z"), now).replace(NBSP, " "), "0 s");
    }
}
