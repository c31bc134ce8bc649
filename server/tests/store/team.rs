//! What the dispatch team shares: templates, notes, assignments.

use jiff::Timestamp;
use sally_protocol::Id;
use sally_protocol::team::{MAX_TEMPLATES, Note};
use sally_server::store::Database;
use sally_server::store::templates::{Changed, Edit};
use uuid::Uuid;

use crate::backend::{Backend, add_drivers, fresh, id, tenant, to_drivers, user};
use crate::messages::send;

fn second(n: i64) -> Timestamp {
    Timestamp::from_second(n).unwrap()
}

fn edit(title: &str, by: &str) -> Edit {
    Edit { title: title.into(), text: format!("{title} {{driver}}"), by: id(by), at: second(7) }
}

pub(crate) async fn a_template_changes_from_the_version_that_was_edited<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    let (acme, globex) = (tenant("acme"), tenant("globex"));
    let beta = database.add_template(&acme, &edit("beta", "ann")).await.unwrap().unwrap();
    let alpha = database.add_template(&acme, &edit("Älpha", "ann")).await.unwrap().unwrap();
    assert_eq!((beta.version, beta.updated_by.as_str(), beta.updated_at), (1, "ann", second(7)));
    assert_eq!(beta.text, "beta {driver}");
    assert_eq!(database.templates(&acme).await.unwrap(), [beta.clone(), alpha.clone()]);
    assert_eq!(database.templates(&globex).await.unwrap(), []);

    let change = async |of: &str, version: u64, by: &str| {
        database.change_template(&tenant(of), &beta.template_id, version, &edit("zeta", by)).await.unwrap()
    };
    assert_eq!(change("globex", 1, "eve").await, Changed::Unknown);
    let Changed::Done(zeta) = change("acme", 1, "bob").await else { panic!("not changed") };
    assert_eq!((zeta.version, zeta.title.as_str(), zeta.updated_by.as_str()), (2, "zeta", "bob"));
    assert_eq!(change("acme", 1, "ann").await, Changed::Conflict);
    assert_eq!(database.templates(&acme).await.unwrap(), [zeta, alpha.clone()]);

    let remove =
        async |of: &str, version: u64| database.remove_template(&tenant(of), &beta.template_id, version).await.unwrap();
    assert_eq!(remove("globex", 2).await, Changed::Unknown);
    assert_eq!(remove("acme", 1).await, Changed::Conflict);
    assert_eq!(remove("acme", 2).await, Changed::Done(()));
    assert_eq!(remove("acme", 2).await, Changed::Unknown);
    assert_eq!(database.templates(&acme).await.unwrap(), [alpha]);
}

pub(crate) async fn a_tenant_has_so_many_templates<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    for n in 0..MAX_TEMPLATES {
        assert!(database.add_template(&tenant("acme"), &edit(&n.to_string(), "ann")).await.unwrap().is_some());
    }
    assert_eq!(database.add_template(&tenant("acme"), &edit("more", "ann")).await.unwrap(), None);
    assert!(database.add_template(&tenant("globex"), &edit("one", "eve")).await.unwrap().is_some());
}

fn note(author: &str, content: &str, at: i64) -> Note {
    Note {
        note_id: Id::parse(&Uuid::now_v7().to_string()).unwrap(),
        conversation_id: id("d1"),
        author_id: id(author),
        author_name: Some(format!("{author} of acme")),
        content: content.into(),
        at: second(at),
        client_note_id: Uuid::new_v4().to_string(),
    }
}

async fn add(database: &Database, note: &Note) {
    assert_eq!(database.add_note(&tenant("acme"), note).await.unwrap(), (note.clone(), true));
}

pub(crate) async fn a_note_is_stored_once<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    let acme = tenant("acme");
    let first = note("ann", "one\n'; -- 🚚", 1);
    add(&database, &first).await;
    let again = Note { note_id: id("other"), content: "two".into(), ..first.clone() };
    assert_eq!(database.add_note(&acme, &again).await.unwrap(), (first.clone(), false));
    // Another's id is another's.
    let of_bob = Note { author_id: id("bob"), ..again };
    add(&database, &of_bob).await;
    assert_eq!(database.notes(&acme, &id("d1"), None, 9).await.unwrap().len(), 2);
    assert_eq!(database.notes(&acme, &id("d2"), None, 9).await.unwrap(), []);
    assert_eq!(database.notes(&tenant("globex"), &id("d1"), None, 9).await.unwrap(), []);
}

pub(crate) async fn notes_are_read_backwards<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    let acme = tenant("acme");
    let mut notes = [note("ann", "a", 1), note("bob", "b", 2), note("ann", "c", 2), note("ann", "d", 3)];
    for (note, name) in notes.iter_mut().zip(["n4", "n1", "n2", "n3"]) {
        note.note_id = id(name);
        add(&database, note).await;
    }
    assert_eq!(database.notes(&acme, &id("d1"), None, 2).await.unwrap(), notes[2..]);
    assert_eq!(database.notes(&acme, &id("d1"), Some(&id("n2")), 9).await.unwrap(), notes[..2]);
    assert_eq!(database.notes(&acme, &id("d1"), Some(&id("unknown")), 9).await.unwrap(), []);
}

pub(crate) async fn old_notes_go_with_old_messages<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    let acme = tenant("acme");
    add_drivers(&database, &["d1"]).await;
    send(&database, &to_drivers(&["d1"], "old by then")).await;
    let (old, new) = (note("ann", "old", 1), note("ann", "new", 4_000_000_000));
    add(&database, &old).await;
    add(&database, &new).await;
    database.remove_messages_before(&acme, second(3_000_000_000), 10).await.unwrap();
    assert_eq!(database.notes(&acme, &id("d1"), None, 9).await.unwrap(), [new]);
}

pub(crate) async fn a_conversation_is_the_last_assignees<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    let acme = tenant("acme");
    assert!(database.add_user(&user("ann", sally_protocol::Role::Dispatcher)).await.unwrap());
    let assignee = async |of: &str| {
        let known = database.assignees(&tenant(of)).await.unwrap().remove(&id("d1"));
        known.map(|assignee| (assignee.user.to_string(), assignee.name))
    };
    assert_eq!(assignee("acme").await, None);
    database.assign(&acme, &id("d1"), Some(&id("bob"))).await.unwrap();
    assert_eq!(assignee("acme").await, Some(("bob".into(), None)));
    database.assign(&acme, &id("d1"), Some(&id("ann"))).await.unwrap();
    assert_eq!(assignee("acme").await, Some(("ann".into(), Some("ann of acme".into()))));
    assert_eq!(assignee("globex").await, None);
    database.assign(&acme, &id("d1"), None).await.unwrap();
    database.assign(&acme, &id("d1"), None).await.unwrap();
    assert_eq!(assignee("acme").await, None);
}
