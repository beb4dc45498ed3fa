//! The two gates: what must hold before a person enters a Pod, checked twice and independently.
//! The first gate (`POST /presigned/validate`) turns a link into the Pod's facts and a ticket for this
//! browser; the second (the upgrade, in `connect`) trusts nothing of the first and asks it all again.
//!
//! Hostile input: link and ticket are whatever somebody sends. Refusals that could tell a stranger
//! something (whose link it is, whether a Pod exists) come only after what the stranger cannot have.

use crate::Terminals;
use crate::standing::still_stands;
use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_api::{DecidedBy, Json, Problem, ProblemBody, ProblemCode, SignedIn, random};
use kube_io::{Authorized, Cluster, EnterPod, KubeIoError, PodFacts, Verdict};
use model::{ClusterName, ContainerPlace, Secret, SecretBytes, TerminalId, Timestamp};
use presign::LinkFault;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{BindOutcome, ConsumeOutcome, LinkRow, TerminalRow};

/// The first gate's question.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Validate {
    /// The part of the link's address after `#`.
    #[schema(value_type = String, example = "sp1.0a1b2c3d.eyJ…")]
    link: Secret,
}

/// The first gate's answer: the Pod's facts, and the way to the second gate.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Passage {
    link_id: String,
    /// Opens the second gate once, from this browser.
    ticket: String,
    #[schema(format = DateTime)]
    ticket_expires_at: String,
    cluster: String,
    namespace: String,
    pod: String,
    pod_uid: String,
    container: String,
    image: String,
    node: Option<String>,
    tty: bool,
    command: Vec<String>,
    user: String,
    #[schema(format = DateTime)]
    link_expires_at: String,
}

/// First gate: checks a link and gives a ticket for this browser.
#[utoipa::path(
    post, path = "/presigned/validate", operation_id = "validate_link", tag = "terminals", request_body = Validate,
    responses(
        (status = 200, description = "The Pod's facts and a one-use ticket", body = Passage),
        (status = 400, description = "`link_malformed`", body = ProblemBody),
        (status = 403, description = "`link_signature`, `link_key_unknown`, `link_other_user`, `link_other_browser`, `forbidden`", body = ProblemBody),
        (status = 404, description = "`pod_gone`, `container_unknown`, `cluster_unknown`", body = ProblemBody),
        (status = 409, description = "`link_used`, `pod_replaced`, `pod_not_running`", body = ProblemBody),
        (status = 410, description = "`link_expired`, `link_revoked`", body = ProblemBody),
    )
)]
pub(crate) async fn validate(
    State(terminals): State<Terminals>,
    signed_in: SignedIn,
    Json(question): Json<Validate>,
) -> Result<Json<Passage>, Problem> {
    match first_gate(&terminals, &signed_in, &question.link).await {
        Ok(passage) => Ok(Json(passage)),
        Err((object, problem)) => {
            refuse(&terminals, &signed_in, "terminal.validate", &object, &problem).await?;
            Err(problem)
        }
    }
}

const REFUSALS: &str = "sallyport_gate_refusals_total";
/// Minting is no gate: nothing is entered by it.
const UNMINTED: &str = "sallyport_link_refusals_total";
/// The audit log's names of the gates, which are the metric's as well.
const GATES: [&str; 2] = ["terminal.validate", "terminal.enter"];
/// Why a gate refuses. An alert on one of these sees its first time too, because it begins at nothing.
const REASONS: [ProblemCode; 14] = [
    ProblemCode::Forbidden,
    ProblemCode::LinkMalformed,
    ProblemCode::LinkSignature,
    ProblemCode::LinkKeyUnknown,
    ProblemCode::LinkExpired,
    ProblemCode::LinkRevoked,
    ProblemCode::LinkUsed,
    ProblemCode::LinkOtherUser,
    ProblemCode::LinkOtherBrowser,
    ProblemCode::TicketMissing,
    ProblemCode::TicketInvalid,
    ProblemCode::TicketExpired,
    ProblemCode::TicketUsed,
    ProblemCode::PodReplaced,
];

pub(crate) fn describe_metrics() {
    metrics::describe_counter!(REFUSALS, "Refusals at each gate, by reason.");
    for gate in GATES {
        for code in REASONS {
            metrics::counter!(REFUSALS, "gate" => gate, "code" => code.as_str()).absolute(0);
        }
    }
    metrics::describe_counter!(UNMINTED, "Links that were not made, by reason.");
    metrics::counter!(UNMINTED, "code" => ProblemCode::Forbidden.as_str()).absolute(0);
}

/// The metric of a refusal, by what was refused.
fn counted_as(action: &str) -> &'static str {
    if GATES.contains(&action) { REFUSALS } else { UNMINTED }
}

fn count(action: &'static str, code: ProblemCode) {
    match counted_as(action) {
        REFUSALS => {
            metrics::counter!(REFUSALS, "gate" => action, "code" => code.as_str()).increment(1);
        }
        other => metrics::counter!(other, "code" => code.as_str()).increment(1),
    }
}

/// Writes a refusal down, and counts it.
pub(crate) async fn refuse(
    terminals: &Terminals,
    signed_in: &SignedIn,
    action: &'static str,
    object: &str,
    problem: &Problem,
) -> Result<(), Problem> {
    count(action, problem.code());
    let record = signed_in.audit(action, object).detail(json!({ "detail": problem.detail() }));
    let record = match problem.code() {
        ProblemCode::StoreUnavailable
        | ProblemCode::ClusterUnreachable
        | ProblemCode::Internal
        | ProblemCode::HubDraining => record.failed(problem.code()),
        _ => record.denied(problem.code()),
    };
    terminals.api.store.audit(record).await?;
    Ok(())
}

/// A refusal and the object it is about, as far as it is known.
type Refusal = (String, Problem);

async fn first_gate(
    terminals: &Terminals,
    signed_in: &SignedIn,
    token: &Secret,
) -> Result<Passage, Refusal> {
    let unknown = |problem: Problem| ("a link".to_owned(), problem);
    let claims = terminals
        .keys
        .check(token)
        .await
        .map_err(unknown)?
        .map_err(|fault| unknown(link_fault(fault)))?;
    let object = format!("{} by {}", claims.place, claims.id);
    let about = |problem: Problem| (object.clone(), problem);

    let row = terminals.api.store.link(&claims.id).await.map_err(|error| about(error.into()))?;
    let Some(row) = row else {
        return Err(about(
            Problem::new(ProblemCode::LinkRevoked, "this link is not on record any more")
                .decided_by(DecidedBy::Hub),
        ));
    };
    // The signature covers all of it; a row that says otherwise was tampered with.
    if row.user != claims.user || row.place != claims.place || row.process != claims.process {
        return Err(about(
            Problem::new(ProblemCode::LinkSignature, "the link differs from its record")
                .decided_by(DecidedBy::Hub),
        ));
    }
    let now = terminals.api.clock.now();
    link_holds(&row, signed_in, now).map_err(about)?;
    let (_, facts) = may_enter(terminals, signed_in, &row.place).await.map_err(about)?;
    let container = facts.container(row.place.container.as_str());

    let ticket = SecretBytes::new(random::<32>().map_err(about)?);
    let ticket_expires_at = now.after(terminals.settings.ticket_lifetime).min(row.expires_at);
    let audit = signed_in
        .audit("terminal.validate", &object)
        .detail(json!({ "pod_uid": row.place.pod.uid, "tty": row.process.tty }))
        .allowed();
    let outcome = terminals
        .api
        .store
        .bind_link(&row.id, signed_in.id(), &hash(&ticket), ticket_expires_at, now, audit)
        .await
        .map_err(|error| about(error.into()))?;
    match outcome {
        BindOutcome::Bound => Ok(Passage {
            link_id: row.id.to_string(),
            ticket: URL_SAFE_NO_PAD.encode(ticket.expose()),
            ticket_expires_at: ticket_expires_at.to_string(),
            cluster: row.place.pod.cluster.to_string(),
            namespace: row.place.pod.namespace.to_string(),
            pod: row.place.pod.pod.to_string(),
            pod_uid: row.place.pod.uid.to_string(),
            container: row.place.container.to_string(),
            image: container.map(|container| container.image.clone()).unwrap_or_default(),
            node: facts.node,
            tty: row.process.tty,
            command: row.process.command,
            user: row.user,
            link_expires_at: row.expires_at.to_string(),
        }),
        BindOutcome::Expired => Err(about(link_fault(LinkFault::Expired))),
        BindOutcome::Revoked | BindOutcome::Unknown => Err(about(link_revoked())),
        BindOutcome::Used => Err(about(link_used())),
        BindOutcome::OtherBrowser => Err(about(link_other_browser())),
        BindOutcome::SignInEnded => Err(about(session_ended())),
    }
}

/// Everything that the second gate has established.
pub(crate) struct Entered {
    pub(crate) cluster: Cluster,
    pub(crate) right: Authorized<EnterPod>,
    pub(crate) terminal: TerminalRow,
}

/// Second gate: the ticket is looked at, everything is asked again, and only then is it consumed.
pub(crate) async fn second_gate(
    terminals: &Terminals,
    signed_in: &SignedIn,
    ticket: Option<&str>,
) -> Result<Entered, Refusal> {
    let unknown = |problem: Problem| ("a ticket".to_owned(), problem);
    let store = &terminals.api.store;
    let Some(ticket) = ticket else {
        return Err(unknown(
            Problem::new(ProblemCode::TicketMissing, "the connection brings no ticket")
                .decided_by(DecidedBy::Hub)
                .fix("open the link again: the first gate gives the ticket"),
        ));
    };
    let ticket = read_ticket(ticket).ok_or_else(|| unknown(ticket_invalid()))?;
    let hash = hash(&ticket);
    let peeked = store.peek_ticket(&hash).await.map_err(|error| unknown(error.into()))?;
    let peeked = peeked.ok_or_else(|| unknown(ticket_invalid()))?;
    if peeked.sign_in != *signed_in.id() {
        return Err(unknown(link_other_browser()));
    }
    let row = peeked.link;
    let object = format!("{} by {}", row.place, row.id);
    let about = |problem: Problem| (object.clone(), problem);

    let now = terminals.api.clock.now();
    if peeked.consumed_at.is_some() {
        return Err(about(ticket_used()));
    }
    if peeked.expires_at <= now {
        return Err(about(ticket_expired()));
    }
    link_holds(&row, signed_in, now).map_err(about)?;
    let (right, _) = may_enter(terminals, signed_in, &row.place).await.map_err(about)?;

    // The cluster took its time: what the store decides, it decides by the time as it is now.
    let now = terminals.api.clock.now();
    let terminal = TerminalRow {
        id: TerminalId::from_random(random().map_err(about)?),
        link: row.id.clone(),
        user: row.user.clone(),
        sign_in: signed_in.id().clone(),
        place: row.place.clone(),
        process: row.process.clone(),
        hub: store.hub().clone(),
        started_at: now,
        ended_at: None,
        end_reason: None,
        last_alive_at: now,
    };
    let audit = signed_in
        .audit("terminal.enter", &row.place)
        .detail(json!({
            "terminal": terminal.id, "link": row.id, "pod_uid": row.place.pod.uid,
            "tty": row.process.tty, "command": row.process.command,
        }))
        .allowed();
    let outcome = store
        .consume_ticket(&hash, signed_in.id(), now, &terminal, audit)
        .await
        .map_err(|error| about(error.into()))?;
    let refusal = match outcome {
        ConsumeOutcome::Entered(_) => {
            let cluster = cluster_of(terminals, signed_in, &row.place).map_err(about)?;
            return Ok(Entered { cluster, right, terminal });
        }
        ConsumeOutcome::Unknown => ticket_invalid(),
        ConsumeOutcome::Expired => ticket_expired(),
        ConsumeOutcome::Used => ticket_used(),
        ConsumeOutcome::OtherBrowser => link_other_browser(),
        ConsumeOutcome::SignInEnded => session_ended(),
        ConsumeOutcome::LinkExpired => link_fault(LinkFault::Expired),
        ConsumeOutcome::LinkRevoked => link_revoked(),
        ConsumeOutcome::LinkUsed => link_used(),
    };
    Err(about(refusal))
}

/// A ticket as the first gate writes it, in that one spelling.
pub(crate) fn read_ticket(text: &str) -> Option<SecretBytes> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32)?;
    Some(SecretBytes::new(bytes))
}

/// What both gates ask of the link itself.
fn link_holds(row: &LinkRow, signed_in: &SignedIn, now: Timestamp) -> Result<(), Problem> {
    if row.user != signed_in.user() {
        return Err(Problem::new(
            ProblemCode::LinkOtherUser,
            format!("this link is not for `{}`", signed_in.user()),
        )
        .decided_by(DecidedBy::Hub)
        .fix("sign in as the person it was made for, or ask for a link of your own"));
    }
    if row.revoked_at.is_some() {
        return Err(link_revoked());
    }
    if row.used_at.is_some() {
        return Err(link_used());
    }
    if row.expires_at <= now {
        return Err(link_fault(LinkFault::Expired));
    }
    if row.bound_to.as_ref().is_some_and(|bound| bound != signed_in.id()) {
        return Err(link_other_browser());
    }
    Ok(())
}

pub(crate) fn cluster_of(
    terminals: &Terminals,
    signed_in: &SignedIn,
    place: &ContainerPlace,
) -> Result<Cluster, Problem> {
    let name = &place.pod.cluster;
    signed_in.check_cluster(name)?;
    terminals.api.clusters.get(name).cloned().ok_or_else(|| {
        Problem::new(ProblemCode::ClusterUnknown, format!("this hub knows no cluster `{name}`"))
            .decided_by(DecidedBy::Hub)
    })
}

/// What both gates ask of the cluster: is this still that person, may they enter this Pod now, and is it still
/// that Pod.
pub(crate) async fn may_enter(
    terminals: &Terminals,
    signed_in: &SignedIn,
    place: &ContainerPlace,
) -> Result<(Authorized<EnterPod>, PodFacts), Problem> {
    let cluster = cluster_of(terminals, signed_in, place)?;
    let action = EnterPod { place: place.pod.clone() };
    let identity = signed_in.identity();
    let (stands, verdict, facts) = tokio::join!(
        still_stands(terminals, signed_in),
        cluster.authorize(identity, action),
        cluster.pod_facts(identity, &place.pod.namespace, &place.pod.pod),
    );
    stands?;
    let right = match verdict? {
        Verdict::Allowed(right) => right,
        Verdict::Denied { access, reason } => {
            return Err(forbidden(cluster.name(), signed_in.user(), &access, &reason));
        }
    };
    let pod = &place.pod;
    let facts = facts?.ok_or_else(|| pod_gone(place))?;
    if facts.uid != pod.uid.as_str() {
        return Err(Problem::new(
            ProblemCode::PodReplaced,
            format!("Pod `{pod}` is not the one that the link was made for: it was created anew"),
        )
        .decided_by(DecidedBy::Kubernetes)
        .fix("make a new link for the Pod as it now is"));
    }
    let container = facts.container(place.container.as_str()).ok_or_else(|| {
        Problem::new(
            ProblemCode::ContainerUnknown,
            format!("Pod `{pod}` has no container `{}`", place.container),
        )
        .decided_by(DecidedBy::Kubernetes)
    })?;
    if facts.deleting || !container.running {
        let detail = if facts.deleting {
            format!("Pod `{pod}` is being deleted")
        } else {
            format!("container `{}` of Pod `{pod}` ({}) does not run", place.container, facts.phase)
        };
        return Err(Problem::new(ProblemCode::PodNotRunning, detail)
            .decided_by(DecidedBy::Kubernetes)
            .fix("wait until it runs, then open it again"));
    }
    Ok((right, facts))
}

/// A review said no: its words, which may be a webhook's, go out cleaned and cut.
pub(crate) fn forbidden(
    cluster: &ClusterName,
    user: &str,
    access: &kube_io::Access,
    reason: &str,
) -> Problem {
    http_api::cluster_denies(cluster, user, access, reason)
        .fix(format!("ask an administrator of the cluster for a Role with `{access}`"))
}

pub(crate) fn pod_gone(place: &ContainerPlace) -> Problem {
    Problem::new(ProblemCode::PodGone, format!("there is no Pod `{}` (any more)", place.pod))
        .decided_by(DecidedBy::Kubernetes)
}

/// What an exec that the cluster refused after all means to the person.
pub(crate) fn exec_refused(error: KubeIoError, place: &ContainerPlace) -> Problem {
    match &error {
        KubeIoError::Refused { code: 404, .. } => pod_gone(place).caused_by(error),
        KubeIoError::Refused { code: 400 | 500, message, .. }
            if message.contains("container not found") || message.contains("not running") =>
        {
            let detail =
                format!("container `{}` of Pod `{}` does not run", place.container, place.pod);
            Problem::new(ProblemCode::PodNotRunning, detail)
                .decided_by(DecidedBy::Kubernetes)
                .caused_by(error)
        }
        _ => error.into(),
    }
}

fn link_fault(fault: LinkFault) -> Problem {
    let code = match fault {
        LinkFault::Malformed => ProblemCode::LinkMalformed,
        LinkFault::KeyUnknown => ProblemCode::LinkKeyUnknown,
        LinkFault::Signature => ProblemCode::LinkSignature,
        LinkFault::Expired => ProblemCode::LinkExpired,
    };
    Problem::new(code, fault.to_string()).decided_by(DecidedBy::Hub).fix("ask for a new link")
}

pub(crate) fn link_revoked() -> Problem {
    Problem::new(ProblemCode::LinkRevoked, "the link was revoked")
        .decided_by(DecidedBy::Hub)
        .fix("ask for a new link")
}

fn link_used() -> Problem {
    Problem::new(ProblemCode::LinkUsed, "the link was used; it opens a terminal once")
        .decided_by(DecidedBy::Hub)
        .fix("make a new link")
}

fn link_other_browser() -> Problem {
    Problem::new(ProblemCode::LinkOtherBrowser, "the link belongs to another browser's sign-in")
        .decided_by(DecidedBy::Hub)
        .fix("go on in the browser that opened it first, or make a new link")
}

fn ticket_invalid() -> Problem {
    Problem::new(
        ProblemCode::TicketInvalid,
        "the ticket is not one that this hub gave out, or a later one took its place",
    )
    .decided_by(DecidedBy::Hub)
    .fix("open the link again")
}

fn ticket_used() -> Problem {
    Problem::new(ProblemCode::TicketUsed, "the ticket was used; it opens the second gate once")
        .decided_by(DecidedBy::Hub)
        .fix("make a new link")
}

fn ticket_expired() -> Problem {
    Problem::new(ProblemCode::TicketExpired, "the ticket has expired")
        .decided_by(DecidedBy::Hub)
        .fix("open the link again")
}

pub(crate) fn session_ended() -> Problem {
    Problem::new(ProblemCode::SessionEnded, "the sign-in was ended")
        .decided_by(DecidedBy::Hub)
        .fix("sign in again")
}

fn hash(ticket: &SecretBytes) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, ticket.expose());
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_gates_are_counted_as_gates() {
        for gate in GATES {
            assert_eq!(counted_as(gate), REFUSALS);
        }
        assert_eq!(counted_as("link.mint"), UNMINTED);
    }

    #[test]
    fn what_a_reviewer_says_goes_out_cleaned_and_cut() {
        let access = EnterPod::accesses_of(&"team".parse().unwrap(), &"web-0".parse().unwrap());
        let told = |user: &str, reason: &str| {
            let problem = forbidden(&"home".parse().unwrap(), user, &access[0], reason);
            assert_eq!(problem.code(), ProblemCode::Forbidden);
            problem.detail().to_owned()
        };
        let plain = told("mina", "no such role");
        assert!(plain.contains("`mina`") && plain.ends_with(": no such role"), "{plain}");
        let hostile = told("mi\u{202e}na", "\u{1b}]0;owned\u{7}\u{200b}");
        assert!(!hostile.chars().any(model::is_unseen), "{hostile:?}");
        assert!(told("mina", &"x".repeat(9999)).len() < 700);
    }
}
