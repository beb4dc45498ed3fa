//! Workspaces, templates and quotas as the console reads them.
//! How a state and its steps follow from the cluster's words is known to `steps`.

use crate::settings::Settings;
use crate::template::{Template, Text};
use model::Timestamp;
use serde::{Deserialize, Serialize};
use store::WorkspaceCounts;

/// A kind of workspace to choose from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = WorkspaceTemplate)]
pub struct TemplateView {
    /// The name to create it by.
    pub name: String,
    /// What the card is called.
    pub title: Text,
    /// What it is good for.
    pub description: Text,
    /// The container image.
    pub image: String,
    /// CPU that it may use.
    pub cpu: String,
    /// Memory that it may use.
    pub memory: String,
    /// Seconds that it lives.
    pub lifetime_s: u64,
    /// Whether it is offered first.
    pub default: bool,
}

impl TemplateView {
    pub(crate) fn of(template: &Template) -> Self {
        Self {
            name: template.name.clone(),
            title: template.title.clone(),
            description: template.description.clone(),
            image: template.image.clone(),
            cpu: template.resources.cpu_limit.clone(),
            memory: template.resources.memory_limit.clone(),
            lifetime_s: template.lifetime.as_secs(),
            default: template.default,
        }
    }
}

/// All templates.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct WorkspaceTemplates {
    /// In the operator's order.
    pub items: Vec<TemplateView>,
}

/// How much room is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = WorkspaceQuota)]
pub struct Quota {
    /// Workspaces that the person has.
    pub used: u32,
    /// Workspaces that one person may have.
    pub limit: u32,
    /// Workspaces that there are.
    pub total_used: u32,
    /// Workspaces that there may be.
    pub total_limit: u32,
}

impl Quota {
    pub(crate) fn of(counts: WorkspaceCounts, settings: &Settings) -> Self {
        Self {
            used: counts.person,
            limit: settings.limit_person(),
            total_used: counts.total,
            total_limit: settings.limit_total(),
        }
    }
}

/// How a workspace stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = WorkspaceState)]
pub enum State {
    /// Reserved; the cluster has no Pod of it yet.
    Creating,
    /// The Pod exists and does not run yet.
    Starting,
    /// It can be entered.
    Running,
    /// It ended by a fault, or cannot start as it is.
    Failed,
    /// It came to its end.
    Finished,
    /// It is being deleted.
    Deleting,
}

/// What a step is about; the console chooses the icon by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = WorkspaceStepKind)]
pub enum StepKind {
    /// Asked for, or made.
    Created,
    /// A node was chosen.
    Scheduled,
    /// The image is being fetched.
    Pulling,
    /// The image is there.
    Pulled,
    /// The container was started.
    Started,
    /// It can be entered.
    Ready,
    /// Something keeps it waiting; it may still come.
    Waiting,
    /// Something ended it, or keeps it from starting.
    Failed,
    /// It is being deleted.
    Deleting,
}

/// One step of a workspace's start or end, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = WorkspaceStep)]
pub struct Step {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What about.
    pub kind: StepKind,
    /// For people.
    pub message: Text,
    /// The cluster's own words; empty where it has none.
    pub detail: String,
}

/// A workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Workspace)]
pub struct WorkspaceView {
    /// Its id.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// The template it was made from.
    pub template: String,
    /// The owner's Kubernetes user name.
    pub owner: String,
    /// The cluster it is in.
    pub cluster: String,
    /// The owner's namespace there.
    pub namespace: String,
    /// Its Pod.
    pub pod: String,
    /// The Pod's UID, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_uid: Option<String>,
    /// The container to enter.
    pub container: String,
    /// How it stands.
    pub state: State,
    /// How it came to that, oldest first; the last 50.
    pub steps: Vec<Step>,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// A person's workspaces.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct WorkspaceList {
    /// Newest first.
    pub items: Vec<WorkspaceView>,
    /// How much room is taken.
    pub quota: Quota,
}

/// What to create.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWorkspace {
    /// The template's name.
    pub template: String,
    /// What to call it: 1 to 40 of a-z, 0-9 and `-`. Made up from the template when it is missing.
    #[serde(default)]
    #[schema(max_length = 40, pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    pub name: Option<String>,
    /// The cluster; the hub's first when it is missing.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub cluster: Option<model::ClusterName>,
}
