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
//! - [`login`]: `POST /auth/login`, `/auth/refresh`, `/auth/logout`, `GET /auth/me`.

mod extract;
pub mod jwks;
pub mod key;
pub mod login;
pub mod origin;
pub mod password;
mod principal;
mod verify;

pub use extract::cookie;
pub use key::{Identity, Issuer};
pub use principal::{Member, Principal, Scope};
pub use verify::{AuthError, Verifier};
