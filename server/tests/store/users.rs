//! Who may sign in, and who is known.

use sally_protocol::{Id, Role};
use sally_server::store::users::{Bearer, User};

use crate::backend::{Backend, fresh, id, tenant, user};

fn ann() -> User {
    User {
        email: Some("ann@acme.example".into()),
        driver: Some(id("d7")),
        password_hash: Some("$argon2id$…".into()),
        ..user("ann", Role::Dispatcher)
    }
}

/// A user of tenant `acme` as a token shows them.
pub(crate) fn bearer(name: &str, role: Role) -> Bearer {
    Bearer { tenant: tenant("acme"), id: id(name), role, driver: None, name: None }
}

pub(crate) async fn a_user_is_found_by_id_and_by_address<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    let acme = tenant("acme");
    let bob = User { name: Some("Bób 🚚 O'Neill".into()), ..user("bob", Role::Driver) };
    assert!(database.add_user(&bob).await.unwrap());
    assert!(database.add_user(&User { email: Some("Ann@ACME.example".into()), ..ann() }).await.unwrap());
    assert_eq!(database.user(&acme, &id("ann")).await.unwrap(), Some(ann()));
    assert_eq!(database.user(&acme, &id("bob")).await.unwrap(), Some(bob.clone()));
    assert_eq!(database.user(&acme, &id("eve")).await.unwrap(), None);
    assert_eq!(database.user(&tenant("globex"), &id("ann")).await.unwrap(), None);
    assert_eq!(database.users(&acme).await.unwrap(), [ann(), bob]);
    assert_eq!(database.users_by_email("ANN@acme.example", None).await.unwrap(), [ann()]);
    assert_eq!(database.users_by_email("ann@acme.example", Some(&acme)).await.unwrap(), [ann()]);
    assert_eq!(database.users_by_email("ann@acme.example", Some(&tenant("globex"))).await.unwrap(), []);
}

pub(crate) async fn an_address_is_one_users_in_a_tenant<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    assert!(database.add_user(&ann()).await.unwrap());
    assert!(!database.add_user(&User { id: id("eve"), ..ann() }).await.unwrap());
    assert_eq!(database.user(&tenant("acme"), &id("eve")).await.unwrap(), None);
    let elsewhere = User { tenant: tenant("globex"), ..ann() };
    assert!(database.add_user(&elsewhere).await.unwrap());
    assert_eq!(database.users_by_email("ann@acme.example", None).await.unwrap(), [ann(), elsewhere]);
    // Users without an address don't share one.
    for name in ["bob", "cat"] {
        assert!(database.add_user(&user(name, Role::Driver)).await.unwrap());
    }
}

pub(crate) async fn who_came_with_a_token_keeps_address_and_password<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    let acme = tenant("acme");
    let remember = async |name: Option<&str>, role: Role, driver: Option<Id>| {
        let ann = Bearer { driver, name: name.map(str::to_owned), ..bearer("ann", role) };
        database.remember_users(&[ann, bearer("bob", Role::Driver)]).await.unwrap();
    };
    remember(None, Role::Driver, None).await;
    assert!(database.user(&acme, &id("bob")).await.unwrap().is_some());
    let known = database.user(&acme, &id("ann")).await.unwrap().unwrap();
    assert_eq!(known, User { name: None, ..user("ann", Role::Driver) });
    assert!(database.add_user(&ann()).await.unwrap());
    remember(None, Role::Admin, None).await;
    assert_eq!(database.user(&acme, &id("ann")).await.unwrap(), Some(User { role: Role::Admin, ..ann() }));
    remember(Some("Ann Lee"), Role::Dispatcher, Some(id("d8"))).await;
    let renamed = User { name: Some("Ann Lee".into()), driver: Some(id("d8")), ..ann() };
    assert_eq!(database.user(&acme, &id("ann")).await.unwrap(), Some(renamed));
    // Who came twice is what the later token says.
    let named = Bearer { name: Some("Ann Ray".into()), ..bearer("ann", Role::Dispatcher) };
    database.remember_users(&[named, bearer("ann", Role::Driver)]).await.unwrap();
    let twice = database.user(&acme, &id("ann")).await.unwrap().unwrap();
    assert_eq!((twice.role, twice.name.as_deref()), (Role::Driver, Some("Ann Ray")));
}

pub(crate) async fn a_disabled_user_can_be_added_again<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    let acme = tenant("acme");
    database.add_user(&ann()).await.unwrap();
    assert!(database.set_password(&acme, &id("ann"), "new").await.unwrap());
    assert!(database.disable_user(&acme, &id("ann")).await.unwrap());
    let stored = database.user(&acme, &id("ann")).await.unwrap().unwrap();
    assert_eq!((stored.password_hash.as_deref(), stored.disabled), (Some("new"), true));
    assert!(!database.set_password(&acme, &id("eve"), "new").await.unwrap());
    assert!(!database.disable_user(&tenant("globex"), &id("ann")).await.unwrap());
    assert!(database.add_user(&ann()).await.unwrap());
    assert_eq!(database.user(&acme, &id("ann")).await.unwrap(), Some(ann()));
}

pub(crate) async fn what_no_column_can_hold_is_nobodys_address<B: Backend>() {
    let (_backend, database) = fresh::<B>().await;
    assert_eq!(database.users_by_email("ann\0@acme.example", None).await.unwrap(), []);
    assert!(database.message(&tenant("acme"), "\0").await.unwrap().is_none());
}
