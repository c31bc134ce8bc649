//! How much of a list is answered at a time.

use sally_protocol::message::MAX_PAGE;
use serde::Deserialize;

/// How many a client asks for: one to [`MAX_PAGE`], whatever it says, and 50 where it says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(from = "usize")]
pub(super) struct Limit(usize);

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl From<usize> for Limit {
    fn from(limit: usize) -> Self {
        Self(limit.clamp(1, MAX_PAGE))
    }
}

impl Limit {
    /// So many.
    pub(super) fn get(self) -> usize {
        self.0
    }

    /// So many and one, by which it is known whether there are more.
    pub(super) fn and_one(self) -> usize {
        self.0 + 1
    }

    /// Cuts a list of at most [`Limit::and_one`], of which the first is the last to be told. Whether there are
    /// more.
    pub(super) fn cut_first<T>(self, list: &mut Vec<T>) -> bool {
        let more = list.len() > self.0;
        if more {
            list.remove(0);
        }
        more
    }

    /// The same, where the last is.
    pub(super) fn cut_last<T>(self, list: &mut Vec<T>) -> bool {
        let more = list.len() > self.0;
        list.truncate(self.0);
        more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_as_long_as_it_may_be() {
        assert_eq!(Limit::from(0).get(), 1);
        assert_eq!(Limit::from(7).get(), 7);
        assert_eq!(Limit::from(usize::MAX).get(), MAX_PAGE);
        assert_eq!(serde_json::from_str::<Limit>("7").expect("a number"), Limit(7));
    }

    #[test]
    fn what_is_too_much_says_that_there_is_more() {
        let limit = Limit::from(2);
        let (mut whole, mut ascending, mut descending) = (vec![1, 2], vec![1, 2, 3], vec![3, 2, 1]);
        assert!(!limit.cut_first(&mut whole) && !limit.cut_last(&mut whole) && whole == [1, 2]);
        assert!(limit.cut_first(&mut ascending) && ascending == [2, 3]);
        assert!(limit.cut_last(&mut descending) && descending == [3, 2]);
    }
}
