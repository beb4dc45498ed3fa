//! `SubjectAccessReview` and `TokenReview`: who may, and who is behind a token, as a test decides.

use serde_json::{Value, json};
use std::sync::Arc;

/// What a `SubjectAccessReview` asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessAsked {
    /// For whom.
    pub user: String,
    /// In which groups.
    pub groups: Vec<String>,
    /// The verb.
    pub verb: String,
    /// The API group.
    pub group: String,
    /// The resource, with its subresource after a slash.
    pub resource: String,
    /// The namespace, empty for all.
    pub namespace: String,
    /// The object, empty for all.
    pub name: String,
}

/// Who is behind a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenUser {
    /// The user name.
    pub user: String,
    /// The groups.
    pub groups: Vec<String>,
}

/// What a `SubjectAccessReview` is answered; an error is the reason of a no.
type AccessPolicy = Arc<dyn Fn(&AccessAsked) -> Result<(), String> + Send + Sync>;
/// Whose a token is.
type TokenPolicy = Arc<dyn Fn(&str) -> Option<TokenUser> + Send + Sync>;

/// The answers.
pub(super) struct Policy {
    pub(super) access: AccessPolicy,
    pub(super) token: TokenPolicy,
}

impl Default for Policy {
    /// Everybody may everything, and every token is `somebody`'s.
    fn default() -> Self {
        Self {
            access: Arc::new(|_| Ok(())),
            token: Arc::new(|_| {
                Some(TokenUser {
                    user: "somebody".to_owned(),
                    groups: vec!["system:authenticated".to_owned()],
                })
            }),
        }
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Reads what a review asks.
pub(super) fn access_asked(review: &Value) -> AccessAsked {
    let attribute = |name: &str| text(review, &format!("/spec/resourceAttributes/{name}"));
    let resource = match attribute("subresource") {
        sub if sub.is_empty() => attribute("resource"),
        sub => format!("{}/{sub}", attribute("resource")),
    };
    let groups = review.pointer("/spec/groups").and_then(Value::as_array);
    AccessAsked {
        user: text(review, "/spec/user"),
        groups: groups
            .into_iter()
            .flatten()
            .filter_map(|group| group.as_str().map(str::to_owned))
            .collect(),
        verb: attribute("verb"),
        group: attribute("group"),
        resource,
        namespace: attribute("namespace"),
        name: attribute("name"),
    }
}

/// The review with its status.
pub(super) fn access_answer(mut review: Value, verdict: Result<(), String>) -> Value {
    review["status"] = match verdict {
        Ok(()) => json!({ "allowed": true }),
        Err(reason) => json!({ "allowed": false, "reason": reason }),
    };
    review
}

/// The token that a review asks about.
pub(super) fn token_asked(review: &Value) -> String {
    text(review, "/spec/token")
}

/// The review with its status.
pub(super) fn token_answer(mut review: Value, user: Option<TokenUser>) -> Value {
    review["status"] = match user {
        Some(TokenUser { user, groups }) => {
            json!({ "authenticated": true, "user": { "username": user, "groups": groups } })
        }
        None => json!({ "authenticated": false, "error": "the double refuses the token" }),
    };
    review
}
