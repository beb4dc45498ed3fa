//! How long a sign-in lasts: until it has been idle too long, or until its absolute end.
//! It does not read the clock and does not know where sign-ins are kept.

use model::Timestamp;
use std::time::Duration;

/// The lifetimes of sign-ins, as the operator chose them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// A browser that asks nothing for so long is signed out.
    pub idle_timeout: Duration,
    /// A password sign-in ends after so long in any case.
    pub password: Duration,
    /// A token sign-in ends after so long, or with its token if that is earlier. Short, because the hub
    /// does not keep the token and so cannot ask again whether it still holds.
    pub token: Duration,
}

/// The lifetimes contradict each other or are unreasonable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be from {} to {} s, but is {} s", least.as_secs(), most.as_secs(), given.as_secs())]
pub struct InvalidLifetimes {
    what: &'static str,
    least: Duration,
    most: Duration,
    given: Duration,
}

/// Why a sign-in no longer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lapse {
    /// Nothing was asked for too long.
    Idle,
    /// The absolute end has come.
    Absolute,
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Lifetimes {
    /// A working day with a long lunch.
    fn default() -> Self {
        Self { idle_timeout: 120 * MINUTE, password: 720 * MINUTE, token: 60 * MINUTE }
    }
}

impl Lifetimes {
    /// Checks each lifetime against its bounds.
    pub fn check(self) -> Result<Self, InvalidLifetimes> {
        let within = |what, given: Duration, least, most| {
            if given < least || given > most {
                return Err(InvalidLifetimes { what, least, most, given });
            }
            Ok(())
        };
        within("the idle timeout", self.idle_timeout, MINUTE, 7 * DAY)?;
        within("the lifetime of a password sign-in", self.password, MINUTE, 30 * DAY)?;
        within("the lifetime of a token sign-in", self.token, MINUTE, DAY)?;
        Ok(self)
    }

    /// The absolute end of a sign-in by password or invitation.
    pub fn password_expires_at(&self, now: Timestamp) -> Timestamp {
        now.after(self.password)
    }

    /// The absolute end of a sign-in by token: never later than the token's own.
    pub fn token_expires_at(&self, now: Timestamp, token_ends: Option<Timestamp>) -> Timestamp {
        let configured = now.after(self.token);
        token_ends.map_or(configured, |token_ends| configured.min(token_ends))
    }
}

impl Lapse {
    /// Whether a sign-in, last seen at `last_seen_at`, has lapsed at `now`. The bounds belong to the
    /// lapse: at its very end a sign-in no longer holds.
    pub fn of(
        now: Timestamp,
        last_seen_at: Timestamp,
        idle_timeout: Duration,
        expires_at: Timestamp,
    ) -> Option<Self> {
        if now >= expires_at {
            Some(Self::Absolute)
        } else if now >= last_seen_at.after(idle_timeout) {
            Some(Self::Idle)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    #[test]
    fn a_sign_in_lapses_at_the_earlier_of_idleness_and_its_end() {
        let end = NOW.after(DAY);
        let lapse = |later| Lapse::of(NOW.after(later), NOW, MINUTE, end);
        assert_eq!(lapse(Duration::ZERO), None);
        assert_eq!(lapse(Duration::from_secs(59)), None);
        assert_eq!(lapse(MINUTE), Some(Lapse::Idle));
        assert_eq!(Lapse::of(end, end, MINUTE, end), Some(Lapse::Absolute));
    }

    #[test]
    fn a_token_sign_in_never_outlives_its_token() {
        let lifetimes = Lifetimes::default();
        let soon = NOW.after(MINUTE);
        assert_eq!(lifetimes.token_expires_at(NOW, Some(soon)), soon);
        assert_eq!(lifetimes.token_expires_at(NOW, Some(NOW.after(DAY))), NOW.after(60 * MINUTE));
        assert_eq!(lifetimes.token_expires_at(NOW, None), NOW.after(60 * MINUTE));
    }

    #[test]
    fn unreasonable_lifetimes_are_refused_by_name() {
        assert!(Lifetimes::default().check().is_ok());
        let never = Lifetimes { idle_timeout: Duration::ZERO, ..Lifetimes::default() };
        let refusal = never.check().unwrap_err().to_string();
        assert_eq!(refusal, "the idle timeout must be from 60 to 604800 s, but is 0 s");
        assert!(Lifetimes { token: 2 * DAY, ..Lifetimes::default() }.check().is_err());
        assert!(Lifetimes { password: 31 * DAY, ..Lifetimes::default() }.check().is_err());
    }
}
