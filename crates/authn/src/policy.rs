//! Which passwords may be set: long enough, not the account's own name, not one of the commonest.
//! It asks for no digits or symbols (NIST SP 800-63B §3.1.1.2), and does not know how passwords are stored.

use crate::common_passwords::COMMON;
use model::{AccountName, Secret};

/// The fewest characters. Below this, guessing from a stolen hash is within reach.
pub const PASSWORD_CHARACTERS_MIN: usize = 12;
/// The most characters: room for any pass phrase.
pub const PASSWORD_CHARACTERS_MAX: usize = 256;
/// The most bytes: the most characters at four bytes each.
pub const PASSWORD_BYTES_MAX: usize = PASSWORD_CHARACTERS_MAX * 4;

/// Why a password may not be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Too few characters.
    #[error(
        "the password has fewer than {PASSWORD_CHARACTERS_MIN} characters; a few words make a good one"
    )]
    TooShort,
    /// Too many characters.
    #[error("the password has more than {PASSWORD_CHARACTERS_MAX} characters")]
    TooLong,
    /// It is the account's name, perhaps with a little around it.
    #[error("the password is little more than the account's name")]
    AccountName,
    /// It is one of the commonest, or one of them with digits and signs around it.
    #[error("the password is one of those that are tried first")]
    Common,
    /// It repeats very few characters.
    #[error("the password repeats the same few characters")]
    Repetitive,
}

/// Checks a password that somebody wants to set for `account`.
pub fn check_password(password: &Secret, account: &AccountName) -> Result<(), WeakPassword> {
    let text = password.expose();
    // Counting stops a little above the bound, so that a megabyte is not walked.
    let characters = text.chars().take(PASSWORD_CHARACTERS_MAX + 1).count();
    if characters < PASSWORD_CHARACTERS_MIN {
        return Err(WeakPassword::TooShort);
    }
    if characters > PASSWORD_CHARACTERS_MAX {
        return Err(WeakPassword::TooLong);
    }
    let lower = text.to_lowercase();
    if is_little_more_than(&lower, account.as_str()) {
        return Err(WeakPassword::AccountName);
    }
    let core = lower.trim_matches(|c: char| !c.is_alphabetic());
    if COMMON.contains(&lower.as_str()) || (!core.is_empty() && COMMON.contains(&core)) {
        return Err(WeakPassword::Common);
    }
    let mut distinct: Vec<char> = lower.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    if distinct.len() < 4 || is_run(&lower) {
        return Err(WeakPassword::Repetitive);
    }
    Ok(())
}

/// Whether fewer than six characters are left once every `name` is taken out.
fn is_little_more_than(text: &str, name: &str) -> bool {
    text.contains(name) && text.replace(name, "").chars().count() < 6
}

/// Whether each character follows the one before it by the same small step, as in `123456789012`.
fn is_run(text: &str) -> bool {
    let codes: Vec<u32> = text.chars().map(u32::from).collect();
    let follows = |pair: &[u32]| pair[0].abs_diff(pair[1]) <= 1 || pair[0].abs_diff(pair[1]) == 9;
    codes.windows(2).all(follows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_weak_password_is_refused_with_its_reason_and_good_ones_pass() {
        let account: AccountName = "alice".parse().unwrap();
        let check = |text: &str| check_password(&Secret::new(text), &account);
        for good in [
            "correct horse battery",
            "말을 타고 강을 건너는 법",
            "zq8!vK2p#Lw9",
            &"ab cd ef ".repeat(20),
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (weak, reason) in [
            ("", WeakPassword::TooShort),
            ("short", WeakPassword::TooShort),
            ("elevenchars", WeakPassword::TooShort),
            ("Alice1234Alice", WeakPassword::AccountName),
            ("alicealicealice", WeakPassword::AccountName),
            ("Password12345", WeakPassword::Common),
            ("12345password!", WeakPassword::Common),
            ("passwordpassword", WeakPassword::Common),
            ("administrator", WeakPassword::Common),
            ("aaaaaaaaaaaaaaaa", WeakPassword::Repetitive),
            ("abababababababab", WeakPassword::Repetitive),
            ("123456789012", WeakPassword::Repetitive),
            ("abcdefghijklmnop", WeakPassword::Repetitive),
        ] {
            assert_eq!(check(weak), Err(reason), "{weak}");
        }
        assert_eq!(check(&"long ".repeat(100)), Err(WeakPassword::TooLong));
        assert_eq!(check(&"a".repeat(1 << 20)), Err(WeakPassword::TooLong));
    }
}
