//! Who somebody is, and what a role may do.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Id, Tenant};

/// The claims of an access token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    /// The user's id.
    pub sub: Id,
    /// The user's tenant; `*` for a service that publishes for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// The user's role as written in the token; [`Role::parse`] reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// A driver's id in events; `sub` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_id: Option<Id>,
    /// The name that others see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The token's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// Issued at, seconds since 1970.
    #[serde(default, deserialize_with = "optional_date", skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// Not before, seconds since 1970.
    #[serde(default, deserialize_with = "optional_date", skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// The end of the token, seconds since 1970.
    #[serde(deserialize_with = "numeric_date")]
    pub exp: i64,
    /// Issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// Audience.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<serde_json::Value>,
}

/// Reads a `NumericDate` (RFC 7519, section 2), which may have a fraction.
fn numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    // A float saturates at the bounds of the integer, which is what a far future should do.
    number
        .as_i64()
        .or_else(|| number.as_f64().map(|seconds| seconds.floor() as i64))
        .ok_or_else(|| serde::de::Error::custom("not a numeric date"))
}

fn optional_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    struct Date(#[serde(deserialize_with = "numeric_date")] i64);
    Ok(Option::<Date>::deserialize(deserializer)?.map(|Date(seconds)| seconds))
}

/// What somebody is to the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Watches the fleet and answers drivers.
    Dispatcher,
    /// A dispatcher who may also publish.
    Admin,
    /// An admin who owns the account.
    Owner,
    /// Drives, and sees what is theirs.
    Driver,
    /// A backend service.
    Service,
}

impl Role {
    /// Reads a role, case-insensitively.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Dispatcher, Self::Admin, Self::Owner, Self::Driver, Self::Service]
            .into_iter()
            .find(|role| role.as_str().eq_ignore_ascii_case(text))
    }

    /// The role as it is written on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dispatcher => "dispatcher",
            Self::Admin => "admin",
            Self::Owner => "owner",
            Self::Driver => "driver",
            Self::Service => "service",
        }
    }

    /// Whether this role shares the tenant's inbox and board.
    pub fn is_dispatch(self) -> bool {
        matches!(self, Self::Dispatcher | Self::Admin | Self::Owner)
    }

    /// Whether this role may publish events.
    pub fn may_publish(self) -> bool {
        matches!(self, Self::Admin | Self::Owner | Self::Service)
    }

    /// Whether this role may open the `/messaging` namespace.
    pub fn may_message(self) -> bool {
        self.is_dispatch() || self == Self::Driver
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("unknown role"))
    }
}

/// The tenant that a service without one of its own names in its token.
pub const ANY_TENANT: &str = "*";

/// `POST /auth/login`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoginRequest {
    /// The e-mail address, compared case-insensitively.
    pub email: String,
    /// The password.
    pub password: String,
    /// The tenant; needed only where the address is known to several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Tenant>,
}

/// `GET /auth/me`, and the answer of a sign-in or a refresh.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// The user's id.
    pub user_id: Id,
    /// The user's tenant.
    pub tenant_id: String,
    /// The user's role.
    pub role: Role,
    /// The name that others see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A driver's id in events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver_id: Option<Id>,
    /// When the access token ends.
    pub expires_at: jiff::Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_may_have_a_fraction() {
        let claims: Claims = serde_json::from_str(r#"{"sub":"a","exp":1.9,"nbf":null,"iat":7.5}"#).expect("claims");
        assert_eq!((claims.exp, claims.nbf, claims.iat), (1, None, Some(7)));
    }

    #[test]
    fn roles_are_read_in_any_case() {
        assert_eq!(Role::parse("DisPatcher"), Some(Role::Dispatcher));
        assert_eq!(Role::parse("root"), None);
        assert_eq!(serde_json::from_str::<Role>("\"OWNER\"").ok(), Some(Role::Owner));
    }
}
