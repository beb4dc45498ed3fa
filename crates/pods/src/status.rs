//! kubectl's columns STATUS, READY and RESTARTS for a Pod: a port of `printPod` of Kubernetes 1.36
//! (`pkg/printers/internalversion/printers.go`), so that the console and kubectl never say two things.
//! It reads a Pod and nothing else. Where the original is odd, so is this.

use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod, PodCondition};

/// What kubectl prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Columns {
    /// STATUS.
    pub(crate) reason: String,
    /// READY.
    pub(crate) ready: String,
    /// RESTARTS, without the time.
    pub(crate) restarts: i64,
}

/// The columns of a Pod.
pub(crate) fn columns(pod: &Pod) -> Columns {
    let empty_status = Default::default();
    let empty_spec = Default::default();
    let status = pod.status.as_ref().unwrap_or(&empty_status);
    let spec = pod.spec.as_ref().unwrap_or(&empty_spec);
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let init_specs = spec.init_containers.as_deref().unwrap_or_default();
    let sidecar = |name: &str| init_specs.iter().any(|it| it.name == name && restarts_always(it));

    let phase = status.phase.as_deref().unwrap_or_default();
    let pod_reason = status.reason.as_deref().unwrap_or_default();
    let mut reason = if pod_reason.is_empty() { phase } else { pod_reason }.to_owned();
    let gated = |it: &PodCondition| {
        it.type_ == "PodScheduled" && it.reason.as_deref() == Some("SchedulingGated")
    };
    if conditions.iter().any(gated) {
        "SchedulingGated".clone_into(&mut reason);
    }

    let total = spec.containers.len() + init_specs.iter().filter(|it| restarts_always(it)).count();
    let mut ready = 0;
    let mut restarts = 0;
    let mut sidecar_restarts = 0;
    let mut initializing = false;
    let inits = status.init_container_statuses.as_deref().unwrap_or_default();
    for (index, container) in inits.iter().enumerate() {
        restarts += i64::from(container.restart_count);
        if sidecar(&container.name) {
            sidecar_restarts += i64::from(container.restart_count);
        }
        match init_reason(container, sidecar(&container.name)) {
            Init::Done => continue,
            Init::Started => {
                ready += usize::from(container.ready);
                continue;
            }
            Init::Stuck(why) => reason = format!("Init:{why}"),
            Init::Running => reason = format!("Init:{index}/{}", init_specs.len()),
        }
        initializing = true;
        break;
    }

    if !initializing || holds(conditions, "Initialized") {
        restarts = sidecar_restarts;
        let mut has_running = false;
        let mut error_reason = None;
        // From the last to the first: the first one's reason wins.
        for container in status.container_statuses.iter().flatten().rev() {
            restarts += i64::from(container.restart_count);
            let state = container.state.as_ref();
            let waiting =
                state.and_then(|it| it.waiting.as_ref()).and_then(|it| it.reason.as_deref());
            let terminated = state.and_then(|it| it.terminated.as_ref());
            let running = state.is_some_and(|it| it.running.is_some());
            if let Some(why) = waiting.filter(|why| !why.is_empty()) {
                why.clone_into(&mut reason);
            } else if let Some(ended) = terminated {
                reason = ended_reason(ended);
                if ended.exit_code != 0 {
                    error_reason = Some(reason.clone());
                }
            } else if container.ready && running {
                has_running = true;
                ready += 1;
            }
        }
        // Something still runs although the last word was of one that completed.
        if reason == "Completed" {
            if has_running && holds(conditions, "Ready") {
                "Running".clone_into(&mut reason);
            } else if let Some(why) = error_reason {
                reason = why;
            } else if has_running {
                "NotReady".clone_into(&mut reason);
            }
        }
    }

    if pod.metadata.deletion_timestamp.is_some() {
        if pod_reason == "NodeLost" {
            "Unknown".clone_into(&mut reason);
        } else if !matches!(phase, "Succeeded" | "Failed") {
            "Terminating".clone_into(&mut reason);
        }
    }
    Columns { reason, ready: format!("{ready}/{total}"), restarts }
}

enum Init {
    Done,
    Started,
    Stuck(String),
    Running,
}

fn init_reason(container: &ContainerStatus, sidecar: bool) -> Init {
    let state = container.state.as_ref();
    let waiting = state.and_then(|it| it.waiting.as_ref()).and_then(|it| it.reason.as_deref());
    match state.and_then(|it| it.terminated.as_ref()) {
        Some(ended) if ended.exit_code == 0 => return Init::Done,
        _ if sidecar && container.started == Some(true) => return Init::Started,
        Some(ended) => return Init::Stuck(ended_reason(ended)),
        None => {}
    }
    match waiting {
        Some(why) if !why.is_empty() && why != "PodInitializing" => Init::Stuck(why.to_owned()),
        _ => Init::Running,
    }
}

fn ended_reason(ended: &k8s_openapi::api::core::v1::ContainerStateTerminated) -> String {
    match (ended.reason.as_deref().unwrap_or_default(), ended.signal.unwrap_or_default()) {
        ("", 0) => format!("ExitCode:{}", ended.exit_code),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

fn restarts_always(container: &Container) -> bool {
    container.restart_policy.as_deref() == Some("Always")
}

fn holds(conditions: &[PodCondition], kind: &str) -> bool {
    conditions.iter().any(|it| it.type_ == kind && it.status == "True")
}

#[cfg(test)]
mod tests;
