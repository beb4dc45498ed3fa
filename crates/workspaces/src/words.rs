//! The cluster's reasons in sentences of both languages: what a person reads while a workspace starts.
//! Which reasons apply, and in what order, is known to `steps`; a reason that is not here keeps the cluster's
//! own words, which say more than a guess would.

use crate::template::Text;
use crate::view::StepKind::{self, Deleting, Failed, Pulled, Pulling, Started, Waiting};

/// A cluster's event, as kind and sentence.
pub(crate) fn of_event(reason: &str, message: &str) -> (StepKind, Text) {
    let said = |part: &str| message.contains(part);
    let (kind, en, ko) = match reason {
        "Scheduled" => return scheduled(message.rsplit(' ').next().unwrap_or_default()),
        "FailedScheduling" if said("Insufficient memory") => (
            Waiting,
            "No node has enough free memory. It starts as soon as there is room.",
            "메모리가 충분한 노드가 없습니다. 자리가 나는 대로 시작합니다.",
        ),
        "FailedScheduling" if said("Insufficient cpu") => (
            Waiting,
            "No node has enough free CPU. It starts as soon as there is room.",
            "CPU가 충분한 노드가 없습니다. 자리가 나는 대로 시작합니다.",
        ),
        "FailedScheduling" if said("Too many pods") => (
            Waiting,
            "Every node is full of Pods. It starts as soon as there is room.",
            "모든 노드에 파드가 가득 찼습니다. 자리가 나는 대로 시작합니다.",
        ),
        "FailedScheduling" if said("taint") => (
            Waiting,
            "No node takes it: the nodes are reserved or not ready.",
            "배정할 수 있는 노드가 없습니다. 노드가 준비되지 않았거나 다른 용도로 예약되어 있습니다.",
        ),
        "FailedScheduling" => {
            (Waiting, "No node was found for it yet.", "아직 배정할 노드를 찾지 못했습니다.")
        }
        "Pulling" => (Pulling, "Fetching the image.", "이미지를 받는 중입니다."),
        "Pulled" if said("already present") => {
            (Pulled, "The node has the image already.", "노드에 이미지가 이미 있습니다.")
        }
        "Pulled" => (Pulled, "The image was fetched.", "이미지를 받았습니다."),
        "Started" => (Started, "The container was started.", "컨테이너를 시작했습니다."),
        "BackOff" if said("image") => (
            Waiting,
            "The image cannot be fetched. Another attempt follows.",
            "이미지를 받을 수 없습니다. 잠시 후 다시 시도합니다.",
        ),
        "BackOff" => (
            Waiting,
            "The container keeps ending. It is started again after a pause.",
            "컨테이너가 계속 종료됩니다. 잠시 후 다시 시작합니다.",
        ),
        "Failed" => {
            return of_waiting(failure_in(message)).unwrap_or_else(|| as_said(Failed, message));
        }
        "ErrImageNeverPull" | "InspectFailed" => return as_known(reason, message),
        "FailedMount" | "FailedAttachVolume" | "FailedMapVolume" => (
            Waiting,
            "A volume cannot be mounted yet. Another attempt follows.",
            "볼륨을 아직 마운트할 수 없습니다. 잠시 후 다시 시도합니다.",
        ),
        "FailedCreatePodSandBox" | "FailedPodSandBoxStatus" => (
            Waiting,
            "The node cannot set up the Pod's network yet. Another attempt follows.",
            "노드에서 파드 네트워크를 아직 준비하지 못했습니다. 잠시 후 다시 시도합니다.",
        ),
        "SandboxChanged" => {
            (Waiting, "The node sets the Pod up anew.", "노드에서 파드를 다시 준비합니다.")
        }
        "NetworkNotReady" => {
            (Waiting, "The node's network is not ready.", "노드의 네트워크가 준비되지 않았습니다.")
        }
        "NodeNotReady" => {
            (Waiting, "The node does not answer any more.", "노드가 응답하지 않습니다.")
        }
        "FailedCreate" | "FailedAdmission" if said("exceeded quota") => (
            Failed,
            "The namespace's quota is used up.",
            "네임스페이스의 쿼터를 모두 사용했습니다.",
        ),
        "FailedCreate" | "FailedAdmission" if said("PodSecurity") => (
            Failed,
            "The namespace's Pod Security rules do not admit it.",
            "네임스페이스의 파드 보안 규칙에 따라 허용되지 않습니다.",
        ),
        "Killing" => (Deleting, "The container is being stopped.", "컨테이너를 중지하는 중입니다."),
        "Preempted" => (
            Failed,
            "It had to make room for something more important.",
            "우선순위가 더 높은 파드에 자리를 내주었습니다.",
        ),
        "DeadlineExceeded" | "Evicted" | "TaintManagerEviction" => {
            return as_known(reason, message);
        }
        "Unhealthy" => (
            Waiting,
            "A check of the container's health failed.",
            "컨테이너 상태 검사에 실패했습니다.",
        ),
        _ => return as_said(Waiting, message),
    };
    (kind, Text::new(en, ko))
}

/// The reason that the kubelet puts into the words of a `Failed` event.
fn failure_in(message: &str) -> &str {
    match message.strip_prefix("Error: ") {
        Some(reason) => reason.split([':', ' ']).next().unwrap_or_default(),
        None if message.starts_with("Failed to pull image") => "ErrImagePull",
        None => "",
    }
}

fn as_known(reason: &str, message: &str) -> (StepKind, Text) {
    of_waiting(reason).or_else(|| of_end(reason)).unwrap_or_else(|| as_said(Waiting, message))
}

fn as_said(kind: StepKind, message: &str) -> (StepKind, Text) {
    (kind, Text::new(message, message))
}

/// The node that the scheduler chose.
pub(crate) fn scheduled(node: &str) -> (StepKind, Text) {
    (
        StepKind::Scheduled,
        Text::new(format!("Node {node} was chosen."), format!("노드 {node}에 배정되었습니다.")),
    )
}

/// Why a container waits (`state.waiting.reason`); `None` for what passes by itself.
pub(crate) fn of_waiting(reason: &str) -> Option<(StepKind, Text)> {
    let (kind, en, ko) = match reason {
        "ErrImagePull" | "ImagePullBackOff" | "RegistryUnavailable" => (
            Waiting,
            "The image cannot be fetched. Another attempt follows.",
            "이미지를 받을 수 없습니다. 잠시 후 다시 시도합니다.",
        ),
        "ErrImageNeverPull" => (
            Failed,
            "The node does not have the image and may not fetch it.",
            "노드에 이미지가 없고, 받아 오도록 허용되지도 않았습니다.",
        ),
        "InvalidImageName" | "InspectFailed" => (
            Failed,
            "The image's name is not valid. The template has to be corrected.",
            "이미지 이름이 올바르지 않습니다. 템플릿을 고쳐야 합니다.",
        ),
        "CreateContainerConfigError" => (
            Failed,
            "The container's settings refer to something that does not exist.",
            "컨테이너 설정에서 참조하는 대상이 없습니다.",
        ),
        "CreateContainerError" | "RunContainerError" | "StartError" => (
            Failed,
            "The node cannot start the container.",
            "노드에서 컨테이너를 시작할 수 없습니다.",
        ),
        "CrashLoopBackOff" => (
            Waiting,
            "The container keeps ending. It is started again after a pause.",
            "컨테이너가 계속 종료됩니다. 잠시 후 다시 시작합니다.",
        ),
        _ => return None,
    };
    Some((kind, Text::new(en, ko)))
}

/// Why a Pod or its container ended (`status.reason`, `state.terminated.reason`).
pub(crate) fn of_end(reason: &str) -> Option<(StepKind, Text)> {
    let (kind, en, ko) = match reason {
        "DeadlineExceeded" => (
            Deleting,
            "Its lifetime is over. The cluster ended it.",
            "사용 시간이 끝나 종료되었습니다.",
        ),
        "OOMKilled" => (
            Failed,
            "It used more memory than it may. The kernel ended it.",
            "메모리 한도를 초과하여 종료되었습니다.",
        ),
        "Evicted" => (
            Failed,
            "The node ran short of room and evicted it.",
            "노드의 자원이 부족하여 축출되었습니다.",
        ),
        "TaintManagerEviction" | "NodeLost" => {
            (Failed, "Its node was lost.", "노드와 연결이 끊겨 종료되었습니다.")
        }
        "Completed" => (Deleting, "The main process ended.", "주 프로세스가 종료되었습니다."),
        "Error" => (
            Failed,
            "The main process ended with an error.",
            "주 프로세스가 오류로 종료되었습니다.",
        ),
        "ContainerCannotRun" | "StartError" => (
            Failed,
            "The node cannot start the container.",
            "노드에서 컨테이너를 시작할 수 없습니다.",
        ),
        _ => return None,
    };
    Some((kind, Text::new(en, ko)))
}

/// Sentences that follow from the Pod itself.
pub(crate) fn requested() -> Text {
    Text::new("The workspace was asked for.", "워크스페이스를 요청했습니다.")
}

pub(crate) fn ready() -> Text {
    Text::new("It is ready to enter.", "준비되었습니다. 이제 들어갈 수 있습니다.")
}

pub(crate) fn deleting() -> Text {
    Text::new("It is being deleted.", "삭제하는 중입니다.")
}

pub(crate) fn gone() -> Text {
    Text::new("Its Pod is gone.", "파드가 더 이상 없습니다.")
}

pub(crate) fn ended() -> Text {
    Text::new("It has ended.", "종료되었습니다.")
}

pub(crate) fn cluster_silent() -> Text {
    Text::new(
        "The cluster does not answer, so how it stands is not known.",
        "클러스터가 응답하지 않아 현재 상태를 알 수 없습니다.",
    )
}
