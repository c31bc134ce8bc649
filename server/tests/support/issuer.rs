//! A foreign issuer: keys made for the test, and the address at which their set is found.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p256::pkcs8::EncodePrivateKey as _;
use rsa::pkcs1::{EncodeRsaPrivateKey as _, EncodeRsaPublicKey as _};
use rsa::rand_core::{OsRng, RngCore as _};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The algorithms that a set may have keys for.
pub(crate) const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

/// A key of the issuer's.
#[derive(Clone)]
pub(crate) struct Key {
    pub kid: String,
    pub algorithm: Algorithm,
    private: EncodingKey,
}

impl Key {
    /// A new key. RSA keys take long to make and are always the same.
    pub(crate) fn new(kid: &str, algorithm: Algorithm) -> Self {
        Self::make(kid, algorithm, 0)
    }

    /// Another key of the same name.
    pub(crate) fn twin(&self) -> Self {
        Self::make(&self.kid, self.algorithm, 1)
    }

    fn make(kid: &str, algorithm: Algorithm, which: usize) -> Self {
        let private = match algorithm {
            Algorithm::RS256 => EncodingKey::from_rsa_der(rsa_keys()[which].to_pkcs1_der().unwrap().as_bytes()),
            Algorithm::ES256 => {
                EncodingKey::from_ec_der(p256::SecretKey::random(&mut OsRng).to_pkcs8_der().unwrap().as_bytes())
            }
            Algorithm::EdDSA => {
                // RFC 8410, section 7: what stands before the 32 bytes of every such key.
                let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
                der.resize(48, 0);
                OsRng.fill_bytes(&mut der[16..]);
                EncodingKey::from_ed_der(&der)
            }
            other => panic!("{other:?} is for none of these tests"),
        };
        Self { kid: kid.into(), algorithm, private }
    }

    /// Its public half, as it stands in a set.
    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&self.private, self.algorithm).unwrap()).unwrap();
        jwk["kid"] = json!(self.kid);
        jwk["use"] = json!("sig");
        jwk
    }

    /// A token with these claims that names this key.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_as(Some(&self.kid), claims)
    }

    /// A token that names another key, or none.
    pub(crate) fn sign_as(&self, kid: Option<&str>, claims: &Value) -> String {
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(self.algorithm) };
        self.sign_with(&header, claims)
    }

    /// A token with a header of one's own.
    pub(crate) fn sign_with(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.private).unwrap()
    }
}

fn rsa_keys() -> &'static [rsa::RsaPrivateKey; 2] {
    static KEYS: OnceLock<[rsa::RsaPrivateKey; 2]> = OnceLock::new();
    KEYS.get_or_init(|| std::array::from_fn(|_| rsa::RsaPrivateKey::new(&mut OsRng, 2_048).unwrap()))
}

/// What somebody could take for the secret of an RSA key's set, if the server did: its public half
/// in every form in which it is around.
pub(crate) fn public_forms(jwk: &Value) -> Vec<Vec<u8>> {
    let number = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
    let [n, e] = ["n", "e"].map(|name| rsa::BigUint::from_bytes_be(&number(name)));
    let key = rsa::RsaPublicKey::new(n, e).unwrap();
    let pem = key.to_pkcs1_pem(rsa::pkcs1::LineEnding::LF).unwrap();
    vec![
        key.to_pkcs1_der().unwrap().as_bytes().to_vec(),
        pem.trim_end().as_bytes().to_vec(),
        pem.into_bytes(),
        number("n"),
        jwk["n"].as_str().unwrap().into(),
        jwk.to_string().into_bytes(),
    ]
}

/// A set of these keys.
pub(crate) fn set(keys: &[&Key]) -> String {
    json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() }).to_string()
}

/// Where the set is found; gone when dropped.
pub(crate) struct Site {
    state: Arc<State>,
    port: u16,
    serving: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    body: Mutex<String>,
    fetches: AtomicUsize,
}

impl Site {
    pub(crate) async fn start(body: String) -> Self {
        let mut site = Self::closed(body).await;
        site.open().await;
        site
    }

    /// One where nothing listens yet.
    pub(crate) async fn closed(body: String) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let state = State { body: Mutex::new(body), fetches: AtomicUsize::new(0) };
        Self { state: Arc::new(state), port, serving: None }
    }

    pub(crate) async fn open(&mut self) {
        let state = Arc::clone(&self.state);
        let answer = async move || {
            state.fetches.fetch_add(1, Ordering::SeqCst);
            match state.body.lock().unwrap().clone() {
                body if body.is_empty() => (StatusCode::BAD_GATEWAY, body),
                body => (StatusCode::OK, body),
            }
        };
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        let router = Router::new().route("/jwks.json", get(answer));
        self.serving = Some(tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }));
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/jwks.json", self.port)
    }

    /// What is found from now on; 502 when empty.
    pub(crate) fn put(&self, body: String) {
        *self.state.body.lock().unwrap() = body;
    }

    /// How often somebody came.
    pub(crate) fn fetches(&self) -> usize {
        self.state.fetches.load(Ordering::SeqCst)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
    }
}
