//! The three ways to sign in. Each proves who somebody is and hands over to `http_api::issue_sign_in`.
//! None of them knows cookies, CSRF tokens or lifetimes.
//!
//! Hostile input: everything here is open to strangers. Each way is throttled, bounded in work, refuses
//! requests of other sites, and tells no more than that the credentials are wrong.

pub(crate) mod invitation;
pub(crate) mod password;
pub(crate) mod token;

use crate::Console;
use crate::me::Me;
use authn::KnownBrowser;
use axum::response::{AppendHeaders, IntoResponse as _, Response};
use http::{HeaderValue, header};
use http_api::{COOKIE_KNOWN_BROWSER, IssuedSignIn, Json, Problem, random, secure_cookie};
use std::time::Duration;
use store::{Account, PasswordPhc};

/// A browser not used for half a year is a stranger again.
const KNOWN_BROWSER_LASTS: Duration = Duration::from_secs(180 * 24 * 60 * 60);

/// The answer to a sign-in: who one now is, and the cookies.
fn welcome(console: &Console, issued: IssuedSignIn, known: Option<HeaderValue>) -> Response {
    let me = Me::of(&issued.signed_in, console);
    let mut cookies = vec![(header::SET_COOKIE, issued.cookie)];
    cookies.extend(known.map(|known| (header::SET_COOKIE, known)));
    (AppendHeaders(cookies), Json(me)).into_response()
}

/// Marks the browser as one in which this account signed in.
fn known_browser(
    account: &Account,
    password: &PasswordPhc,
) -> Result<Option<HeaderValue>, Problem> {
    let mark = KnownBrowser::mark(&account.name, password.expose(), random()?);
    Ok(secure_cookie(COOKIE_KNOWN_BROWSER, &mark.text(), KNOWN_BROWSER_LASTS))
}
