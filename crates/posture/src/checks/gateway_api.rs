//! Checks on objects of the Gateway API: what listens, for whom, and where routes lead.
//! What a Service behind a route is reached by otherwise is `network`'s.

use super::{nsa, threat};
use crate::check::{Check, Example, Outcome, Severity, Test};
use crate::node::Node;
use crate::object::Object;
use crate::place::Place;
use crate::snapshot::{Snapshot, place};
use crate::words::{Words, words};

const GATEWAYS: &[&str] = &["Gateway"];
const ROUTES: &[&str] = &["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"];
const NAMED_ROUTES: &[&str] = &["HTTPRoute", "GRPCRoute", "TLSRoute"];

const ROUTES_ELSEWHERE: Words = words(
    "no route of the listener is among what was scanned, which may only redirect; scan them together",
    "스캔한 것 가운데 이 리스너의 경로가 없어 리디렉션만 하는지 알 수 없습니다. 함께 스캔합니다",
);

/// A check with examples of which only the kind and what follows the name are written.
macro_rules! gateway_check {
    ($id:literal, $severity:ident, $title:expr, $why:expr, $fix:expr, [$($mapping:expr),* $(,)?], $test:expr,
     pass [$($pass:literal),+], fail [$($fail:literal),+]) => {
        Check {
            id: $id,
            severity: Severity::$severity,
            title: $title,
            why: $why,
            fix: $fix,
            mappings: &[$($mapping),*],
            test: $test,
            remedy: None,
            passes: &[$(gateway_check!($pass)),+],
            fails: &[$(gateway_check!($fail)),+],
        }
    };
    ($rest:literal) => {
        Example::Manifest(concat!(
            "apiVersion: gateway.networking.k8s.io/v1\nmetadata: {name: shop, namespace: shop}\nkind: ", $rest, "\n"
        ))
    };
}

pub(super) static CHECKS: &[Check] = &[
    gateway_check!(
        "gateway-clear-text", Medium,
        words("A gateway listens in clear text", "게이트웨이가 평문으로 수신합니다"),
        words(
            "What is sent to it, passwords and sessions too, is read by whoever is between.",
            "비밀번호와 세션까지 포함해 전송되는 것을 중간에 있는 누구나 읽습니다."
        ),
        words(
            "Listen with HTTPS; leave a listener of HTTP only to a route that redirects.",
            "HTTPS로 수신하고, HTTP 리스너는 리디렉션하는 경로에만 남깁니다."
        ),
        [threat("E10"), nsa("Network separation")], Test::Among(GATEWAYS, clear_text),
        pass [
            "Gateway\nspec: {listeners: [{name: s, protocol: HTTPS, port: 443}]}",
            "Gateway\nspec: {listeners: [{name: h, protocol: HTTP, port: 80}]}\n---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, namespace: shop}\nspec: {parentRefs: [{name: shop}], rules: [{filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]}]}"
        ],
        fail ["Gateway\nspec: {listeners: [{name: h, protocol: HTTP, port: 80}]}\n---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, namespace: shop}\nspec: {parentRefs: [{name: shop}], rules: [{backendRefs: [{name: web}]}]}"]
    ),
    gateway_check!(
        "gateway-open-to-namespaces", Medium,
        words("Routes of every namespace may use a gateway", "모든 네임스페이스의 경로가 게이트웨이를 쓸 수 있습니다"),
        words(
            "Who may make routes anywhere publishes what they like there, also under others' names.",
            "어디서든 경로를 만들 수 있으면 남의 이름으로도 무엇이든 공개할 수 있습니다."
        ),
        words("Set `allowedRoutes.namespaces.from` to `Same` or `Selector`.", "`allowedRoutes.namespaces.from`을 `Same`이나 `Selector`로 합니다."),
        [threat("E4"), nsa("Network separation")], Test::Object(GATEWAYS, every_namespace),
        pass ["Gateway\nspec: {listeners: [{name: s, allowedRoutes: {namespaces: {from: Same}}}]}", "Gateway\nspec: {listeners: [{name: s}]}"],
        fail ["Gateway\nspec: {listeners: [{name: s, allowedRoutes: {namespaces: {from: All}}}]}"]
    ),
    gateway_check!(
        "gateway-any-host", Low,
        words("A gateway listens for every name", "게이트웨이가 모든 호스트 이름을 받습니다"),
        words(
            "Requests by address, or under names that nobody meant, reach what is behind.",
            "주소만으로, 또는 의도하지 않은 이름으로 온 요청도 뒤에 닿습니다."
        ),
        words("Give each listener its `hostname`.", "리스너마다 `hostname`을 정합니다."),
        [threat("E4")], Test::Object(GATEWAYS, any_listener),
        pass ["Gateway\nspec: {listeners: [{name: s, hostname: shop.example.com, protocol: HTTPS}]}", "Gateway\nspec: {listeners: [{name: s, protocol: TCP}]}"],
        fail ["Gateway\nspec: {listeners: [{name: s, protocol: HTTPS}]}", "Gateway\nspec: {listeners: [{name: s, hostname: '', protocol: HTTP}]}"]
    ),
    gateway_check!(
        "route-any-host", Low,
        words("A route takes every name", "경로가 모든 호스트 이름을 받습니다"),
        words(
            "It takes requests meant for others wherever its gateway lets it.",
            "게이트웨이가 허용하는 한 다른 곳으로 갈 요청까지 받습니다."
        ),
        words("Name the hosts in `hostnames`.", "`hostnames`에 호스트를 적습니다."),
        [threat("E4")], Test::Object(NAMED_ROUTES, any_host),
        pass ["HTTPRoute\nspec: {hostnames: [shop.example.com]}"], fail ["HTTPRoute\nspec: {rules: []}", "GRPCRoute\nspec: {hostnames: []}"]
    ),
    gateway_check!(
        "route-to-other-namespace", Low,
        words("A route leads into another namespace", "경로가 다른 네임스페이스로 이어집니다"),
        words(
            "Who may change the route decides what of the other namespace is published.",
            "경로를 바꿀 수 있는 사람이 다른 네임스페이스의 무엇을 공개할지 정합니다."
        ),
        words("Put the route beside the Service that it leads to.", "경로를 대상 Service와 같은 네임스페이스에 둡니다."),
        [threat("E4")], Test::Object(ROUTES, elsewhere),
        pass ["HTTPRoute\nspec: {rules: [{backendRefs: [{name: web, port: 80}]}]}", "HTTPRoute\nspec: {rules: [{backendRefs: [{name: web, namespace: shop}]}]}"],
        fail ["HTTPRoute\nspec: {rules: [{backendRefs: [{name: web, namespace: bank, port: 80}]}]}"]
    ),
    gateway_check!(
        "route-mirrors-requests",
        Low,
        words(
            "A route sends a copy of each request elsewhere",
            "경로가 요청의 사본을 다른 곳으로 보냅니다"
        ),
        words(
            "Whoever is there reads all that people send, passwords and sessions too.",
            "그곳에서는 비밀번호와 세션까지 사람들이 보내는 모든 것을 읽습니다."
        ),
        words(
            "Remove the filter when what it was for is done.",
            "목적을 다하면 필터를 제거합니다."
        ),
        [threat("E4"), threat("E8")],
        Test::Object(ROUTES, mirrors),
        pass["HTTPRoute\nspec: {rules: [{filters: [{type: RequestHeaderModifier}]}]}"],
        fail["HTTPRoute\nspec: {rules: [{filters: [{type: RequestMirror, requestMirror: {backendRef: {name: copy}}}]}]}"]
    ),
    gateway_check!(
        "route-without-names",
        Low,
        words("A route publishes a port as it is", "경로가 포트를 그대로 공개합니다"),
        words(
            "No gateway looks at what passes: there is no name, no encryption of its own, no log of requests.",
            "게이트웨이가 내용을 보지 않으므로 이름도, 자체 암호화도, 요청 기록도 없습니다."
        ),
        words(
            "Use HTTPRoute, GRPCRoute or TLSRoute where the protocol allows it.",
            "가능하면 HTTPRoute, GRPCRoute, TLSRoute를 씁니다."
        ),
        [threat("E4"), threat("E10")],
        Test::Object(ROUTES, |object| {
            let is_raw = matches!(object.kind.as_str(), "TCPRoute" | "UDPRoute");
            Outcome::fail_if(is_raw, place(object, &["spec"]))
        }),
        pass["HTTPRoute\nspec: {hostnames: [shop.example.com]}"],
        fail["TCPRoute\nspec: {rules: [{backendRefs: [{name: db, port: 5432}]}]}"]
    ),
    gateway_check!(
        "reference-grant-secrets", Medium,
        words("Another namespace may use every Secret of this one", "다른 네임스페이스가 이 네임스페이스의 모든 Secret을 쓸 수 있습니다"),
        words(
            "A gateway there can serve with any certificate that is here, and any later one.",
            "그곳의 게이트웨이가 이곳의 어떤 인증서든, 나중 것까지 쓸 수 있습니다."
        ),
        words("Name the Secret in `to`.", "`to`에 Secret의 이름을 적습니다."),
        [threat("E7"), threat("E4")], Test::Object(&["ReferenceGrant"], |object| unnamed(object, |kind| kind == "Secret")),
        pass ["ReferenceGrant\nspec: {to: [{kind: Secret, name: tls}]}", "ReferenceGrant\nspec: {to: [{kind: Service}]}"],
        fail ["ReferenceGrant\nspec: {from: [{kind: Gateway, namespace: edge}], to: [{group: '', kind: Secret}]}"]
    ),
    gateway_check!(
        "reference-grant-services",
        Low,
        words(
            "Another namespace may publish every Service of this one",
            "다른 네임스페이스가 이 네임스페이스의 모든 Service를 공개할 수 있습니다"
        ),
        words(
            "What was meant to stay inside is published by a route that nobody here sees.",
            "내부에만 두려던 것이 이곳에서 보이지 않는 경로로 공개될 수 있습니다."
        ),
        words("Name the Service in `to`.", "`to`에 Service의 이름을 적습니다."),
        [threat("E4")],
        Test::Object(&["ReferenceGrant"], |object| unnamed(object, |kind| kind == "Service")),
        pass["ReferenceGrant\nspec: {to: [{kind: Service, name: web}]}"],
        fail["ReferenceGrant\nspec: {from: [{kind: HTTPRoute, namespace: edge}], to: [{group: '', kind: Service}]}"]
    ),
];

fn items<'a>(object: &'a Object, way: &[&'static str]) -> &'a [Node] {
    place(object, way).node().map_or(&[][..], Node::items)
}

fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.get(key).and_then(Node::text)
}

fn clear_text<'a>(snapshot: &Snapshot<'a>, gateway: &'a Object) -> Outcome<'a> {
    let listeners = items(gateway, &["spec", "listeners"]).iter();
    let clear = listeners.filter(|listener| text(listener, "protocol") == Some("HTTP"));
    let (mut wrong, mut is_unknown) = (Vec::new(), false);
    for listener in clear {
        let mut attached =
            snapshot.http_routes().filter(|route| is_attached(route, gateway, listener)).peekable();
        if attached.peek().is_none() && !snapshot.is_all_of("HTTPRoute") {
            is_unknown = true;
        } else if attached.peek().is_none() || !attached.all(only_redirects) {
            wrong.push(Place::of(listener).get("protocol"));
        }
    }
    if wrong.is_empty() && is_unknown {
        Outcome::Unknown(ROUTES_ELSEWHERE)
    } else {
        Outcome::of(wrong)
    }
}

fn is_attached(route: &Object, gateway: &Object, listener: &Node) -> bool {
    items(route, &["spec", "parentRefs"]).iter().any(|parent| {
        let namespace = text(parent, "namespace").unwrap_or(route.effective_namespace());
        let section = text(parent, "sectionName");
        text(parent, "name") == Some(&gateway.name)
            && namespace == gateway.effective_namespace()
            && section.is_none_or(|section| text(listener, "name") == Some(section))
    })
}

/// Whether each of its rules only leads to HTTPS.
fn only_redirects(route: &Object) -> bool {
    let rules = items(route, &["spec", "rules"]);
    let to_https = |filter: &Node| {
        let redirect = filter.get("requestRedirect");
        redirect.and_then(|redirect| text(redirect, "scheme")) == Some("https")
    };
    let redirects = |rule: &Node| {
        rule.get("filters").is_some_and(|filters| filters.items().iter().any(to_https))
    };
    !rules.is_empty() && rules.iter().all(redirects)
}

fn every_namespace(object: &Object) -> Outcome<'_> {
    let from = items(object, &["spec", "listeners"])
        .iter()
        .map(|listener| Place::of(listener).get("allowedRoutes").get("namespaces").get("from"));
    Outcome::of(from.filter(|from| from.node().and_then(Node::text) == Some("All")))
}

fn any_listener(object: &Object) -> Outcome<'_> {
    let named =
        |listener: &&Node| matches!(text(listener, "protocol"), Some("HTTP" | "HTTPS" | "TLS"));
    let listeners = items(object, &["spec", "listeners"]).iter().filter(named);
    Outcome::of(
        listeners
            .filter(|listener| text(listener, "hostname").is_none_or(str::is_empty))
            .map(|listener| Place::of(listener).get("hostname")),
    )
}

fn any_host(object: &Object) -> Outcome<'_> {
    let hosts = place(object, &["spec", "hostnames"]);
    Outcome::fail_if(hosts.node().is_none_or(|hosts| hosts.items().is_empty()), hosts)
}

fn of_rules<'a>(object: &'a Object, key: &'static str) -> impl Iterator<Item = &'a Node> {
    let rules = items(object, &["spec", "rules"]).iter();
    rules.flat_map(move |rule| rule.get(key).map_or(&[][..], Node::items))
}

fn elsewhere(object: &Object) -> Outcome<'_> {
    let own = object.effective_namespace();
    let namespaces =
        of_rules(object, "backendRefs").map(|backend| Place::of(backend).get("namespace"));
    Outcome::of(namespaces.filter(|namespace| {
        namespace.node().and_then(Node::text).is_some_and(|other| other != own)
    }))
}

fn mirrors(object: &Object) -> Outcome<'_> {
    let filters = of_rules(object, "filters");
    Outcome::of(
        filters.filter(|filter| text(filter, "type") == Some("RequestMirror")).map(Place::of),
    )
}

fn unnamed<'a>(object: &'a Object, wanted: impl Fn(&str) -> bool) -> Outcome<'a> {
    let to = items(object, &["spec", "to"]).iter();
    let wide = to.filter(|to| {
        text(to, "kind").is_some_and(&wanted) && text(to, "name").is_none_or(str::is_empty)
    });
    Outcome::of(wide.map(Place::of))
}
