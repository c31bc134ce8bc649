//! The schema's history: the migrations of both databases and those of one, in one order.
//!
//! Those in `migrations/` are one SQL for both. What only one of them can say stands in
//! `migrations/sqlite` and `migrations/postgres`, under the same number in both where it means the
//! same; a number is given once across the folders that one database sees.

use sqlx::migrate::{Migration, Migrator};

use super::database::Kind;

static SHARED: Migrator = sqlx::migrate!("./migrations");
static SQLITE: Migrator = sqlx::migrate!("./migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("./migrations/postgres");

/// Everything that brings a database of this kind up to date.
pub(super) fn of(kind: Kind) -> Migrator {
    let own = match kind {
        Kind::Sqlite => &SQLITE,
        Kind::Postgres => &POSTGRES,
    };
    let migrations: Vec<Migration> = SHARED.iter().chain(own.iter()).cloned().collect();
    Migrator::with_migrations(migrations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_given_once() {
        for kind in [Kind::Sqlite, Kind::Postgres] {
            let versions: Vec<i64> = of(kind).iter().map(|migration| migration.version).collect();
            assert!(versions.windows(2).all(|pair| pair[0] < pair[1]), "{kind:?}: {versions:?}");
        }
    }

    #[test]
    fn both_databases_have_one_history() {
        let names = |migrator: Migrator| {
            migrator.iter().map(|migration| (migration.version, migration.description.clone())).collect::<Vec<_>>()
        };
        assert_eq!(names(of(Kind::Sqlite)), names(of(Kind::Postgres)));
    }
}
