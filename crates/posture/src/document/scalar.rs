//! Which plain texts are null, booleans or numbers, as Kubernetes' own reader decides it.
//! It follows YAML 1.1 for booleans, as that reader does: `privileged: yes` is true in a cluster, and a
//! scanner that takes it for text would pass it.

use crate::node::Value;

/// Resolves a plain scalar.
pub(super) fn resolve(text: String) -> Value {
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => {
            Value::Bool(true, text)
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => {
            Value::Bool(false, text)
        }
        _ => match number(&text) {
            Some(number) => Value::Number(number, text),
            None => Value::Text(text),
        },
    }
}

fn number(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    let digits = unsigned.replace('_', "");
    let radix = |prefix: &str, radix: u32| {
        digits.strip_prefix(prefix).and_then(|rest| u32::from_str_radix(rest, radix).ok())
    };
    if let Some(whole) = radix("0x", 16).or_else(|| radix("0o", 8)).or_else(|| radix("0b", 2)) {
        return Some(sign * f64::from(whole));
    }
    // YAML 1.1: a leading zero makes an octal number, which is how file modes are written.
    if digits.len() > 1 && digits.starts_with('0') && digits.chars().all(|digit| digit.is_digit(8))
    {
        return u32::from_str_radix(&digits, 8).ok().map(|whole| sign * f64::from(whole));
    }
    let is_numeric = digits
        .chars()
        .all(|letter| letter.is_ascii_digit() || matches!(letter, '.' | 'e' | 'E' | '+' | '-'));
    if !is_numeric || !digits.contains(|letter: char| letter.is_ascii_digit()) {
        return None;
    }
    digits.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| sign * number)
}

#[cfg(test)]
mod tests {
    use super::resolve;
    use crate::node::Value;

    #[test]
    fn booleans_are_those_of_the_api_server() {
        for text in ["true", "yes", "On", "Y"] {
            assert!(matches!(resolve(text.to_owned()), Value::Bool(true, _)), "{text}");
        }
        for text in ["false", "No", "off", "n"] {
            assert!(matches!(resolve(text.to_owned()), Value::Bool(false, _)), "{text}");
        }
        assert!(matches!(resolve("truely".to_owned()), Value::Text(_)));
    }

    #[test]
    fn numbers_and_what_only_looks_like_one() {
        for (text, number) in [
            ("0", 0.0),
            ("10001", 10001.0),
            ("0644", 420.0),
            ("0x10", 16.0),
            ("-1.5", -1.5),
            ("1e3", 1000.0),
        ] {
            assert!(
                matches!(resolve(text.to_owned()), Value::Number(n, _) if n == number),
                "{text}"
            );
        }
        for text in ["100m", "1.2.3", "1Gi", "10.0.0.1", "-", ".", "e3", "v1"] {
            assert!(matches!(resolve(text.to_owned()), Value::Text(_)), "{text}");
        }
    }
}
