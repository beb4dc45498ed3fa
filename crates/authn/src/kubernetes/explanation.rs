//! What each method answered and why: the account of one authentication, for people and as data.
//! It is values, not sentences: whoever shows it words the reasons in the reader's language.
//!
//! No secret can be in it. A reason holds names, times, algorithms and issuers, never a token, a signature
//! or a key; texts that a credential chose are cut and escaped by [`shown`].

use model::Identity;
use serde::Serialize;

/// A method of authentication, as far as the API server tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Headers set by a proxy that proves itself with a certificate.
    FrontProxy,
    /// A machine that somebody signed in from at the hub. No method of an API server.
    Machine,
    /// A client certificate.
    ClientCertificate,
    /// A token in the request, before anybody has looked whose it is.
    BearerToken,
    /// The static token file.
    TokenFile,
    /// Service account tokens kept in Secrets.
    LegacyServiceAccount,
    /// Service account tokens that the API server issued for a time.
    ServiceAccount,
    /// Bootstrap tokens.
    BootstrapToken,
    /// OpenID Connect.
    OpenIdConnect,
    /// The token webhook.
    Webhook,
    /// What the cluster behind a gateway says itself. No method of an API server, but of whoever stands before
    /// one.
    #[serde(rename = "token_review")]
    ClusterReview,
    /// Nobody in particular.
    Anonymous,
}

impl Method {
    /// The method's name in records and figures, the same as in the data of an explanation.
    pub fn code(self) -> &'static str {
        match self {
            Self::FrontProxy => "front_proxy",
            Self::Machine => "machine",
            Self::ClientCertificate => "client_certificate",
            Self::BearerToken => "bearer_token",
            Self::TokenFile => "token_file",
            Self::LegacyServiceAccount => "legacy_service_account",
            Self::ServiceAccount => "service_account",
            Self::BootstrapToken => "bootstrap_token",
            Self::OpenIdConnect => "open_id_connect",
            Self::Webhook => "webhook",
            Self::ClusterReview => "token_review",
            Self::Anonymous => "anonymous",
        }
    }
}

/// Where a token stood in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    /// `Authorization: Bearer …`.
    AuthorizationHeader,
    /// A WebSocket subprotocol.
    WebSocketProtocol,
}

/// What a method answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// This is who it is.
    Accepted,
    /// Not my kind of credential; others are asked.
    NoOpinion,
    /// My kind of credential, and it does not hold; others are still asked.
    Refused,
}

/// One method's part in an authentication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Which method.
    pub method: Method,
    /// Where the token was found, for the methods that take tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<Carrier>,
    /// What it answered.
    pub answer: Answer,
    /// Why.
    pub reason: Reason,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The request is this user's.
    Authenticated {
        /// Who, groups completed as the API server does.
        identity: Identity,
        /// By which method.
        method: Method,
    },
    /// The request is nobody's in particular, and may go on to authorisation as such.
    Anonymous {
        /// `system:anonymous`.
        identity: Identity,
    },
    /// 401.
    Unauthorized,
}

/// The account of one authentication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Which methods were asked, in that order, and what they answered.
    pub steps: Vec<Step>,
}

/// Why a method answered as it did. Each is a fact about the credential or the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
#[expect(missing_docs, reason = "each variant is worded once, by whoever shows it")]
pub enum Reason {
    /// The credential holds.
    Holds,
    // Nothing for this method in the request.
    NotPresented,
    NotBearer,
    ExtraSpaceBeforeToken,
    NotWebSocket,
    SeveralTokenProtocols,
    TokenProtocolNotBase64,
    TokenProtocolNotUtf8,
    NoOtherProtocol,
    KnownToNobody,
    // Static token file.
    NotInTokenFile,
    // Signed tokens.
    NotAJwt,
    OtherIssuer {
        issuer: String,
    },
    JwtMalformed {
        what: &'static str,
    },
    KeyUnknown {
        key_id: String,
    },
    AlgorithmRefused {
        algorithm: String,
    },
    SignatureWrong,
    ClaimsUnreadable,
    AudienceMismatch {
        token: Vec<String>,
        accepted: Vec<String>,
    },
    Expired {
        at: String,
    },
    NotYetValid {
        from: String,
    },
    IssuedInFuture {
        at: String,
    },
    // Service accounts.
    ClaimMissing {
        claim: &'static str,
    },
    SubjectInvalid,
    ObjectMissing {
        kind: &'static str,
        name: String,
    },
    ObjectBeingDeleted {
        kind: &'static str,
        name: String,
    },
    ObjectReplaced {
        kind: &'static str,
        name: String,
    },
    DiffersFromSecret,
    MarkedInvalid {
        since: String,
    },
    LookupFailed {
        kind: &'static str,
        name: String,
    },
    // Bootstrap tokens.
    NotBootstrapForm,
    SecretOfOtherType,
    SecretDiffers,
    IdDiffers,
    ExpiryUnreadable,
    UsageNotAllowed,
    GroupInvalid {
        group: String,
    },
    // OpenID Connect.
    IssuerKeysUnknown {
        issuer: String,
    },
    ClaimUnusable {
        claim: String,
    },
    ClaimAbsent {
        claim: String,
    },
    EmailNotVerified,
    RequiredClaimDiffers {
        claim: String,
    },
    ExpressionFailed {
        field: String,
    },
    ExpressionUnusable {
        field: String,
    },
    ExpressionTooCostly {
        field: String,
    },
    RuleNotMet {
        field: String,
        message: String,
    },
    DistributedClaimsUnsupported {
        claim: String,
    },
    // Webhook.
    ReviewNotAuthenticated,
    ReviewError {
        error: String,
    },
    ReviewFailed {
        fault: String,
    },
    // Certificates.
    CertificateExpired {
        at: String,
    },
    CertificateNotYetValid {
        from: String,
    },
    CriticalExtensionUnknown {
        oid: String,
    },
    NoTrustedChain {
        issuer: String,
    },
    NotForClients,
    NameConstrained {
        name: String,
    },
    PoliciesInvalid,
    CommonNameEmpty,
    UidSeveral,
    UidEmpty,
    // Machines.
    NotOfMachine,
    SignInEnded {
        id: String,
    },
    // Front proxy.
    ProxyNameNotAllowed {
        name: String,
    },
    NoUserHeader,
    // Anonymous.
    EarlierRefusal,
    AnonymousDisabled,
    PathNotOpen {
        path: String,
    },
}

/// Longest text of a credential that an explanation repeats.
const SHOWN_CHARACTERS_MAX: usize = 120;

/// A text that a credential chose, fit to be shown: cut, and without characters that act on a terminal.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(SHOWN_CHARACTERS_MAX)
        .flat_map(|c| {
            let acts = c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if acts { c.escape_unicode().collect::<Vec<_>>() } else { vec![c] }
        })
        .collect();
    if text.chars().nth(SHOWN_CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// What a method says before the union judges it.
pub(super) type Opinion = Result<Identity, Objection>;

/// Why a method does not accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Objection {
    /// Go's `nil, false, nil`.
    None(Reason),
    /// Go's error.
    Refused(Reason),
    /// A fact is missing that has to be fetched first.
    Unknown(super::Question),
}

impl From<Reason> for Objection {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason)
    }
}

impl From<super::Question> for Objection {
    fn from(question: super::Question) -> Self {
        Self::Unknown(question)
    }
}
