//! The unsigned shell of a certificate, byte for byte: the signature does not cover it, so whatever is lenient
//! here lets one certificate be written in several ways, each with another fingerprint.
//! What the signed part says is not known here.
//!
//! Hostile input: tags must be exact, class included, and lengths minimal, as Go's reader has them.

/// One DER element: tag, the whole of it, its content, and what follows.
type Element<'a> = (u8, &'a [u8], &'a [u8], &'a [u8]);

fn element(der: &[u8]) -> Option<Element<'_>> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        // A certificate is bounded to 64 KiB, so three bytes of length are plenty.
        let count = usize::from(first & 0x7f);
        let (digits, rest) = rest.split_at_checked(count).filter(|_| (1..=3).contains(&count))?;
        let length = digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit));
        (digits[0] != 0 && length >= 0x80).then_some((length, rest))?
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, &der[..der.len() - rest.len()], content, rest))
}

/// Whether the shell is as Go wants it, and names the algorithm that the signed part names.
pub(super) fn is_sound(der: &[u8]) -> bool {
    let check = || {
        let (0x30, _, certificate, []) = element(der)? else { return None };
        let (0x30, _, signed, rest) = element(certificate)? else { return None };
        let (0x30, outer, _, rest) = element(rest)? else { return None };
        let (0x03, ..) = element(rest)? else { return None };
        let after_version = match element(signed)? {
            (0xa0, _, _, rest) => rest,
            _ => signed,
        };
        let (0x02, _, _, rest) = element(after_version)? else { return None };
        let (0x30, inner, ..) = element(rest)? else { return None };
        (inner == outer).then_some(())
    };
    check().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_strictly() {
        assert_eq!(element(&[4, 1, 9, 7]), Some((4, &[4, 1, 9][..], &[9][..], &[7][..])));
        let long = [&[4, 0x81, 0x80][..], &[0; 128]].concat();
        assert_eq!(element(&long).map(|(_, _, content, _)| content.len()), Some(128));
        for bad in [&[4][..], &[4, 2, 1], &[4, 0x80, 0, 0], &[4, 0x81, 1, 0], &[4, 0x82, 0, 0x80]] {
            assert_eq!(element(bad), None, "{bad:?}");
        }
        assert!(!is_sound(&[]));
    }
}
