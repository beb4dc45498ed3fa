//! A link that was changed in any bit, cut, mixed or re-signed is refused; an untouched one is read back.

use super::*;
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_random([seed; 36])
}

fn claims(id: u8) -> Claims {
    Claims {
        id: LinkId::from_random([id; 16]),
        user: "sallyport:alice".to_owned(),
        place: serde_json::from_value(serde_json::json!({
            "cluster": "demo", "namespace": "team-a", "pod": "web-0",
            "uid": "0f1e2d3c-0000-4000-8000-000000000001", "container": "app"
        }))
        .unwrap(),
        process: Process { tty: true, command: vec![] },
        expires_at: Timestamp::from_micros(1_000_000_001),
    }
}

#[test]
fn a_signed_link_reads_back_until_it_expires() {
    let token = key(1).sign(&claims(1));
    assert_eq!(check(&token, [&key(2), &key(1)], NOW), Ok(claims(1)));
    let then = claims(1).expires_at;
    assert_eq!(check(&token, [&key(1)], then), Err(LinkFault::Expired));
}

#[test]
fn a_key_that_was_retired_or_only_shares_the_id_opens_nothing() {
    let token = key(1).sign(&claims(1));
    assert_eq!(check(&token, [&key(2)], NOW), Err(LinkFault::KeyUnknown));
    let impostor = SigningKey::new(key(1).id().clone(), SecretBytes::new([9; 32]));
    assert_eq!(check(&token, [&impostor], NOW), Err(LinkFault::Signature));
    assert_eq!(check(&impostor.sign(&claims(1)), [&key(1)], NOW), Err(LinkFault::Signature));
}

#[test]
fn parts_of_two_links_do_not_mix() {
    let (one, two) = (key(1).sign(&claims(1)), key(1).sign(&claims(2)));
    let (one_signed, _) = one.expose().rsplit_once('.').unwrap();
    let (_, two_tag) = two.expose().rsplit_once('.').unwrap();
    let mixed = Secret::new(format!("{one_signed}.{two_tag}"));
    assert_eq!(check(&mixed, [&key(1)], NOW), Err(LinkFault::Signature));
}

#[test]
fn every_cut_and_every_flipped_bit_is_refused() {
    let token = key(1).sign(&claims(1)).expose().to_owned();
    for length in 0..token.len() {
        assert!(check(&Secret::new(&token[..length]), [&key(1)], NOW).is_err(), "cut at {length}");
    }
    for bit in 0..token.len() * 8 {
        let mut bytes = token.clone().into_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let Ok(text) = String::from_utf8(bytes) else { continue };
        assert!(check(&Secret::new(text), [&key(1)], NOW).is_err(), "bit {bit}");
    }
    let padded = Secret::new(format!("{token}="));
    assert_eq!(check(&padded, [&key(1)], NOW), Err(LinkFault::Malformed));
}

#[test]
fn a_token_over_the_bound_is_refused_unread() {
    let long = Secret::new("a".repeat(LINK_BYTES_MAX + 1));
    assert_eq!(check(&long, [&key(1)], NOW), Err(LinkFault::Malformed));
}

/// The golden was made by another program, from the form in words at the top of this crate: Python's `hmac`,
/// `base64.urlsafe_b64encode` and `json`.
#[test]
fn a_link_signed_by_another_program_is_read() {
    let golden = Secret::new(include_str!("../tests/python-hmac.link").trim());
    let read = check(&golden, [&key(1)], NOW).unwrap();
    assert_eq!((read.user.as_str(), read.place.container.as_str()), ("sallyport:alice", "app"));
    assert_eq!(check(&golden, [&key(1)], read.expires_at), Err(LinkFault::Expired));
    assert_eq!(key(1).sign(&read).expose(), golden.expose());
}

proptest! {
    #[test]
    fn any_text_is_refused_without_panic(text in "\\PC{0,200}") {
        prop_assert!(check(&Secret::new(text), [&key(1)], NOW).is_err());
    }

    #[test]
    fn any_text_in_the_shape_of_a_link_is_refused(
        claims in "[A-Za-z0-9_-]{0,120}", tag in "[A-Za-z0-9_-]{43}",
    ) {
        let id = key(1).id().as_str().to_owned();
        let token = Secret::new(format!("sp1.{id}.{claims}.{tag}"));
        prop_assert!(check(&token, [&key(1)], NOW).is_err());
    }
}
