//! Distinguished names as Go reads them: every attribute a string of a type that Go knows.
//! What an attribute means to Kubernetes is not known here.
//!
//! Hostile input: a string of an unknown type, or with characters that its type forbids, makes the whole
//! certificate unreadable, as it does in Go, where the TLS handshake ends there.

use super::InvalidCertificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::X509Name;

/// 2.5.4.3.
pub(in crate::kubernetes) const COMMON_NAME: &str = "2.5.4.3";

/// One attribute of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::kubernetes) struct Attribute {
    /// Its type, dotted.
    pub(in crate::kubernetes) oid: String,
    /// Its value.
    pub(in crate::kubernetes) value: String,
}

/// The attributes of a name, in their order.
pub(super) fn attributes(der: &[u8]) -> Result<Vec<Attribute>, InvalidCertificate> {
    let malformed = InvalidCertificate("a name in it is malformed");
    let (_, name) = X509Name::from_der(der).map_err(|_| malformed)?;
    name.iter_attributes()
        .map(|attribute| {
            let value = attribute.attr_value();
            let value = text(value.tag().0, value.data).ok_or(malformed)?;
            Ok(Attribute { oid: attribute.attr_type().to_id_string(), value })
        })
        .collect()
}

/// The string types of ASN.1 that Go takes, by tag.
fn text(tag: u32, bytes: &[u8]) -> Option<String> {
    let ascii_of = |allowed: fn(u8) -> bool| {
        bytes
            .iter()
            .all(|byte| allowed(*byte))
            .then(|| bytes.iter().map(|byte| char::from(*byte)).collect())
    };
    match tag {
        12 => std::str::from_utf8(bytes).ok().map(str::to_owned),
        18 => ascii_of(|b| b.is_ascii_digit() || b == b' '),
        // Go lets an asterisk and an ampersand pass, which real certificates have.
        19 => ascii_of(|b| b.is_ascii_alphanumeric() || b" '()+,-./:=?*&".contains(&b)),
        20 => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
        22 => ascii_of(|b| b.is_ascii()),
        30 => {
            let (pairs, []) = bytes.as_chunks::<2>() else { return None };
            let pairs = pairs.strip_suffix(&[[0, 0]]).unwrap_or(pairs);
            let reserved = |point: u16| point >= 0xfffe || (0xfdd0..=0xfdef).contains(&point);
            pairs
                .iter()
                .map(|pair| u16::from_be_bytes(*pair))
                .map(|point| char::from_u32(u32::from(point)).filter(|_| !reserved(point)))
                .collect()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_of_string_keeps_its_own_rules() {
        assert_eq!(text(12, "안녕".as_bytes()).unwrap(), "안녕");
        assert_eq!(text(12, b"a\0b").unwrap(), "a\0b");
        assert_eq!(text(12, b"\xff"), None);
        assert_eq!(text(19, b"a b*&").unwrap(), "a b*&");
        assert_eq!(text(19, b"a_b"), None);
        assert_eq!(text(19, b"a\0"), None);
        assert_eq!(text(20, b"\xe9").unwrap(), "é");
        assert_eq!(text(22, b"\x80"), None);
        assert_eq!(text(18, b"1 2").unwrap(), "1 2");
        assert_eq!(text(18, b"x"), None);
        assert_eq!(text(30, &[0, b'a', 0, 0]).unwrap(), "a");
        assert_eq!(text(30, &[0xd8, 0]), None);
        assert_eq!(text(30, &[0]), None);
        assert_eq!(text(4, b"octets"), None);
    }
}
