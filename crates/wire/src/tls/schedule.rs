//! From secrets to keys: TLS 1.2's pseudo-random function and TLS 1.3's labels.
//! It does not know where secrets come from or which records the keys open.
//!
//! Specifications: RFC 5246 section 5 and 6.3, RFC 8446 section 7.1 and 7.3, RFC 5869.

use super::opener::{Nonces, Opener};
use super::suite::{Hash, Suite};
use crate::unit::Side;
use aws_lc_rs::hmac;
use model::SecretBytes;

/// The opener of one side's records in TLS 1.2.
pub(super) fn opener_1_2(
    suite: Suite,
    master: &SecretBytes,
    client_random: &[u8; 32],
    server_random: &[u8; 32],
    side: Side,
) -> Option<Opener> {
    let key_bytes = suite.aead.algorithm().key_len();
    let iv_bytes = suite.aead.iv_bytes_1_2();
    let seed = [b"key expansion".as_slice(), server_random, client_random].concat();
    let block = prf(suite.hash, master, &seed, 2 * (key_bytes + iv_bytes));
    let block = block.expose();
    let nth = usize::from(side == Side::Server);
    let key = block.get(nth * key_bytes..(nth + 1) * key_bytes)?;
    let iv = block.get(2 * key_bytes + nth * iv_bytes..2 * key_bytes + (nth + 1) * iv_bytes)?;
    let nonces = match (<[u8; 4]>::try_from(iv), <[u8; 12]>::try_from(iv)) {
        (Ok(salt), _) => Nonces::Explicit(salt),
        (_, Ok(iv)) => Nonces::Counted(iv),
        _ => return None,
    };
    Opener::new(suite.aead, key, nonces, false)
}

/// The opener of the records under a TLS 1.3 traffic secret.
pub(super) fn opener_1_3(suite: Suite, secret: &SecretBytes) -> Option<Opener> {
    if secret.expose().len() != suite.hash.output_bytes() {
        return None;
    }
    let key = expand_label(suite.hash, secret, "key", suite.aead.algorithm().key_len());
    let iv = expand_label(suite.hash, secret, "iv", 12);
    let iv = <[u8; 12]>::try_from(iv.expose()).ok()?;
    Opener::new(suite.aead, key.expose(), Nonces::Counted(iv), true)
}

/// The traffic secret after a key update.
pub(super) fn updated(hash: Hash, secret: &SecretBytes) -> SecretBytes {
    expand_label(hash, secret, "traffic upd", hash.output_bytes())
}

/// P_hash over a label with its seed (RFC 5246 section 5).
fn prf(hash: Hash, secret: &SecretBytes, seed: &[u8], length: usize) -> SecretBytes {
    let key = hmac::Key::new(hash.hmac(), secret.expose());
    let mut output = Vec::with_capacity(length + hash.output_bytes());
    let mut chain = hmac::sign(&key, seed);
    while output.len() < length {
        output.extend_from_slice(sign_all(&key, &[chain.as_ref(), seed]).as_ref());
        chain = hmac::sign(&key, chain.as_ref());
    }
    output.truncate(length);
    SecretBytes::new(output)
}

/// HKDF-Expand-Label with an empty context (RFC 8446 section 7.1).
fn expand_label(hash: Hash, secret: &SecretBytes, label: &str, length: usize) -> SecretBytes {
    let [_, _, .., high, low] = length.to_be_bytes();
    let label_bytes = u8::try_from("tls13 ".len() + label.len()).unwrap_or(u8::MAX);
    let info = [&[high, low, label_bytes], b"tls13 ".as_slice(), label.as_bytes(), &[0]].concat();
    let key = hmac::Key::new(hash.hmac(), secret.expose());
    let mut output = Vec::with_capacity(length + hash.output_bytes());
    let mut block = Vec::new();
    let mut counter = 0_u8;
    while output.len() < length {
        counter += 1;
        block = sign_all(&key, &[&block, &info, &[counter]]).as_ref().to_vec();
        output.extend_from_slice(&block);
    }
    output.truncate(length);
    SecretBytes::new(output)
}

fn sign_all(key: &hmac::Key, parts: &[&[u8]]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(part);
    }
    context.sign()
}
