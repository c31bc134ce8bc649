//! How often the screen is redrawn while events pour in.

/// The least time between two redraws, in milliseconds. Nobody reads faster than ten times a second,
/// and a flood of events then costs ten redraws a second, however many they are.
const REDRAW_EVERY_MS: f64 = 100.0;

/// Decides when the next redraw is due. The first change after a quiet time is drawn at once.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    last_ms: Option<f64>,
    scheduled: bool,
}

impl Pace {
    /// Notes a change at `now_ms`. Returns in how many milliseconds to redraw, or `None` when a
    /// redraw that will show the change too is under way already.
    pub(crate) fn changed(&mut self, now_ms: f64) -> Option<f64> {
        if self.scheduled {
            return None;
        }
        self.scheduled = true;
        // A clock that was set back must not put the redraw off.
        let since = self.last_ms.map_or(REDRAW_EVERY_MS, |last| now_ms - last);
        Some(if since < 0.0 { 0.0 } else { (REDRAW_EVERY_MS - since).max(0.0) })
    }

    /// Notes that a redraw happened at `now_ms`.
    pub(crate) fn redrawn(&mut self, now_ms: f64) {
        self.scheduled = false;
        self.last_ms = Some(now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_change_is_drawn_at_once() {
        let mut pace = Pace::default();
        assert_eq!(pace.changed(5.0), Some(0.0));
        pace.redrawn(10.0);
        assert_eq!(pace.changed(5000.0), Some(0.0));
    }

    #[test]
    fn a_flood_is_drawn_ten_times_a_second() {
        let mut pace = Pace::default();
        let (mut due, mut redraws) = (None, 0);
        for now in 0..1000 {
            let now = f64::from(now);
            if let Some(wait) = pace.changed(now) {
                due = Some(now + wait);
            }
            if due.is_some_and(|due| due <= now) {
                pace.redrawn(now);
                (due, redraws) = (None, redraws + 1);
            }
        }
        assert_eq!(redraws, 10);
    }

    #[test]
    fn a_clock_that_was_set_back_delays_nothing() {
        let mut pace = Pace::default();
        pace.redrawn(1_000_000.0);
        assert_eq!(pace.changed(5.0), Some(0.0));
    }
}
