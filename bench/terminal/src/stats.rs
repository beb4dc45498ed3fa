//! Percentiles of samples.

use serde::Serialize;
use std::time::Duration;

/// Samples of a duration, in milliseconds.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Samples {
    /// Sorted.
    milliseconds: Vec<f64>,
}

impl Samples {
    /// Adds one.
    pub(crate) fn push(&mut self, sample: Duration) {
        let sample = sample.as_secs_f64() * 1000.0;
        let at = self.milliseconds.partition_point(|other| *other <= sample);
        self.milliseconds.insert(at, sample);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.milliseconds.len()
    }

    /// The nearest-rank percentile; `None` without samples.
    pub(crate) fn percentile(&self, percent: usize) -> Option<f64> {
        let rank = (self.len() * percent).div_ceil(100).max(1);
        self.milliseconds.get(rank - 1).copied()
    }

    /// The middle one.
    pub(crate) fn p50(&self) -> Option<f64> {
        self.percentile(50)
    }

    /// All but one of a hundred are at most this.
    pub(crate) fn p99(&self) -> Option<f64> {
        self.percentile(99)
    }
}

/// The middle of some figures.
pub(crate) fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let mut samples = Samples::default();
        for ms in (1..=200).rev() {
            samples.push(Duration::from_millis(ms));
        }
        assert_eq!((samples.p50(), samples.p99()), (Some(100.0), Some(198.0)));
        assert_eq!((samples.percentile(100), Samples::default().p99()), (Some(200.0), None));
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
    }
}
