//! The routes of accounts, for administrators of the hub.
//! What is done stands in `accounts`; here it is only told over HTTP.

use super::{Accounts, AccountsError, Author, Created, Invitation, NewAccount};
use crate::Console;
use axum::extract::{FromRef, State};
use http::StatusCode;
use http_api::{Administrator, DecidedBy, Json, Path, Problem, ProblemBody};
use model::{AccountName, Timestamp};
use store::Account;

/// A local account.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = Account)]
pub(crate) struct AccountBody {
    /// Its id.
    id: String,
    /// The name to sign in with.
    name: String,
    /// What to call the person.
    display_name: String,
    /// The Kubernetes user as which the hub acts for it.
    #[schema(example = "sallyport:alice")]
    kubernetes_user: String,
    /// Its Kubernetes groups, besides those that every account has.
    groups: Vec<String>,
    /// Whether it administers the hub.
    admin: bool,
    /// Whether it may not sign in.
    disabled: bool,
    /// Whether its owner has set a password.
    has_password: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When its owner last signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    last_sign_in_at: Option<Timestamp>,
}

/// Accounts.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct AccountList {
    /// By name.
    items: Vec<AccountBody>,
}

/// An account to be made.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateAccount {
    /// The name to sign in with: 1 to 63 of a-z, 0-9 and `-`.
    #[schema(value_type = String, example = "alice")]
    name: AccountName,
    /// What to call the person; the name if left out.
    #[serde(default)]
    #[schema(nullable = false)]
    display_name: Option<String>,
    /// Kubernetes groups besides those that every account has.
    #[serde(default)]
    groups: Vec<String>,
    /// Whether it administers the hub.
    #[serde(default)]
    admin: bool,
}

/// An account that was made, with the invitation for its owner.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct CreatedAccount {
    /// The account.
    account: AccountBody,
    /// The link to set the password; shown once.
    invitation_url: String,
    /// When the link expires.
    #[schema(value_type = String, format = DateTime)]
    invitation_expires_at: Timestamp,
}

/// A new invitation.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = Invitation)]
pub(crate) struct InvitationBody {
    /// The link to set the password; shown once.
    invitation_url: String,
    /// When it expires.
    #[schema(value_type = String, format = DateTime)]
    invitation_expires_at: Timestamp,
}

impl From<Account> for AccountBody {
    fn from(account: Account) -> Self {
        Self {
            id: account.id.to_string(),
            name: account.name.to_string(),
            display_name: account.display_name,
            kubernetes_user: account.kubernetes_user,
            groups: account.groups,
            admin: account.admin,
            disabled: account.disabled_at.is_some(),
            has_password: account.password.is_some(),
            created_at: account.created_at,
            last_sign_in_at: account.last_sign_in_at,
        }
    }
}

impl From<AccountsError> for Problem {
    fn from(error: AccountsError) -> Self {
        match error {
            AccountsError::Store(error) => error.into(),
            AccountsError::Failed(problem) => problem,
            told => Self::new(told.code(), told.to_string()).decided_by(DecidedBy::Hub),
        }
    }
}

impl FromRef<Console> for Accounts {
    fn from_ref(console: &Console) -> Self {
        console.accounts.clone()
    }
}

/// List the accounts.
#[utoipa::path(
    get,
    path = "/api/v1/accounts",
    tag = "accounts",
    responses(
        (status = 200, description = "Every account, by name", body = AccountList),
        (status = 403, description = "For administrators only (not_admin)", body = ProblemBody),
    )
)]
pub(crate) async fn list_accounts(
    State(accounts): State<Accounts>,
    _administrator: Administrator,
) -> Result<Json<AccountList>, Problem> {
    let items = accounts.list().await?.into_iter().map(AccountBody::from).collect();
    Ok(Json(AccountList { items }))
}

/// Make an account, and an invitation for its owner.
#[utoipa::path(
    post,
    path = "/api/v1/accounts",
    tag = "accounts",
    request_body = CreateAccount,
    responses(
        (status = 201, description = "Made; the invitation is shown this once", body = CreatedAccount),
        (status = 400, description = "Malformed, or a group that may not be given (bad_request)", body = ProblemBody),
        (status = 403, description = "For administrators only (not_admin, csrf, origin_refused)", body = ProblemBody),
        (status = 409, description = "The name is taken (conflict)", body = ProblemBody),
    )
)]
pub(crate) async fn create_account(
    State(accounts): State<Accounts>,
    administrator: Administrator,
    Json(given): Json<CreateAccount>,
) -> Result<(StatusCode, Json<CreatedAccount>), Problem> {
    let new = NewAccount {
        name: given.name,
        display_name: given.display_name,
        groups: given.groups,
        admin: given.admin,
        // Kubernetes' own groups are given at the hub's command line alone: whoever administers accounts in a
        // browser must not become the cluster's administrator by it.
        allow_reserved_groups: false,
    };
    let author = Author::from(administrator.signed_in());
    let Created { account, invitation } = accounts.create(&author, new).await?;
    let created = CreatedAccount {
        account: account.into(),
        invitation_url: invitation.url.expose().to_owned(),
        invitation_expires_at: invitation.expires_at,
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Disable an account: its sign-ins and terminals end, its links are revoked.
#[utoipa::path(
    post,
    path = "/api/v1/accounts/{name}/disable",
    tag = "accounts",
    params(("name" = String, Path, description = "The account's name")),
    responses(
        (status = 200, description = "Disabled", body = AccountBody),
        (status = 403, description = "For administrators only (not_admin, csrf, origin_refused)", body = ProblemBody),
        (status = 404, description = "No such account (not_found)", body = ProblemBody),
        (status = 409, description = "One's own account (conflict)", body = ProblemBody),
    )
)]
pub(crate) async fn disable_account(
    State(accounts): State<Accounts>,
    administrator: Administrator,
    Path(name): Path<AccountName>,
) -> Result<Json<AccountBody>, Problem> {
    let author = Author::from(administrator.signed_in());
    Ok(Json(accounts.disable(&author, &name).await?.into()))
}

/// Enable an account again.
#[utoipa::path(
    post,
    path = "/api/v1/accounts/{name}/enable",
    tag = "accounts",
    params(("name" = String, Path, description = "The account's name")),
    responses(
        (status = 200, description = "Enabled", body = AccountBody),
        (status = 403, description = "For administrators only (not_admin, csrf, origin_refused)", body = ProblemBody),
        (status = 404, description = "No such account (not_found)", body = ProblemBody),
    )
)]
pub(crate) async fn enable_account(
    State(accounts): State<Accounts>,
    administrator: Administrator,
    Path(name): Path<AccountName>,
) -> Result<Json<AccountBody>, Problem> {
    let author = Author::from(administrator.signed_in());
    Ok(Json(accounts.enable(&author, &name).await?.into()))
}

/// Make a new invitation for an account; an earlier one dies.
#[utoipa::path(
    post,
    path = "/api/v1/accounts/{name}/invite",
    tag = "accounts",
    params(("name" = String, Path, description = "The account's name")),
    responses(
        (status = 200, description = "The invitation, shown this once", body = InvitationBody),
        (status = 403, description = "For administrators only (not_admin, csrf, origin_refused)", body = ProblemBody),
        (status = 404, description = "No such account (not_found)", body = ProblemBody),
        (status = 409, description = "The account is disabled (conflict)", body = ProblemBody),
    )
)]
pub(crate) async fn invite_account(
    State(accounts): State<Accounts>,
    administrator: Administrator,
    Path(name): Path<AccountName>,
) -> Result<Json<InvitationBody>, Problem> {
    let author = Author::from(administrator.signed_in());
    let Invitation { url, expires_at } = accounts.invite(&author, &name).await?;
    let invitation_url = url.expose().to_owned();
    Ok(Json(InvitationBody { invitation_url, invitation_expires_at: expires_at }))
}

/// End every sign-in of an account.
#[utoipa::path(
    post,
    path = "/api/v1/accounts/{name}/sign-out",
    tag = "accounts",
    params(("name" = String, Path, description = "The account's name")),
    responses(
        (status = 204, description = "Signed out everywhere"),
        (status = 403, description = "For administrators only (not_admin, csrf, origin_refused)", body = ProblemBody),
        (status = 404, description = "No such account (not_found)", body = ProblemBody),
    )
)]
pub(crate) async fn sign_out_account(
    State(accounts): State<Accounts>,
    administrator: Administrator,
    Path(name): Path<AccountName>,
) -> Result<StatusCode, Problem> {
    let author = Author::from(administrator.signed_in());
    accounts.sign_out(&author, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
