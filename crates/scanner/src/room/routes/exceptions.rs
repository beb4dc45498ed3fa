//! What somebody answers for: listed, made and taken back.
//! Which findings an exception excuses is known to `excuse`.

use super::TEXT_CHARS_MAX;
use crate::room::view::{ExceptionBody, ExceptionMadeBody, ExceptionsBody, NewExceptionBody};
use crate::room::{Posture, catalogue};
use axum::extract::State;
use http::StatusCode;
use http_api::{Administrator, Json, Path, Problem, ProblemBody, ProblemCode, cluster_words};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::{ClusterName, Timestamp};
use serde_json::json;
use store::PostureNewException;

/// Exceptions of a cluster. More of them is a policy, and belongs into the checks that are made.
const EXCEPTIONS_MAX: usize = 1000;
/// What nobody looks at for five years is no exception any more.
const EXPIRES_YEARS_MAX: i16 = 5;

/// What somebody answers for, newest first.
#[utoipa::path(
    get, path = "/api/v1/posture/clusters/{cluster}/exceptions", tag = "posture",
    operation_id = "list_posture_exceptions",
    params(("cluster" = String, Path, description = "The cluster's name")),
    responses(
        (status = OK, body = ExceptionsBody),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
        (status = NOT_FOUND, body = ProblemBody, description = "cluster_unknown"),
    ),
)]
pub(super) async fn list(
    administrator: Administrator,
    State(posture): State<Posture>,
    Path(name): Path<ClusterName>,
) -> Result<Json<ExceptionsBody>, Problem> {
    posture.cluster(&administrator, &name)?;
    let now = posture.inner.api.clock.now();
    let all = posture.inner.api.store.posture_exceptions(&name).await?;
    let body = |each| ExceptionBody::of(each, now);
    Ok(Json(ExceptionsBody { items: all.into_iter().map(body).collect() }))
}

/// Answers for findings until a day: they do not count. It is audited.
#[utoipa::path(
    post, path = "/api/v1/posture/clusters/{cluster}/exceptions", tag = "posture",
    operation_id = "add_posture_exception",
    params(("cluster" = String, Path, description = "The cluster's name")),
    request_body = NewExceptionBody,
    responses(
        (status = CREATED, body = ExceptionMadeBody),
        (status = BAD_REQUEST, body = ProblemBody, description = "bad_request: no such check, a text that is missing or too long, or no day ahead"),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
        (status = NOT_FOUND, body = ProblemBody, description = "cluster_unknown"),
        (status = CONFLICT, body = ProblemBody, description = "conflict: there are too many"),
    ),
)]
pub(super) async fn add(
    administrator: Administrator,
    State(posture): State<Posture>,
    Path(name): Path<ClusterName>,
    Json(body): Json<NewExceptionBody>,
) -> Result<(StatusCode, Json<ExceptionMadeBody>), Problem> {
    posture.cluster(&administrator, &name)?;
    let store = &posture.inner.api.store;
    let now = posture.inner.api.clock.now();
    let new = checked(body, name.clone(), administrator.user(), now)?;
    if store.posture_exceptions(&name).await?.len() >= EXCEPTIONS_MAX {
        return Err(Problem::new(
            ProblemCode::Conflict,
            format!("cluster `{name}` has {EXCEPTIONS_MAX} exceptions already"),
        )
        .fix("remove those that have run out"));
    }
    let detail = json!({
        "check": new.check, "path": new.path, "reason": new.reason, "owner": new.owner, "expires": new.expires,
    });
    let object = format!("{name}/{}", new.object);
    let audit = administrator.audit("posture.except", object).detail(detail).allowed();
    let number = store.add_posture_exception(&new, &audit, now).await?;
    let findings = posture.mark(&name, new.check).await;
    Ok((StatusCode::CREATED, Json(ExceptionMadeBody { number, findings })))
}

/// Takes an exception back: its findings count again. It is audited.
#[utoipa::path(
    delete, path = "/api/v1/posture/clusters/{cluster}/exceptions/{number}", tag = "posture",
    operation_id = "remove_posture_exception",
    params(
        ("cluster" = String, Path, description = "The cluster's name"),
        ("number" = i64, Path, description = "The exception's number"),
    ),
    responses(
        (status = NO_CONTENT, description = "Taken back"),
        (status = BAD_REQUEST, body = ProblemBody, description = "bad_request: not a number"),
        (status = FORBIDDEN, body = ProblemBody, description = "not_admin"),
        (status = NOT_FOUND, body = ProblemBody, description = "cluster_unknown; not_found: there is none"),
    ),
)]
pub(super) async fn remove(
    administrator: Administrator,
    State(posture): State<Posture>,
    Path((name, number)): Path<(ClusterName, i64)>,
) -> Result<StatusCode, Problem> {
    posture.cluster(&administrator, &name)?;
    let store = &posture.inner.api.store;
    let now = posture.inner.api.clock.now();
    let audit = administrator.audit("posture.unexcept", format!("{name}/{number}")).allowed();
    let taken = store.remove_posture_exception(&name, number, &audit, now).await?;
    let taken = taken.ok_or_else(|| Problem::not_found(format!("exception {number}")))?;
    // Another one may answer for the same findings.
    posture.mark(&name, taken.says.check).await;
    Ok(StatusCode::NO_CONTENT)
}

impl Posture {
    /// Marks the findings of a check; returns how many changed. The exception stands in the store whether or not that
    /// succeeds, so who made it is not told that it failed: the next scan marks them.
    async fn mark(&self, name: &ClusterName, check: String) -> u64 {
        match self.excuse(name, std::slice::from_ref(&check)).await {
            Ok(changed) => changed,
            Err(error) => {
                tracing::error!(cluster = %name, check, %error, "findings could not be marked by the exceptions there are; the next scan does it");
                0
            }
        }
    }
}

fn checked(
    body: NewExceptionBody,
    cluster: ClusterName,
    user: &str,
    now: Timestamp,
) -> Result<PostureNewException, Problem> {
    let check = catalogue::check(&body.check).ok_or_else(|| {
        let said = cluster_words(&crate::clean::clean(&body.check));
        Problem::bad_request(format!("`check`: there is no check `{said}`"))
            .fix("take an id that `sallyport scan checks` lists, such as `host-pid`")
    })?;
    let text = |name: &str, text: &str, fix: &str| -> Result<String, Problem> {
        let clean = crate::clean::clean(text.trim());
        if clean.is_empty() {
            return Err(Problem::bad_request(format!("`{name}` is empty")).fix(fix));
        }
        let count = clean.chars().count();
        if count > TEXT_CHARS_MAX {
            return Err(Problem::bad_request(format!(
                "`{name}`: {count} characters are more than {TEXT_CHARS_MAX}"
            ))
            .fix("make it shorter"));
        }
        Ok(clean)
    };
    let answers = "write down who answers and why";
    let day: Date = body
        .expires
        .parse()
        .map_err(|_| Problem::bad_request("`expires`: expected a day such as 2027-06-30"))?;
    let today = jiff::Timestamp::from_microsecond(now.as_micros())
        .map_err(Problem::internal)?
        .to_zoned(TimeZone::UTC)
        .date();
    if day < today || day.year() > today.year().saturating_add(EXPIRES_YEARS_MAX) {
        return Err(Problem::bad_request(format!(
            "`expires`: expected a day from today on, at most {EXPIRES_YEARS_MAX} years ahead"
        )));
    }
    let over = day.tomorrow().map_err(Problem::internal)?;
    let over = over.to_zoned(TimeZone::UTC).map_err(Problem::internal)?.timestamp();
    Ok(PostureNewException {
        cluster,
        check: check.id.to_owned(),
        object: text(
            "object",
            &body.object,
            "name the object as reports do, such as `Pod/shop/web`; `*` stands for any text",
        )?,
        // Blank is not every field: that would be more than was meant.
        path: match body.path.as_deref() {
            Some(path) => Some(text(
                "path",
                path,
                "name the field as the finding does, such as `spec.hostPID`, or leave `path` out for all fields",
            )?),
            None => None,
        },
        reason: text("reason", &body.reason, answers)?,
        owner: text("owner", &body.owner, answers)?,
        expires: day.to_string(),
        expires_at: Timestamp::from_micros(over.as_microsecond()),
        made_by: user.to_owned(),
    })
}
