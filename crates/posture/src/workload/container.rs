//! Containers of the Pod view, and the security context that Pods and containers share.
//! Which of two contexts wins is decided where a check asks: a container's word stands above its Pod's.

use crate::node::Node;
use crate::place::{Field, Place};

/// In which of a Pod's lists a container stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// `initContainers`.
    Init,
    /// `containers`.
    Regular,
    /// `ephemeralContainers`.
    Ephemeral,
}

/// A container.
#[derive(Debug)]
pub struct Container<'a> {
    /// Its list.
    pub group: Group,
    /// The whole container.
    pub place: Place<'a>,
    /// `name`.
    pub name: Field<'a, &'a str>,
    /// `image`.
    pub image: Field<'a, &'a str>,
    /// `imagePullPolicy`; by the tag if unset.
    pub pull_policy: Field<'a, &'a str>,
    /// `command` and `args`.
    pub command: Vec<&'a str>,
    /// `securityContext`.
    pub security: Security<'a>,
    /// `securityContext.privileged`; false if unset.
    pub privileged: Field<'a, bool>,
    /// `securityContext.allowPrivilegeEscalation`; true if unset.
    pub privilege_escalation: Field<'a, bool>,
    /// `securityContext.readOnlyRootFilesystem`; false if unset.
    pub read_only_root: Field<'a, bool>,
    /// `securityContext.procMount`; `Default` if unset.
    pub proc_mount: Field<'a, &'a str>,
    /// `securityContext.capabilities.add`.
    pub capabilities_added: Vec<Field<'a, &'a str>>,
    /// `securityContext.capabilities.drop`.
    pub capabilities_dropped: Vec<Field<'a, &'a str>>,
    /// `env`.
    pub env: Vec<Env<'a>>,
    /// `envFrom[].secretRef`, those that are set.
    pub env_from_secrets: Vec<Place<'a>>,
    /// `ports[].hostPort`, those above 0.
    pub host_ports: Vec<Field<'a, f64>>,
    /// `volumeMounts`.
    pub mounts: Vec<Mount<'a>>,
    /// Hosts of probes and lifecycle handlers, those that are set.
    pub handler_hosts: Vec<Field<'a, &'a str>>,
    /// `restartPolicy`, which makes a sidecar of an init container.
    pub restart_policy: Field<'a, &'a str>,
}

/// What Pods and containers both can say.
#[derive(Debug)]
pub struct Security<'a> {
    /// The whole context.
    pub place: Place<'a>,
    /// `runAsNonRoot`.
    pub non_root: Field<'a, bool>,
    /// `runAsUser`.
    pub user: Field<'a, f64>,
    /// `runAsGroup`.
    pub group: Field<'a, f64>,
    /// `seccompProfile.type`.
    pub seccomp: Field<'a, &'a str>,
    /// `appArmorProfile.type`.
    pub app_armor: Field<'a, &'a str>,
    /// `seLinuxOptions.type`.
    pub selinux_type: Field<'a, &'a str>,
    /// `seLinuxOptions.user`.
    pub selinux_user: Field<'a, &'a str>,
    /// `seLinuxOptions.role`.
    pub selinux_role: Field<'a, &'a str>,
    /// `windowsOptions.hostProcess`.
    pub host_process: Field<'a, bool>,
}

/// An environment variable.
#[derive(Debug)]
pub struct Env<'a> {
    /// Its name.
    pub name: Field<'a, &'a str>,
    /// Its value, if it is written in the manifest.
    pub value: Option<&'a Node>,
    /// `valueFrom.secretKeyRef`.
    pub secret: Place<'a>,
}

/// A volume mount.
#[derive(Debug)]
pub struct Mount<'a> {
    /// Name of the volume.
    pub name: Field<'a, &'a str>,
    /// `readOnly`; false if unset.
    pub read_only: Field<'a, bool>,
    /// The whole mount.
    pub place: Place<'a>,
}

/// An image's name taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageName<'a> {
    /// Repository with its registry.
    pub repository: &'a str,
    /// Tag.
    pub tag: Option<&'a str>,
    /// Digest.
    pub digest: Option<&'a str>,
}

impl<'a> ImageName<'a> {
    /// Takes a name apart as the runtime does: digest behind `@`, tag behind the `:` of the last part.
    pub fn of(name: &'a str) -> Self {
        let (rest, digest) = match name.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (name, None),
        };
        let tail = rest.rfind('/').map_or(0, |slash| slash + 1);
        match rest[tail..].find(':') {
            Some(colon) => {
                let tag = &rest[tail + colon + 1..];
                let tag = (!tag.is_empty()).then_some(tag);
                Self { repository: &rest[..tail + colon], tag, digest }
            }
            None => Self { repository: rest, tag: None, digest },
        }
    }

    /// Whether another image can stand behind it tomorrow: no tag, or `latest`, and no digest.
    pub fn floats(&self) -> bool {
        self.digest.is_none() && self.tag.is_none_or(|tag| tag == "latest")
    }
}

#[cfg(test)]
mod tests {
    use super::ImageName;

    #[test]
    fn images_are_taken_apart() {
        let name = ImageName::of("registry:5000/team/app:1.2@sha256:ab");
        assert_eq!(name.repository, "registry:5000/team/app");
        assert_eq!((name.tag, name.digest), (Some("1.2"), Some("sha256:ab")));
        assert_eq!(ImageName::of("registry:5000/app").tag, None);
        for floating in ["nginx", "nginx:latest", "nginx:"] {
            assert!(ImageName::of(floating).floats(), "{floating}");
        }
        for fixed in ["nginx:latest@sha256:ab", "nginx:1.27", "registry:5000/app:1"] {
            assert!(!ImageName::of(fixed).floats(), "{fixed}");
        }
    }
}
