//! What every HTTP face of the hub shares: who is signed in, whether a request comes from our own page,
//! how a refusal is told, and what is measured and written to the headers of each answer.
//! It knows no route but the few that need no sign-in; services own theirs and meet in the binary.
//!
//! Three layers make the ground that handlers stand on, put on once by [`fortify`]:
//! - `observe` gives each request an id, a span, metrics, and finishes problems;
//! - `headers` sets the security headers, on refusals too;
//! - `guard` asks for a sign-in on everything that [`is_public`] does not name, so that a handler that
//!   forgets to ask is still behind one.
//!
//! A handler takes [`SignedIn`] or [`Administrator`] as an argument; there is no other way to make one,
//! and making one checks cookie, `Origin` and CSRF token as the method requires.

mod audit;
mod cookie;
mod extract;
mod guard;
mod headers;
mod issue;
mod observe;
mod openapi;
mod origin;
mod pace;
mod problem;
mod random;
mod request;
mod sign_in;
mod source;
mod state;
mod telling;
mod watches;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;

pub use audit::AuditDraft;
pub use cookie::{COOKIE_KNOWN_BROWSER, COOKIE_SIGN_IN, cookie_of, expired_cookie, secure_cookie};
pub use extract::{BODY_BYTES_MAX, Json, Path, Query, page_limit};
pub use guard::{fortify, is_public};
pub use issue::{IssuedSignIn, NewSignIn, issue_sign_in, signed_in_cookie};
pub use observe::{StaticAnswer, describe_metrics};
pub use openapi::document;
pub use origin::{FromOurPage, InvalidOrigin, Origins};
pub use pace::Pace;
pub use problem::{
    DecidedBy, Problem, ProblemBody, ProblemCode, WORDS_CHARACTERS_MAX, cluster_denies,
    cluster_refuses_hub, cluster_words, speaks_of_hub,
};
pub use random::random;
pub use request::RequestContext;
pub use sign_in::{Administrator, CSRF_HEADER, SignedIn};
pub use source::{InvalidProxy, Peer, Source, TrustedProxies};
pub use state::{Clock, HttpApi, identity_of};
pub use telling::{Telling, telling};
pub use watches::{SignInEnd, WatchPlace, Watches};
