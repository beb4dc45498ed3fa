//! Table tests of the columns, and a golden that the real kubectl printed. `tests/real.rs` compares them live.

use super::*;
use serde_json::{Value, json};

fn status(name: &str, state: Value) -> Value {
    let ready = state.get("running").is_some();
    json!({ "name": name, "image": "i", "imageID": "i", "ready": ready, "restartCount": 2, "state": state })
}

fn of(spec: Value, status: Value) -> (String, String, i64) {
    let pod = json!({ "metadata": {}, "spec": spec, "status": status });
    let columns = columns(&serde_json::from_value(pod).unwrap());
    (columns.reason, columns.ready, columns.restarts)
}

fn check(spec: Value, of_status: Value, reason: &str, ready: &str, restarts: i64) {
    let shown = of_status.to_string();
    assert_eq!(of(spec, of_status), (reason.to_owned(), ready.to_owned(), restarts), "{shown}");
}

fn spec(containers: &[&str]) -> Value {
    let all: Vec<Value> = containers.iter().map(|name| json!({ "name": name })).collect();
    json!({ "containers": all })
}

#[test]
fn containers_tell_the_reason() {
    let running = || json!({ "running": {} });
    let ended =
        |code: i32, reason: &str| json!({ "terminated": { "exitCode": code, "reason": reason } });
    let waiting = |reason: &str| json!({ "waiting": { "reason": reason } });
    let ready = json!([{ "type": "Ready", "status": "True" }]);
    for (phase, states, conditions, reason, ready, restarts) in [
        ("Running", vec![running()], &ready, "Running", "1/1", 2),
        ("Pending", vec![], &json!([]), "Pending", "0/0", 0),
        ("Pending", vec![waiting("ContainerCreating")], &json!([]), "ContainerCreating", "0/1", 2),
        ("Pending", vec![waiting("ImagePullBackOff")], &json!([]), "ImagePullBackOff", "0/1", 2),
        ("Running", vec![waiting("CrashLoopBackOff")], &json!([]), "CrashLoopBackOff", "0/1", 2),
        ("Running", vec![waiting("")], &json!([]), "Running", "0/1", 2),
        ("Succeeded", vec![ended(0, "Completed")], &json!([]), "Completed", "0/1", 2),
        ("Failed", vec![ended(1, "Error")], &json!([]), "Error", "0/1", 2),
        ("Failed", vec![ended(137, "OOMKilled")], &json!([]), "OOMKilled", "0/1", 2),
        ("Failed", vec![ended(3, "")], &json!([]), "ExitCode:3", "0/1", 2),
        (
            "Failed",
            vec![json!({ "terminated": { "exitCode": 9, "signal": 9 } })],
            &json!([]),
            "Signal:9",
            "0/1",
            2,
        ),
        // One of two has completed: what runs decides, if the Pod is ready.
        ("Running", vec![ended(0, "Completed"), running()], &ready, "Running", "1/2", 4),
        ("Running", vec![ended(0, "Completed"), running()], &json!([]), "NotReady", "1/2", 4),
        ("Running", vec![ended(0, "Completed"), ended(1, "Error")], &json!([]), "Error", "0/2", 4),
        (
            "Running",
            vec![running(), waiting("CrashLoopBackOff")],
            &ready,
            "CrashLoopBackOff",
            "1/2",
            4,
        ),
    ] {
        let names = ["a", "b"];
        let statuses: Vec<Value> =
            states.iter().zip(names).map(|(state, name)| status(name, state.clone())).collect();
        check(
            spec(&names[..states.len()]),
            json!({ "phase": phase, "containerStatuses": statuses, "conditions": conditions }),
            reason,
            ready,
            restarts,
        );
    }
}

#[test]
fn init_containers_tell_how_far_it_is() {
    let spec = |sidecar: bool| {
        let second = if sidecar {
            json!({ "name": "i2", "restartPolicy": "Always" })
        } else {
            json!({ "name": "i2" })
        };
        json!({ "initContainers": [{ "name": "i1" }, second], "containers": [{ "name": "a" }] })
    };
    let done = || status("i1", json!({ "terminated": { "exitCode": 0 } }));
    let main = json!([status("a", json!({ "waiting": { "reason": "PodInitializing" } }))]);
    let pod = |inits: Value| json!({ "phase": "Pending", "initContainerStatuses": inits, "containerStatuses": main });
    let first = |state: Value| {
        json!([
            status("i1", state),
            status("i2", json!({ "waiting": { "reason": "PodInitializing" } }))
        ])
    };
    check(spec(false), pod(first(json!({ "running": {} }))), "Init:0/2", "0/1", 2);
    check(
        spec(false),
        pod(first(json!({ "waiting": { "reason": "CrashLoopBackOff" } }))),
        "Init:CrashLoopBackOff",
        "0/1",
        2,
    );
    check(
        spec(false),
        pod(first(json!({ "terminated": { "exitCode": 1, "reason": "Error" } }))),
        "Init:Error",
        "0/1",
        2,
    );
    check(
        spec(false),
        pod(first(json!({ "terminated": { "exitCode": 2 } }))),
        "Init:ExitCode:2",
        "0/1",
        2,
    );
    check(
        spec(false),
        pod(first(json!({ "terminated": { "exitCode": 2, "signal": 15 } }))),
        "Init:Signal:15",
        "0/1",
        2,
    );
    check(
        spec(false),
        pod(json!([done(), status("i2", json!({ "waiting": { "reason": "PodInitializing" } }))])),
        "Init:1/2",
        "0/1",
        4,
    );
    // A sidecar that has started counts among the containers, and is no obstacle.
    let mut sidecar = status("i2", json!({ "running": {} }));
    sidecar["started"] = true.into();
    check(
        spec(true),
        json!({
            "phase": "Running", "initContainerStatuses": [done(), sidecar],
            "containerStatuses": [status("a", json!({ "running": {} }))],
            "conditions": [{ "type": "Ready", "status": "True" }],
        }),
        "Running",
        "2/2",
        4,
    );
}

#[test]
fn the_pod_itself_has_the_last_word() {
    let evicted = json!({ "phase": "Failed", "reason": "Evicted" });
    check(spec(&["a"]), evicted, "Evicted", "0/1", 0);
    let gated = json!({ "phase": "Pending", "conditions": [
        { "type": "PodScheduled", "status": "False", "reason": "SchedulingGated" },
    ] });
    check(spec(&["a"]), gated, "SchedulingGated", "0/1", 0);
    for (phase, reason, expected) in [
        ("Running", "", "Terminating"),
        ("Pending", "", "Terminating"),
        ("Running", "NodeLost", "Unknown"),
        ("Succeeded", "", "Succeeded"),
        ("Failed", "DeadlineExceeded", "DeadlineExceeded"),
    ] {
        let pod = json!({
            "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" },
            "status": { "phase": phase, "reason": reason },
        });
        assert_eq!(columns(&serde_json::from_value(pod).unwrap()).reason, expected);
    }
}

/// `kubectl get pods --no-headers` of Kubernetes 1.36.3 (NAME READY STATUS RESTARTS), and the same Pods with
/// `-o json`, cut to what the columns depend on.
#[test]
fn the_columns_are_those_that_kubectl_printed() {
    let pods: Value = serde_json::from_str(include_str!("../../tests/golden/pods.json")).unwrap();
    let lines: Vec<String> = pods["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pod| {
            let columns = columns(&serde_json::from_value(pod.clone()).unwrap());
            let name = pod["metadata"]["name"].as_str().unwrap();
            format!("{name} {} {} {}", columns.ready, columns.reason, columns.restarts)
        })
        .collect();
    let golden: Vec<&str> =
        include_str!("../../tests/golden/kubectl-get-pods.txt").lines().collect();
    assert_eq!(lines, golden);
}
