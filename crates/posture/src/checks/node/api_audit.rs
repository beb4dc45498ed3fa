//! Checks on the API server's audit log and the policy that says what goes into it.
//! Where the log is sent afterwards cannot be seen on a node.

use super::super::{bench, checkov, cis, threat};
use super::setting::{Rule, Setting};
use super::{NOT_RUNNING, UNREAD};
use crate::check::{Check, Example, Outcome, Severity, Test};
use crate::node::Node;
use crate::object::Object;
use crate::place::Place;
use crate::snapshot::place;
use crate::words::{Words, words};

const NO_LOG: Words = words(
    "no audit log is written to a file; `api-audit-log` tells whether there is any",
    "파일로 기록되는 감사 로그가 없습니다. 로그가 있는지는 `api-audit-log`가 알려 줍니다",
);
const NO_POLICY: Words = words(
    "no audit policy is named; `api-audit-policy` tells that",
    "감사 정책이 지정되지 않았습니다. `api-audit-policy`가 알려 줍니다",
);

pub(super) static CHECKS: &[Check] = &[
    node_check!(
        "api-audit-log", High, "KubeApiserver",
        words("Nobody writes down who did what", "누가 무엇을 했는지 기록되지 않습니다"),
        words("After a break-in there is no telling what was read, changed and left behind.", "침입 뒤에 무엇이 읽히고 바뀌고 남겨졌는지 알 수 없습니다."),
        words("Set `--audit-policy-file` and `--audit-log-path`, or `--audit-webhook-config-file`.", "`--audit-policy-file`과 `--audit-log-path` 또는 `--audit-webhook-config-file`을 설정합니다."),
        [cis("1.2.16"), bench("1.2.16"), checkov("CKV_K8S_91"), threat("E8")],
        log,
        pass ["flags: {audit-log-path: /var/log/audit.log}", "flags: {audit-webhook-config-file: /etc/hook.yaml}"], fail ["flags: {}"]
    ),
    node_check!(
        "api-audit-age", Low, "KubeApiserver",
        words("Nothing says that the audit log is kept for 30 days", "감사 로그를 30일 보관하도록 정하지 않았습니다"),
        words("Break-ins are mostly found later than that.", "침입은 대개 그보다 늦게 발견됩니다."),
        words("Set `--audit-log-maxage=30`, or more.", "`--audit-log-maxage=30` 이상으로 설정합니다."),
        [cis("1.2.17"), bench("1.2.17"), checkov("CKV_K8S_92"), threat("E8")],
        |object| kept(object, Setting::flag("audit-log-maxage"), 30.0),
        pass ["flags: {audit-log-path: /a, audit-log-maxage: 30}"], fail ["flags: {audit-log-path: /a}", "flags: {audit-log-path: /a, audit-log-maxage: 7}"]
    ),
    node_check!(
        "api-audit-backups",
        Low,
        "KubeApiserver",
        words("Fewer than 10 old audit logs are kept", "이전 감사 로그를 10개보다 적게 보관합니다"),
        words(
            "Whoever makes noise writes the beginning of the story out of the log.",
            "요청을 많이 만들면 사건의 시작이 로그에서 밀려납니다."
        ),
        words(
            "Set `--audit-log-maxbackup=10`, or more.",
            "`--audit-log-maxbackup=10` 이상으로 설정합니다."
        ),
        [cis("1.2.18"), bench("1.2.18"), checkov("CKV_K8S_93"), threat("E8")],
        |object| kept(object, Setting::flag("audit-log-maxbackup"), 10.0),
        pass["flags: {audit-log-path: /a, audit-log-maxbackup: 10}"],
        fail["flags: {audit-log-path: /a}"]
    ),
    node_check!(
        "api-audit-size",
        Low,
        "KubeApiserver",
        words(
            "An audit log is turned before it has 100 MB",
            "감사 로그가 100 MB가 되기 전에 교체됩니다"
        ),
        words(
            "With a fixed number of them, less is kept.",
            "개수가 정해져 있으므로 그만큼 적게 보관됩니다."
        ),
        words(
            "Set `--audit-log-maxsize=100`, or more.",
            "`--audit-log-maxsize=100` 이상으로 설정합니다."
        ),
        [cis("1.2.19"), bench("1.2.19"), checkov("CKV_K8S_94"), threat("E8")],
        |object| kept(object, Setting::flag("audit-log-maxsize"), 100.0),
        pass["flags: {audit-log-path: /a, audit-log-maxsize: 100}"],
        fail["flags: {audit-log-path: /a, audit-log-maxsize: 10}"]
    ),
    setting_check!(
        "api-audit-policy",
        Medium,
        "KubeApiserver",
        words("No policy says what is audited", "감사 대상을 정하는 정책이 없습니다"),
        words(
            "Without one the API server writes nothing, whatever the log's flags say.",
            "정책이 없으면 다른 설정과 관계없이 아무것도 기록되지 않습니다."
        ),
        words(
            "Write an audit policy and name it by `--audit-policy-file`.",
            "감사 정책을 만들고 `--audit-policy-file`에 지정합니다."
        ),
        [cis("3.2.1"), bench("3.2.1"), threat("E8")],
        Setting::flag("audit-policy-file"),
        Rule::Set,
        pass["flags: {audit-policy-file: /etc/audit.yaml}"],
        fail["flags: {}"]
    ),
    node_check!(
        "audit-policy-writes-secrets",
        High,
        "KubeApiserver",
        words(
            "The audit log gets the contents of Secrets",
            "감사 로그에 Secret의 내용이 기록됩니다"
        ),
        words(
            "At the levels Request and RequestResponse, whoever reads the log reads them.",
            "Request와 RequestResponse 수준에서는 로그를 읽는 사람이 내용을 읽게 됩니다."
        ),
        words(
            "Put a rule of level Metadata for `secrets`, `configmaps` and `tokenreviews` before the others.",
            "`secrets`, `configmaps`, `tokenreviews`에 대한 Metadata 수준의 규칙을 맨 앞에 둡니다."
        ),
        [cis("3.2.2"), bench("3.2.2"), threat("E8")],
        writes_secrets,
        pass["flags: {audit-policy-file: /a}\naudit: {rules: [{level: Metadata, resources: [{group: '', resources: [secrets]}]}, {level: RequestResponse}]}"],
        fail[
            "flags: {audit-policy-file: /a}\naudit: {rules: [{level: RequestResponse}]}",
            "flags: {audit-policy-file: /a}\naudit: {rules: [{level: Request, verbs: [create]}, {level: Metadata}]}",
            "flags: {audit-policy-file: /a}\naudit: {rules: [{level: Metadata, resources: [{group: '', resources: [secrets], resourceNames: [a]}]}, {level: Request}]}"
        ]
    ),
    node_check!(
        "audit-policy-misses-exec",
        Medium,
        "KubeApiserver",
        words(
            "The audit policy does not write down who enters Pods",
            "감사 정책이 Pod에 들어간 사람을 기록하지 않습니다"
        ),
        words(
            "exec, attach and port-forward are how people and intruders work in Pods.",
            "exec, attach, port-forward는 사람과 침입자가 Pod에서 일하는 방법입니다."
        ),
        words(
            "Put a rule of level Metadata for `pods/exec`, `pods/attach` and `pods/portforward`.",
            "`pods/exec`, `pods/attach`, `pods/portforward`에 Metadata 수준의 규칙을 둡니다."
        ),
        [cis("3.2.2"), bench("3.2.2"), threat("E8")],
        misses_exec,
        pass["flags: {audit-policy-file: /a}\naudit: {rules: [{level: Metadata}]}"],
        fail["flags: {audit-policy-file: /a}\naudit: {rules: [{level: Metadata, resources: [{group: '', resources: [secrets]}]}]}"]
    ),
];

fn log(object: &Object) -> Outcome<'_> {
    let hook = Setting::flag("audit-webhook-config-file").judge(object, &Rule::Set);
    if matches!(hook, Outcome::Pass) {
        return Outcome::Pass;
    }
    Setting::flag("audit-log-path").judge(object, &Rule::Set)
}

/// How much of the log is kept; 0 stands for all of it.
fn kept<'a>(object: &'a Object, setting: Setting, least: f64) -> Outcome<'a> {
    let path = place(object, &["flags", "audit-log-path"]);
    if place(object, &["process"]).is_set() && !path.is_set() {
        return Outcome::NotApplicable(NO_LOG);
    }
    setting.judge(object, &Rule::AtLeast(least))
}

/// A rule, and whether it stops all requests that come so far.
type Met<'a> = (&'a Node, bool);

/// The rules of the policy that a request for a resource can meet, and whether each of them stops all of those that
/// come so far: one that is narrowed to some users, verbs, namespaces or names lets others by.
fn rules<'a>(object: &'a Object, resource: &str) -> Result<(Place<'a>, Vec<Met<'a>>), Outcome<'a>> {
    if !place(object, &["process"]).is_set() {
        return Err(Outcome::NotApplicable(NOT_RUNNING));
    }
    if !place(object, &["flags", "audit-policy-file"]).is_set() {
        return Err(Outcome::NotApplicable(NO_POLICY));
    }
    let rules = place(object, &["audit", "rules"]);
    let Some(node) = rules.node() else { return Err(Outcome::Unknown(UNREAD)) };
    let has = |rule: &Node, key| rule.get(key).is_some_and(|node| !node.items().is_empty());
    let mut met = Vec::new();
    for rule in node.items().iter().filter(|rule| !has(rule, "nonResourceURLs")) {
        let entries = rule.get("resources").map_or(&[][..], Node::items);
        let own: Vec<&Node> = entries.iter().filter(|entry| covers(entry, "", resource)).collect();
        if !entries.is_empty() && own.is_empty() {
            continue;
        }
        let is_narrow =
            ["users", "userGroups", "verbs", "namespaces"].iter().any(|key| has(rule, key))
                || (!own.is_empty() && own.iter().all(|entry| has(entry, "resourceNames")));
        met.push((rule, !is_narrow));
        if !is_narrow {
            break;
        }
    }
    Ok((rules, met))
}

fn level(rule: &Node) -> &str {
    rule.get("level").and_then(Node::text).unwrap_or("None")
}

/// No rule that a request for Secrets can meet may write what is in it.
fn writes_secrets(object: &Object) -> Outcome<'_> {
    match rules(object, "secrets") {
        Err(outcome) => outcome,
        Ok((_, met)) => Outcome::of(
            met.iter()
                .filter(|(rule, _)| matches!(level(rule), "Request" | "RequestResponse"))
                .map(|(rule, _)| Place::of(rule).get("level")),
        ),
    }
}

/// The rule that all requests to enter Pods come to must write them down.
fn misses_exec(object: &Object) -> Outcome<'_> {
    match rules(object, "pods/exec") {
        Err(outcome) => outcome,
        Ok((rules, met)) => match met.iter().find(|(_, stops)| *stops) {
            Some((rule, _)) => {
                Outcome::fail_if(level(rule) == "None", Place::of(rule).get("level"))
            }
            // What no rule names is not written.
            None => Outcome::Fail(vec![rules]),
        },
    }
}

/// Whether an entry of a rule names the resource: by itself, with all its subresources, or all of its group.
fn covers(entry: &Node, group: &str, resource: &str) -> bool {
    let of_group = entry.get("group").and_then(Node::text).unwrap_or_default() == group;
    let names = entry.get("resources").map_or(&[][..], Node::items);
    let (parent, sub) = resource.split_once('/').unwrap_or((resource, ""));
    of_group
        && (names.is_empty()
            || names.iter().filter_map(Node::text).any(|name| {
                name == resource
                    || name == "*"
                    || name.strip_suffix("/*").is_some_and(|own| own == parent)
                    || (!sub.is_empty() && name.strip_prefix("*/").is_some_and(|own| own == sub))
            }))
}
