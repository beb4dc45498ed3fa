//! Paths through a cluster as the API tells them.
//! How they are found is `posture`'s.

use crate::report::Path;
use crate::room::scan::{KeptPaths, Outcome};
use posture::words::Language;
use serde::Serialize;

/// What a step rests on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureProof)]
pub(in crate::room) struct ProofBody {
    object: String,
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    value: Option<String>,
}

/// A step.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureHop)]
pub(in crate::room) struct HopBody {
    from: String,
    to: String,
    /// By what, in words.
    text: &'static str,
    /// Whether it holds for certain.
    certain: bool,
    proofs: Vec<ProofBody>,
}

/// A path, or that none was found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PosturePath)]
pub(in crate::room) struct PathBody {
    /// `internet`, or a workload.
    from: String,
    /// `node-root` or `cluster-admin`.
    to: String,
    /// Its steps; empty, if no path was found.
    hops: Vec<HopBody>,
}

/// Paths through a cluster.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PosturePaths)]
pub(in crate::room) struct PathsBody {
    /// The paths from where was asked for.
    paths: Vec<PathBody>,
    /// Workloads from which a path leads on.
    starts: Vec<String>,
    /// Workloads from which none was looked for, because there are too many.
    starts_left: u64,
    /// Kinds whose lists were refused: there may be a path in what was not seen.
    unseen: Vec<String>,
}

impl PathsBody {
    /// The paths from the internet, or from a workload; none, if there is none from it.
    pub(in crate::room) fn of(
        kept: &KeptPaths,
        from: Option<&str>,
        outcome: &Outcome,
        language: Language,
    ) -> Option<Self> {
        let paths = match from {
            None => &kept.internet,
            Some(from) => &kept.workloads.iter().find(|(name, _)| name == from)?.1,
        };
        Some(Self {
            paths: paths.iter().map(|path| PathBody::of(path, language)).collect(),
            starts: kept.workloads.iter().map(|(name, _)| name.clone()).collect(),
            starts_left: outcome.starts_left,
            unseen: outcome.unseen.clone(),
        })
    }
}

impl PathBody {
    fn of(path: &Path, language: Language) -> Self {
        let hops = path.hops.iter().map(|hop| HopBody {
            from: hop.from.clone(),
            to: hop.to.clone(),
            text: hop.way.words().say(language),
            certain: hop.certain,
            proofs: hop
                .proofs
                .iter()
                .map(|proof| ProofBody {
                    object: proof.object.clone(),
                    path: proof.path.clone(),
                    value: proof.value.clone(),
                })
                .collect(),
        });
        Self { from: path.from.clone(), to: path.to.clone(), hops: hops.collect() }
    }
}
