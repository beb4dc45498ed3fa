//! What a check is: data that people and documents read, a small function, and examples which prove it.
//! Which checks there are is `checks`'; how they are run over a snapshot is `scan`'s.

use crate::object::Object;
use crate::place::Place;
use crate::snapshot::Snapshot;
use crate::words::Words;
use crate::workload::{Container, Pod};
use serde::{Deserialize, Serialize};

/// A check.
#[derive(Debug)]
pub struct Check {
    /// Its name, as people say it and as every output has it.
    pub id: &'static str,
    /// How bad a failure is by itself.
    pub severity: Severity,
    /// What is wrong when it fails.
    pub title: Words,
    /// Why that matters.
    pub why: Words,
    /// What to do.
    pub fix: Words,
    /// The rules of guides and other tools that say the same.
    pub mappings: &'static [Mapping],
    /// The decision.
    pub test: Test,
    /// The change that a machine can make.
    pub remedy: Option<Remedy>,
    /// Manifests that pass.
    pub passes: &'static [Example],
    /// Manifests that fail.
    pub fails: &'static [Example],
}

/// How bad a failure is by itself; what reaches it is another question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; often intended.
    Info,
    /// Hardening.
    Low,
    /// A weakness that helps an attacker who is already inside.
    Medium,
    /// A way to more than the workload should have.
    High,
    /// The node or the cluster.
    Critical,
}

/// A rule of a guide or of another tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Mapping {
    /// Whose.
    pub framework: Framework,
    /// The control's own id.
    pub control: &'static str,
}

/// Guides and tools whose rules ours are mapped to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Framework {
    /// Pod Security Standards, baseline level.
    PssBaseline,
    /// Pod Security Standards, restricted level.
    PssRestricted,
    /// CIS Kubernetes Benchmark.
    Cis,
    /// NSA/CISA Kubernetes Hardening Guide, by its section.
    Nsa,
    /// The ten threats, E1 to E10.
    Threat,
    /// Checkov.
    Checkov,
    /// kubesec.
    Kubesec,
    /// kubeaudit.
    Kubeaudit,
    /// KCCSS, the score of kube-scan.
    Kccss,
    /// kube-hunter.
    KubeHunter,
    /// MKIT.
    Mkit,
    /// kube-bench, whose ids are those of its set `cis-1.12`.
    KubeBench,
    /// dockle, by which Kubei looks at images; its ids `CIS-DI` stand for the CIS Docker Benchmark, section 4.
    Dockle,
}

impl Framework {
    /// All of them, in the order of documents.
    pub const ALL: &'static [Self] = &[
        Self::PssBaseline,
        Self::PssRestricted,
        Self::Cis,
        Self::Nsa,
        Self::Threat,
        Self::Checkov,
        Self::Kubesec,
        Self::Kubeaudit,
        Self::Kccss,
        Self::KubeHunter,
        Self::Mkit,
        Self::KubeBench,
        Self::Dockle,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::PssBaseline => "Pod Security Standards, baseline",
            Self::PssRestricted => "Pod Security Standards, restricted",
            Self::Cis => "CIS Kubernetes Benchmark",
            Self::Nsa => "NSA/CISA Kubernetes Hardening Guide",
            Self::Threat => "ten threats",
            Self::Checkov => "Checkov",
            Self::Kubesec => "kubesec",
            Self::Kubeaudit => "kubeaudit",
            Self::Kccss => "KCCSS",
            Self::KubeHunter => "kube-hunter",
            Self::Mkit => "MKIT",
            Self::KubeBench => "kube-bench",
            Self::Dockle => "dockle",
        }
    }

    /// The version whose ids are meant.
    pub fn version(self) -> &'static str {
        match self {
            Self::PssBaseline | Self::PssRestricted => "1.35",
            Self::Cis => "1.12",
            Self::Nsa => "1.2",
            Self::Threat | Self::Kccss => "1",
            Self::Checkov => "3.3",
            Self::Kubesec => "2.14",
            Self::Kubeaudit => "0.22",
            Self::KubeHunter => "0.6",
            Self::Mkit => "2021",
            Self::KubeBench => "0.15",
            Self::Dockle => "0.4",
        }
    }
}

/// The decision of a check, by what it looks at.
#[derive(Debug)]
pub enum Test {
    /// Every Pod.
    Pod(for<'a> fn(&Pod<'a>) -> Outcome<'a>),
    /// Every container of every Pod: the place of what is wrong.
    Container(for<'a> fn(&Pod<'a>, &Container<'a>) -> Option<Place<'a>>),
    /// Objects of these kinds.
    Object(&'static [&'static str], for<'a> fn(&'a Object) -> Outcome<'a>),
    /// Objects of these kinds, seen among all others.
    Among(&'static [&'static str], for<'a> fn(&Snapshot<'a>, &'a Object) -> Outcome<'a>),
    /// Pods, seen among all other objects.
    PodAmong(for<'a> fn(&Snapshot<'a>, &Pod<'a>) -> Outcome<'a>),
}

/// What a check found in one object.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// Nothing is wrong.
    Pass,
    /// These places are wrong.
    Fail(Vec<Place<'a>>),
    /// It cannot be known, and why.
    Unknown(Words),
    /// The question does not arise, and why.
    NotApplicable(Words),
}

impl<'a> Outcome<'a> {
    /// Fails at these places, and passes if there are none.
    pub fn of(places: impl IntoIterator<Item = Place<'a>>) -> Self {
        let places: Vec<_> = places.into_iter().collect();
        if places.is_empty() { Self::Pass } else { Self::Fail(places) }
    }

    /// Fails at this place if the condition holds.
    pub fn fail_if(condition: bool, place: Place<'a>) -> Self {
        if condition { Self::Fail(vec![place]) } else { Self::Pass }
    }
}

/// A change that answers a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remedy {
    /// Whose field is set.
    pub subject: RemedySubject,
    /// The field, from there.
    pub field: &'static [&'static str],
    /// The value, as YAML in one line that is JSON as well.
    pub value: &'static str,
    /// Whether it may be made without asking: it takes nothing away that a working program could need.
    pub needs_decision: bool,
}

/// Whose field a remedy sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemedySubject {
    /// The `spec` of the Pod.
    PodSpec,
    /// The container in which the finding is.
    Container,
    /// The object itself.
    Object,
}

/// A manifest that proves a check, written as little as possible.
#[derive(Debug, Clone, Copy)]
pub enum Example {
    /// Fields of a Pod's `spec` beside one container.
    Spec(&'static str),
    /// Fields of the one container of a Pod.
    Container(&'static str),
    /// Whole documents.
    Manifest(&'static str),
}

impl Example {
    /// The whole manifest.
    pub fn manifest(self) -> String {
        /// A Pod around a fragment.
        const POD: &str =
            "apiVersion: v1\nkind: Pod\nmetadata:\n  name: example\n  namespace: shop\nspec:\n";
        let indent = |text: &str, by: usize| -> String {
            text.lines().map(|line| format!("{:by$}{line}\n", "")).collect()
        };
        match self {
            Self::Spec(fields) => format!(
                "{POD}{}  containers:\n    - name: app\n      image: registry.example/app:1.0\n",
                indent(fields, 2)
            ),
            Self::Container(fields) => {
                format!("{POD}  containers:\n    - name: app\n{}", indent(fields, 6))
            }
            Self::Manifest(text) => text.to_owned(),
        }
    }
}
