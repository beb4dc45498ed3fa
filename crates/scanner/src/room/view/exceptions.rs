//! What somebody answers for, as the API tells and takes it.
//! Whether a new one may be made is known to the routes; which findings it excuses, to `excuse`.

use model::Timestamp;
use serde::{Deserialize, Serialize};
use store::PostureException;

/// What somebody answers for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureException)]
pub(in crate::room) struct ExceptionBody {
    number: i64,
    check: String,
    /// The object as reports name it; `*` stands for any text.
    object: String,
    /// The field; all fields, if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    path: Option<String>,
    reason: String,
    owner: String,
    /// The last day on which it holds (UTC).
    #[schema(value_type = String, format = Date)]
    expires: String,
    /// Whether that day is over.
    expired: bool,
    made_by: String,
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
}

impl ExceptionBody {
    pub(in crate::room) fn of(exception: PostureException, now: Timestamp) -> Self {
        let says = exception.says;
        Self {
            number: exception.number,
            check: says.check,
            object: says.object,
            path: says.path,
            reason: says.reason,
            owner: says.owner,
            expires: says.expires,
            expired: says.expires_at <= now,
            made_by: says.made_by,
            made_at: exception.made_at,
        }
    }
}

/// The exceptions of a cluster, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureExceptions)]
pub(in crate::room) struct ExceptionsBody {
    pub(in crate::room) items: Vec<ExceptionBody>,
}

/// An exception to be made.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPostureException)]
pub(in crate::room) struct NewExceptionBody {
    /// The check's id.
    #[schema(example = "host-pid")]
    pub(in crate::room) check: String,
    /// The object as reports name it; `*` stands for any text.
    #[schema(example = "DaemonSet/monitoring/*")]
    pub(in crate::room) object: String,
    /// The field; `*` stands for any text. All fields, if left out.
    #[serde(default)]
    #[schema(nullable = false)]
    pub(in crate::room) path: Option<String>,
    /// Why it is accepted.
    pub(in crate::room) reason: String,
    /// Who answers for it.
    pub(in crate::room) owner: String,
    /// The last day on which it holds (UTC), at most five years ahead.
    #[schema(format = Date, example = "2027-06-30")]
    pub(in crate::room) expires: String,
}

/// An exception that was made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PostureExceptionMade)]
pub(in crate::room) struct ExceptionMadeBody {
    /// Its number.
    pub(in crate::room) number: i64,
    /// Findings that it answers for.
    pub(in crate::room) findings: u64,
}
