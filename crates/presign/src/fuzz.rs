//! Fuzz targets of the link token. Compiled for tests and for fuzzing alone.
//! Nobody forges a tag by chance, so what lies behind it is fuzzed with a tag of our own.

use super::{
    Claims, LINK_BYTES_MAX, LinkFault, SigningKey, URL_SAFE_NO_PAD, VERSION, check, labelled,
};
use aws_lc_rs::hmac;
use base64::Engine;
use model::{Secret, Timestamp};

/// Takes any bytes, and panics when a promise about them is broken.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[("presign_link", link), ("presign_claims", claims)];

const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);

/// Any text is refused unless its tag is that of the text before it, in canonical form.
pub fn link(data: &[u8]) {
    let token = Secret::new(String::from_utf8_lossy(data));
    let (key, other) = (SigningKey::from_random([1; 36]), SigningKey::from_random([2; 36]));
    match check(&token, [&other, &key], NOW) {
        Ok(_) | Err(LinkFault::Expired) => {
            let (signed, tag) = token.expose().rsplit_once('.').unwrap_or_default();
            let ours = hmac::sign(&key.hmac_key(), &labelled(signed));
            assert_eq!(tag, URL_SAFE_NO_PAD.encode(ours), "a forged link was taken");
            assert!(token.expose().len() <= LINK_BYTES_MAX);
        }
        Err(LinkFault::Malformed | LinkFault::KeyUnknown | LinkFault::Signature) => {}
    }
}

/// Any claims under a good tag: those that are taken say the same when they are signed anew.
pub fn claims(data: &[u8]) {
    let key = SigningKey::from_random([1; 36]);
    let signed = format!("{VERSION}.{}.{}", key.id().as_str(), URL_SAFE_NO_PAD.encode(data));
    let tag = hmac::sign(&key.hmac_key(), &labelled(&signed));
    let token = Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag)));
    let Ok(claims) = check(&token, [&key], NOW) else { return };
    assert!(claims.expires_at > NOW);
    assert_eq!(serde_json::from_slice::<Claims>(data).ok().as_ref(), Some(&claims));
    let again = key.sign(&claims);
    if again.expose().len() <= LINK_BYTES_MAX {
        assert_eq!(check(&again, [&key], NOW), Ok(claims));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_kept_input_passes() {
        corpus::replay(super::TARGETS);
    }
}
