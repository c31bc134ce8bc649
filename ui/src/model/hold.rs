//! Keeping a list still while somebody is in it.
//!
//! While the pointer or the keyboard is in a list, its rows keep their places: what is new waits, and
//! what has changed changes where it stands. The wait ends when the list is left or asked to catch up.

/// A list as it is shown, and what waits to come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arranged<T> {
    /// The rows to show, in order.
    pub(crate) shown: Vec<T>,
    /// The rows that wait, in the order in which they will come in.
    pub(crate) waiting: Vec<T>,
}

/// Arranges the rows of a list. `held` are the rows as they stood when somebody entered it, `live`
/// those it would show now, `key` tells rows apart, and `exists` whether a held row that `live` no
/// longer has is still there to be shown.
///
/// A list that was entered while it was empty holds nothing back: there is no row that could jump.
pub(crate) fn arrange<T: Clone, K: Ord>(
    held: Option<&[T]>,
    live: Vec<T>,
    key: impl Fn(&T) -> K,
    exists: impl Fn(&T) -> bool,
) -> Arranged<T> {
    let Some(held) = held.filter(|held| !held.is_empty()) else {
        return Arranged { shown: live, waiting: Vec::new() };
    };
    let known: std::collections::BTreeSet<K> = held.iter().map(&key).collect();
    Arranged {
        shown: held.iter().filter(|row| exists(row)).cloned().collect(),
        waiting: live.into_iter().filter(|row| !known.contains(&key(row))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(held: Option<&[u32]>, live: &[u32], gone: &[u32]) -> (Vec<u32>, Vec<u32>) {
        let arranged = arrange(held, live.to_vec(), |row| *row, |row| !gone.contains(row));
        (arranged.shown, arranged.waiting)
    }

    #[test]
    fn a_list_that_nobody_is_in_shows_everything() {
        assert_eq!(rows(None, &[3, 1, 2], &[]), (vec![3, 1, 2], vec![]));
    }

    #[test]
    fn new_rows_wait_and_old_ones_keep_their_places() {
        assert_eq!(rows(Some(&[1, 2, 3]), &[9, 3, 2, 8], &[]), (vec![1, 2, 3], vec![9, 8]));
    }

    #[test]
    fn rows_that_are_gone_leave() {
        assert_eq!(rows(Some(&[1, 2, 3]), &[3], &[1, 2]), (vec![3], vec![]));
    }

    #[test]
    fn an_empty_list_holds_nothing_back() {
        assert_eq!(rows(Some(&[]), &[1], &[]), (vec![1], vec![]));
    }
}
