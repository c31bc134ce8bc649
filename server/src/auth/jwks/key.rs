//! One key of a set: which tokens it is good for, or why it is left out.

use std::fmt;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use serde_json::Value;

/// The sizes of an RSA key, in bits: no less by RFC 7518, section 3.3; verifying with more takes
/// long.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=4_096;

/// The size of an Ed25519 key (RFC 8032, section 5.1.5).
const ED25519_BYTES: usize = 32;

/// A key that tokens can be verified with. It is good for one algorithm (RFC 8725, section 3.1).
pub(super) struct Key {
    pub(super) kid: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

impl Key {
    /// Reads a JWK, or says why it can't be used, as the end of a sentence about it.
    pub(super) fn read(value: Value) -> Result<Self, String> {
        if value.get("d").is_some() {
            return Err("it is private and everybody has seen it: replace it".into());
        }
        let jwk: Jwk = serde_json::from_value(value).map_err(|error| format!("it is no JWK: {error}"))?;
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => Algorithm::RS256,
            AlgorithmParameters::EllipticCurve(parameters) if parameters.curve == EllipticCurve::P256 => {
                Algorithm::ES256
            }
            AlgorithmParameters::OctetKeyPair(parameters) if parameters.curve == EllipticCurve::Ed25519 => {
                Algorithm::EdDSA
            }
            AlgorithmParameters::OctetKey(_) => return Err("it is symmetric".into()),
            _ => return Err("it is incomplete, or neither RSA nor P-256 nor Ed25519".into()),
        };
        let key = DecodingKey::from_jwk(&jwk).map_err(|error| error.to_string())?;
        if let Some(other) = jwk.common.key_algorithm.filter(|other| *other != algorithm.into()) {
            return Err(format!("it is for {other:?}, not {algorithm:?}"));
        }
        let verifies = jwk.common.key_operations.is_none_or(|list| list.contains(&KeyOperations::Verify));
        if !verifies || jwk.common.public_key_use.is_some_and(|usage| usage != PublicKeyUse::Signature) {
            return Err("it is not for signatures".into());
        }
        match key.kind() {
            DecodingKeyKind::RsaModulusExponent { n, .. } if !RSA_BITS.contains(&bits(n)) => {
                let (least, most) = RSA_BITS.into_inner();
                return Err(format!("it has {} bits, not {least} to {most}", bits(n)));
            }
            // jsonwebtoken panics over one that is shorter.
            DecodingKeyKind::SecretOrDer(point) if algorithm == Algorithm::EdDSA && point.len() != ED25519_BYTES => {
                return Err(format!("it has {} bytes, not {ED25519_BYTES}", point.len()));
            }
            _ => {}
        }
        // A signature of nothing doesn't hold, and a key that is no point of its curve says so.
        jsonwebtoken::crypto::verify("", b"", &key, algorithm).map_err(|error| error.to_string())?;
        Ok(Self { kid: jwk.common.key_id, algorithm, key })
    }

    /// Whether this is the key that a token's header means.
    pub(super) fn is(&self, kid: Option<&str>, algorithm: Algorithm) -> bool {
        self.kid.as_deref() == kid && self.algorithm == algorithm
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kid {
            Some(kid) => write!(f, "{kid:?} ({:?})", self.algorithm),
            None => write!(f, "unnamed ({:?})", self.algorithm),
        }
    }
}

/// The length of a big-endian number.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let first = number.get(zeros).map_or(8, |byte| byte.leading_zeros() as usize);
    ((number.len() - zeros) * 8).saturating_sub(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The key of RFC 8037, appendix A.2.
    fn ed25519() -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "a"})
    }

    fn with(field: &str, value: Value) -> Result<Key, String> {
        let mut key = ed25519();
        key[field] = value;
        Key::read(key)
    }

    #[test]
    fn a_key_is_good_for_its_name_and_algorithm_alone() {
        let key = Key::read(ed25519()).expect("a key");
        assert!(key.is(Some("a"), Algorithm::EdDSA));
        assert!(!key.is(Some("b"), Algorithm::EdDSA));
        assert!(!key.is(Some("a"), Algorithm::ES256));
        assert!(!key.is(None, Algorithm::EdDSA));
    }

    #[test]
    fn a_key_for_something_else_is_left_out() {
        assert!(with("use", json!("sig")).is_ok());
        assert!(with("alg", json!("EdDSA")).is_ok());
        assert!(with("key_ops", json!(["verify"])).is_ok());
        assert!(with("use", json!("enc")).is_err());
        assert!(with("alg", json!("ES256")).is_err());
        assert!(with("alg", json!("HS256")).is_err());
        assert!(with("key_ops", json!(["encrypt"])).is_err());
        assert!(with("d", json!("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")).is_err());
    }

    #[test]
    fn a_key_that_is_none_is_left_out() {
        for broken in ["", "AQAB", "!"] {
            assert!(with("x", json!(broken)).is_err(), "{broken:?}");
        }
        let one = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE";
        assert!(Key::read(json!({"kty": "EC", "crv": "P-256", "x": one, "y": one})).is_err(), "not on the curve");
    }

    #[test]
    fn bits_are_counted_from_the_first_one() {
        assert_eq!([bits(&[]), bits(&[0, 0]), bits(&[0, 1]), bits(&[0x80, 0])], [0, 0, 1, 16]);
    }
}
