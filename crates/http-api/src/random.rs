//! Randomness for the services, from the operating system through aws-lc.
//! Domain crates are handed what this returns.

use crate::Problem;

/// `N` random bytes.
///
/// It fails only where the operating system has no randomness to give, and then nothing secret can be
/// made: the request ends as a fault of the hub.
pub fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| Problem::internal("the operating system gives no randomness"))?;
    Ok(bytes)
}
