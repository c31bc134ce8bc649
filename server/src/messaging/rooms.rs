//! Who of a tenant is connected here, as the contract's rooms have it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sally_protocol::fleet::Side;
use sally_protocol::{Id, Tenant};

use super::audience::Audience;
use super::presence::Person;
use super::socket::Socket;

/// The sockets of a room. Whoever goes through them has them as they are at that time.
type Room = Arc<Vec<Arc<Socket>>>;

/// The rooms; a cheap clone. A socket's are made from its verified token.
#[derive(Clone, Default)]
pub(super) struct Rooms(Arc<Mutex<HashMap<Tenant, OfTenant>>>);

/// `tenant:{t}:dispatch`, and `tenant:{t}:user:{u}` of each driver.
#[derive(Default)]
struct OfTenant {
    dispatch: Room,
    drivers: HashMap<Id, Room>,
}

impl Rooms {
    /// Lets a socket into its rooms.
    pub(super) fn join(&self, tenant: &Tenant, person: &Person, socket: &Arc<Socket>) {
        let mut tenants = self.locked();
        let of_tenant = tenants.entry(tenant.clone()).or_default();
        let room = match person.side {
            Side::Dispatch => &mut of_tenant.dispatch,
            Side::Driver => of_tenant.drivers.entry(person.user.clone()).or_default(),
        };
        Arc::make_mut(room).push(Arc::clone(socket));
    }

    /// Takes it out of them. One that isn't in any is no matter.
    pub(super) fn leave(&self, tenant: &Tenant, person: &Person, socket: &Socket) {
        socket.set_left();
        let mut tenants = self.locked();
        let Some(of_tenant) = tenants.get_mut(tenant) else { return };
        let others = |room: &mut Room| Arc::make_mut(room).retain(|other| other.id != socket.id);
        match person.side {
            Side::Dispatch => others(&mut of_tenant.dispatch),
            Side::Driver => {
                if let Some(room) = of_tenant.drivers.get_mut(&person.user) {
                    others(room);
                    if room.is_empty() {
                        of_tenant.drivers.remove(&person.user);
                    }
                }
            }
        }
        if of_tenant.dispatch.is_empty() && of_tenant.drivers.is_empty() {
            tenants.remove(tenant);
        }
    }

    /// The sockets of an audience.
    pub(super) fn of(&self, tenant: &Tenant, audience: &Audience) -> Vec<Room> {
        let tenants = self.locked();
        let Some(OfTenant { dispatch, drivers }) = tenants.get(tenant) else { return Vec::new() };
        match audience {
            Audience::Dispatch => vec![Arc::clone(dispatch)],
            Audience::Driver(driver) => drivers.get(driver).cloned().into_iter().collect(),
            Audience::Drivers => drivers.values().cloned().collect(),
            Audience::Conversation(driver) => {
                drivers.get(driver).cloned().into_iter().chain([Arc::clone(dispatch)]).collect()
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<Tenant, OfTenant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
