//! kubesec's score of an object, exactly: its 30 rules, its points, and what it does not look at.
//! What Sallyport thinks of the same fields is the checks'; here is only what kubesec says.
//!
//! Kept on purpose: a rule counts once however many containers match; only four kinds are scored by most
//! rules; the resource rules see regular containers alone; `privileged` as text is not seen.

use crate::node::{Node, Value};
use crate::object::Object;
use serde::Serialize;

/// What kubesec says of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kubesec {
    /// The sum of the points.
    pub score: i32,
    /// The rules that matched, with their points.
    pub matched: Vec<(&'static str, i32)>,
    /// The rules of positive points that did not: its advice.
    pub advice: Vec<(&'static str, i32)>,
}

type Rule = (&'static str, i32, &'static [&'static str], fn(&Seen<'_>) -> bool);

const PODS: &[&str] = &["Pod", "Deployment", "StatefulSet", "DaemonSet"];
const SECRETS: &[&str] =
    &["Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob"];
const SETS: &[&str] = &["StatefulSet"];
const BINDINGS: &[&str] = &["RoleBinding", "ClusterRoleBinding"];

static RULES: &[Rule] = &[
    ("HostNetwork", -9, PODS, |seen| seen.spec_is("hostNetwork", true)),
    ("HostPID", -9, PODS, |seen| seen.spec_is("hostPID", true)),
    ("HostIPC", -9, PODS, |seen| seen.spec_is("hostIPC", true)),
    ("ReadOnlyRootFilesystem", 1, PODS, |seen| {
        seen.context(false, is_true("readOnlyRootFilesystem"))
    }),
    ("RunAsNonRoot", 1, PODS, |seen| seen.context(true, is_true("runAsNonRoot"))),
    ("RunAsUser", 1, PODS, |seen| seen.context(true, is_high("runAsUser"))),
    ("RunAsGroup", 1, PODS, |seen| seen.context(true, is_high("runAsGroup"))),
    ("Privileged", -30, PODS, |seen| seen.context(false, is_true("privileged"))),
    ("CapSysAdmin", -30, PODS, |seen| {
        seen.context(false, |security| {
            capabilities(security, "add")
                .map(|added| texts(added).any(|name| name.contains("SYS_ADMIN")))
        })
    }),
    ("CapDropAny", 1, PODS, |seen| {
        seen.context(false, |security| {
            let dropped = capabilities(security, "drop")?;
            let Value::List(items) = &dropped.value else { return None };
            Some(!items.is_empty() && !items.iter().any(Node::is_null))
        })
    }),
    ("CapDropAll", 1, PODS, |seen| {
        seen.context(false, |security| {
            let dropped = capabilities(security, "drop")?;
            Some(texts(dropped).any(|name| name.to_uppercase().contains("ALL")))
        })
    }),
    ("DockerSock", -9, PODS, |seen| seen.host_path("/var/run/docker.sock")),
    ("ProcMount", -9, PODS, |seen| seen.host_path("/proc")),
    ("RequestsCPU", 1, PODS, |seen| seen.resource("requests", "cpu")),
    ("LimitsCPU", 1, PODS, |seen| seen.resource("limits", "cpu")),
    ("RequestsMemory", 1, PODS, |seen| seen.resource("requests", "memory")),
    ("LimitsMemory", 1, PODS, |seen| seen.resource("limits", "memory")),
    ("ServiceAccountName", 3, PODS, |seen| seen.spec_has("serviceAccountName")),
    ("HostAliases", -3, PODS, |seen| seen.spec_has("hostAliases")),
    ("SeccompAny", 1, PODS, |seen| seen.context(true, profile("seccompProfile", false))),
    ("SeccompUnconfined", -1, PODS, |seen| seen.context(true, profile("seccompProfile", true))),
    ("ApparmorAny", 3, PODS, |seen| seen.context(true, profile("appArmorProfile", false))),
    ("ApparmorUnconfined", -1, PODS, |seen| seen.context(true, profile("appArmorProfile", true))),
    ("VolumeClaimAccessModeReadWriteOnce", 1, SETS, |seen| {
        seen.claims(|claim| {
            let modes = claim.get("accessModes").map_or(&[][..], Node::items);
            matches!(modes, [only] if only.text() == Some("ReadWriteOnce"))
        })
    }),
    ("VolumeClaimRequestsStorage", 1, SETS, |seen| {
        seen.claims(|claim| {
            let requests = claim.get("resources").and_then(|resources| resources.get("requests"));
            requests.and_then(|requests| requests.get("storage")).is_some()
        })
    }),
    ("AllowPrivilegeEscalation", -7, PODS, |seen| {
        seen.context(false, is_true("allowPrivilegeEscalation"))
    }),
    ("AutomountServiceAccountToken", 1, PODS, |seen| {
        seen.spec_is("automountServiceAccountToken", false)
    }),
    ("HostUsers", 1, PODS, |seen| seen.spec_is("hostUsers", false)),
    ("SecretsAsEnvironmentVariables", -5, SECRETS, |seen| seen.secret_in_environment()),
    ("BindingsToSystemAnonymous", -30, BINDINGS, |seen| {
        let subjects = seen.root.get("subjects").map_or(&[][..], Node::items).iter();
        let mut names = subjects.filter_map(|subject| subject.get("name").and_then(Node::text));
        names.any(|name| name.contains("system:anonymous"))
    }),
];

/// The score of an object; `None` for a kind that no rule is for.
pub fn score(object: &Object) -> Option<Kubesec> {
    let seen = Seen { root: &object.root, spec: spec(object) };
    let mut scored = Kubesec { score: 0, matched: Vec::new(), advice: Vec::new() };
    let mut applied = false;
    for (id, points, kinds, matches) in RULES {
        if !kinds.contains(&object.kind.as_str()) {
            continue;
        }
        applied = true;
        if matches(&seen) {
            scored.score += points;
            scored.matched.push((*id, *points));
        } else if *points > 0 {
            scored.advice.push((*id, *points));
        }
    }
    applied.then_some(scored)
}

/// The Pod's `spec`, where kubesec looks for it.
fn spec(object: &Object) -> Option<&Node> {
    let way: &[&str] = match object.kind.as_str() {
        "Pod" => &["spec"],
        "CronJob" => &["spec", "jobTemplate", "spec", "template", "spec"],
        _ => &["spec", "template", "spec"],
    };
    way.iter().try_fold(&object.root, |node, key| node.get(key))
}

/// The object as the rules see it.
struct Seen<'a> {
    root: &'a Node,
    spec: Option<&'a Node>,
}

impl<'a> Seen<'a> {
    fn spec_field(&self, key: &str) -> Option<&'a Node> {
        self.spec.and_then(|spec| spec.get(key))
    }

    fn spec_is(&self, key: &str, wanted: bool) -> bool {
        self.spec_field(key).and_then(Node::boolean) == Some(wanted)
    }

    fn spec_has(&self, key: &str) -> bool {
        self.spec_field(key).is_some_and(|node| !node.is_null())
    }

    fn containers(&self, list: &str) -> &'a [Node] {
        self.spec_field(list).map_or(&[], Node::items)
    }

    fn all_containers(&self) -> impl Iterator<Item = &'a Node> {
        let lists = ["initContainers", "containers", "ephemeralContainers"];
        lists.into_iter().flat_map(|list| self.containers(list))
    }

    /// Whether the test holds for a container: by its own context, or by the Pod's where it says nothing.
    fn context(&self, of_pod: bool, test: impl Fn(&Node) -> Option<bool>) -> bool {
        let of = |node: &Node| node.get("securityContext").and_then(&test);
        let pod_holds = of_pod && self.spec.and_then(of) == Some(true);
        self.all_containers().any(|container| of(container).unwrap_or(pod_holds))
    }

    fn resource(&self, kind: &str, name: &str) -> bool {
        self.containers("containers").iter().any(|container| {
            let resources = container.get("resources").and_then(|resources| resources.get(kind));
            resources.and_then(|resources| resources.get(name)).is_some()
        })
    }

    fn host_path(&self, wanted: &str) -> bool {
        self.containers("volumes").iter().any(|volume| {
            let path = volume.get("hostPath").and_then(|host| host.get("path"));
            path.and_then(Node::text).is_some_and(|path| path.contains(wanted))
        })
    }

    /// A set without claims passes.
    fn claims(&self, test: impl Fn(&Node) -> bool) -> bool {
        let templates = self.root.get("spec").and_then(|spec| spec.get("volumeClaimTemplates"));
        let mut claims = templates
            .map_or(&[][..], Node::items)
            .iter()
            .filter_map(|template| template.get("spec"))
            .peekable();
        claims.peek().is_none() || claims.any(test)
    }

    fn secret_in_environment(&self) -> bool {
        let has = |container: &Node, list: &str, way: &[&str]| {
            container.get(list).map_or(&[][..], Node::items).iter().any(|item| {
                way.iter()
                    .try_fold(item, |node, key| node.get(key))
                    .is_some_and(|node| !node.is_null())
            })
        };
        self.all_containers().any(|container| {
            has(container, "env", &["valueFrom", "secretKeyRef"])
                || has(container, "envFrom", &["secretRef"])
        })
    }
}

fn is_true(key: &'static str) -> impl Fn(&Node) -> Option<bool> {
    move |security| security.get(key)?.boolean()
}

fn is_high(key: &'static str) -> impl Fn(&Node) -> Option<bool> {
    move |security| security.get(key)?.number().map(|id| id > 10_000.0)
}

fn profile(key: &'static str, unconfined: bool) -> impl Fn(&Node) -> Option<bool> {
    move |security| Some((security.get(key)?.get("type")?.text()? == "Unconfined") == unconfined)
}

fn capabilities<'a>(security: &'a Node, list: &str) -> Option<&'a Node> {
    security.get("capabilities")?.get(list).filter(|node| !node.is_null())
}

/// The texts of a list, or of what stands in its place.
fn texts(node: &Node) -> impl Iterator<Item = &str> {
    node.items().iter().chain([node]).filter_map(Node::text)
}

#[cfg(test)]
mod tests {
    use super::{RULES, score};
    use crate::{document, object};
    use proptest::prelude::*;

    fn scored(text: &str) -> Option<i32> {
        let inventory = object::inventory(0, document::read(text.as_bytes()));
        score(&inventory.objects[0]).map(|scored| scored.score)
    }

    #[test]
    fn there_are_thirty_rules() {
        assert_eq!(RULES.len(), 30);
    }

    #[test]
    fn points_are_given_once_and_only_to_its_kinds() {
        let pod = "containers: [{name: a, securityContext: {privileged: true}}, {name: b, securityContext: {privileged: true}}]";
        assert_eq!(scored(&format!("apiVersion: v1\nkind: Pod\nspec: {{{pod}}}\n")), Some(-30));
        let job =
            format!("apiVersion: batch/v1\nkind: Job\nspec: {{template: {{spec: {{{pod}}}}}}}\n");
        assert_eq!(scored(&job), Some(0));
        assert_eq!(scored("apiVersion: v1\nkind: Service\n"), None);
    }

    #[test]
    fn a_containers_word_stands_above_its_pods() {
        let text = "apiVersion: v1\nkind: Pod\nspec:\n  securityContext: {runAsNonRoot: true}\n  containers: [{name: a, securityContext: {runAsNonRoot: false}}]\n";
        assert_eq!(scored(text), Some(0));
    }

    proptest! {
        /// The score is the sum of what matched, by whatever fields are set.
        #[test]
        fn the_score_is_the_sum(
            network in any::<bool>(), pid in any::<bool>(), privileged in any::<bool>(),
            user in prop::option::of(0_u32..20_000), escalation in prop::option::of(any::<bool>()),
            account in any::<bool>(), limits in any::<bool>(),
        ) {
            let mut text = format!("apiVersion: apps/v1\nkind: DaemonSet\nspec:\n template:\n  spec:\n   hostNetwork: {network}\n   hostPID: {pid}\n");
            if account { text.push_str("   serviceAccountName: web\n"); }
            text.push_str(&format!("   containers:\n   - name: a\n     securityContext:\n      privileged: {privileged}\n"));
            if let Some(user) = user { text.push_str(&format!("      runAsUser: {user}\n")); }
            if let Some(escalation) = escalation { text.push_str(&format!("      allowPrivilegeEscalation: {escalation}\n")); }
            if limits { text.push_str("     resources: {limits: {cpu: 1, memory: 1Gi}}\n"); }
            let expected = -9 * i32::from(network) - 9 * i32::from(pid) - 30 * i32::from(privileged)
                + i32::from(user.is_some_and(|user| user > 10_000)) - 7 * i32::from(escalation == Some(true))
                + 3 * i32::from(account) + 2 * i32::from(limits);
            prop_assert_eq!(scored(&text), Some(expected));
        }
    }
}
