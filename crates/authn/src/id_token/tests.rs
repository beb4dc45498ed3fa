//! Tokens that hold, and each way in which one does not.

use super::*;
use crate::AccountMapping;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use proptest::prelude::*;
use serde_json::json;

const ISSUER: &str = "https://hub.example/issuer";
const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_500_000);

struct Signer {
    pair: EcdsaKeyPair,
    key: IssuerKey,
}

impl Signer {
    fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let key = IssuerKey::new(pair.public_key().as_ref(), NOW).unwrap();
        Self { pair, key }
    }

    fn sign(&self, to_be_signed: &str) -> Secret {
        let signature = self.pair.sign(&SystemRandom::new(), to_be_signed.as_bytes()).unwrap();
        signed_id_token(to_be_signed, signature.as_ref())
    }

    /// A token with any header and payload.
    fn forged(&self, header: &serde_json::Value, payload: &serde_json::Value) -> Secret {
        let part = |json: &serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        self.sign(&format!("{}.{}", part(header), part(payload)))
    }
}

fn home() -> ClusterName {
    "home".parse().unwrap()
}

fn token() -> IdToken {
    let groups = ["dev".to_owned(), "system:masters".to_owned()];
    let identity = AccountMapping::default().identity(&"alice".parse().unwrap(), &groups, true);
    IdToken::new(&NewIdToken {
        issuer: ISSUER,
        cluster: &home(),
        identity: &identity,
        sign_in: &SignInId::from_random([7; 16]),
        id: [9; 16],
        issued_at: NOW,
        expires_at: NOW.after(Duration::from_secs(600)),
    })
}

#[test]
fn a_token_says_what_the_gateway_says_but_for_kubernetes_own_groups() {
    let signer = Signer::new();
    let text = signer.sign(&token().to_be_signed(&signer.key).unwrap());
    let read = IdToken::verified(&text, [&signer.key]).unwrap();
    assert_eq!(read, token());
    assert_eq!(read.holds(ISSUER, &home(), NOW), Ok(()));
    assert_eq!(read.user(), "sallyport:alice");
    assert_eq!(read.sign_in(), Some(SignInId::from_random([7; 16])));
    let payload = text.expose().split('.').nth(1).unwrap();
    let claims: serde_json::Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    assert_eq!(claims["aud"], "cluster:home");
    assert_eq!(claims["groups"], json!(["sallyport:users", "sallyport:admins", "dev"]));
    assert_eq!(claims["exp"], 1_800_000_600);
}

#[test]
fn a_token_holds_for_its_issuer_cluster_and_time_alone() {
    let token = token();
    let other = "other".parse().unwrap();
    assert_eq!(token.holds(ISSUER, &other, NOW), Err(IdTokenFault::OtherCluster));
    let another = "https://other.example/issuer";
    assert_eq!(token.holds(another, &home(), NOW), Err(IdTokenFault::OtherIssuer));
    let end = Timestamp::from_micros(1_800_000_600_000_000);
    assert_eq!(token.expires_at(), end);
    assert_eq!(token.holds(ISSUER, &home(), Timestamp::from_micros(end.as_micros() - 1)), Ok(()));
    assert_eq!(token.holds(ISSUER, &home(), end), Err(IdTokenFault::Expired));
}

#[test]
fn what_no_key_of_now_signed_as_es256_is_nobodys() {
    let (signer, other) = (Signer::new(), Signer::new());
    let good = token().to_be_signed(&signer.key).unwrap();
    let claims = serde_json::to_value(token()).unwrap();
    let kid = signer.key.id();
    let es256 = json!({ "alg": "ES256", "kid": kid, "typ": "JWT" });
    assert!(IdToken::verified(&signer.forged(&es256, &claims), [&signer.key]).is_ok());
    // The key is gone, or another's under this one's id.
    assert_eq!(IdToken::verified(&signer.sign(&good), []), Err(NotOurs));
    assert_eq!(IdToken::verified(&signer.sign(&good), [&other.key]), Err(NotOurs));
    assert_eq!(IdToken::verified(&other.sign(&good), [&signer.key, &other.key]), Err(NotOurs));
    for header in [
        json!({ "alg": "none", "kid": kid, "typ": "JWT" }),
        json!({ "alg": "HS256", "kid": kid, "typ": "JWT" }),
        json!({ "alg": "es256", "kid": kid, "typ": "JWT" }),
        json!({ "alg": "ES256", "typ": "JWT" }),
        json!({ "alg": "ES256", "kid": kid, "typ": "at+jwt" }),
        json!({ "alg": "ES256", "kid": kid, "typ": "JWT", "crit": ["b64"], "b64": false }),
        json!({ "alg": "ES256", "kid": kid, "typ": "JWT", "jwk": {} }),
        json!([]),
    ] {
        let forged = signer.forged(&header, &claims);
        assert_eq!(IdToken::verified(&forged, [&signer.key]), Err(NotOurs), "{header}");
    }
    // Without a signature, with none at all, and with what is left of one.
    for bad in [format!("{good}."), good.clone(), format!("{good}.AAAA"), format!("{good}.!")] {
        assert_eq!(IdToken::verified(&Secret::new(bad), [&signer.key]), Err(NotOurs));
    }
    for payload in [json!({}), json!({ "iss": ISSUER }), json!([])] {
        let forged = signer.forged(&es256, &payload);
        assert_eq!(IdToken::verified(&forged, [&signer.key]), Err(NotOurs), "{payload}");
    }
    let long = Secret::new("a.".repeat(ID_TOKEN_BYTES_MAX));
    assert_eq!(IdToken::verified(&long, [&signer.key]), Err(NotOurs));
}

#[test]
fn the_published_key_is_read_as_an_api_server_reads_it() {
    use crate::kubernetes::KeySet;
    let signer = Signer::new();
    let set = key_set([&signer.key]);
    let read = KeySet::from_json(set.to_string().as_bytes()).unwrap();
    assert_eq!(read.key_ids().collect::<Vec<_>>(), [signer.key.id()]);
}

proptest! {
    #[test]
    fn an_altered_token_is_nobodys(at: proptest::sample::Index, letter in "[A-Za-z0-9_.-]") {
        let signer = Signer::new();
        let text = signer.sign(&token().to_be_signed(&signer.key).unwrap());
        let at = at.index(text.expose().len());
        let mut altered = text.expose().to_owned();
        altered.replace_range(at..=at, &letter);
        if altered != text.expose() {
            // The last letter of a part carries bits that a strict reader refuses when they are set.
            prop_assert_eq!(IdToken::verified(&Secret::new(altered), [&signer.key]), Err(NotOurs));
        }
    }

    #[test]
    fn any_text_is_nobodys(text: String) {
        prop_assert_eq!(IdToken::verified(&Secret::new(text), [&Signer::new().key]), Err(NotOurs));
    }
}
