//! Statements about many rows at once.

use std::fmt::Write as _;

use super::database::Kind;

/// The most rows that one statement names: few enough that every database takes their parameters.
const MOST: usize = 64;

/// Placeholders for so many rows of so many columns, the first of their statement: `($1, $2), ($3, $4)`.
/// SQLite's have no numbers. It would keep each as a name and look through all of them for every value
/// that is bound, which with a thousand values was a sixth of what storing messages cost.
pub(crate) fn places(kind: Kind, rows: usize, columns: usize) -> String {
    let mut places = String::new();
    for row in 0..rows {
        places.push_str(if row == 0 { "(" } else { ", (" });
        for column in 1..=columns {
            let comma = if column == 1 { "" } else { ", " };
            // Writing to a string doesn't fail.
            let _ = match kind {
                Kind::Sqlite => write!(places, "{comma}?"),
                Kind::Postgres => write!(places, "{comma}${}", row * columns + column),
            };
        }
        places.push(')');
    }
    places
}

/// The rows in parts of at most four, or of a power of two: so there are few different statements, and
/// the database has prepared each of them after the first time.
pub(crate) fn parts<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = match rows.len().min(MOST) {
            0 => return None,
            few @ 1..=4 => few,
            many => 1 << many.ilog2(),
        };
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
        assert_eq!(places(Kind::Postgres, 2, 3), "($1, $2, $3), ($4, $5, $6)");
        assert_eq!(places(Kind::Sqlite, 2, 3), "(?, ?, ?), (?, ?, ?)");
        assert_eq!(places(Kind::Postgres, 1, 1), "($1)");
    }

    #[test]
    fn every_row_is_in_one_part() {
        let rows: Vec<u32> = (0..203).collect();
        let sizes: Vec<usize> = parts(&rows).map(<[u32]>::len).collect();
        assert_eq!(sizes, [64, 64, 64, 8, 3]);
        assert_eq!(parts(&rows).flatten().copied().collect::<Vec<_>>(), rows);
        assert_eq!(parts::<u32>(&[]).count(), 0);
    }
}
