//! Times and durations as Go's encoders write them.
//! Where they stand is the parent's knowledge.

/// A second since the Unix epoch as `2026-01-31T12:00:00`, in UTC; none outside the years 0 to 9999.
pub(super) fn time(seconds: i64) -> Option<String> {
    const DAY: i64 = 86_400;
    let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    // Howard Hinnant's civil_from_days: years begin in March, in eras of 400 years.
    let days = days.checked_add(719_468)?;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    (0..=9_999)
        .contains(&year)
        .then(|| format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"))
}

/// Nanoseconds as `1h2m3.5s`, `1.5ms` or `0s`.
pub(super) fn duration(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let all = nanoseconds.unsigned_abs();
    let short = |unit: u64, name: &str| format!("{sign}{}{name}", fraction(all, unit));
    match all {
        0 => "0s".to_owned(),
        1..1_000 => short(1, "ns"),
        1_000..1_000_000 => short(1_000, "µs"),
        1_000_000..1_000_000_000 => short(1_000_000, "ms"),
        _ => {
            const MINUTE: u64 = 60_000_000_000;
            let (hours, minutes) = (all / MINUTE / 60, all / MINUTE % 60);
            let seconds = fraction(all % MINUTE, 1_000_000_000);
            match (hours, minutes) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, _) => format!("{sign}{minutes}m{seconds}s"),
                _ => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

/// How many units there are, with a fraction that has no zeros at its end.
fn fraction(all: u64, unit: u64) -> String {
    let (whole, rest) = (all / unit, all % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = unit.ilog10() as usize;
    let rest = format!("{rest:0digits$}");
    format!("{whole}.{}", rest.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_gos() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00"),
            (-1, "1969-12-31T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (1_785_000_000, "2026-07-25T17:20:00"),
            (253_402_300_799, "9999-12-31T23:59:59"),
        ] {
            assert_eq!(time(seconds).as_deref(), Some(text));
        }
        for seconds in [253_402_300_800, -62_167_219_201, i64::MAX, i64::MIN] {
            assert_eq!(time(seconds), None, "{seconds}");
        }
    }

    #[test]
    fn durations_are_gos() {
        for (nanoseconds, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5µs"),
            (1_050_000, "1.05ms"),
            (90_000_000_000, "1m30s"),
            (-3_600_000_000_001, "-1h0m0.000000001s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(duration(nanoseconds), text);
        }
    }
}
