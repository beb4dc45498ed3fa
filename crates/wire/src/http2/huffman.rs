//! The Huffman code of HPACK (RFC 7541 appendix B), decoded.
//! The code is canonical: the lengths of its 257 words are all there is to know.
//!
//! Hostile input: a word that is not in the code, the end-of-string word, and padding that is not ones or
//! longer than seven bits are faults, as RFC 7541 section 5.2 demands.

use std::sync::LazyLock;

const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5,
    5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6,
    6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22,
    23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22,
    21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20,
    22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19,
    21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22,
    22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];
const END_OF_STRING: u16 = 256;
const LENGTH_MAX: u8 = 30;

/// The words sorted by length and value, and for each length where its words begin.
struct Code {
    symbols: Vec<u16>,
    /// For each length: the first word, left-justified in 32 bits, the end of its words, and the index of
    /// its first symbol.
    ranges: Vec<(u8, u32, u64, usize)>,
    /// By the first eight bits: the symbol and length of a word that is no longer than that.
    short: [(u16, u8); 256],
}

static CODE: LazyLock<Code> = LazyLock::new(|| {
    let mut code = Code { symbols: Vec::new(), ranges: Vec::new(), short: [(0, 0); 256] };
    let mut next: u64 = 0;
    for length in 1..=LENGTH_MAX {
        let (start, first) = (code.symbols.len(), next);
        for (symbol, _) in (0_u16..).zip(LENGTHS).filter(|(_, this)| *this == length) {
            code.symbols.push(symbol);
            if length <= 8 {
                let (from, to) = (next >> 24, (next + (1 << (32 - length))) >> 24);
                for place in from..to {
                    let place = usize::try_from(place).unwrap_or(0);
                    if let Some(entry) = code.short.get_mut(place) {
                        *entry = (symbol, length);
                    }
                }
            }
            next += 1 << (32 - length);
        }
        if code.symbols.len() > start {
            code.ranges.push((length, u32::try_from(first).unwrap_or(u32::MAX), next, start));
        }
    }
    code
});

/// Decodes a string; none if it is not one.
pub(super) fn decode(coded: &[u8]) -> Option<Vec<u8>> {
    let code = &*CODE;
    let mut output = Vec::with_capacity(coded.len() * 8 / 5);
    let mut bits: u64 = 0;
    let mut count: u8 = 0;
    let mut rest = coded.iter();
    loop {
        while count <= 32 {
            let Some(byte) = rest.next() else { break };
            bits = bits << 8 | u64::from(*byte);
            count += 8;
        }
        if count == 0 {
            return Some(output);
        }
        // The next 32 bits, filled up with ones, as padding is.
        let ahead = match count >= 32 {
            true => bits >> (count - 32),
            false => bits << (32 - count) | ((1 << (32 - count)) - 1),
        };
        let word = u32::try_from(ahead & u64::from(u32::MAX)).unwrap_or(0);
        let (symbol, length) = lookup(code, word)?;
        if length > count {
            // Only padding may be incomplete: fewer than eight bits, all ones.
            return (count < 8 && word == u32::MAX).then_some(output);
        }
        if symbol == END_OF_STRING {
            return None;
        }
        output.push(u8::try_from(symbol).ok()?);
        count -= length;
        bits &= (1 << count) - 1;
    }
}

fn lookup(code: &Code, word: u32) -> Option<(u16, u8)> {
    let place = usize::try_from(word >> 24).ok()?;
    match code.short.get(place) {
        Some((symbol, length)) if *length > 0 => Some((*symbol, *length)),
        _ => code.ranges.iter().find_map(|(length, first, end, start)| {
            if u64::from(word) >= *end || word < *first {
                return None;
            }
            let nth = usize::try_from((word - first) >> (32 - length)).ok()?;
            code.symbols.get(start + nth).map(|symbol| (*symbol, *length))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_7541_decode() {
        let coded = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        assert_eq!(decode(&coded).as_deref(), Some(b"www.example.com".as_slice()));
        assert_eq!(
            decode(&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf]).as_deref(),
            Some(b"no-cache".as_slice())
        );
        assert_eq!(decode(&[]).as_deref(), Some(b"".as_slice()));
    }

    #[test]
    fn wrong_padding_and_the_end_of_string_are_refused() {
        assert_eq!(decode(&[0xff, 0xff, 0xff, 0xff]), None, "the end-of-string word");
        assert_eq!(decode(&[0b0000_0000]), None, "padding of zeros after `0`");
        assert_eq!(decode(&[0b0000_0111, 0xff]), None, "padding of more than seven bits");
        assert_eq!(decode(&[0b0000_0111]).as_deref(), Some(b"0".as_slice()));
    }
}
