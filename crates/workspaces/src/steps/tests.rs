//! Table tests: a Pod and events as the API server writes them, and the story that follows.

use super::*;
use model::WorkspaceId;
use serde_json::{Value, json};

fn row() -> WorkspaceRow {
    WorkspaceRow {
        id: WorkspaceId::from_random([7; 16]),
        owner: "sallyport:alice".to_owned(),
        cluster: "demo".parse().unwrap(),
        namespace: "ws-alice-x".parse().unwrap(),
        pod: "debian-abc".parse().unwrap(),
        pod_uid: Some("uid-1".parse().unwrap()),
        container: "shell".parse().unwrap(),
        template: "debian".to_owned(),
        name: "debian".to_owned(),
        created_at: "2026-01-01T00:00:00.5Z".parse().unwrap(),
        expires_at: "2026-01-01T08:00:00Z".parse().unwrap(),
        deleted_at: None,
        state_note: String::new(),
    }
}

fn pod(status: Value) -> Pod {
    serde_json::from_value(json!({
        "metadata": { "name": "debian-abc", "uid": "uid-1" },
        "spec": { "nodeName": "node1", "containers": [{ "name": "shell" }] },
        "status": status,
    }))
    .unwrap()
}

fn event(second: u32, reason: &str, message: &str) -> Event {
    serde_json::from_value(json!({
        "metadata": {}, "involvedObject": {}, "reason": reason, "message": message,
        "lastTimestamp": format!("2026-01-01T00:00:{second:02}Z"),
    }))
    .unwrap()
}

fn running() -> Value {
    json!({
        "phase": "Running",
        "conditions": [
            { "type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:01Z" },
            { "type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:02Z" },
        ],
        "containerStatuses": [{
            "name": "shell", "image": "i", "imageID": "i", "ready": true, "restartCount": 0,
            "state": { "running": { "startedAt": "2026-01-01T00:00:02Z" } },
        }],
    })
}

fn waiting(reason: &str) -> Value {
    json!({
        "phase": "Pending",
        "containerStatuses": [{
            "name": "shell", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "waiting": { "reason": reason } },
        }],
    })
}

fn kinds(steps: &[Step]) -> String {
    let kinds: Vec<String> = steps.iter().map(|step| format!("{:?}", step.kind)).collect();
    kinds.join(" ")
}

#[test]
fn a_start_reads_in_its_order_with_events_and_without() {
    let events = [
        event(2, "Started", "Container started"),
        event(1, "Scheduled", "Successfully assigned ws-alice-x/debian-abc to node1"),
        event(1, "Pulling", "Pulling image \"debian:12\""),
        event(2, "Pulled", "Successfully pulled image \"debian:12\" in 1s"),
        event(2, "Created", "Container created"),
    ];
    let (state, steps) = story(&row(), Some(&pod(running())), &events);
    assert_eq!(state, State::Running);
    assert_eq!(kinds(&steps), "Created Scheduled Pulling Pulled Started Ready");
    assert_eq!(steps[1].message.en, "Node node1 was chosen.");
    assert_eq!(steps[1].message.ko, "노드 node1에 배정되었습니다.");
    assert_eq!(steps[2].detail, "Pulling image \"debian:12\"");

    let (state, steps) = story(&row(), Some(&pod(running())), &[]);
    assert_eq!(state, State::Running);
    assert_eq!(kinds(&steps), "Created Scheduled Started Ready");
}

#[test]
fn every_reason_has_a_sentence_in_both_languages() {
    for (reason, message, kind, ko) in [
        (
            "FailedScheduling",
            "0/1 nodes are available: 1 Insufficient cpu.",
            "Waiting",
            "CPU가 충분한",
        ),
        (
            "FailedScheduling",
            "0/1 nodes are available: 1 Insufficient memory.",
            "Waiting",
            "메모리가",
        ),
        (
            "FailedScheduling",
            "0/1 nodes are available: 1 node(s) had untolerated taint",
            "Waiting",
            "예약",
        ),
        ("FailedScheduling", "something else", "Waiting", "아직"),
        ("BackOff", "Back-off pulling image \"x\"", "Waiting", "이미지를 받을 수 없습니다"),
        ("BackOff", "Back-off restarting failed container", "Waiting", "계속 종료"),
        ("Failed", "Failed to pull image \"x\": not found", "Waiting", "이미지를 받을 수 없습니다"),
        ("Failed", "Error: ErrImageNeverPull", "Failed", "노드에 이미지가 없고"),
        ("Failed", "Error: CreateContainerConfigError", "Failed", "참조하는"),
        ("FailedMount", "MountVolume.SetUp failed", "Waiting", "볼륨"),
        ("FailedCreatePodSandBox", "Failed to create pod sandbox", "Waiting", "네트워크"),
        ("FailedCreate", "is forbidden: exceeded quota: x", "Failed", "쿼터"),
        ("FailedCreate", "violates PodSecurity \"baseline:latest\"", "Failed", "파드 보안"),
        ("Killing", "Stopping container shell", "Deleting", "중지"),
        ("Evicted", "The node was low on resource", "Failed", "축출"),
    ] {
        let (_, steps) = story(&row(), Some(&pod(waiting(""))), &[event(5, reason, message)]);
        let told = steps.last().unwrap();
        assert_eq!(format!("{:?}", told.kind), kind, "{reason}: {message}");
        assert!(told.message.ko.contains(ko), "{reason}: {}", told.message.ko);
        assert!(told.message.ko.ends_with("니다."), "{}", told.message.ko);
        assert_eq!(told.detail, message);
    }
    let (_, steps) =
        story(&row(), None, &[event(5, "Sprouted", "the cluster's own words\u{1b}[2J")]);
    let told = steps.iter().find(|it| it.kind == StepKind::Waiting).unwrap();
    assert_eq!(told.message.en, "the cluster's own words [2J");
    assert_eq!(told.message.ko, told.message.en);
}

#[test]
fn states_follow_from_the_pod() {
    let terminated = |phase: &str, reason: &str| {
        json!({ "phase": phase, "containerStatuses": [{
            "name": "shell", "image": "i", "imageID": "i", "ready": false, "restartCount": 0,
            "state": { "terminated": { "exitCode": 137, "reason": reason, "finishedAt": "2026-01-01T01:00:00Z" } },
        }] })
    };
    for (status, state, last, note) in [
        (json!({ "phase": "Pending" }), State::Starting, "Created", None),
        (waiting("ContainerCreating"), State::Starting, "Created", None),
        (waiting("ImagePullBackOff"), State::Starting, "Waiting", None),
        (waiting("ErrImageNeverPull"), State::Failed, "Failed", None),
        (waiting("InvalidImageName"), State::Failed, "Failed", None),
        (terminated("Failed", "OOMKilled"), State::Failed, "Failed", Some("failed: OOMKilled")),
        (terminated("Succeeded", "Completed"), State::Finished, "Deleting", Some("Completed")),
        (
            json!({ "phase": "Failed", "reason": "DeadlineExceeded", "message": "active on the node too long" }),
            State::Finished,
            "Deleting",
            Some("DeadlineExceeded"),
        ),
        (
            json!({ "phase": "Failed", "reason": "Evicted" }),
            State::Failed,
            "Failed",
            Some("failed: Evicted"),
        ),
    ] {
        let pod = pod(status.clone());
        let (got, steps) = story(&row(), Some(&pod), &[]);
        assert_eq!(got, state, "{status}");
        assert_eq!(kinds(&steps).rsplit(' ').next(), Some(last), "{status}");
        assert_eq!(end_of(&row(), &pod).as_deref(), note, "{status}");
    }
    let mut going = pod(running());
    going.metadata.deletion_timestamp =
        serde_json::from_value(json!("2026-01-01T02:00:00Z")).unwrap();
    assert_eq!(story(&row(), Some(&going), &[]).0, State::Deleting);
    assert_eq!(story(&row(), None, &[]).0, State::Finished, "its Pod is gone");
    let unmade = WorkspaceRow { pod_uid: None, ..row() };
    assert_eq!(story(&unmade, None, &[]).0, State::Creating);
    let freed = WorkspaceRow {
        deleted_at: Some(row().expires_at),
        state_note: "failed: OOMKilled".to_owned(),
        ..row()
    };
    let (state, steps) = story(&freed, None, &[]);
    assert_eq!(
        (state, steps.last().unwrap().detail.as_str()),
        (State::Failed, "failed: OOMKilled")
    );
}

#[test]
fn a_flood_of_events_is_bounded() {
    let events: Vec<Event> = (0..500)
        .map(|number| event(number % 60, "X", &format!("{number}{}", "x".repeat(9000))))
        .collect();
    let (_, steps) = story(&row(), Some(&pod(running())), &events);
    assert_eq!(steps.len(), STEPS_MAX);
    assert!(steps.iter().all(|step| step.detail.chars().count() <= 500));
}

#[test]
fn a_reason_that_nobody_knows_moves_no_cursor() {
    let mut status = running();
    status["phase"] = json!("Failed");
    status["reason"] = json!(format!("Odd\u{1b}[2J{}", "x".repeat(2000)));
    let (_, steps) = story(&row(), Some(&pod(status)), &[]);
    let last = steps.last().unwrap();
    assert!(last.message.en.starts_with("Odd [2Jxx"), "{last:?}");
    assert_eq!(last.message.en.len(), http_api::WORDS_CHARACTERS_MAX);
}
