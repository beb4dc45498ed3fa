//! A Role from use, for those who look at the room: what a user did in all that is stored, as rights and as YAML, and
//! how that differs from the roles that are pasted beside it.
//! What follows from which request is `role`'s. Which cluster a unit is of is not stored: where agents of several
//! clusters send to one hub, a user of the same name in each is one user here, and the answer cannot tell.

use super::Traffic;
use super::view::StateCount;
use crate::role::{HeldRoles, Proposal, RoleDiff, Use, diff, propose};
use axum::extract::State;
use http_api::{Administrator, Json, Problem, ProblemBody, Query};
use model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{TrafficUse, TrafficUses};

/// Longer than any user that is stored.
const USER_CHARS_MAX: usize = 512;

/// Whose role.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RoleQuery {
    /// The user, as requests claim to be of.
    #[param(example = "system:serviceaccount:shop:web")]
    user: String,
    /// Whether rules name their objects where requests named few; true if left out.
    #[serde(default = "yes")]
    names: bool,
}

fn yes() -> bool {
    true
}

/// What a user's requests ask for, and how much of the traffic that rests on.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficRole)]
pub(super) struct RoleBody {
    user: String,
    #[serde(flatten)]
    proposal: Proposal,
    basis: BasisBody,
    /// How it differs from the rules that were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    diff: Option<RoleDiff>,
}

/// What was looked at. A right that was needed before, after or beside it is not in the role.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TrafficRoleBasis)]
struct BasisBody {
    /// When the first unit that was looked at was captured; left out if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    from: Option<Timestamp>,
    /// When the last was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    to: Option<Timestamp>,
    /// Units that were looked at.
    units: u64,
    /// This user's answered requests among them.
    requests: u64,
    /// Answers among them whose user is not known, such as those to client certificates: any may be this one's.
    unknown: u64,
    /// Bytes that are missing from the captures, whoever's they were.
    missing: u64,
    /// Connections that are over, by how far they could be read.
    by_decryption: Vec<StateCount>,
    /// There are older units that were not looked at, or more kinds of requests than one role can hold.
    partial: bool,
}

/// The least Role that a user's stored requests ask for, as YAML, with what was refused apart. It is audited.
///
/// It rests on what was captured and stored alone, which `basis` tells; it is to be read before it is applied.
#[utoipa::path(
    get, path = "/api/v1/traffic/role", tag = "traffic", operation_id = "propose_traffic_role",
    params(RoleQuery),
    responses(
        (status = OK, body = RoleBody),
        (status = BAD_REQUEST, body = ProblemBody, description = "bad_request: no user"),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
    ),
)]
pub(super) async fn role(
    administrator: Administrator,
    State(traffic): State<Traffic>,
    Query(query): Query<RoleQuery>,
) -> Result<Json<RoleBody>, Problem> {
    Ok(Json(traffic.role(&administrator, query, None).await?))
}

/// What a user holds, to compare with.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TrafficRoleHeld)]
pub(super) struct HeldBody {
    /// Roles, ClusterRoles and their bindings as JSON: what `kubectl get roles,rolebindings -o json` prints. With
    /// bindings, only those of this user count; without any, all roles do.
    held: String,
}

/// The same, compared with the roles that the user holds: what is missing, unused, or wider than its use. It is audited.
#[utoipa::path(
    post, path = "/api/v1/traffic/role", tag = "traffic", operation_id = "compare_traffic_role",
    params(RoleQuery),
    request_body = HeldBody,
    responses(
        (status = OK, body = RoleBody),
        (status = BAD_REQUEST, body = ProblemBody, description = "bad_request: no user, or no roles in `held`"),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
        (status = PAYLOAD_TOO_LARGE, body = ProblemBody, description = "body_too_large"),
    ),
)]
pub(super) async fn compare(
    administrator: Administrator,
    State(traffic): State<Traffic>,
    Query(query): Query<RoleQuery>,
    Json(body): Json<HeldBody>,
) -> Result<Json<RoleBody>, Problem> {
    Ok(Json(traffic.role(&administrator, query, Some(body.held)).await?))
}

impl Traffic {
    async fn role(
        &self,
        administrator: &Administrator,
        query: RoleQuery,
        held: Option<String>,
    ) -> Result<RoleBody, Problem> {
        let RoleQuery { user, names } = query;
        if user.trim().is_empty() || user.chars().count() > USER_CHARS_MAX {
            return Err(Problem::bad_request("`user`: expected a user's name"));
        }
        let held = held.map(|text| HeldRoles::read(&text, &user)).transpose();
        let held = held.map_err(|fault| Problem::bad_request(format!("`held`: {fault}")))?;
        let store = &self.inner.api.store;
        let entry = administrator.audit("traffic.role", format!("user/{user}"));
        // Recorded before it is shown: who cannot be recorded sees nothing.
        store.audit(entry.detail(json!({ "compared": held.is_some() })).allowed()).await?;
        let found = store.traffic_uses(&user).await?;
        let basis = BasisBody::of(&found);
        let uses: Vec<Use> = found.uses.into_iter().map(used).collect();
        let proposal = propose(&user, &uses, names);
        let diff = held.map(|held| diff(&proposal, &held));
        Ok(RoleBody { user, proposal, basis, diff })
    }
}

impl BasisBody {
    fn of(found: &TrafficUses) -> Self {
        Self {
            from: found.from,
            to: found.to,
            units: found.units,
            requests: found.uses.iter().map(|(_, requests)| requests).sum(),
            unknown: found.unknown,
            missing: found.missing,
            by_decryption: found
                .by_decryption
                .iter()
                .map(|(state, connections)| StateCount {
                    state: state.clone(),
                    connections: *connections,
                })
                .collect(),
            partial: found.partial || found.cut,
        }
    }
}

fn used((of, requests): (TrafficUse, u64)) -> Use {
    Use {
        verb: of.verb.unwrap_or_default(),
        group: of.group.unwrap_or_default(),
        resource: of.resource,
        subresource: of.subresource,
        namespace: of.namespace,
        name: of.name,
        path: of.path,
        status: of.status,
        requests,
    }
}
