//! Who is calling, and what they may do.
//!
//! # Layout
//!
//! - [`key`]: the signing key, given or generated, and the tokens issued with it.
//! - [`jwks`]: keys of a foreign issuer.
//! - [`verify`]: from a token to a [`Principal`], the only place where tokens are believed.
//! - [`principal`]: what a verified token says, and the checks on it.
//! - [`extract`]: where a request carries its token.
//! - [`origin`]: which web pages may call.
//! - [`password`]: passwords as hashes.
//! - [`attempts`]: how often somebody may try to sign in.
//! - [`peer`]: whom a request comes from, where proxies stand between.
//! - [`login`]: `POST /auth/login`, `/auth/refresh`, `/auth/logout`, `GET /auth/me`.

pub mod attempts;
mod extract;
pub mod jwks;
pub mod key;
pub mod login;
pub mod origin;
pub mod password;
pub mod peer;
mod principal;
mod verify;

pub use extract::{ACCESS_COOKIE, cookie};
pub use key::{Identity, Issuer};
pub use principal::{Member, Principal, Scope};
pub use verify::{AuthError, Verifier};
