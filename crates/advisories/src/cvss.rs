//! The base score of a CVSS 3 vector, and the rating that goes with a score (FIRST, CVSS v3.1, sections 5 and 7.1).
//! Vectors of version 2 and 4 are not understood, and rate nothing.
//!
//! Hostile input: a vector in which a metric is missing, twice, or unknown has no score.

use crate::Rating;

/// The rating of a vector.
pub fn rating(vector: &str) -> Option<Rating> {
    score(vector).map(of_score)
}

/// The rating of a score in tenths.
fn of_score(tenths: u32) -> Rating {
    match tenths {
        0..=39 => Rating::Low,
        40..=69 => Rating::Medium,
        70..=89 => Rating::High,
        _ => Rating::Critical,
    }
}

/// The base score in tenths.
fn score(vector: &str) -> Option<u32> {
    let rest =
        vector.trim().strip_prefix("CVSS:3.0/").or_else(|| vector.strip_prefix("CVSS:3.1/"))?;
    let metric = |wanted: &str| {
        let mut found = rest.split('/').filter_map(|part| part.split_once(':'));
        let value = found.find(|(name, _)| *name == wanted)?.1;
        found.all(|(name, _)| name != wanted).then_some(value)
    };
    let is_changed = match metric("S")? {
        "C" => true,
        "U" => false,
        _ => return None,
    };
    let vector = match metric("AV")? {
        "N" => 0.85,
        "A" => 0.62,
        "L" => 0.55,
        "P" => 0.2,
        _ => return None,
    };
    let complexity = match metric("AC")? {
        "L" => 0.77,
        "H" => 0.44,
        _ => return None,
    };
    let privileges = match (metric("PR")?, is_changed) {
        ("N", _) => 0.85,
        ("L", false) => 0.62,
        ("L", true) => 0.68,
        ("H", false) => 0.27,
        ("H", true) => 0.5,
        _ => return None,
    };
    let interaction = match metric("UI")? {
        "N" => 0.85,
        "R" => 0.62,
        _ => return None,
    };
    let loss = |name| match metric(name)? {
        "H" => Some(0.56),
        "L" => Some(0.22),
        "N" => Some(0.0),
        _ => None,
    };
    let kept: f64 = [loss("C")?, loss("I")?, loss("A")?].iter().map(|loss| 1.0 - loss).product();
    let base = 1.0 - kept;
    let impact = if is_changed {
        7.52 * (base - 0.029) - 3.25 * (base - 0.02).powi(15)
    } else {
        6.42 * base
    };
    if impact <= 0.0 {
        return Some(0);
    }
    let exploitability = 8.22 * vector * complexity * privileges * interaction;
    let sum = impact + exploitability;
    Some(rounded_up(if is_changed { 1.08 * sum } else { sum }.min(10.0)))
}

/// Tenths, rounded up as appendix A says, so that a sum that floating point makes a little too large does not grow.
fn rounded_up(score: f64) -> u32 {
    let hundred_thousandths = (score * 100_000.0).round();
    (0..=100).find(|tenths| f64::from(*tenths) * 10_000.0 >= hundred_thousandths).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::{rating, score};
    use crate::Rating;

    #[test]
    fn scores_are_those_of_the_specification_and_of_known_vulnerabilities() {
        for (vector, tenths) in [
            // Heartbleed, Log4Shell, Shellshock, a local one, one without impact.
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 75),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 100),
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 98),
            ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 78),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 61),
            ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N", 16),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0),
        ] {
            assert_eq!(score(vector), Some(tenths), "{vector}");
        }
        assert_eq!(rating("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"), Some(Rating::High));
    }

    #[test]
    fn what_is_no_vector_rates_nothing() {
        for vector in [
            "",
            "AV:N/AC:L/Au:N/C:P/I:P/A:P",
            "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H",
            "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "CVSS:3.1/AV:N/AV:P/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
        ] {
            assert_eq!(rating(vector), None, "{vector}");
        }
    }
}
