//! Bodies, paths and queries as arguments of handlers; what is malformed becomes a problem that names the
//! part and the rule.
//! It does not know what the parts mean: types of `model` and of the services parse themselves.
//!
//! Hostile input: a body is bounded in bytes and in time, must call itself JSON (a form of another site
//! cannot), and is refused without repeating the values it holds, which may be secrets.

use crate::{Problem, ProblemCode};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header, request::Parts};
use http_body_util::LengthLimitError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::error::Error as _;
use std::time::Duration;

/// The largest body. The largest thing in one is a bearer token, of a few KiB.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Ample for 64 KiB on a bad line; a sender that trickles does not hold a request for longer.
const BODY_TIME_MAX: Duration = Duration::from_secs(15);
const DETAIL_CHARACTERS_MAX: usize = 300;

/// A JSON body, in requests and answers.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

/// The parameters of the path.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

/// The parameters of the query. Never a place for secrets.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<T, S> FromRequest<S> for Json<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::bad_request("the body must be `application/json`"));
        }
        let reading = axum::body::to_bytes(request.into_body(), BODY_BYTES_MAX);
        let body = match tokio::time::timeout(BODY_TIME_MAX, reading).await {
            Ok(Ok(body)) => body,
            Ok(Err(error)) if error.source().is_some_and(|it| it.is::<LengthLimitError>()) => {
                return Err(Problem::new(
                    ProblemCode::BodyTooLarge,
                    format!("the body is larger than {BODY_BYTES_MAX} bytes"),
                ));
            }
            Ok(Err(error)) => {
                return Err(Problem::bad_request("the body broke off").caused_by(error));
            }
            Err(_) => return Err(Problem::bad_request("the body did not arrive in time")),
        };
        parse(&body).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => Problem::internal(error).into_response(),
        }
    }
}

impl<T, S> FromRequestParts<S> for Path<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(parameters)) => Ok(Self(parameters)),
            Err(refusal) => Err(Problem::bad_request(shown(&refusal.body_text()))),
        }
    }
}

impl<T, S> FromRequestParts<S> for Query<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(parameters)) => Ok(Self(parameters)),
            Err(refusal) => Err(Problem::bad_request(shown(&refusal.body_text()))),
        }
    }
}

pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // JSON is UTF-8 (RFC 8259 section 8.1); the library looks only at the texts that somebody asks for.
    let Ok(text) = std::str::from_utf8(body) else {
        return Err(Problem::bad_request("the body is not UTF-8"));
    };
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let rule = rule_of(&error.inner().to_string());
        Problem::bad_request(shown(&if path == "." { rule } else { format!("`{path}`: {rule}") }))
    })?;
    reader.end().map_err(|_| Problem::bad_request("the body goes on after its end"))?;
    Ok(value)
}

/// serde's words without the value that was found: "invalid type: integer `1234`, expected a string"
/// would put a mistyped password into the log. Nor where in the body it stood: the path says which field.
fn rule_of(message: &str) -> String {
    let message = match message.rsplit_once(" at line ") {
        Some((before, place)) if place.split(" column ").all(is_number) => before,
        _ => message,
    };
    let found_value = ["invalid type: ", "invalid value: ", "invalid length "];
    match message.split_once(", expected ") {
        Some((_, expected)) if found_value.iter().any(|begin| message.starts_with(begin)) => {
            format!("expected {expected}")
        }
        _ => message.to_owned(),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn shown(text: &str) -> String {
    let printable = text.chars().take(DETAIL_CHARACTERS_MAX);
    printable.map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut given = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(only), None) = (given.next(), given.next()) else { return false };
    let essence = only.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// What a browser draws at once, and a database reads in a moment.
const PAGE_MAX: u32 = 500;

/// How many rows of a list are asked for, by its `limit`; `usual` if it is left out.
pub fn page_limit(given: Option<u32>, usual: u32) -> Result<u32, Problem> {
    let limit = given.unwrap_or(usual);
    match (1..=PAGE_MAX).contains(&limit) {
        true => Ok(limit),
        false => Err(Problem::bad_request(format!("`limit`: expected 1 to {PAGE_MAX}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Login {
        #[expect(dead_code, reason = "only its form matters here")]
        username: model::AccountName,
        password: model::Secret,
    }

    async fn read(content_type: Option<&str>, body: impl Into<Body>) -> Result<Login, Problem> {
        let mut request = http::Request::builder().method("POST").uri("/");
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let request = request.body(body.into()).unwrap();
        Json::<Login>::from_request(request, &()).await.map(|Json(login)| login)
    }

    #[tokio::test]
    async fn json_is_read_and_everything_else_refused_with_its_rule() {
        let json = Some("application/json");
        let good = r#"{"username":"alice","password":"hunter2hunter2"}"#;
        assert_eq!(read(json, good).await.unwrap().password.expose(), "hunter2hunter2");
        assert!(read(Some("Application/JSON; charset=utf-8"), good).await.is_ok());
        for (content_type, body, said) in [
            (None, good, "must be `application/json`"),
            (Some("text/plain"), good, "must be `application/json`"),
            (Some("application/x-www-form-urlencoded"), "a=b", "must be `application/json`"),
            (json, "", "EOF"),
            (json, "{", "EOF"),
            (json, r#"{"username":"alice"}"#, "missing field `password`"),
            (
                json,
                r#"{"username":"A b","password":"x"}"#,
                "`username`: `A b` is not an account name",
            ),
            (json, r#"{"username":"a","password":"x","admin":true}"#, "unknown field `admin`"),
            (json, r#"{"username":"a","password":"x"} trailing"#, "goes on after its end"),
            (json, "{\"username\":\"a\u{1b}[2J\",\"password\":\"x\"}", "control character"),
        ] {
            let refusal = read(content_type, body).await.unwrap_err();
            assert_eq!(refusal.code(), ProblemCode::BadRequest, "{body}");
            assert!(refusal.detail().contains(said), "{body}: {refusal}");
            assert!(!refusal.detail().contains('\u{1b}'), "{refusal}");
            assert!(!refusal.detail().contains(" column "), "{refusal}");
        }
    }

    #[test]
    fn a_body_that_is_not_utf8_is_refused_wherever_that_is() {
        #[derive(Debug, serde::Deserialize)]
        struct Open {}
        assert!(parse::<Open>(br#"{"ignored":"x"}"#).is_ok());
        let refusal = parse::<Open>(b"{\"ignored\":\"\xff\"}").unwrap_err();
        assert_eq!(refusal.detail(), "the body is not UTF-8");
    }

    #[tokio::test]
    async fn a_mistyped_secret_is_not_repeated() {
        let body = r#"{"username":"alice","password":4711471147114711}"#;
        let refusal = read(Some("application/json"), body).await.unwrap_err();
        assert!(!refusal.detail().contains("4711"), "{refusal}");
        assert!(refusal.detail().starts_with("`password`: expected a string"), "{refusal}");
    }

    #[tokio::test]
    async fn a_large_body_is_refused_before_it_is_parsed() {
        let refusal =
            read(Some("application/json"), "[".repeat(BODY_BYTES_MAX + 1)).await.unwrap_err();
        assert_eq!(refusal.code(), ProblemCode::BodyTooLarge);
        let deep = read(Some("application/json"), "[".repeat(BODY_BYTES_MAX)).await.unwrap_err();
        assert_eq!(deep.code(), ProblemCode::BadRequest);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_given_up() {
        let never =
            Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
        let refusal = read(Some("application/json"), never).await.unwrap_err();
        assert!(refusal.detail().contains("in time"), "{refusal}");
    }
}
