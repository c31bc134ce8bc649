//! What a verified token says, and the checks on it.

use jiff::Timestamp;
use sally_protocol::auth::{ANY_TENANT, Me};
use sally_protocol::entity::View;
use sally_protocol::{Claims, Id, Role, Tenant};

use crate::error::ApiError;

/// Which tenants a principal belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// This one.
    One(Tenant),
    /// Any, for a service.
    Any,
}

/// Somebody whose token holds. Whether they may do anything is asked afterwards.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The token's claims.
    pub claims: Claims,
    /// Their tenant; `None` when the token names none that is valid.
    pub scope: Option<Scope>,
    /// Their role; `None` when the token names none that is known.
    pub role: Option<Role>,
}

/// Somebody with a known role in one tenant.
#[derive(Debug, Clone)]
pub struct Member {
    /// The tenant.
    pub tenant: Tenant,
    /// The user.
    pub user: Id,
    /// What they are.
    pub role: Role,
    /// The name that others see.
    pub name: Option<String>,
    /// A driver's id in events.
    pub driver: Id,
    /// Which events they see.
    pub view: View,
    /// When the token ends.
    pub expires_at: Timestamp,
}

impl Principal {
    /// Reads the claims of a token that was verified.
    pub(super) fn new(claims: Claims) -> Self {
        let role = claims.role.as_deref().and_then(Role::parse);
        let scope = match claims.tenant_id.as_deref() {
            Some(ANY_TENANT) => (role == Some(Role::Service)).then_some(Scope::Any),
            Some(tenant) => Tenant::parse(tenant).ok().map(Scope::One),
            None => None,
        };
        Self { claims, scope, role }
    }

    /// When the token ends.
    pub fn expires_at(&self) -> Timestamp {
        Timestamp::from_second(self.claims.exp).unwrap_or(Timestamp::MAX)
    }

    /// The principal as a member of one tenant. A service of any tenant must name one.
    ///
    /// # Errors
    ///
    /// 403 without a known role or tenant, or where `named` isn't theirs; 400 where one must be
    /// named.
    pub fn member(&self, named: Option<&str>) -> Result<Member, ApiError> {
        let (Some(role), Some(scope)) = (self.role, self.scope.as_ref()) else { return Err(ApiError::forbidden()) };
        let tenant = match (scope, named) {
            (Scope::One(tenant), None) => tenant.clone(),
            (Scope::One(tenant), Some(named)) if named == tenant.as_str() => tenant.clone(),
            (Scope::One(_), Some(_)) => return Err(ApiError::forbidden()),
            (Scope::Any, Some(named)) => {
                Tenant::parse(named).map_err(|error| ApiError::invalid("invalid_tenant", error.to_string()))?
            }
            (Scope::Any, None) => {
                return Err(ApiError::bad_request("tenant_required", "name the tenant with ?tenant="));
            }
        };
        Ok(Member {
            tenant,
            user: self.claims.sub.clone(),
            role,
            // It is shown to others and stored, so what can't be seen is left out.
            name: self.claims.name.as_ref().map(|name| name.replace(char::is_control, "")),
            driver: self.claims.driver_id.clone().unwrap_or_else(|| self.claims.sub.clone()),
            view: View::of(&self.claims, role),
            expires_at: self.expires_at(),
        })
    }

    /// The principal as `GET /auth/me` shows it.
    ///
    /// # Errors
    ///
    /// 403 without a known role or tenant.
    pub fn me(&self) -> Result<Me, ApiError> {
        let (Some(role), Some(scope)) = (self.role, self.scope.as_ref()) else { return Err(ApiError::forbidden()) };
        Ok(Me {
            user_id: self.claims.sub.clone(),
            tenant_id: match scope {
                Scope::One(tenant) => tenant.to_string(),
                Scope::Any => ANY_TENANT.into(),
            },
            role,
            name: self.claims.name.clone(),
            driver_id: self.claims.driver_id.clone(),
            expires_at: self.expires_at(),
        })
    }
}
