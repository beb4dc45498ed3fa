//! Password hashes: argon2id (RFC 9106) in PHC strings, and their verification.
//! It does not know which account a hash belongs to, nor how often somebody may try: that is `backoff`.
//!
//! Hostile input: the password is anybody's, at most a kilobyte; longer ones are refused unhashed. The
//! stored hash comes from our own database, yet its parameters are held between a floor and a ceiling,
//! so that an edited row can neither weaken a check nor make one take gigabytes.

use crate::policy::PASSWORD_BYTES_MAX;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, CustomizedPasswordHasher, Params, PasswordVerifier, Version};
use model::Secret;

/// The least memory a hash may use: OWASP's and the RFC's second recommendation for argon2id.
const MEMORY_KIB_MIN: u32 = 19_456;
/// The most memory one hash may use. With a hash a core this bounds what sign-ins can take.
const MEMORY_KIB_MAX: u32 = 262_144;
const PASSES_MIN: u32 = 2;
const PASSES_MAX: u32 = 16;
const LANES_MAX: u32 = 8;

/// How much work one password check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB, 19,456 to 262,144.
    pub memory_kib: u32,
    /// Passes over the memory, 2 to 16.
    pub passes: u32,
    /// Lanes, 1 to 8.
    pub lanes: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Self { memory_kib: MEMORY_KIB_MIN, passes: PASSES_MIN, lanes: 1 }
    }
}

/// The cost is below what protects a password, or above what a hub can serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "argon2id with m={memory_kib} KiB, t={passes}, p={lanes} is out of bounds: use m {MEMORY_KIB_MIN} to \
     {MEMORY_KIB_MAX}, t {PASSES_MIN} to {PASSES_MAX}, p 1 to {LANES_MAX}"
)]
pub struct InvalidCost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// A hash could not be made or read. None of these is a wrong password.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The stored text is no argon2id PHC string, or its cost is out of bounds.
    #[error("the stored password hash is not one of ours; set the password again by an invitation")]
    StoredHash,
    /// The password is longer than any that could have been set.
    #[error("a password has at most {PASSWORD_BYTES_MAX} bytes")]
    TooLong,
    /// The hash function itself failed, for want of memory.
    #[error("hashing failed")]
    Hash(#[source] argon2::password_hash::Error),
}

/// What a verification found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right.
    Right {
        /// The stored hash costs less than today's setting: hash the password again and store it.
        rehash: bool,
    },
    /// The password is wrong, or there is no such account.
    Wrong,
}

/// Makes and checks password hashes at one cost.
pub struct Passwords {
    params: Params,
    /// A hash of no password, so that a name without an account costs what one with an account does.
    decoy: String,
}

impl Passwords {
    /// Checks the cost and prepares the decoy, which takes one hash's time.
    ///
    /// `decoy` is random: nobody, the hub's operator included, knows a password that fits it.
    pub fn new(cost: Cost, decoy: [u8; 32]) -> Result<Self, InvalidCost> {
        let Cost { memory_kib, passes, lanes } = cost;
        let invalid = InvalidCost { memory_kib, passes, lanes };
        if !within_bounds(memory_kib, passes, lanes) {
            return Err(invalid);
        }
        let params = Params::new(memory_kib, passes, lanes, Some(Params::DEFAULT_OUTPUT_LEN))
            .map_err(|_| invalid)?;
        let (password, salt) = decoy.split_at(16);
        let decoy = argon2id(&params)
            .hash_password_with_params(password, salt, params.clone())
            .map_err(|_| invalid)?
            .to_string();
        Ok(Self { params, decoy })
    }

    /// Hashes a password that passed [`crate::check_password`] into a PHC string.
    pub fn hash(&self, password: &Secret, salt: [u8; 16]) -> Result<String, PasswordError> {
        let password = bounded(password)?;
        argon2id(&self.params)
            .hash_password_with_params(password, &salt, self.params.clone())
            .map(|hash| hash.to_string())
            .map_err(PasswordError::Hash)
    }

    /// Checks a password against the stored hash. Without one (no such account, no password yet) it does
    /// the same work and answers [`Verdict::Wrong`], so that the time taken tells nothing.
    pub fn verify(
        &self,
        password: &Secret,
        stored: Option<&str>,
    ) -> Result<Verdict, PasswordError> {
        let password = bounded(password)?;
        let (hash, cost) = read_stored(stored.unwrap_or(&self.decoy))?;
        match argon2id(&self.params).verify_password(password, &hash) {
            // The decoy never lets anybody in, whatever the arithmetic says.
            Ok(()) if stored.is_none() => Ok(Verdict::Wrong),
            Ok(()) => Ok(Verdict::Right {
                rehash: cost.m_cost() < self.params.m_cost()
                    || cost.t_cost() < self.params.t_cost(),
            }),
            Err(argon2::password_hash::Error::PasswordInvalid) => Ok(Verdict::Wrong),
            Err(error) => Err(PasswordError::Hash(error)),
        }
    }
}

/// Reads a stored hash, whose cost must be within bounds before any of it is spent.
pub(crate) fn read_stored(stored: &str) -> Result<(PasswordHash, Params), PasswordError> {
    let hash = PasswordHash::new(stored).map_err(|_| PasswordError::StoredHash)?;
    let cost = Params::try_from(&hash).map_err(|_| PasswordError::StoredHash)?;
    if hash.algorithm != Algorithm::Argon2id.ident()
        || !within_bounds(cost.m_cost(), cost.t_cost(), cost.p_cost())
        || hash.hash.is_none_or(|output| output.as_bytes().len() != Params::DEFAULT_OUTPUT_LEN)
    {
        return Err(PasswordError::StoredHash);
    }
    Ok((hash, cost))
}

fn argon2id(params: &Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
}

fn within_bounds(memory_kib: u32, passes: u32, lanes: u32) -> bool {
    (MEMORY_KIB_MIN..=MEMORY_KIB_MAX).contains(&memory_kib)
        && (PASSES_MIN..=PASSES_MAX).contains(&passes)
        && (1..=LANES_MAX).contains(&lanes)
}

fn bounded(password: &Secret) -> Result<&[u8], PasswordError> {
    let bytes = password.expose().as_bytes();
    if bytes.len() > PASSWORD_BYTES_MAX { Err(PasswordError::TooLong) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords() -> Passwords {
        Passwords::new(Cost::default(), [7; 32]).unwrap()
    }

    #[test]
    fn the_right_password_is_let_in_and_a_wrong_one_is_not() {
        let passwords = passwords();
        let stored = passwords.hash(&Secret::new("열두글자보다긴 비밀번호"), [1; 16]).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        let verify = |text: &str| passwords.verify(&Secret::new(text), Some(&stored)).unwrap();
        assert_eq!(verify("열두글자보다긴 비밀번호"), Verdict::Right { rehash: false });
        assert_eq!(verify("열두글자보다긴 비밀번허"), Verdict::Wrong);
        assert_eq!(verify(""), Verdict::Wrong);
    }

    /// The golden was made by another program: `printf 'correct horse battery' | argon2 saltsaltsalt -id
    /// -t 2 -k 19456 -p 1 -l 32 -e` of Debian's `argon2`.
    #[test]
    fn a_hash_of_the_reference_program_is_read() {
        let golden = include_str!("../tests/argon2-reference.phc").trim();
        let right = Secret::new("correct horse battery");
        assert_eq!(
            passwords().verify(&right, Some(golden)).unwrap(),
            Verdict::Right { rehash: false }
        );
        let wrong = Secret::new("correct horse batterz");
        assert_eq!(passwords().verify(&wrong, Some(golden)).unwrap(), Verdict::Wrong);
    }

    #[test]
    fn without_an_account_nothing_fits_not_even_the_decoys_own_password() {
        let passwords =
            Passwords::new(Cost::default(), *b"0123456789abcdefsaltsaltsaltsalt").unwrap();
        let decoys_own = Secret::new("0123456789abcdef");
        assert_eq!(passwords.verify(&decoys_own, None).unwrap(), Verdict::Wrong);
    }

    #[test]
    fn a_cheaper_hash_is_marked_for_renewal() {
        let stored = passwords().hash(&Secret::new("a long password"), [1; 16]).unwrap();
        let dearer = Cost { passes: 3, ..Cost::default() };
        let verdict = Passwords::new(dearer, [7; 32])
            .unwrap()
            .verify(&Secret::new("a long password"), Some(&stored))
            .unwrap();
        assert_eq!(verdict, Verdict::Right { rehash: true });
    }

    #[test]
    fn edited_hashes_and_costs_out_of_bounds_are_refused() {
        let passwords = passwords();
        let stored = passwords.hash(&Secret::new("a long password"), [1; 16]).unwrap();
        for edited in [
            stored.replace("m=19456", "m=8"),
            stored.replace("m=19456", "m=4000000000"),
            stored.replace("t=2", "t=1"),
            stored.replace("argon2id", "argon2i"),
            stored.rsplit_once('$').unwrap().0.to_owned(),
            String::new(),
            "plain text".to_owned(),
        ] {
            let verdict = passwords.verify(&Secret::new("a long password"), Some(&edited));
            assert!(matches!(verdict, Err(PasswordError::StoredHash)), "{edited}: {verdict:?}");
        }
        let weak = Cost { memory_kib: 1024, ..Cost::default() };
        assert!(Passwords::new(weak, [7; 32]).is_err());
        let huge = Cost { memory_kib: 1 << 30, ..Cost::default() };
        assert!(Passwords::new(huge, [7; 32]).is_err());
    }

    #[test]
    fn an_endless_password_is_refused_before_it_is_hashed() {
        let endless = Secret::new("a".repeat(PASSWORD_BYTES_MAX + 1));
        assert!(matches!(passwords().verify(&endless, None), Err(PasswordError::TooLong)));
        assert!(matches!(passwords().hash(&endless, [0; 16]), Err(PasswordError::TooLong)));
    }
}
