//! Remembered answers to publishes with an `Idempotency-Key`.

use jiff::Timestamp;
use sally_server::store::answers::{Answer, REMEMBERED_FOR};

use crate::backend::{Backend, fresh};

fn answer(body: &str) -> Answer {
    Answer { body_hash: format!("hash of {body}"), body: body.into() }
}

pub(crate) async fn an_answer_is_remembered_for_ten_minutes<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    let now = Timestamp::now();
    database.remember_answer("acme/svc", "k", &answer("one"), now).await.unwrap();
    assert_eq!(database.publish_answer("acme/svc", "k", now).await.unwrap(), Some(answer("one")));
    assert_eq!(database.publish_answer("acme/svc", "K", now).await.unwrap(), None);
    assert_eq!(database.publish_answer("globex/svc", "k", now).await.unwrap(), None);
    let later = now + REMEMBERED_FOR;
    assert_eq!(database.publish_answer("acme/svc", "k", later).await.unwrap(), None);
    database.remember_answer("acme/svc", "k", &answer("two"), later).await.unwrap();
    assert_eq!(database.publish_answer("acme/svc", "k", later).await.unwrap(), Some(answer("two")));
}

pub(crate) async fn the_first_answer_stays<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    let now = Timestamp::now();
    for body in ["one", "two"] {
        database.remember_answer("acme/svc", "k", &answer(body), now).await.unwrap();
    }
    assert_eq!(database.publish_answer("acme/svc", "k", now).await.unwrap(), Some(answer("one")));
}
