//! How a workspace stands and how it came to that: from its row, its Pod and the cluster's events.
//! It reads no cluster and no clock; the sentences are in `words`.
//!
//! Events tell most but live only an hour and may come late; the Pod's own status tells less but always. Each
//! fact is taken from the events where they have it, and otherwise from the status.
//!
//! Hostile input: event messages are anybody's who may make events in the namespace, and a Pod's status is its
//! node's. They are cut, cleaned of control characters, and never more than [`STEPS_MAX`].

use crate::template::Text;
use crate::view::{State, Step, StepKind};
use crate::words;
use http_api::cluster_words;
use k8s_openapi::api::core::v1::{ContainerStatus, Event, Pod, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use model::Timestamp;
use store::WorkspaceRow;

/// What is shown; a workspace starts in six.
pub(crate) const STEPS_MAX: usize = 50;

/// The state and the steps, oldest first.
pub(crate) fn story(row: &WorkspaceRow, pod: Option<&Pod>, events: &[Event]) -> (State, Vec<Step>) {
    let mut steps =
        vec![step(row.created_at, StepKind::Created, words::requested(), String::new())];
    for event in events {
        let reason = event.reason.as_deref().unwrap_or_default();
        // That the container was made says nothing beside that it was started.
        if reason == "Created" {
            continue;
        }
        let detail = cluster_words(event.message.as_deref().unwrap_or_default());
        let (kind, message) = words::of_event(reason, &detail);
        steps.push(step(event_time(event).unwrap_or(row.created_at), kind, message, detail));
    }
    if let Some(pod) = pod {
        steps_of_status(row, pod, &mut steps);
    }
    let state = state(row, pod, &steps);
    if let Some(deleted_at) = row.deleted_at {
        let detail = cluster_words(&row.state_note);
        steps.push(step(deleted_at, kind_of_end(state), words::ended(), detail));
    } else if pod.is_none() && row.pod_uid.is_some() {
        steps.push(step(row.created_at, StepKind::Deleting, words::gone(), String::new()));
        if let Some(last) = steps.iter().map(|it| it.at).max()
            && let Some(gone) = steps.last_mut()
        {
            gone.at = last;
        }
    }
    // Kubernetes writes whole seconds: what it tells of the same second stays in the order of a start.
    steps.sort_by_key(|step| (step.at.as_micros() / 1_000_000, rank(step.kind)));
    steps.dedup_by(|later, earlier| later.kind == earlier.kind && later.message == earlier.message);
    let surplus = steps.len().saturating_sub(STEPS_MAX);
    steps.drain(..surplus);
    (state, steps)
}

/// What the status tells and the events do not (any more).
fn steps_of_status(row: &WorkspaceRow, pod: &Pod, steps: &mut Vec<Step>) {
    let status = pod.status.clone().unwrap_or_default();
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default();
    let has = |steps: &[Step], kind| steps.iter().any(|it| it.kind == kind);
    if let Some(since) = condition(&status, "PodScheduled") {
        if !has(steps, StepKind::Scheduled) {
            let (kind, message) = words::scheduled(&cluster_words(&node));
            steps.push(step(since, kind, message, String::new()));
        }
    } else if let Some(unscheduled) = status.conditions.iter().flatten().find(|condition| {
        condition.type_ == "PodScheduled"
            && condition.reason.as_deref() == Some("Unschedulable")
            && !has(steps, StepKind::Waiting)
    }) {
        let detail = cluster_words(unscheduled.message.as_deref().unwrap_or_default());
        let (kind, message) = words::of_event("FailedScheduling", &detail);
        let at = time(unscheduled.last_transition_time.as_ref()).unwrap_or(row.created_at);
        steps.push(step(at, kind, message, detail));
    }
    let container = container(row, &status);
    let now_or_row = |at: Option<&Time>| time(at).unwrap_or(row.created_at);
    let state = container.and_then(|it| it.state.as_ref());
    if let Some(waiting) = state.and_then(|state| state.waiting.as_ref()) {
        let reason = waiting.reason.as_deref().unwrap_or_default();
        if let Some((kind, message)) = words::of_waiting(reason)
            && !steps.iter().any(|it| it.message == message)
        {
            let at = steps.iter().map(|it| it.at).max().unwrap_or(row.created_at);
            let detail = cluster_words(waiting.message.as_deref().unwrap_or(reason));
            steps.push(step(at, kind, message, detail));
        }
    }
    if let Some(running) = state.and_then(|state| state.running.as_ref()) {
        if !has(steps, StepKind::Started) {
            let (kind, message) = words::of_event("Started", "");
            steps.push(step(now_or_row(running.started_at.as_ref()), kind, message, String::new()));
        }
        if let Some(since) = condition(&status, "Ready") {
            steps.push(step(since, StepKind::Ready, words::ready(), String::new()));
        }
    }
    let terminated = state.and_then(|state| state.terminated.as_ref());
    let pod_reason = status.reason.as_deref().unwrap_or_default();
    if !pod_reason.is_empty() || terminated.is_some() {
        let reason = match (pod_reason, terminated.and_then(|it| it.reason.as_deref())) {
            ("", Some(reason)) => reason,
            (reason, _) => reason,
        };
        let detail = terminated.and_then(|it| it.message.as_deref()).or(status.message.as_deref());
        let detail = cluster_words(detail.unwrap_or(reason));
        let (kind, message) = words::of_end(reason).unwrap_or_else(|| {
            let said = cluster_words(reason);
            (StepKind::Failed, Text::new(said.clone(), said))
        });
        if !steps.iter().any(|it| it.message == message) {
            let at = terminated.and_then(|it| time(it.finished_at.as_ref()));
            let last = steps.iter().map(|it| it.at).max().unwrap_or(row.created_at);
            steps.push(step(at.unwrap_or(last), kind, message, detail));
        }
    }
    if let Some(at) = &pod.metadata.deletion_timestamp {
        steps.push(step(
            now_or_row(Some(at)),
            StepKind::Deleting,
            words::deleting(),
            String::new(),
        ));
    }
}

fn state(row: &WorkspaceRow, pod: Option<&Pod>, steps: &[Step]) -> State {
    if row.deleted_at.is_some() {
        return if row.state_note.starts_with(FAILED) { State::Failed } else { State::Finished };
    }
    let Some(pod) = pod else {
        return if row.pod_uid.is_some() { State::Finished } else { State::Creating };
    };
    if pod.metadata.deletion_timestamp.is_some() {
        return State::Deleting;
    }
    let status = pod.status.clone().unwrap_or_default();
    match status.phase.as_deref() {
        Some("Succeeded") => State::Finished,
        Some("Failed") if status.reason.as_deref() == Some("DeadlineExceeded") => State::Finished,
        Some("Failed") => State::Failed,
        _ => {
            let state = container(row, &status).and_then(|it| it.state.as_ref());
            let runs = state.is_some_and(|state| state.running.is_some());
            let stuck = state
                .and_then(|state| state.waiting.as_ref())
                .and_then(|waiting| {
                    words::of_waiting(waiting.reason.as_deref().unwrap_or_default())
                })
                .is_some_and(|(kind, _)| kind == StepKind::Failed);
            match (runs, stuck) {
                (true, _) => State::Running,
                (false, true) => State::Failed,
                (false, false) => {
                    debug_assert!(!steps.is_empty());
                    State::Starting
                }
            }
        }
    }
}

/// A note that begins so tells of a fault; the reconciler writes it.
pub(crate) const FAILED: &str = "failed: ";

/// Whether a Pod has come to its end, and why, for the row's note.
pub(crate) fn end_of(row: &WorkspaceRow, pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let failed = match status.phase.as_deref()? {
        "Succeeded" => false,
        "Failed" => status.reason.as_deref() != Some("DeadlineExceeded"),
        _ => return None,
    };
    let terminated = container(row, status)
        .and_then(|it| it.state.as_ref())
        .and_then(|state| state.terminated.as_ref());
    let reason = status
        .reason
        .clone()
        .or_else(|| terminated.and_then(|it| it.reason.clone()))
        .unwrap_or_else(|| "Completed".to_owned());
    Some(format!("{}{}", if failed { FAILED } else { "" }, cluster_words(&reason)))
}

/// When a finished Pod's container ended.
pub(crate) fn ended_at(row: &WorkspaceRow, pod: &Pod) -> Option<Timestamp> {
    let terminated = container(row, pod.status.as_ref()?)?.state.as_ref()?.terminated.as_ref()?;
    time(terminated.finished_at.as_ref())
}

fn container<'a>(row: &WorkspaceRow, status: &'a PodStatus) -> Option<&'a ContainerStatus> {
    let name = row.container.as_str();
    status.container_statuses.iter().flatten().find(|container| container.name == name)
}

fn condition(status: &PodStatus, kind: &str) -> Option<Timestamp> {
    let holds =
        |it: &&k8s_openapi::api::core::v1::PodCondition| it.type_ == kind && it.status == "True";
    let condition = status.conditions.iter().flatten().find(holds)?;
    time(condition.last_transition_time.as_ref())
}

fn event_time(event: &Event) -> Option<Timestamp> {
    time(event.last_timestamp.as_ref())
        .or_else(|| {
            event.event_time.as_ref().map(|at| Timestamp::from_micros(at.0.as_microsecond()))
        })
        .or_else(|| time(event.first_timestamp.as_ref()))
        .or_else(|| time(event.metadata.creation_timestamp.as_ref()))
}

fn time(at: Option<&Time>) -> Option<Timestamp> {
    at.map(|at| Timestamp::from_micros(at.0.as_microsecond()))
}

fn step(at: Timestamp, kind: StepKind, message: Text, detail: String) -> Step {
    Step { at, kind, message, detail }
}

fn kind_of_end(state: State) -> StepKind {
    if state == State::Failed { StepKind::Failed } else { StepKind::Deleting }
}

fn rank(kind: StepKind) -> u8 {
    match kind {
        StepKind::Created => 0,
        StepKind::Scheduled => 1,
        StepKind::Pulling => 2,
        StepKind::Pulled => 3,
        StepKind::Waiting => 4,
        StepKind::Started => 5,
        StepKind::Ready => 6,
        StepKind::Failed => 7,
        StepKind::Deleting => 8,
    }
}

#[cfg(test)]
mod tests;
