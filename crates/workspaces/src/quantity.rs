//! Kubernetes quantities such as `500m` and `2Gi`, as far as sums for a quota need them.
//! Which amounts a template asks for stands in `template`.
//!
//! Hostile input: none, an operator writes them; what is not a plain quantity is refused at start.

/// An amount in thousandths of its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Quantity(u64);

impl Quantity {
    /// Reads `2`, `1.5`, `500m`, `64k`, `512Mi`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let milli_of_one: u64 = match unit {
            "m" => 1,
            "" => 1000,
            "k" => 1_000_000,
            "M" => 1_000_000_000,
            "G" => 1_000_000_000_000,
            "Ki" => 1000 << 10,
            "Mi" => 1000 << 20,
            "Gi" => 1000 << 30,
            "Ti" => 1000 << 40,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() || fraction.len() > 3 {
            return None;
        }
        let mut amount = whole.parse::<u64>().ok()?.checked_mul(milli_of_one)?;
        if !fraction.is_empty() {
            let thousandths: u64 = format!("{fraction:0<3}").parse().ok()?;
            amount = amount.checked_add(thousandths.checked_mul(milli_of_one)? / 1000)?;
        }
        (amount > 0).then_some(Self(amount))
    }

    /// So many times as much.
    pub(crate) fn times(self, count: u32) -> Self {
        Self(self.0.saturating_mul(u64::from(count)))
    }
}

impl std::fmt::Display for Quantity {
    /// In the largest binary unit that loses nothing, as people write memory.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let whole = self.0 / 1000;
        if !self.0.is_multiple_of(1000) {
            return write!(f, "{}m", self.0);
        }
        for (shift, unit) in [(30, "Gi"), (20, "Mi"), (10, "Ki")] {
            if whole.is_multiple_of(1 << shift) {
                return write!(f, "{}{unit}", whole >> shift);
            }
        }
        write!(f, "{whole}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_add_up() {
        for (text, count, sum) in [
            ("500m", 3, "1500m"),
            ("500m", 4, "2"),
            ("1", 5, "5"),
            ("1.5", 2, "3"),
            ("512Mi", 3, "1536Mi"),
            ("512Mi", 4, "2Gi"),
            ("1.5Gi", 1, "1536Mi"),
            ("64k", 1, "64000"),
        ] {
            assert_eq!(Quantity::parse(text).unwrap().times(count).to_string(), sum, "{text}");
        }
        for bad in ["", "m", "1x", "-1", "1e3", "0", ".5", "1.2345", "1 Gi", "１"] {
            assert!(Quantity::parse(bad).is_none(), "{bad}");
        }
    }
}
