//! KCCSS, the risk score of kube-scan, computed from findings of the checks that its risks are mapped to.
//! How a risk is found is the checks'; the score that Sallyport itself gives is another.
//!
//! A risk is Scope × 4 × (1 − ∏(1 − CIA)) + 9 × AV × E. Of the risks of a workload the greatest counts for
//! each pair of attack vector and scope, and those are joined as √Σs², at most 10. The two published
//! implementations differ where a container's risk meets one of the host or cluster; one of them gives what
//! depends on the order of the rules. Here every pair counts, so that a further risk never lowers the score.

use crate::check::Framework;
use crate::scan::{Finding, Verdict};
use serde::Serialize;

/// From where a risk is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Vector {
    Local,
    Remote,
}

/// What a risk reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Container,
    Host,
    Cluster,
}

/// A risk: its id, and confidentiality, integrity, availability (`h`, `l`, `n`) and exploitability
/// (`h`, `m`, `l`, `v`).
#[derive(Debug)]
struct Risk {
    id: &'static str,
    vector: Vector,
    scope: Scope,
    impact: [u8; 3],
    exploitability: u8,
}

const fn risk(
    id: &'static str,
    vector: Vector,
    scope: Scope,
    impact: [u8; 3],
    exploitability: u8,
) -> Risk {
    Risk { id, vector, scope, impact, exploitability }
}

static RISKS: &[Risk] = &[
    risk("K-1", Vector::Local, Scope::Host, *b"hll", b'h'),
    risk("K-2", Vector::Local, Scope::Host, *b"hll", b'l'),
    risk("K-3", Vector::Local, Scope::Host, *b"lll", b'v'),
    risk("K-4", Vector::Local, Scope::Cluster, *b"hnl", b'l'),
    risk("K-6", Vector::Local, Scope::Host, *b"lnh", b'm'),
    risk("K-7", Vector::Local, Scope::Host, *b"nlh", b'm'),
    risk("K-8", Vector::Local, Scope::Host, *b"nnh", b'h'),
    risk("K-9", Vector::Local, Scope::Host, *b"hhl", b'm'),
    risk("K-10", Vector::Local, Scope::Host, *b"hnn", b'l'),
    risk("K-11", Vector::Local, Scope::Host, *b"hll", b'm'),
    risk("K-12", Vector::Remote, Scope::Container, *b"hlh", b'h'),
    risk("K-13", Vector::Remote, Scope::Container, *b"hlh", b'h'),
    risk("K-14", Vector::Remote, Scope::Container, *b"lll", b'm'),
    risk("K-15", Vector::Remote, Scope::Container, *b"hlh", b'm'),
    risk("K-16", Vector::Remote, Scope::Host, *b"hlh", b'l'),
    risk("K-17", Vector::Local, Scope::Host, *b"lll", b'l'),
    risk("K-18", Vector::Local, Scope::Host, *b"hll", b'l'),
    risk("K-19", Vector::Local, Scope::Cluster, *b"hnn", b'h'),
    risk("K-20", Vector::Local, Scope::Cluster, *b"nhh", b'h'),
    risk("K-21", Vector::Local, Scope::Cluster, *b"hnn", b'h'),
    risk("K-22", Vector::Local, Scope::Cluster, *b"lll", b'h'),
    risk("K-23", Vector::Local, Scope::Cluster, *b"lll", b'h'),
    risk("K-24", Vector::Local, Scope::Container, *b"lhn", b'm'),
    risk("Helm-1", Vector::Remote, Scope::Cluster, *b"hhh", b'm'),
    risk("CRD-1", Vector::Local, Scope::Cluster, *b"hnn", b'm'),
];

impl Risk {
    fn score(&self) -> f64 {
        let untouched: f64 = self
            .impact
            .iter()
            .map(|impact| match impact {
                b'h' => 1.0 - 0.56,
                b'l' => 1.0 - 0.22,
                _ => 1.0,
            })
            .product();
        let scope = if self.scope == Scope::Container { 0.25 } else { 1.0 };
        let vector = if self.vector == Vector::Remote { 0.85 } else { 0.55 };
        let exploitability = match self.exploitability {
            b'h' => 0.54,
            b'm' => 0.4,
            b'l' => 0.1,
            _ => 0.05,
        };
        scope * 4.0 * (1.0 - untouched) + 9.0 * vector * exploitability
    }
}

/// The score of a workload.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kccss {
    /// From 0 to 10.
    pub score: f64,
    /// Low up to 3, Medium up to 7, High above.
    pub band: &'static str,
    /// The risks that it has, with the score of each.
    pub risks: Vec<(&'static str, f64)>,
}

/// The score by what the checks found in one object.
pub fn score<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> Kccss {
    let mut ids: Vec<&'static str> = findings
        .into_iter()
        .filter(|finding| finding.verdict == Verdict::Fail)
        .flat_map(|finding| finding.check.mappings)
        .filter(|mapping| mapping.framework == Framework::Kccss)
        .map(|mapping| mapping.control)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    of(&ids)
}

fn of(ids: &[&'static str]) -> Kccss {
    let risks: Vec<&Risk> = RISKS.iter().filter(|risk| ids.contains(&risk.id)).collect();
    let mut squares = 0.0;
    for vector in [Vector::Local, Vector::Remote] {
        for scope in [Scope::Container, Scope::Host, Scope::Cluster] {
            let of_pair = risks.iter().filter(|risk| risk.vector == vector && risk.scope == scope);
            let greatest = of_pair.map(|risk| risk.score()).fold(0.0, f64::max);
            squares += greatest * greatest;
        }
    }
    let score = f64::sqrt(squares).min(10.0);
    let band = match score {
        score if score <= 3.0 => "Low",
        score if score <= 7.0 => "Medium",
        _ => "High",
    };
    Kccss { score, band, risks: risks.iter().map(|risk| (risk.id, risk.score())).collect() }
}

#[cfg(test)]
mod tests {
    use super::{RISKS, of};
    use proptest::prelude::*;

    /// The scores that KCCSS publishes beside its rules: the sum of two parts, each rounded to one decimal.
    #[test]
    fn each_risk_has_its_published_score() {
        for (id, published) in [
            ("K-1", 5.6),
            ("K-2", 3.4),
            ("K-3", 2.3),
            ("K-4", 3.1),
            ("K-6", 4.6),
            ("K-7", 4.6),
            ("K-8", 4.9),
            ("K-9", 5.4),
            ("K-10", 2.7),
            ("K-11", 4.9),
            ("K-12", 4.9),
            ("K-13", 4.9),
            ("K-14", 3.6),
            ("K-15", 3.9),
            ("K-16", 4.2),
            ("K-17", 2.6),
            ("K-18", 3.4),
            ("K-19", 4.9),
            ("K-20", 5.9),
            ("K-21", 4.9),
            ("K-22", 4.8),
            ("K-23", 4.8),
            ("Helm-1", 6.8),
        ] {
            let risk = RISKS.iter().find(|risk| risk.id == id).unwrap();
            assert!(
                (risk.score() - published).abs() < 0.1,
                "{id}: {} is not {published}",
                risk.score()
            );
        }
    }

    proptest! {
        #[test]
        fn the_score_knows_no_order_and_only_grows(
            mut chosen in proptest::sample::subsequence((0..RISKS.len()).collect::<Vec<_>>(), 0..RISKS.len()),
            more in 0..RISKS.len(),
        ) {
            let ids: Vec<_> = chosen.iter().map(|index| RISKS[*index].id).collect();
            let reversed: Vec<_> = ids.iter().rev().copied().collect();
            let score = of(&ids).score;
            prop_assert_eq!(score, of(&reversed).score);
            prop_assert!((0.0..=10.0).contains(&score));
            chosen.push(more);
            let more: Vec<_> = chosen.iter().map(|index| RISKS[*index].id).collect();
            prop_assert!(of(&more).score >= score);
            for index in chosen {
                prop_assert!(of(&more).score + 1e-9 >= RISKS[index].score().min(10.0));
            }
        }
    }
}
