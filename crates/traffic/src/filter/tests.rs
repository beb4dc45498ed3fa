use super::*;
use std::sync::Arc;
use wire::Protocol;

fn answer() -> Unit {
    let call = Call::parse(Some("GET"), Some("/api/v1/namespaces/shop/pods?limit=500"));
    Unit {
        number: 7,
        time_us: 0,
        connection: 2,
        side: Side::Server,
        source: "10.0.0.1:6443".parse().unwrap(),
        destination: "10.0.0.9:40000".parse().unwrap(),
        protocol: Protocol::Http2,
        length: 120,
        info: "HEADERS[71]: 403 Forbidden".to_owned(),
        stream: Some(71),
        call: Some(Arc::new(call)),
        request: Some(5),
        status: Some(403),
        latency_us: Some(12_345),
        headers: vec![(Some("content-type".to_owned()), Some("application/json".to_owned()))],
        data: None,
    }
}

fn holds(filter: &str) -> bool {
    filter.parse::<Filter>().unwrap().matches(&answer())
}

#[test]
fn fields_compare_as_people_expect() {
    for filter in [
        "status == 403",
        "status >= 400 and status < 500",
        "verb == list && resource == pods",
        "ns = shop",
        "path ~ 'limit=500'",
        "port == 6443",
        "source == 10.0.0.1",
        "latency_ms > 10",
        "protocol == http/2",
        "header ~ 'content-type: application/json'",
        "forbidden",
        "not (verb == watch or verb == get)",
        "stream != 70",
        "name != x",
    ] {
        assert!(holds(filter), "{filter}");
    }
    for filter in ["status == 200", "verb == watch", "name == x", "not forbidden", "latency_ms < 5"]
    {
        assert!(!holds(filter), "{filter}");
    }
}

#[test]
fn faults_point_at_their_place() {
    let fault = "status == abc".parse::<Filter>().unwrap_err();
    assert_eq!(fault.to_string(), "expected a number\n  status == abc\n            ^");
    for text in
        ["", "and", "status ==", "(verb == get", "verb == get)", "colour == red", "name == 'x"]
    {
        assert!(text.parse::<Filter>().is_err(), "{text}");
    }
    let deep = format!("{}x{}", "(".repeat(100), ")".repeat(100));
    assert!(deep.parse::<Filter>().is_err());
}
