//! Refresh tokens and their families.

use std::time::Duration;

use jiff::Timestamp;
use sally_protocol::Role;
use sally_server::store::Database;
use sally_server::store::sessions::Rotation;

use crate::backend::{Backend, fresh, id, tenant, user};

/// When the tokens of these tests end.
pub(crate) fn later() -> Timestamp {
    Timestamp::now() + Duration::from_secs(3_600)
}

/// A database with user Ann, who has signed in with this token.
pub(crate) async fn signed_in<B: Backend>(token: &str) -> (B, Database) {
    let (backend, database) = fresh::<B>().await;
    database.add_user(&user("ann", Role::Dispatcher)).await.unwrap();
    database.begin_session(&tenant("acme"), &id("ann"), token, later()).await.unwrap();
    (backend, database)
}

/// Whether a token was exchanged for the next one.
pub(crate) async fn rotates(database: &Database, token: &str, next: &str) -> bool {
    match database.rotate_session(token, next, Timestamp::now(), later()).await.unwrap() {
        Rotation::Rotated { tenant: of, user } => {
            assert_eq!((of, user), (tenant("acme"), id("ann")));
            true
        }
        Rotation::Refused => false,
    }
}

pub(crate) async fn a_token_is_exchanged_once<B: Backend>() {
    let (_backend, database) = signed_in::<B>("t1").await;
    assert!(rotates(&database, "t1", "t2").await);
    assert!(rotates(&database, "t2", "t3").await);
    assert!(!rotates(&database, "unknown", "t4").await);
    assert!(rotates(&database, "t3", "t4").await);
}

pub(crate) async fn a_token_that_comes_back_ends_its_family<B: Backend>() {
    let (_backend, database) = signed_in::<B>("t1").await;
    database.begin_session(&tenant("acme"), &id("ann"), "other", later()).await.unwrap();
    assert!(rotates(&database, "t1", "t2").await);
    assert!(!rotates(&database, "t1", "t3").await);
    assert!(!rotates(&database, "t2", "t3").await, "the newest of the family has ended as well");
    assert!(!rotates(&database, "t3", "t4").await);
    assert!(rotates(&database, "other", "t5").await, "another family goes on");
}

pub(crate) async fn an_expired_token_is_refused<B: Backend>() {
    let (_backend, database) = signed_in::<B>("t1").await;
    let after = later() + Duration::from_secs(1);
    assert_eq!(database.rotate_session("t1", "t2", after, after).await.unwrap(), Rotation::Refused);
    assert!(rotates(&database, "t1", "t2").await, "asking too late uses nothing up");
}

pub(crate) async fn signing_out_ends_the_family<B: Backend>() {
    let (_backend, database) = signed_in::<B>("t1").await;
    assert!(rotates(&database, "t1", "t2").await);
    database.end_session("t1").await.unwrap();
    database.end_session("unknown").await.unwrap();
    assert!(!rotates(&database, "t2", "t3").await);
}

pub(crate) async fn disabling_a_user_ends_their_sessions<B: Backend>() {
    let (_backend, database) = signed_in::<B>("t1").await;
    assert!(database.disable_user(&tenant("acme"), &id("ann")).await.unwrap());
    assert!(!rotates(&database, "t1", "t2").await);
}
