//! Points in time as Go reads and compares them: RFC 3339 texts, and the numeric dates of tokens.
//! What a time limits is not known here.

use model::Timestamp;

/// Go's `time.Parse(time.RFC3339, …)`: unlike most readers it wants `T` and `Z` in capitals, exactly two
/// digits for each part, no leap second, and takes a fraction after a comma as well.
pub(super) fn rfc3339(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let shape = bytes.get(..19)?.iter().zip(b"dddd-dd-ddTdd:dd:dd").all(|(given, wanted)| {
        if *wanted == b'd' { given.is_ascii_digit() } else { given == wanted }
    });
    let rest = text.get(19..)?;
    let (fraction, zone) = match rest.strip_prefix(['.', ',']) {
        Some(after) => {
            let digits = after.bytes().take_while(u8::is_ascii_digit).count();
            (digits > 0).then(|| after.split_at(digits))?
        }
        None => ("", rest),
    };
    let zone_shape = zone == "Z"
        || (zone.len() == 6
            && zone.starts_with(['+', '-'])
            && zone.bytes().skip(1).zip(b"dd:dd").all(|(given, wanted)| {
                if *wanted == b'd' { given.is_ascii_digit() } else { given == *wanted }
            }));
    if !shape || !zone_shape || &bytes[17..19] == b"60" {
        return None;
    }
    // Nanoseconds are all that Go keeps.
    let fraction = &fraction[..fraction.len().min(9)];
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}{zone}", &text[..19]).parse().ok()
}

/// A JSON number as a date of a token: Go's conversion from floating point to an integer, which on the
/// API server's processors yields the smallest integer for all that do not fit.
pub(super) fn seconds_from_float(seconds: f64) -> i64 {
    // 2^63; every float below it in magnitude converts exactly.
    const TOO_LARGE: f64 = 9_223_372_036_854_775_808.0;
    if (-TOO_LARGE..TOO_LARGE).contains(&seconds) {
        #[expect(clippy::cast_possible_truncation, reason = "checked to be in range just before")]
        let whole = seconds as i64;
        whole
    } else {
        i64::MIN
    }
}

/// Seconds from the year 1 to 1970, Go's inner zero.
const EPOCH_IN_GO: i64 = 62_135_596_800;

/// A numeric date, compared as Go compares it: in seconds since the year 1, which wrap around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NumericDate(pub(super) i64);

impl NumericDate {
    fn in_go(self) -> i64 {
        self.0.wrapping_add(EPOCH_IN_GO)
    }

    /// Whether `time` lies before this date.
    pub(super) fn is_after(self, time: Timestamp) -> bool {
        let (seconds, _) = split(time);
        // A whole second cannot be before the date within the same second.
        seconds < self.in_go()
    }

    /// Whether `time` lies after this date.
    pub(super) fn is_before(self, time: Timestamp) -> bool {
        let (seconds, micros) = split(time);
        seconds > self.in_go() || (seconds == self.in_go() && micros > 0)
    }
}

fn split(time: Timestamp) -> (i64, i64) {
    let micros = time.as_micros();
    (micros.div_euclid(1_000_000) + EPOCH_IN_GO, micros.rem_euclid(1_000_000))
}

impl std::fmt::Display for NumericDate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.checked_mul(1_000_000) {
            Some(micros) if (0..=253_402_200_000_000_000).contains(&micros) => {
                Timestamp::from_micros(micros).fmt(f)
            }
            _ => self.0.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // What Go 1.26 said to the same texts.
    #[test]
    fn rfc3339_is_go_s() {
        for good in [
            "2026-01-31T12:00:00Z",
            "2026-01-31T12:00:00.5Z",
            "2026-01-31T12:00:00,123456789123Z",
            "2026-01-31T12:00:00+09:00",
            "0001-01-01T00:00:00Z",
        ] {
            assert!(rfc3339(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "2026-01-31",
            "2026-01-31t12:00:00Z",
            "2026-01-31T12:00:00z",
            "2026-01-31 12:00:00Z",
            "2026-01-31T12:00:60Z",
            "2026-02-30T12:00:00Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T12:00:00",
            "2026-01-31T12:00:00+0900",
            "2026-01-31T12:00:00.Z",
            " 2026-01-31T12:00:00Z",
            "2026-01-31T12:00:00Z ",
            "never",
        ] {
            assert!(rfc3339(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn dates_wrap_as_in_go() {
        let now = Timestamp::from_micros(1_800_000_000_500_000);
        assert!(NumericDate(1_800_000_000).is_before(now));
        assert!(!NumericDate(1_800_000_001).is_before(now));
        assert!(NumericDate(1_800_000_001).is_after(now));
        assert!(!NumericDate(1_800_000_000).is_after(now));
        // So far away that Go's inner count turns negative: such a token has expired.
        assert!(NumericDate(i64::MAX).is_before(now));
        assert_eq!(seconds_from_float(1e300), i64::MIN);
        assert_eq!(seconds_from_float(1_800_000_000.9), 1_800_000_000);
        assert_eq!(seconds_from_float(-1.5), -1);
    }
}
