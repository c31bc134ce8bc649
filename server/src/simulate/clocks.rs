//! A driver's hours of service, 49 CFR 395.3: how long the law lets them drive on.
//!
//! The property-carrying rules: 11 hours of driving and none after the 14th hour on duty, both
//! until 10 consecutive hours off; a 30-minute interruption after 8 hours of driving; 70 hours on
//! duty in 8 days, until 34 consecutive hours off. All numbers are minutes.

/// 395.3(a)(3)(i).
pub(super) const DRIVE_LIMIT: f64 = 11.0 * 60.0;
/// 395.3(a)(2).
pub(super) const SHIFT_LIMIT: f64 = 14.0 * 60.0;
/// 395.3(a)(3)(ii).
pub(super) const UNBROKEN_LIMIT: f64 = 8.0 * 60.0;
/// 395.3(b)(2).
pub(super) const CYCLE_LIMIT: f64 = 70.0 * 60.0;

const BREAK: f64 = 30.0;
const DAILY_REST: f64 = 10.0 * 60.0;
const RESTART: f64 = 34.0 * 60.0;
const DAY: f64 = 24.0 * 60.0;

/// What a driver does, in the law's eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duty {
    Driving,
    Working,
    Off,
}

/// Which rule ends the driving first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    Drive,
    Shift,
    Break,
    Cycle,
}

/// The clocks of one driver.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Clocks {
    /// Driven since the last daily rest.
    driven: f64,
    /// Since coming on duty; `None` while the daily rest is complete.
    shift: Option<f64>,
    /// Driven since the last interruption.
    unbroken: f64,
    /// Not driven for this long.
    interruption: f64,
    /// Off duty for this long.
    off: f64,
    /// On duty on this day and the seven before it.
    days: [f64; 8],
    /// Into the current day.
    day: f64,
}

impl Clocks {
    /// A rested driver with `cycle_used` minutes on duty over the past week.
    pub(super) fn rested(cycle_used: f64) -> Self {
        let mut days = [cycle_used / 6.0; 8];
        days[0] = 0.0;
        days[7] = 0.0;
        Self { driven: 0.0, shift: None, unbroken: 0.0, interruption: DAILY_REST, off: DAILY_REST, days, day: 0.0 }
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, duty: Duty, minutes: f64) {
        if duty == Duty::Off {
            self.off += minutes;
        } else {
            self.off = 0.0;
            self.shift.get_or_insert(0.0);
            self.days[0] += minutes;
        }
        if duty == Duty::Driving {
            self.interruption = 0.0;
            self.driven += minutes;
            self.unbroken += minutes;
        } else {
            self.interruption += minutes;
        }
        if let Some(shift) = &mut self.shift {
            *shift += minutes;
        }
        if self.interruption >= BREAK {
            self.unbroken = 0.0;
        }
        if self.off >= DAILY_REST {
            (self.driven, self.shift) = (0.0, None);
        }
        if self.off >= RESTART {
            self.days = [0.0; 8];
        }
        self.day += minutes;
        while self.day >= DAY {
            self.day -= DAY;
            self.days.rotate_right(1);
            self.days[0] = 0.0;
        }
    }

    /// What is left of the 11 hours; negative when they are overrun.
    pub(super) fn drive_left(&self) -> f64 {
        DRIVE_LIMIT - self.driven
    }

    /// What is left of the 14 hours; negative when they are overrun.
    pub(super) fn shift_left(&self) -> f64 {
        SHIFT_LIMIT - self.shift.unwrap_or(0.0)
    }

    /// How much driving is left until an interruption is due.
    pub(super) fn break_left(&self) -> f64 {
        UNBROKEN_LIMIT - self.unbroken
    }

    /// What is left of the 70 hours.
    pub(super) fn cycle_left(&self) -> f64 {
        CYCLE_LIMIT - self.days.iter().sum::<f64>()
    }

    /// The rule that ends the driving first, and in how long.
    pub(super) fn next_limit(&self) -> (Rule, f64) {
        let mut first = (Rule::Drive, self.drive_left());
        for next in
            [(Rule::Shift, self.shift_left()), (Rule::Break, self.break_left()), (Rule::Cycle, self.cycle_left())]
        {
            if next.1 < first.1 {
                first = next;
            }
        }
        first
    }

    /// How long to rest so that this rule no longer binds.
    pub(super) fn rest_for(rule: Rule) -> f64 {
        match rule {
            Rule::Break => BREAK,
            Rule::Drive | Rule::Shift => DAILY_REST,
            Rule::Cycle => RESTART,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_runs_through_its_rules() {
        let mut clocks = Clocks::rested(20.0 * 60.0);
        clocks.pass(Duty::Working, 60.0);
        clocks.pass(Duty::Driving, 7.0 * 60.0);
        assert_eq!(clocks.next_limit(), (Rule::Break, 60.0));
        clocks.pass(Duty::Working, 30.0);
        assert_eq!(clocks.next_limit(), (Rule::Drive, 240.0), "any half hour without driving is an interruption");
        clocks.pass(Duty::Working, 3.0 * 60.0);
        assert_eq!(clocks.next_limit(), (Rule::Shift, 150.0), "the 14 hours run on at the dock");
        clocks.pass(Duty::Driving, 151.0);
        assert_eq!(clocks.shift_left(), -1.0);
        clocks.pass(Duty::Off, 599.0);
        assert!(clocks.shift_left() < 0.0, "less than ten hours off is no daily rest");
        clocks.pass(Duty::Off, 1.0);
        assert_eq!((clocks.drive_left(), clocks.shift_left()), (DRIVE_LIMIT, SHIFT_LIMIT));
    }

    #[test]
    fn the_week_rolls_and_restarts() {
        let mut clocks = Clocks::rested(69.0 * 60.0);
        clocks.pass(Duty::Working, 60.0);
        assert_eq!(clocks.next_limit().0, Rule::Cycle);
        assert!(clocks.next_limit().1.abs() < 1e-6);
        let mut rolled = clocks.clone();
        rolled.pass(Duty::Off, 2.0 * DAY - 61.0);
        assert_eq!(rolled.cycle_left(), CYCLE_LIMIT, "34 hours off restart the week");
        for _ in 0..2 {
            clocks.pass(Duty::Off, DAY / 2.0);
            clocks.pass(Duty::Working, 1.0);
            clocks.pass(Duty::Off, DAY / 2.0);
        }
        assert!(clocks.cycle_left() > 60.0, "the oldest day leaves the week");
    }
}
