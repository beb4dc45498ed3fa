//! What `auth explain` says, in English and Korean. A reason that is not worded does not compile.
//! What the reasons mean for a request is known to `authn`.

use authn::kubernetes::{Answer, Carrier, Method, Outcome, Question, Reason, Step};
use clap::ValueEnum;

/// The language of an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// English.
    En,
    /// 한국어.
    Ko,
}

impl Language {
    fn pick<T>(self, english: T, korean: T) -> T {
        match self {
            Self::En => english,
            Self::Ko => korean,
        }
    }

    /// What came of it.
    pub(crate) fn outcome(self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Authenticated { identity, method } => {
                let (user, method) = (&identity.user, self.method(*method));
                self.pick(
                    format!("This is {user}, by {method}."),
                    format!("{user}입니다({method})."),
                )
            }
            Outcome::Anonymous { identity } => {
                let user = &identity.user;
                self.pick(
                    format!("This request has no credential and stays {user}."),
                    format!("자격 증명이 없어 {user}(으)로 처리됩니다."),
                )
            }
            Outcome::Unauthorized => self
                .pick(
                    "The API server answers 401 Unauthorized.",
                    "API 서버가 401 Unauthorized로 응답합니다.",
                )
                .to_owned(),
        }
    }

    /// A method's part.
    pub(crate) fn step(self, step: &Step) -> String {
        let answer = match step.answer {
            Answer::Accepted => self.pick("accepted", "수락"),
            Answer::NoOpinion => self.pick("no opinion", "의견 없음"),
            Answer::Refused => self.pick("refused", "거부"),
        };
        let carrier = match step.carrier {
            Some(Carrier::WebSocketProtocol) => self.pick(" (WebSocket)", "(WebSocket)"),
            Some(Carrier::AuthorizationHeader) | None => "",
        };
        format!("{}{carrier}: {answer} — {}", self.method(step.method), self.reason(&step.reason))
    }

    fn method(self, method: Method) -> &'static str {
        match method {
            Method::FrontProxy => self.pick("front proxy", "프런트 프록시"),
            Method::Machine => "sallyport login",
            Method::ClientCertificate => self.pick("client certificate", "클라이언트 인증서"),
            Method::BearerToken => self.pick("bearer token", "베어러 토큰"),
            Method::TokenFile => self.pick("static token file", "정적 토큰 파일"),
            Method::LegacyServiceAccount => {
                self.pick("legacy service account token", "레거시 서비스 어카운트 토큰")
            }
            Method::ServiceAccount => self.pick("service account token", "서비스 어카운트 토큰"),
            Method::BootstrapToken => self.pick("bootstrap token", "부트스트랩 토큰"),
            Method::OpenIdConnect => "OpenID Connect",
            Method::Webhook => self.pick("token webhook", "토큰 웹훅"),
            Method::ClusterReview => {
                self.pick("the cluster's TokenReview", "클러스터의 TokenReview")
            }
            Method::Anonymous => self.pick("anonymous", "익명"),
        }
    }

    /// What has to be known before there is an answer.
    pub(crate) fn question(self, question: &Question) -> String {
        match question {
            Question::ServiceAccount { namespace, name } => {
                self.object("ServiceAccount", namespace, name)
            }
            Question::Secret { namespace, name } => self.object("Secret", namespace, name),
            Question::Pod { namespace, name } => self.object("Pod", namespace, name),
            Question::Node { name } => self.object("Node", "", name),
            Question::TokenReview => {
                self.pick("what the token webhook answers", "토큰 웹훅의 응답").to_owned()
            }
            Question::ClusterReview => {
                self.pick("what the cluster answers", "클러스터의 응답").to_owned()
            }
            Question::SignIn { id } => self.pick(
                format!("whether the sign-in {id} still holds, which its hub alone knows"),
                format!("로그인 {id}의 유효 여부(해당 허브만 압니다)"),
            ),
            Question::IssuerKeys { issuer } => self.pick(
                format!("the keys of {issuer}; give them with --issuer-keys {issuer}=FILE"),
                format!("{issuer}의 키. --issuer-keys {issuer}=FILE로 지정하십시오"),
            ),
        }
    }

    fn object(self, kind: &str, namespace: &str, name: &str) -> String {
        let place = if namespace.is_empty() { String::new() } else { format!("-n {namespace} ") };
        let kubectl = format!("kubectl get {place}{} {name} -o json", kind.to_ascii_lowercase());
        self.pick(
            format!("{kind} {name}; give it with --objects FILE, made by `{kubectl}`"),
            format!("{kind} {name}. `{kubectl}`의 출력을 --objects FILE로 지정하십시오"),
        )
    }

    /// Every reason, in both languages.
    fn reason(self, reason: &Reason) -> String {
        use Reason as R;
        let (english, korean) = match reason {
            R::Holds => both("it holds", "유효합니다"),
            R::NotPresented => both("none was presented", "제시되지 않았습니다"),
            R::NotBearer => both(
                "the Authorization header is not `Bearer TOKEN`",
                "Authorization 헤더가 `Bearer TOKEN` 형식이 아닙니다",
            ),
            R::ExtraSpaceBeforeToken => both(
                "two blanks before the token make the API server pass over it",
                "토큰 앞에 공백이 두 개 있어 API 서버가 토큰을 무시합니다",
            ),
            R::NotWebSocket => both("the request opens no WebSocket", "WebSocket 요청이 아닙니다"),
            R::SeveralTokenProtocols => {
                both("there are several token subprotocols", "토큰 서브프로토콜이 여러 개입니다")
            }
            R::TokenProtocolNotBase64 => both(
                "the token subprotocol is not unpadded base64url",
                "토큰 서브프로토콜이 패딩 없는 base64url이 아닙니다",
            ),
            R::TokenProtocolNotUtf8 => {
                both("the token subprotocol is not UTF-8", "토큰 서브프로토콜이 UTF-8이 아닙니다")
            }
            R::NoOtherProtocol => both(
                "another subprotocol must stand beside the token",
                "토큰 외에 다른 서브프로토콜이 있어야 합니다",
            ),
            R::KnownToNobody => {
                both("no method knows the token", "이 토큰을 아는 인증 방식이 없습니다")
            }
            R::NotInTokenFile => both("it is not in the file", "파일에 없습니다"),
            R::NotAJwt => both("it is not a signed token (JWT)", "서명된 토큰(JWT)이 아닙니다"),
            R::SignatureWrong => both("the signature is wrong", "서명이 맞지 않습니다"),
            R::ClaimsUnreadable => both("its claims cannot be read", "클레임을 읽을 수 없습니다"),
            R::SubjectInvalid => both(
                "its subject is not the account it names",
                "sub 클레임이 서비스 어카운트와 다릅니다",
            ),
            R::DiffersFromSecret => {
                both("it is not the token in its Secret", "Secret에 있는 토큰과 다릅니다")
            }
            R::NotBootstrapForm => {
                both("it has not the form id.secret", "id.secret 형식이 아닙니다")
            }
            R::SecretOfOtherType => both(
                "the Secret is not of type bootstrap.kubernetes.io/token",
                "Secret의 유형이 bootstrap.kubernetes.io/token이 아닙니다",
            ),
            R::SecretDiffers => both("its secret half is wrong", "비밀 부분이 맞지 않습니다"),
            R::IdDiffers => {
                both("the Secret names another token id", "Secret의 token-id가 다릅니다")
            }
            R::ExpiryUnreadable => both(
                "the Secret's expiration is not RFC 3339, which counts as expired",
                "Secret의 만료 시각이 RFC 3339가 아니어서 만료된 것으로 간주됩니다",
            ),
            R::UsageNotAllowed => both(
                "the Secret does not say usage-bootstrap-authentication: true",
                "Secret에 usage-bootstrap-authentication: true가 없습니다",
            ),
            R::EmailNotVerified => {
                both("its address is not verified", "이메일이 확인되지 않았습니다")
            }
            R::ReviewNotAuthenticated => {
                both("the webhook does not know it", "웹훅이 인증하지 않았습니다")
            }
            R::NotForClients => both(
                "the certificate, or an authority above it, is not for clients (clientAuth)",
                "인증서 또는 상위 인증 기관이 클라이언트용(clientAuth)이 아닙니다",
            ),
            R::PoliciesInvalid => both(
                "an authority demands certificate policies",
                "인증 기관이 인증서 정책을 요구합니다",
            ),
            R::CommonNameEmpty => {
                both("the certificate has no common name", "인증서에 일반 이름(CN)이 없습니다")
            }
            R::UidSeveral => {
                both("the certificate has several UIDs", "인증서에 UID가 여러 개입니다")
            }
            R::UidEmpty => both("the certificate's UID is empty", "인증서의 UID가 비어 있습니다"),
            R::NoUserHeader => both("no header names a user", "사용자를 지정하는 헤더가 없습니다"),
            R::EarlierRefusal => both(
                "a bad credential is never anonymous",
                "잘못된 자격 증명은 익명으로 처리되지 않습니다",
            ),
            R::AnonymousDisabled => both("anonymous access is off", "익명 접근이 꺼져 있습니다"),

            R::NotOfMachine => both(
                "it is not of a machine that somebody signed in from",
                "로그인한 기기의 인증서가 아닙니다",
            ),
            R::SignInEnded { id } => (
                format!("the sign-in `{id}` has ended"),
                format!("로그인 `{id}`이(가) 종료되었습니다"),
            ),

            R::OtherIssuer { issuer } => {
                (format!("its issuer is `{issuer}`"), format!("발급자가 `{issuer}`입니다"))
            }
            R::JwtMalformed { what } => {
                (format!("its {what} is malformed"), format!("{what} 부분의 형식이 잘못되었습니다"))
            }
            R::KeyUnknown { key_id } => (
                format!("no key has the id `{key_id}`"),
                format!("ID가 `{key_id}`인 키가 없습니다"),
            ),
            R::AlgorithmRefused { algorithm } => (
                format!("the algorithm `{algorithm}` is not allowed for this key"),
                format!("`{algorithm}` 알고리즘은 이 키에 허용되지 않습니다"),
            ),
            R::AudienceMismatch { token, accepted } => (
                format!("it is for {}, not for {}", token.join(", "), accepted.join(", ")),
                format!("대상이 {}이며 {}이(가) 아닙니다", token.join(", "), accepted.join(", ")),
            ),
            R::Expired { at } | R::CertificateExpired { at } => {
                (format!("it expired at {at}"), format!("{at}에 만료되었습니다"))
            }
            R::NotYetValid { from } | R::CertificateNotYetValid { from } => {
                (format!("it holds only from {from}"), format!("{from}부터 유효합니다"))
            }
            R::IssuedInFuture { at } => (
                format!("it says it was issued at {at}, which is yet to come"),
                format!("발급 시각 {at}이(가) 미래입니다"),
            ),
            R::ClaimMissing { claim } => {
                (format!("the claim `{claim}` is missing"), format!("`{claim}` 클레임이 없습니다"))
            }
            R::ClaimAbsent { claim } => {
                (format!("the claim `{claim}` is missing"), format!("`{claim}` 클레임이 없습니다"))
            }
            R::ClaimUnusable { claim } => (
                format!("the claim `{claim}` has the wrong type"),
                format!("`{claim}` 클레임의 유형이 잘못되었습니다"),
            ),
            R::RequiredClaimDiffers { claim } => (
                format!("the claim `{claim}` has not the required value"),
                format!("`{claim}` 클레임이 요구되는 값과 다릅니다"),
            ),
            R::ExpressionFailed { field } => (
                format!("the expression of {field} has no value for these claims"),
                format!("{field}의 식을 이 클레임으로 계산할 수 없습니다"),
            ),
            R::ExpressionUnusable { field } => (
                format!(
                    "what the expression of {field} makes of these claims has the wrong type or is empty"
                ),
                format!("{field}의 식이 만든 값의 유형이 잘못되었거나 비어 있습니다"),
            ),
            R::ExpressionTooCostly { field } => (
                format!("the expression of {field} costs too much with these claims"),
                format!("{field}의 식은 이 클레임으로 계산하기에 비용이 너무 큽니다"),
            ),
            R::RuleNotMet { field, message } if message.is_empty() => (
                format!("it does not meet the rule of {field}"),
                format!("{field}의 규칙을 만족하지 않습니다"),
            ),
            R::RuleNotMet { field, message } => (
                format!("it does not meet the rule of {field}: {message}"),
                format!("{field}의 규칙을 만족하지 않습니다: {message}"),
            ),
            R::DistributedClaimsUnsupported { claim } => (
                format!(
                    "`{claim}` would have to be fetched from elsewhere, which is not supported"
                ),
                format!("`{claim}`을(를) 다른 곳에서 가져와야 하며 지원되지 않습니다"),
            ),
            R::ObjectMissing { kind, name } => (
                format!("{kind} `{name}` does not exist"),
                format!("{kind} `{name}`이(가) 없습니다"),
            ),
            R::ObjectBeingDeleted { kind, name } => (
                format!("{kind} `{name}` is being deleted"),
                format!("{kind} `{name}`이(가) 삭제되는 중입니다"),
            ),
            R::ObjectReplaced { kind, name } => (
                format!("{kind} `{name}` is another one now (its UID differs)"),
                format!("{kind} `{name}`의 UID가 달라졌습니다"),
            ),
            R::LookupFailed { kind, name } => (
                format!("{kind} `{name}` could not be read"),
                format!("{kind} `{name}`을(를) 읽을 수 없습니다"),
            ),
            R::MarkedInvalid { since } => (
                format!("its Secret was marked invalid on {since}"),
                format!("Secret이 {since}에 무효로 표시되었습니다"),
            ),
            R::GroupInvalid { group } => (
                format!(
                    "the Secret gives the group `{group}`, which a bootstrap token may not have"
                ),
                format!("부트스트랩 토큰이 가질 수 없는 그룹 `{group}`이(가) 지정되어 있습니다"),
            ),
            R::IssuerKeysUnknown { issuer } => (
                format!("the keys of {issuer} are not known yet"),
                format!("{issuer}의 키를 아직 알 수 없습니다"),
            ),
            R::ReviewError { error } => {
                (format!("the webhook says: {error}"), format!("웹훅 응답: {error}"))
            }
            R::ReviewFailed { fault } => (
                format!("the webhook could not be asked: {fault}"),
                format!("웹훅에 물을 수 없습니다: {fault}"),
            ),
            R::CriticalExtensionUnknown { oid } => (
                format!(
                    "the certificate has the critical extension {oid}, which is not understood"
                ),
                format!("인증서에 알 수 없는 필수 확장 {oid}이(가) 있습니다"),
            ),
            R::NoTrustedChain { issuer } => (
                format!("no trusted authority stands behind it (issuer: {issuer})"),
                format!("신뢰하는 인증 기관이 서명하지 않았습니다(발급자: {issuer})"),
            ),
            R::NameConstrained { name } => (
                format!("an authority may not certify the name `{name}`"),
                format!("인증 기관이 `{name}` 이름을 인증할 수 없습니다"),
            ),
            R::ProxyNameNotAllowed { name } => (
                format!("the proxy `{name}` is not allowed"),
                format!("프록시 `{name}`은(는) 허용되지 않습니다"),
            ),
            R::PathNotOpen { path } => (
                format!("the path `{path}` is not open to the anonymous"),
                format!("`{path}` 경로는 익명 접근이 허용되지 않습니다"),
            ),
        };
        self.pick(english, korean)
    }
}

fn both(english: &str, korean: &str) -> (String, String) {
    (english.to_owned(), korean.to_owned())
}
