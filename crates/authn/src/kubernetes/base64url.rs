//! Base64 as Go's `RawURLEncoding` and `StdEncoding` read it: line breaks are passed over and spare bits
//! may be set, so that several texts say the same bytes. What the bytes mean is known elsewhere.
//!
//! Hostile input: the result is never longer than three quarters of the text.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const RAW_URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);
const STD: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Go's `base64.RawURLEncoding.DecodeString`.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    decode_with(&RAW_URL, text)
}

/// Go's `base64.StdEncoding.DecodeString`.
pub(super) fn decode_standard(text: &str) -> Option<Vec<u8>> {
    decode_with(&STD, text)
}

/// Go's `base64.RawURLEncoding.EncodeToString`.
pub(super) fn encode(bytes: &[u8]) -> String {
    RAW_URL.encode(bytes)
}

fn decode_with(engine: &GeneralPurpose, text: &str) -> Option<Vec<u8>> {
    if text.contains(['\r', '\n']) {
        engine.decode(text.replace(['\r', '\n'], "")).ok()
    } else {
        engine.decode(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Printed by Go 1.26.
    #[test]
    fn it_reads_what_go_reads() {
        assert_eq!(decode("-_8").unwrap(), [0xfb, 0xff]);
        // Spare bits set, and a line break inside.
        assert_eq!(decode("-_9").unwrap(), [0xfb, 0xff]);
        assert_eq!(decode("-\r\n_8\n").unwrap(), [0xfb, 0xff]);
        assert_eq!(decode("").unwrap(), b"");
        for bad in ["-_8=", "A", "+/8", "a b", "-_8\t", "é"] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
        assert_eq!(decode_standard("+/8=").unwrap(), [0xfb, 0xff]);
        assert_eq!(decode_standard("+/8"), None);
        assert_eq!(encode(&[0xfb, 0xff]), "-_8");
    }
}
