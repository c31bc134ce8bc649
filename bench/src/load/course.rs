//! How far a tenant's events have come: published, and seen by all of its streams.

/// How many outstanding events are counted one by one.
const WINDOW: u64 = 64;

/// One tenant's progress.
#[derive(Debug, Clone)]
pub(crate) struct Course {
    /// Streams of this tenant.
    pub(crate) streams: u32,
    /// Which of the swarm's tallies its deliveries go to.
    pub(crate) tally: usize,
    /// Events published so far.
    pub(crate) published: u64,
    /// Events that have reached every stream, from the first on. Falls behind for good when more
    /// than 64 events are outstanding; only who keeps fewer may rely on it.
    pub(crate) complete: u64,
    reached: [u32; WINDOW as usize],
}

impl Course {
    pub(crate) fn new(streams: u32, tally: usize) -> Self {
        Self { streams, tally, published: 0, complete: 0, reached: [0; WINDOW as usize] }
    }

    /// Notes that the next event goes out, and gives its number.
    pub(crate) fn publish(&mut self) -> u64 {
        let n = self.published;
        self.published += 1;
        self.reached[slot(n)] = 0;
        n
    }

    /// Notes that a stream had the event `n`. True when that made it complete.
    pub(crate) fn reach(&mut self, n: u64) -> bool {
        let count = &mut self.reached[slot(n)];
        *count += 1;
        let all = *count == self.streams;
        while self.complete < self.published && self.reached[slot(self.complete)] >= self.streams {
            self.complete += 1;
        }
        all
    }

    /// Counts from here on: nothing is outstanding.
    pub(crate) fn settle(&mut self) {
        self.complete = self.published;
        self.reached = [0; WINDOW as usize];
    }

    /// Events that some stream still lacks.
    pub(crate) fn outstanding(&self) -> u64 {
        self.published - self.complete
    }
}

fn slot(n: u64) -> usize {
    // The remainder is below 64.
    (n % WINDOW) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_complete_when_all_have_it() {
        let mut course = Course::new(2, 0);
        assert_eq!((course.publish(), course.publish()), (0, 1));
        assert!(!course.reach(0));
        assert!(!course.reach(1));
        assert!(course.reach(0));
        assert_eq!(course.outstanding(), 1);
        course.reach(1);
        assert_eq!(course.outstanding(), 0);
    }
}
