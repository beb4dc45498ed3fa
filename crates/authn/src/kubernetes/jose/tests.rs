use super::*;
use crate::kubernetes::fixtures::{
    EC, OTHER_RSA, RSA, compact, ec_public, es256, rs256, rsa_public, rsa_sign,
};
use aws_lc_rs::signature as lc;
use proptest::prelude::*;

fn verify(token: &str, key: &PublicKey) -> Result<Vec<u8>, Reason> {
    Jws::parse(token)?.verified_by(key).map(<[u8]>::to_vec)
}

#[test]
fn a_signature_verifies_with_its_own_key_alone() {
    let token = rs256(r#"{"alg":"RS256"}"#, "{}");
    assert_eq!(verify(token.expose(), &rsa_public(&RSA)).unwrap(), b"{}");
    assert_eq!(verify(token.expose(), &rsa_public(&OTHER_RSA)), Err(Reason::SignatureWrong));
    let refused = Reason::AlgorithmRefused { algorithm: "RS256".to_owned() };
    assert_eq!(verify(token.expose(), &ec_public()), Err(refused));
    let token = es256(r#"{"alg":"ES256"}"#, "{}");
    assert_eq!(verify(token.expose(), &ec_public()).unwrap(), b"{}");
}

#[test]
fn every_rsa_algorithm_verifies() {
    let all: [(&str, &'static dyn lc::RsaEncoding); 6] = [
        ("RS256", &lc::RSA_PKCS1_SHA256),
        ("RS384", &lc::RSA_PKCS1_SHA384),
        ("RS512", &lc::RSA_PKCS1_SHA512),
        ("PS256", &lc::RSA_PSS_SHA256),
        ("PS384", &lc::RSA_PSS_SHA384),
        ("PS512", &lc::RSA_PSS_SHA512),
    ];
    for (named, _) in all {
        for (made, encoding) in all {
            let header = format!(r#"{{"alg":"{named}"}}"#);
            let token = compact(&header, "{}", |signed| rsa_sign(&RSA, encoding, signed));
            let verdict = verify(token.expose(), &rsa_public(&RSA));
            assert_eq!(verdict.is_ok(), named == made, "{made} called {named}: {verdict:?}");
        }
    }
}

#[test]
fn none_and_key_confusion_are_refused() {
    let key = rsa_public(&RSA);
    for algorithm in ["none", "None", "", "HS256", "rs256", "RS", "RS2561", "EdDSA", "ES256", "é"]
    {
        let header = format!(r#"{{"alg":"{algorithm}"}}"#);
        let unsigned = compact(&header, "{}", |_| Vec::new());
        assert!(verify(unsigned.expose(), &key).is_err(), "{algorithm}");
        // The public key as an HMAC secret, the oldest trick.
        let confused = compact(&header, "{}", |signed| {
            let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key.spki());
            aws_lc_rs::hmac::sign(&key, signed).as_ref().to_vec()
        });
        assert!(verify(confused.expose(), &key).is_err(), "{algorithm}");
    }
    assert!(verify(rs256("{}", "{}").expose(), &key).is_err());
    // A key that the token brings along is not believed.
    let own = rs256(r#"{"alg":"RS256","jwk":{"kty":"RSA","n":"AQAB","e":"AQAB"}}"#, "{}");
    assert_eq!(verify(own.expose(), &rsa_public(&OTHER_RSA)), Err(Reason::SignatureWrong));
}

#[test]
fn headers_are_read_as_by_go_jose() {
    let key = rsa_public(&RSA);
    for good in [
        r#"{"alg":"RS256","kid":"a","typ":"JWT","x":{"y":[1]}}"#,
        r#"{"alg":"RS256","crit":["b64"]}"#,
        r#"{"alg":"RS256","crit":[]}"#,
        r#"{"alg":"RS256","kid":null,"jwk":null}"#,
        r#"{"alg":"RS256","x5c":[]}"#,
    ] {
        assert!(verify(rs256(good, "{}").expose(), &key).is_ok(), "{good}");
    }
    for bad in [
        r#"{"alg":"RS256","alg":"RS256"}"#,
        r#"{"alg":"RS256","x":{"y":1,"y":2}}"#,
        r#"{"ALG":"RS256"}"#,
        r#"{"alg":"RS256","kid":1}"#,
        r#"{"alg":["RS256"]}"#,
        r#"{"alg":"RS256","crit":["exp"]}"#,
        r#"{"alg":"RS256","crit":"b64"}"#,
        r#"{"alg":"RS256","jwk":{"kty":"RSA"}}"#,
        r#"{"alg":"RS256","x5c":["AAAA"]}"#,
        r#"{"alg":"RS256","b64":false}"#,
        "null",
        "[]",
        "",
    ] {
        assert!(verify(rs256(bad, "{}").expose(), &key).is_err(), "{bad}");
    }
}

#[test]
fn white_space_and_spare_bits_say_the_same_token() {
    let key = ec_public();
    let token = es256(r#"{"alg":"ES256"}"#, "{}").expose().to_owned();
    let spaced: String = token.chars().flat_map(|c| [c, '\n', ' ']).collect();
    assert!(verify(&spaced, &key).is_ok());
    for bad in [
        format!("{token}="),
        format!("{token}."),
        token.rsplit_once('.').unwrap().0.to_owned(),
        token.replacen('.', "", 1),
        format!("é{token}"),
    ] {
        assert!(verify(&bad, &key).is_err(), "{bad}");
    }
}

#[test]
fn the_claimed_issuer_is_read_like_go_reads_it() {
    let issuer =
        |payload: &str| claimed_issuer(&format!("x.{}.x", base64url::encode(payload.as_bytes())));
    assert_eq!(issuer(r#"{"iss":"a"}"#).as_deref(), Ok("a"));
    assert_eq!(issuer(r#"{"ISS":"a"}"#).as_deref(), Ok("a"));
    assert_eq!(issuer("{}").as_deref(), Ok(""));
    assert_eq!(issuer("x"), Err(Reason::NotAJwt));
    for bad in ["", "a.b", "a.b.c.d", "{}.e30.x", "a.!.c"] {
        assert_eq!(claimed_issuer(bad), Err(Reason::NotAJwt), "{bad}");
    }
}

// `openssl ecparam -name prime256v1 -genkey -noout | openssl ec -pubout`, and its key id by
// `openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64`.
const PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEHkmMJ6FHmnrLhDkJ57sNmMYrP0BQ\n\
RFnPsRtgHj0j5WNQXawC86l6JiO12B4M8tOUgcpxsZy8SgaJUObkQvE2Lg==\n\
-----END PUBLIC KEY-----\n";
const PEM_KEY_ID: &str = "jm8jroDEqbm47XCa3T6zY4rPJDEAydS-FuTQI0Qaz_8";

#[test]
fn keys_are_read_from_pem_and_named_by_their_hash() {
    let keys = PublicKeys::from_pem(PEM.as_bytes()).unwrap();
    let key = keys.candidates("").next().unwrap();
    assert_eq!(PublicKey::from_spki(&key.spki()).as_ref(), Some(key));
    assert_eq!(key.derived_key_id(), PEM_KEY_ID);
    assert_eq!(keys.candidates(PEM_KEY_ID).count(), 1);
    assert_eq!(keys.candidates("another").count(), 0);
    assert_eq!(PublicKeys::from_pem(b"").unwrap_err(), InvalidPublicKeys::Empty);
    let broken = PEM.replace("MFkw", "MFkx");
    assert_eq!(
        PublicKeys::from_pem(broken.as_bytes()).unwrap_err(),
        InvalidPublicKeys::Block { block: 1 }
    );
}

fn jwk() -> String {
    let PublicKey::Ec { point, .. } = ec_public() else { panic!("not EC") };
    let (x, y) = point[1..].split_at(32);
    let (x, y) = (base64url::encode(x), base64url::encode(y));
    format!(r#"{{"kty":"EC","crv":"P-256","kid":"k","x":"{x}","y":"{y}"}}"#)
}

#[test]
fn a_key_set_verifies_by_kid_and_one_broken_key_breaks_it() {
    let read = |text: &str| KeySet::from_json(text.as_bytes());
    let set = read(&format!(r#"{{"keys":[{},{{"kty":"oct","k":"AAAA"}}]}}"#, jwk())).unwrap();
    let verdict = |header: &str| {
        let token = es256(header, "{}");
        set.verify(&Jws::parse(token.expose()).unwrap()).map(<[u8]>::to_vec)
    };
    assert!(verdict(r#"{"alg":"ES256","kid":"k"}"#).is_ok());
    assert!(verdict(r#"{"alg":"ES256"}"#).is_ok());
    let unknown = Reason::KeyUnknown { key_id: "other".to_owned() };
    assert_eq!(verdict(r#"{"alg":"ES256","kid":"other"}"#), Err(unknown));
    for bad in [
        r#"{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}"#,
        r#"{"keys":[{"kty":"RSA","n":"AQAB"}]}"#,
        r#"{"keys":[{"kty":"dance"}]}"#,
        r#"{"keys":[{"kty":"oct","k":"AA","k":"AA"}]}"#,
        r#"{"keys":1}"#,
        "[]",
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
    assert!(read("{}").is_ok());
    // A private key in a published set verifies nothing, as in go-jose.
    let private = jwk().replace("\"kid\"", "\"d\":\"AAAA\",\"kid\"");
    let set = read(&format!(r#"{{"keys":[{private}]}}"#)).unwrap();
    let token = es256(r#"{"alg":"ES256"}"#, "{}");
    assert!(set.verify(&Jws::parse(token.expose()).unwrap()).is_err());
    let _ = &*EC;
}

proptest! {
    #[test]
    fn nothing_makes_a_token_panic(token in "[ -~éA-Za-z0-9_.{}-]{0,80}") {
        let _ = Jws::parse(&token).and_then(|jws| jws.verified_by(&ec_public()).map(|_| ()));
        let _ = claimed_issuer(&token);
    }

    #[test]
    fn a_changed_byte_is_refused(at in 0_usize..120, flip in 1_u8..255) {
        let token = es256(r#"{"alg":"ES256"}"#, r#"{"sub":"somebody who is long enough"}"#);
        let mut jws = Jws::parse(token.expose()).unwrap();
        let place = at % (jws.payload.len() + jws.signature.len());
        match jws.payload.len().checked_sub(place + 1) {
            Some(_) => jws.payload[place] ^= flip,
            None => { let place = place - jws.payload.len(); jws.signature[place] ^= flip }
        }
        prop_assert!(jws.verified_by(&ec_public()).is_err());
    }
}
