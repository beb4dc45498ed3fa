//! Who somebody is, as pure decisions: the methods of a Kubernetes API server, and the hub's own sign-in with
//! password hashes and their policy, back-off, lifetimes, the secrets that a browser or an invited person
//! holds, and the tokens that the hub gives people for an API server.
//! It knows no clock, store, network or runtime: time, randomness, counts and objects are handed in.

mod account;
mod admins;
mod backoff;
mod common_passwords;
mod device;
mod id_token;
pub mod kubernetes;
mod lifetime;
mod machine;
mod opaque;
mod password;
mod policy;
mod reviewer;
mod token;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;

pub use account::{AccountMapping, InvalidGroup, InvalidPrefix};
pub use admins::TokenAdmins;
pub use backoff::{Backoff, Tally};
pub use device::{KnownBrowser, KnownBrowserId};
pub use id_token::{
    ID_TOKEN_BYTES_MAX, ID_TOKEN_LASTS_MAX, ISSUER_KEY_PUBLISHED_BEFORE, ISSUER_KEY_SIGNS_FOR,
    IdToken, IdTokenFault, IssuerKey, NewIdToken, NotOurs, id_token_audience, id_token_groups,
    key_set, published_keys, signed_id_token, signing_key,
};
pub use lifetime::{InvalidLifetimes, Lapse, Lifetimes};
pub use machine::{Challenge, InvalidMachineText, MachineKey, MachinePurpose, UserCode};
pub use opaque::{BrowserSecret, CsrfToken, InvalidOpaque, InvitationSecret};
pub use password::{Cost, InvalidCost, PasswordError, Passwords, Verdict};
pub use policy::{
    PASSWORD_BYTES_MAX, PASSWORD_CHARACTERS_MAX, PASSWORD_CHARACTERS_MIN, WeakPassword,
    check_password,
};
pub use reviewer::{InvalidReviewerSecrets, ReviewerSecrets};
pub use token::token_ends_at;
