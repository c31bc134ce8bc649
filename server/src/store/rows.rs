//! Statements about many rows at once.

use std::fmt::Write as _;

/// The most rows that one statement names: few enough that every database takes their parameters.
const MOST: usize = 64;

/// Placeholders for so many rows of so many columns: `($1, $2), ($3, $4)`.
pub(crate) fn places(rows: usize, columns: usize) -> String {
    let mut places = String::new();
    for row in 0..rows {
        places.push_str(if row == 0 { "(" } else { ", (" });
        for column in 1..=columns {
            let comma = if column == 1 { "" } else { ", " };
            // Writing to a string doesn't fail.
            let _ = write!(places, "{comma}${}", row * columns + column);
        }
        places.push(')');
    }
    places
}

/// The rows in parts whose sizes are powers of two: so there are few different statements, and the
/// database has prepared each of them after the first time.
pub(crate) fn parts<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = 1 << rows.len().min(MOST).checked_ilog2()?;
        let (part, rest) = rows.split_at(size);
        rows = rest;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_place() {
        assert_eq!(places(2, 3), "($1, $2, $3), ($4, $5, $6)");
        assert_eq!(places(1, 1), "($1)");
    }

    #[test]
    fn every_row_is_in_one_part() {
        let rows: Vec<u32> = (0..203).collect();
        let sizes: Vec<usize> = parts(&rows).map(<[u32]>::len).collect();
        assert_eq!(sizes, [64, 64, 64, 8, 2, 1]);
        assert_eq!(parts(&rows).flatten().copied().collect::<Vec<_>>(), rows);
        assert_eq!(parts::<u32>(&[]).count(), 0);
    }
}
