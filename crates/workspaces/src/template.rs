//! Templates: what a workspace is made of, as the operator's configuration says.
//! How a Pod follows from one is known to `manifest`; who may have how many, to `settings`.

use crate::quantity::Quantity;
use model::ContainerName;
use serde::Serialize;
use std::time::Duration;

/// A sentence in both languages of the console.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Text {
    /// English.
    pub en: String,
    /// Korean.
    pub ko: String,
}

impl Text {
    /// A sentence in both languages.
    pub fn new(en: impl Into<String>, ko: impl Into<String>) -> Self {
        Self { en: en.into(), ko: ko.into() }
    }
}

/// What a workspace may use. Kubernetes quantities, such as `500m` and `2Gi`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resources {
    /// CPU that is kept free for it.
    pub cpu_request: String,
    /// CPU that it may use at most.
    pub cpu_limit: String,
    /// Memory that is kept free for it.
    pub memory_request: String,
    /// Memory that it may use at most; beyond it the kernel ends it.
    pub memory_limit: String,
    /// Disk that it may write at most; beyond it the node evicts it.
    pub storage_limit: String,
}

/// One kind of workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The name in the API; a label of at most 24 characters.
    pub name: String,
    /// What the card is called.
    pub title: Text,
    /// What it is good for.
    pub description: Text,
    /// The container image. A fixed tag or digest: the node's own copy is used when it has one.
    pub image: String,
    /// The container's name.
    pub container: ContainerName,
    /// The main process. See [`Template::debian_shell`] for what it must take care of.
    pub command: Vec<String>,
    /// Environment of the main process and of every shell that is opened.
    pub environment: Vec<(String, String)>,
    /// What it may use.
    pub resources: Resources,
    /// How long it lives.
    pub lifetime: Duration,
    /// Whether the console offers it first.
    pub default: bool,
}

/// The main process of a shell workspace: process 1 stays when a shell exits, and is itself a shell.
///
/// - Terminals are processes of their own (`exec`), so process 1 could sleep; it keeps a login shell on the
///   container's own terminal instead, for `kubectl attach`. `bash -l` as process 1 would end the Pod, and
///   with it everything installed, at the first `exit` or Ctrl-D of somebody attached.
/// - While a POSIX shell waits for its child it reaps whatever else ends, so that daemons which packages
///   start and commands which outlive their terminal leave no zombies.
/// - The pause keeps a terminal that is at its end of file from turning the loop into a busy one.
/// - Process 1 gets no SIGTERM that it did not ask for: the Pod's short grace period ends it.
const MAIN_PROCESS: &str = "while :; do \
    if command -v bash >/dev/null 2>&1; then bash -l; else sh -l; fi; sleep 1; done";

impl Template {
    /// The built-in default: a Debian shell for eight hours.
    ///
    /// It runs as root, without which `apt-get install` does not work; what root may do is bounded by the
    /// namespace's Pod Security level and by the Pod (`manifest`).
    pub fn debian_shell(image: impl Into<String>) -> Self {
        #[expect(clippy::expect_used, reason = "the constant `shell` is a label")]
        let container = "shell".parse().expect("`shell` is a label");
        Self {
            name: "debian".to_owned(),
            title: Text::new("Debian shell", "데비안 셸"),
            description: Text::new(
                "A Debian machine of your own with bash. You are root and can install packages.",
                "bash가 들어 있는 나만의 데비안 환경입니다. root 권한으로 패키지를 설치할 수 있습니다.",
            ),
            image: image.into(),
            container,
            command: ["/bin/sh", "-c", MAIN_PROCESS].map(str::to_owned).to_vec(),
            // Every Debian has this locale; without one, Hangul would be shown as question marks.
            environment: vec![("LANG".to_owned(), "C.UTF-8".to_owned())],
            resources: Resources {
                cpu_request: "50m".to_owned(),
                cpu_limit: "1".to_owned(),
                memory_request: "64Mi".to_owned(),
                memory_limit: "1Gi".to_owned(),
                storage_limit: "8Gi".to_owned(),
            },
            lifetime: Duration::from_secs(8 * 3600),
            default: true,
        }
    }

    /// Checks what an operator may have got wrong; the words name the key.
    pub(crate) fn check(&self) -> Result<(), String> {
        let name = &self.name;
        if name.len() > 24 || name.parse::<ContainerName>().is_err() {
            return Err(format!(
                "template `{}`: `name` must be a label of at most 24 characters",
                name.escape_default()
            ));
        }
        let resources = &self.resources;
        for (key, request, limit) in [
            ("cpu", &resources.cpu_request, &resources.cpu_limit),
            ("memory", &resources.memory_request, &resources.memory_limit),
            ("storage", &resources.storage_limit, &resources.storage_limit),
        ] {
            match (Quantity::parse(request), Quantity::parse(limit)) {
                (Some(request), Some(limit)) if request <= limit => {}
                (Some(_), Some(_)) => {
                    return Err(format!("template `{name}`: `{key}` requests more than its limit"));
                }
                _ => {
                    return Err(format!(
                        "template `{name}`: `{key}` is not a quantity such as `500m` or `2Gi`"
                    ));
                }
            }
        }
        if self.image.trim().is_empty() {
            return Err(format!("template `{name}`: `image` is missing"));
        }
        if self.lifetime < Duration::from_secs(60) {
            return Err(format!("template `{name}`: `lifetime` must be a minute at least"));
        }
        Ok(())
    }
}
