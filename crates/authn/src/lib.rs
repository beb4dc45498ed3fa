//! Who somebody is, as pure decisions: the methods of a Kubernetes API server, and the hub's own sign-in with
//! password hashes and their policy, back-off, lifetimes, and the secrets that a browser or an invited person
//! holds.
//! It knows no clock, store, network or runtime: time, randomness, counts and objects are handed in.

mod account;
mod admins;
mod backoff;
mod common_passwords;
mod device;
pub mod kubernetes;
mod lifetime;
mod machine;
mod opaque;
mod password;
mod policy;
mod token;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;

pub use account::{AccountMapping, InvalidGroup, InvalidPrefix};
pub use admins::TokenAdmins;
pub use backoff::{Backoff, Tally};
pub use device::{KnownBrowser, KnownBrowserId};
pub use lifetime::{InvalidLifetimes, Lapse, Lifetimes};
pub use machine::{Challenge, InvalidMachineText, MachineKey, MachinePurpose, UserCode};
pub use opaque::{BrowserSecret, CsrfToken, InvalidOpaque, InvitationSecret};
pub use password::{Cost, InvalidCost, PasswordError, Passwords, Verdict};
pub use policy::{
    PASSWORD_BYTES_MAX, PASSWORD_CHARACTERS_MAX, PASSWORD_CHARACTERS_MIN, WeakPassword,
    check_password,
};
pub use token::token_ends_at;
