//! Minting, listing and revoking presigned links. Checking them is the gates' part.

use crate::Terminals;
use crate::gates::forbidden;
use crate::page::{Cursor, cut};
use crate::standing::still_stands;
use axum::extract::State;
use http::StatusCode;
use http_api::{DecidedBy, Json, Path, Problem, ProblemBody, ProblemCode, Query, SignedIn, random};
use kube_io::{Action, EnterPod, PodFacts, Verdict};
use model::{
    ClusterName, ContainerName, ContainerPlace, LinkId, Namespace, PodName, PodPlace, Process,
    Timestamp,
};
use presign::{COMMAND_BYTES_MAX, Claims};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;
use store::{LinkFilter, LinkRow, LinkState, MintOutcome};

/// Links of one person in one cluster that were neither used nor revoked and still hold. Whoever needs more at
/// once than a class has people is a loop that went astray.
const OPEN_PER_PERSON_MAX: u32 = 100;

/// A link to make.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mint {
    /// The hub's first cluster if left out.
    #[schema(value_type = Option<String>)]
    cluster: Option<ClusterName>,
    #[schema(value_type = String)]
    namespace: Namespace,
    #[schema(value_type = String)]
    pod: PodName,
    /// The Pod's default container if left out.
    #[schema(value_type = Option<String>)]
    container: Option<ContainerName>,
    /// Whether a terminal is allocated.
    #[serde(default = "yes")]
    tty: bool,
    /// The program and its arguments; a login shell if left out. At most 4 KiB in all.
    #[serde(default)]
    command: Vec<String>,
    /// For whom, by Kubernetes user name; administrators only. Oneself if left out.
    for_user: Option<String>,
    /// How long the link holds, in seconds.
    expires_in_s: Option<u32>,
}

fn yes() -> bool {
    true
}

/// A link, without its secret part.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Link {
    id: String,
    user: String,
    minted_by: String,
    cluster: String,
    namespace: String,
    pod: String,
    pod_uid: String,
    container: String,
    tty: bool,
    command: Vec<String>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    expires_at: String,
    state: LinkStateName,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    used_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_by: Option<String>,
}

/// What has become of a link.
#[derive(Clone, Copy, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = LinkState)]
pub(crate) enum LinkStateName {
    Minted,
    Bound,
    Used,
    Revoked,
    Expired,
}

/// A fresh link with the address that opens it, shown this once.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct MintedLink {
    #[serde(flatten)]
    link: Link,
    /// The address. Its secret part stands behind `#` and is never sent by a browser by itself.
    url: String,
}

/// Links, a page of them.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct LinkList {
    items: Vec<Link>,
    /// `after` of the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Which links to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListLinks {
    /// Another person's, or `*` for everybody's; administrators only.
    user: Option<String>,
    /// Only those in this state.
    state: Option<LinkStateName>,
    /// How many at most, 1 to 500; 100 if left out.
    limit: Option<u32>,
    /// Goes on behind a page: its `next`.
    after: Option<String>,
}

/// Whose links to revoke.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevokeAll {
    /// The Kubernetes user name; another than one's own for administrators only.
    user: String,
}

/// How many links were revoked.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct RevokedAll {
    revoked: u64,
}

impl From<LinkState> for LinkStateName {
    fn from(state: LinkState) -> Self {
        match state {
            LinkState::Minted => Self::Minted,
            LinkState::Bound => Self::Bound,
            LinkState::Used => Self::Used,
            LinkState::Revoked => Self::Revoked,
            LinkState::Expired => Self::Expired,
        }
    }
}

impl From<LinkStateName> for LinkState {
    fn from(state: LinkStateName) -> Self {
        match state {
            LinkStateName::Minted => Self::Minted,
            LinkStateName::Bound => Self::Bound,
            LinkStateName::Used => Self::Used,
            LinkStateName::Revoked => Self::Revoked,
            LinkStateName::Expired => Self::Expired,
        }
    }
}

impl Link {
    fn of(row: LinkRow, now: Timestamp) -> Self {
        Self {
            state: row.state(now).into(),
            id: row.id.to_string(),
            user: row.user,
            minted_by: row.minted_by,
            cluster: row.place.pod.cluster.to_string(),
            namespace: row.place.pod.namespace.to_string(),
            pod: row.place.pod.pod.to_string(),
            pod_uid: row.place.pod.uid.to_string(),
            container: row.place.container.to_string(),
            tty: row.process.tty,
            command: row.process.command,
            created_at: row.created_at.to_string(),
            expires_at: row.expires_at.to_string(),
            used_at: row.used_at.map(|at| at.to_string()),
            revoked_at: row.revoked_at.map(|at| at.to_string()),
            revoked_by: row.revoked_by,
        }
    }
}

/// Makes a presigned link to a Pod.
#[utoipa::path(
    post, path = "/api/v1/links", operation_id = "mint_link", tag = "links", request_body = Mint,
    responses(
        (status = 201, description = "The link and its address", body = MintedLink),
        (status = 400, description = "`bad_request`", body = ProblemBody),
        (status = 403, description = "`forbidden`, `not_admin`", body = ProblemBody),
        (status = 404, description = "`pod_gone`, `container_unknown`, `cluster_unknown`", body = ProblemBody),
        (status = 409, description = "`too_many_links`", body = ProblemBody),
    )
)]
pub(crate) async fn mint(
    State(terminals): State<Terminals>,
    signed_in: SignedIn,
    Json(wish): Json<Mint>,
) -> Result<(StatusCode, Json<MintedLink>), Problem> {
    let user = match &wish.for_user {
        Some(user) if user != signed_in.user() => {
            if !signed_in.is_admin() {
                return Err(not_admin("make links for others"));
            }
            user.clone()
        }
        _ => signed_in.user().to_owned(),
    };
    if user.is_empty() || user.len() > 512 || user.chars().any(char::is_control) {
        return Err(Problem::bad_request(
            "`for_user` must be 1 to 512 characters without controls",
        ));
    }
    let command_bytes: usize = wish.command.iter().map(|argument| argument.len() + 1).sum();
    if command_bytes > COMMAND_BYTES_MAX || wish.command.first().is_some_and(String::is_empty) {
        return Err(Problem::bad_request(format!(
            "`command` must begin with a program and hold at most {COMMAND_BYTES_MAX} bytes"
        )));
    }
    // An argument of a program ends at its first NUL: what would run is not what the link says.
    if wish.command.iter().any(|argument| argument.contains('\0')) {
        return Err(Problem::bad_request("`command` must hold no NUL character"));
    }
    let lifetime = wish
        .expires_in_s
        .map_or(terminals.settings.link_lifetime, |s| Duration::from_secs(s.into()));
    let lifetime_max = terminals.settings.link_lifetime_max;
    if lifetime.is_zero() || lifetime > lifetime_max {
        return Err(Problem::bad_request(format!(
            "`expires_in_s` must be 1 to {}",
            lifetime_max.as_secs()
        )));
    }

    let place = place_of(&terminals, &signed_in, &wish).await;
    let place = match place {
        Ok(place) => place,
        Err(problem) => {
            let object = format!("{}/{}", wish.namespace, wish.pod);
            crate::gates::refuse(&terminals, &signed_in, "link.mint", &object, &problem).await?;
            return Err(problem);
        }
    };
    let now = terminals.api.clock.now();
    let row = LinkRow {
        id: LinkId::from_random(random()?),
        user,
        minted_by: signed_in.user().to_owned(),
        place,
        process: Process { tty: wish.tty, command: wish.command },
        created_at: now,
        expires_at: now.after(lifetime),
        bound_to: None,
        used_at: None,
        revoked_at: None,
        revoked_by: None,
    };
    let claims = Claims {
        id: row.id.clone(),
        user: row.user.clone(),
        place: row.place.clone(),
        process: row.process.clone(),
        expires_at: row.expires_at,
    };
    let token = terminals.keys.signing()?.sign(&claims);
    let audit = signed_in
        .audit("link.mint", &row.place)
        .detail(json!({ "link": row.id, "for": row.user, "expires_at": row.expires_at }))
        .allowed();
    let minted = terminals.api.store.create_link(&row, OPEN_PER_PERSON_MAX, audit).await?;
    if let MintOutcome::Full { limit } = minted {
        let problem = Problem::new(
            ProblemCode::TooManyLinks,
            format!(
                "`{}` has {limit} links that were neither used nor revoked and still hold",
                row.user
            ),
        )
        .decided_by(DecidedBy::Hub)
        .fix("use or revoke some, or wait until they expire");
        let object = row.place.to_string();
        crate::gates::refuse(&terminals, &signed_in, "link.mint", &object, &problem).await?;
        return Err(problem);
    }
    let url = format!("{}/terminal#{}", terminals.api.origins.first(), token.expose());
    Ok((StatusCode::CREATED, Json(MintedLink { link: Link::of(row, now), url })))
}

/// Finds the Pod as the person sees it, and asks whether they may enter it.
async fn place_of(
    terminals: &Terminals,
    signed_in: &SignedIn,
    wish: &Mint,
) -> Result<ContainerPlace, Problem> {
    let name = match (&wish.cluster, signed_in.cluster(), terminals.api.clusters.first()) {
        (Some(name), _, _) | (None, Some(name), _) => name.clone(),
        (None, None, Some(first)) => first.name().clone(),
        (None, None, None) => {
            return Err(Problem::new(ProblemCode::ClusterUnknown, "this hub has no cluster"));
        }
    };
    signed_in.check_cluster(&name)?;
    let cluster = terminals.api.clusters.get(&name).ok_or_else(|| {
        Problem::new(ProblemCode::ClusterUnknown, format!("this hub knows no cluster `{name}`"))
            .decided_by(DecidedBy::Hub)
    })?;
    let identity = signed_in.identity();
    // The UID is not known yet; RBAC does not ask for it.
    let asked = AskedPod { namespace: wish.namespace.clone(), pod: wish.pod.clone() };
    let (stands, verdict, facts) = tokio::join!(
        still_stands(terminals, signed_in),
        cluster.authorize(identity, asked),
        cluster.pod_facts(identity, &wish.namespace, &wish.pod),
    );
    stands?;
    if let Verdict::Denied { access, reason } = verdict? {
        return Err(forbidden(&name, signed_in.user(), &access, &reason));
    }
    let place = |facts: &PodFacts, container: &str| -> Result<ContainerPlace, Problem> {
        Ok(ContainerPlace {
            pod: PodPlace {
                cluster: name.clone(),
                namespace: wish.namespace.clone(),
                pod: wish.pod.clone(),
                uid: facts.uid.parse().map_err(Problem::internal)?,
            },
            container: container.parse().map_err(Problem::internal)?,
        })
    };
    let Some(facts) = facts? else {
        let detail = format!("there is no Pod `{}/{}/{}`", name, wish.namespace, wish.pod);
        return Err(Problem::new(ProblemCode::PodGone, detail).decided_by(DecidedBy::Kubernetes));
    };
    let container = match &wish.container {
        Some(container) => facts.container(container.as_str()),
        None => facts.container_by_default(),
    };
    match container {
        Some(container) => place(&facts, &container.name),
        None => {
            let names: Vec<&str> = facts.containers.iter().map(|c| c.name.as_str()).collect();
            Err(Problem::new(
                ProblemCode::ContainerUnknown,
                format!("Pod `{}` has no such container; it has: {}", wish.pod, names.join(", ")),
            )
            .decided_by(DecidedBy::Kubernetes))
        }
    }
}

/// [`EnterPod`] of a Pod whose UID is not known yet.
struct AskedPod {
    namespace: Namespace,
    pod: PodName,
}

impl Action for AskedPod {
    fn accesses(&self) -> Vec<kube_io::Access> {
        EnterPod::accesses_of(&self.namespace, &self.pod)
    }
}

/// Lists one's own links; administrators also others'.
#[utoipa::path(
    get, path = "/api/v1/links", operation_id = "list_links", tag = "links", params(ListLinks),
    responses((status = 200, description = "Links, newest first", body = LinkList))
)]
pub(crate) async fn list(
    State(terminals): State<Terminals>,
    signed_in: SignedIn,
    Query(wish): Query<ListLinks>,
) -> Result<Json<LinkList>, Problem> {
    let Whose { user, cluster } =
        Whose::asked(&signed_in, wish.user.as_deref(), "see others' links")?;
    let now = terminals.api.clock.now();
    let shown = wish.limit.unwrap_or(100).clamp(1, 500);
    let filter = LinkFilter {
        user,
        cluster,
        state: wish.state.map(Into::into),
        after: Cursor::asked(wish.after.as_deref())?,
        // One more tells whether there is more.
        limit: shown + 1,
    };
    let rows = terminals.api.store.links(&filter, now).await?;
    let (rows, next) = cut(rows, shown as usize, |row| (row.created_at, &row.id));
    Ok(Json(LinkList { items: rows.into_iter().map(|row| Link::of(row, now)).collect(), next }))
}

/// Revokes a link, used or not; a terminal that was entered by it ends within two seconds.
#[utoipa::path(
    delete, path = "/api/v1/links/{id}", operation_id = "revoke_link", tag = "links",
    params(("id" = String, Path, description = "The link's id")),
    responses((status = 204, description = "Revoked"), (status = 404, description = "`not_found`", body = ProblemBody))
)]
pub(crate) async fn revoke(
    State(terminals): State<Terminals>,
    signed_in: SignedIn,
    Path(id): Path<LinkId>,
) -> Result<StatusCode, Problem> {
    let row = terminals.api.store.link(&id).await?;
    let Some(row) = row.filter(|row| {
        let cluster = &row.place.pod.cluster;
        signed_in.owns(&row.user, cluster)
            || signed_in.owns(&row.minted_by, cluster)
            || signed_in.is_admin()
    }) else {
        return Err(Problem::not_found(format!("link `{id}`")));
    };
    let audit = signed_in
        .audit("link.revoke", &row.place)
        .detail(json!({ "link": id, "of": row.user }))
        .allowed();
    let now = terminals.api.clock.now();
    terminals.api.store.revoke_link(&id, signed_in.user(), now, audit).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Revokes all links of a person.
#[utoipa::path(
    post, path = "/api/v1/links/revoke-all", operation_id = "revoke_all_links", tag = "links", request_body = RevokeAll,
    responses((status = 200, description = "How many", body = RevokedAll), (status = 403, description = "`not_admin`", body = ProblemBody))
)]
pub(crate) async fn revoke_all(
    State(terminals): State<Terminals>,
    signed_in: SignedIn,
    Json(wish): Json<RevokeAll>,
) -> Result<Json<RevokedAll>, Problem> {
    let is_own = wish.user == signed_in.user();
    if !is_own && !signed_in.is_admin() {
        return Err(not_admin("revoke others' links"));
    }
    // One's own where one is signed in; another's in all clusters, rather one too many than one too few.
    let cluster = if is_own { signed_in.cluster() } else { None };
    let audit = signed_in
        .audit("link.revoke-all", &wish.user)
        .detail(json!({ "cluster": cluster }))
        .allowed();
    let now = terminals.api.clock.now();
    let store = &terminals.api.store;
    let revoked = store.revoke_links_of(&wish.user, cluster, signed_in.user(), now, audit).await?;
    Ok(Json(RevokedAll { revoked }))
}

/// Whose rows a list is to show.
pub(crate) struct Whose {
    /// This Kubernetes user's; everybody's if left out.
    pub(crate) user: Option<String>,
    /// In this cluster; in all if left out.
    pub(crate) cluster: Option<ClusterName>,
}

impl Whose {
    /// One's own, in the clusters for which one is signed in; for administrators, whose they ask for.
    /// `*` is everybody, even for somebody whom their cluster calls so.
    pub(crate) fn asked(
        signed_in: &SignedIn,
        user: Option<&str>,
        act: &str,
    ) -> Result<Self, Problem> {
        match user {
            Some("*") if signed_in.is_admin() => Ok(Self { user: None, cluster: None }),
            Some(user) if user != signed_in.user() && signed_in.is_admin() => {
                Ok(Self { user: Some(user.to_owned()), cluster: None })
            }
            Some(user) if user != signed_in.user() => Err(not_admin(act)),
            _ => Ok(Self {
                user: Some(signed_in.user().to_owned()),
                cluster: signed_in.cluster().cloned(),
            }),
        }
    }
}

pub(crate) fn not_admin(act: &str) -> Problem {
    Problem::new(ProblemCode::NotAdmin, format!("only administrators of the hub may {act}"))
        .decided_by(DecidedBy::Hub)
        .fix("ask an administrator of the hub")
}
