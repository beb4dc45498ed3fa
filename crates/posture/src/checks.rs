//! All checks, by what they look at. Each file holds the data of its checks beside their functions.
//! How a check is run, and over what, is `scan`'s.

mod account;
mod capability;
mod cluster;
mod extension;
mod gateway_api;
mod host;
mod image;
mod mounts;
mod network;
mod node;
mod opened;
mod privilege;
mod profile;
mod rbac;
mod resources;
mod user;

use crate::check::{Check, Framework, Mapping};
use crate::words::{Words, words};

pub(crate) use network::is_internal;
pub use opened::{is_secret_setting, is_secret_step, notable};

/// Families of checks of manifests and clusters.
static OF_OBJECTS: &[(Words, &[Check])] = &[
    (words("Privileges", "특권"), privilege::CHECKS),
    (words("Users", "사용자"), user::CHECKS),
    (words("Capabilities", "커널 기능(capability)"), capability::CHECKS),
    (words("Host", "호스트"), host::CHECKS),
    (words("Mounts and volumes", "마운트와 볼륨"), mounts::CHECKS),
    (words("Kernel profiles", "커널 프로필"), profile::CHECKS),
    (words("Accounts and secrets", "계정과 비밀"), account::CHECKS),
    (words("Images", "이미지"), image::CHECKS),
    (words("Resources and probes", "리소스와 프로브"), resources::CHECKS),
    (words("Network", "네트워크"), network::CHECKS),
    (words("Rights", "권한"), rbac::CHECKS),
    (words("Further rights", "그 밖의 권한"), rbac::WIDER),
    (words("Cluster", "클러스터"), cluster::CHECKS),
    (words("Gateway API", "Gateway API"), gateway_api::CHECKS),
    (words("Extensions and stored values", "확장과 저장된 값"), extension::CHECKS),
];

/// Families of checks, in the order of documents.
pub fn families() -> impl Iterator<Item = &'static (Words, &'static [Check])> {
    OF_OBJECTS.iter().chain(node::FAMILIES).chain(opened::FAMILIES)
}

/// The settings of the kernel that checks on a node ask for.
pub fn kernel_settings() -> &'static [&'static str] {
    node::KERNEL_SETTINGS
}

/// All checks.
pub fn all() -> impl Iterator<Item = &'static Check> {
    families().flat_map(|(_, checks)| checks.iter())
}

/// The check of this id, or the checks to which a control of a guide or another tool is mapped.
pub fn named(id: &str) -> Vec<&'static Check> {
    let own: Vec<_> = all().filter(|check| check.id == id).collect();
    if !own.is_empty() {
        return own;
    }
    let is_theirs = |mapping: &Mapping| mapping.control.eq_ignore_ascii_case(id);
    all().filter(|check| check.mappings.iter().any(is_theirs)).collect()
}

const fn mapping(framework: Framework, control: &'static str) -> Mapping {
    Mapping { framework, control }
}

const fn baseline(control: &'static str) -> Mapping {
    mapping(Framework::PssBaseline, control)
}

const fn restricted(control: &'static str) -> Mapping {
    mapping(Framework::PssRestricted, control)
}

const fn cis(control: &'static str) -> Mapping {
    mapping(Framework::Cis, control)
}

const fn nsa(control: &'static str) -> Mapping {
    mapping(Framework::Nsa, control)
}

const fn threat(control: &'static str) -> Mapping {
    mapping(Framework::Threat, control)
}

const fn checkov(control: &'static str) -> Mapping {
    mapping(Framework::Checkov, control)
}

const fn kubesec(control: &'static str) -> Mapping {
    mapping(Framework::Kubesec, control)
}

const fn kubeaudit(control: &'static str) -> Mapping {
    mapping(Framework::Kubeaudit, control)
}

const fn kccss(control: &'static str) -> Mapping {
    mapping(Framework::Kccss, control)
}

const fn hunter(control: &'static str) -> Mapping {
    mapping(Framework::KubeHunter, control)
}

const fn bench(control: &'static str) -> Mapping {
    mapping(Framework::KubeBench, control)
}

const fn dockle(control: &'static str) -> Mapping {
    mapping(Framework::Dockle, control)
}

const fn mkit(control: &'static str) -> Mapping {
    mapping(Framework::Mkit, control)
}

#[cfg(test)]
mod tests;
