//! Which events a stream has had: what was lost, came twice, or came late.

use serde::Serialize;

/// What a stream must never do. All are 0 in a run that counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Faults {
    /// Events that a stream never had.
    pub(crate) lost: u64,
    /// Events that a stream had again.
    pub(crate) duplicated: u64,
    /// Events that a stream had after a later one.
    pub(crate) reordered: u64,
    /// Times that a server said that something may be lost.
    pub(crate) resyncs: u64,
}

impl Faults {
    pub(crate) fn none(self) -> bool {
        self == Self::default()
    }

    /// What came after `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            lost: self.lost.saturating_sub(before.lost),
            duplicated: self.duplicated.saturating_sub(before.duplicated),
            reordered: self.reordered.saturating_sub(before.reordered),
            resyncs: self.resyncs.saturating_sub(before.resyncs),
        }
    }
}

/// Where one stream stands in the sequence of its tenant.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sequence {
    next: u64,
    /// The last 64 before `next`, newest in the lowest bit.
    seen: u64,
}

impl Sequence {
    /// The number of the event that must come next.
    pub(crate) fn next(self) -> u64 {
        self.next
    }

    /// Takes the event `n`, and says whether it came for the first time.
    pub(crate) fn take(&mut self, n: u64, faults: &mut Faults) -> bool {
        if n == self.next {
            self.next += 1;
            self.seen = self.seen << 1 | 1;
            return true;
        }
        if n > self.next {
            let gap = n - self.next;
            faults.lost += gap;
            let shift = u32::try_from(gap + 1).unwrap_or(u32::MAX);
            self.seen = self.seen.checked_shl(shift).unwrap_or(0) | 1;
            self.next = n + 1;
            return true;
        }
        let back = self.next - 1 - n;
        let late = back < 64 && self.seen >> back & 1 == 0;
        if late {
            self.seen |= 1 << back;
            // It was counted as lost when a later one came.
            faults.lost = faults.lost.saturating_sub(1);
            faults.reordered += 1;
        } else {
            faults.duplicated += 1;
        }
        late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(numbers: &[u64]) -> Faults {
        let (mut sequence, mut faults) = (Sequence::default(), Faults::default());
        for n in numbers {
            sequence.take(*n, &mut faults);
        }
        faults
    }

    #[test]
    fn faults_are_told_apart() {
        assert!(faults(&[0, 1, 2, 3]).none());
        assert_eq!(faults(&[0, 2, 3]), Faults { lost: 1, ..Faults::default() });
        assert_eq!(faults(&[0, 1, 1]), Faults { duplicated: 1, ..Faults::default() });
        assert_eq!(faults(&[0, 2, 1, 3]), Faults { reordered: 1, ..Faults::default() });
        assert_eq!(faults(&[0, 2, 1, 1]), Faults { reordered: 1, duplicated: 1, ..Faults::default() });
        assert_eq!(faults(&[100, 0]).lost, 100);
    }
}
