//! Fuzz targets of what a browser or a database row brings to a sign-in. Compiled for tests and for fuzzing alone.
//! No password is hashed here: that takes a core for tens of milliseconds and has no parser in it.

use crate::password::read_stored;
use crate::{
    AccountMapping, BrowserSecret, Challenge, IdToken, InvitationSecret, IssuerKey, KnownBrowser,
    MachineKey, MachinePurpose, NotOurs, PASSWORD_CHARACTERS_MAX, PASSWORD_CHARACTERS_MIN,
    ReviewerSecrets, UserCode, check_password, token_ends_at,
};
use model::{AccountName, Secret};

/// Takes any bytes, and panics when a promise about them is broken.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[
    ("authn_opaque", opaque),
    ("authn_token", token),
    ("authn_password", password),
    ("authn_stored_hash", stored_hash),
    ("authn_groups", groups),
    ("authn_machine", machine),
    ("authn_id_token", id_token),
    ("authn_cel", cel),
];

/// Cookies and invitations are taken in one spelling only, and a refusal does not repeat them.
pub fn opaque(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match BrowserSecret::parse(&text) {
        Ok(cookie) => {
            assert_eq!(cookie.text().expose(), text);
            assert!(cookie.csrf_token().fits(cookie.csrf_token().text().expose()));
            assert!(!cookie.csrf_token().fits(&text));
        }
        Err(refusal) => {
            let words = "not a sign-in cookie of the form this hub gives out";
            assert_eq!(refusal.to_string(), words);
        }
    }
    if let Ok(invitation) = InvitationSecret::parse(&text) {
        assert_eq!(invitation.text().expose(), text);
    }
    if let Some(known) = KnownBrowser::parse(&text) {
        assert_eq!(known.text(), text);
        if let Ok(account) = "alice".parse::<AccountName>() {
            assert_eq!(known.check(&account, "$argon2id$a"), None, "a forged mark was taken");
        }
    }
}

/// Any bearer token, and any claims in one: an end is read or none.
pub fn token(data: &[u8]) {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let _ = token_ends_at(&Secret::new(String::from_utf8_lossy(data)));
    let token = Secret::new(format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(data)));
    if token_ends_at(&token).is_some() {
        let claims: Option<serde_json::Value> = serde_json::from_slice(data).ok();
        let end = claims.as_ref().and_then(|claims| claims.get("exp"));
        assert!(end.is_some_and(serde_json::Value::is_number), "an end out of nothing");
    }
}

/// A password that may be set is within its bounds; judging one of any length takes no longer than its bound.
pub fn password(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (name, password) = text.split_once('\n').unwrap_or(("alice", &text));
    let Ok(account) = name.parse::<AccountName>() else { return };
    if check_password(&Secret::new(password), &account).is_ok() {
        let characters = password.chars().count();
        assert!((PASSWORD_CHARACTERS_MIN..=PASSWORD_CHARACTERS_MAX).contains(&characters));
        assert!(!password.eq_ignore_ascii_case(name));
    }
}

/// A stored hash that is taken has a cost that was chosen, not one that a row's editor wished.
pub fn stored_hash(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok((hash, cost)) = read_stored(&text) {
        assert!((19_456..=262_144).contains(&cost.m_cost()) && (2..=16).contains(&cost.t_cost()));
        assert!((1..=8).contains(&cost.p_cost()));
        assert_eq!(hash.to_string(), text, "a second spelling");
    }
}

/// A group that may be given fits into a header, and is not Kubernetes' own; so does an operator's prefix.
pub fn groups(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mapping = AccountMapping::default();
    if mapping.check_group(&text, false).is_ok() {
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic()) && text.len() <= 128);
        assert!(!text.starts_with("system:") && !mapping.owns(&text));
    }
    if let Ok(mapping) = AccountMapping::new(&text) {
        assert!(mapping.users_group().starts_with(&*text) && !text.starts_with("system:"));
    }
}

/// What a machine sends is taken in one spelling only, but for a code, which people type; and no proof is forged.
pub fn machine(data: &[u8]) {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let text = String::from_utf8_lossy(data);
    if let Ok(code) = text.parse::<UserCode>() {
        assert_eq!(code.as_str().parse(), Ok(code.clone()));
        assert_eq!(code.as_str().len(), 9);
    }
    if let Ok(challenge) = Challenge::parse(&text) {
        assert_eq!(challenge.text(), text);
    }
    let keys = [MachineKey::parse(&text), MachineKey::from_bytes(data)];
    for key in keys.into_iter().flatten() {
        assert_eq!(MachineKey::parse(&URL_SAFE_NO_PAD.encode(key.bytes())), Ok(key.clone()));
        assert!(!key.proves(MachinePurpose::Renew, "", &text), "a proof out of nothing");
    }
}

/// No token is the hub's that it did not sign, and no text is taken as secrets that cannot be sent.
pub fn id_token(data: &[u8]) {
    let text = Secret::new(String::from_utf8_lossy(data));
    let mut point = [0; 65];
    point[0] = 4;
    let now = model::Timestamp::from_micros(0);
    let key = IssuerKey::new(&point, now);
    assert_eq!(IdToken::verified(&text, key.as_ref()), Err(NotOurs), "a token out of nothing");
    if ReviewerSecrets::parse(&text).is_ok() {
        assert!(
            text.expose().lines().all(|line| line.trim().bytes().all(|b| b.is_ascii_graphic()))
        );
    }
}

/// An expression, and claims after the first empty line: both are anybody's, and neither brings it down.
pub fn cel(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (expression, claims) = text.split_once("\n\n").unwrap_or((&text, "{}"));
    crate::kubernetes::evaluate_any(expression, claims.as_bytes());
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_kept_input_passes() {
        corpus::replay(super::TARGETS);
    }
}
