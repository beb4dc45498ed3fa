//! The account of every byte: decoded, or skipped with a reason that a person sees.
//! It counts; who skips, and why, is each parser's knowledge.

/// Why bytes were not decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Skip {
    /// A link type that is not known here.
    LinkUnknown,
    /// Not IP: ARP, LLDP and the like.
    NotIp,
    /// IP, but not TCP.
    NotTcp,
    /// A header contradicts itself or was cut off.
    Malformed,
    /// A part of a fragmented packet whose other parts never came.
    FragmentIncomplete,
    /// Sent again: the same bytes had been seen already.
    Repeated,
    /// Outside what the connection could be sending now.
    OutsideWindow,
    /// After the connection had ended.
    AfterClose,
    /// Neither TLS nor HTTP.
    NotRecognised,
    /// The capture began in the middle of the connection.
    JoinedLate,
    /// No key for this connection (yet).
    NoKey,
    /// The key does not fit: no record could be verified with it.
    KeyMismatch,
    /// The cipher suite is not supported.
    SuiteUnsupported,
    /// Touched by packets that are missing from the capture.
    Gap,
    /// A bound of this decoder was reached.
    OverBound,
    /// Decrypted, but the protocol inside was broken or not understood.
    NotUnderstood,
    /// Padding of the protocol, which carries nothing.
    Padding,
}

impl Skip {
    /// All reasons, in the order in which they are told.
    pub const ALL: [Self; 17] = [
        Self::NoKey,
        Self::KeyMismatch,
        Self::JoinedLate,
        Self::Gap,
        Self::OverBound,
        Self::SuiteUnsupported,
        Self::NotUnderstood,
        Self::NotRecognised,
        Self::Repeated,
        Self::OutsideWindow,
        Self::AfterClose,
        Self::FragmentIncomplete,
        Self::NotTcp,
        Self::NotIp,
        Self::LinkUnknown,
        Self::Malformed,
        Self::Padding,
    ];

    /// The reason in words.
    pub fn reason(self) -> &'static str {
        match self {
            Self::LinkUnknown => "unknown link type",
            Self::NotIp => "not IP",
            Self::NotTcp => "not TCP",
            Self::Malformed => "malformed header",
            Self::FragmentIncomplete => "incomplete IP fragments",
            Self::Repeated => "sent again",
            Self::OutsideWindow => "outside the TCP window",
            Self::AfterClose => "after the connection's end",
            Self::NotRecognised => "neither TLS nor HTTP",
            Self::JoinedLate => "joined late",
            Self::NoKey => "no key",
            Self::KeyMismatch => "key does not fit",
            Self::SuiteUnsupported => "cipher suite not supported",
            Self::Gap => "packets missing",
            Self::OverBound => "over a bound",
            Self::NotUnderstood => "not understood",
            Self::Padding => "padding",
        }
    }

    /// The reason as a word for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::LinkUnknown => "link_unknown",
            Self::NotIp => "not_ip",
            Self::NotTcp => "not_tcp",
            Self::Malformed => "malformed",
            Self::FragmentIncomplete => "fragment_incomplete",
            Self::Repeated => "repeated",
            Self::OutsideWindow => "outside_window",
            Self::AfterClose => "after_close",
            Self::NotRecognised => "not_recognised",
            Self::JoinedLate => "joined_late",
            Self::NoKey => "no_key",
            Self::KeyMismatch => "key_mismatch",
            Self::SuiteUnsupported => "suite_unsupported",
            Self::Gap => "gap",
            Self::OverBound => "over_bound",
            Self::NotUnderstood => "not_understood",
            Self::Padding => "padding",
        }
    }

    fn index(self) -> usize {
        Self::ALL.iter().position(|reason| *reason == self).unwrap_or(0)
    }
}

/// Bytes by what became of them. `decoded` and all skips together are what was put in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    decoded: u64,
    skipped: [u64; Skip::ALL.len()],
}

impl Tally {
    /// Bytes that were decoded.
    pub fn decoded(&self) -> u64 {
        self.decoded
    }

    /// Bytes that were skipped for this reason.
    pub fn skipped(&self, reason: Skip) -> u64 {
        self.skipped.get(reason.index()).copied().unwrap_or(0)
    }

    /// All reasons that occurred, with their bytes.
    pub fn reasons(&self) -> impl Iterator<Item = (Skip, u64)> + '_ {
        Skip::ALL.into_iter().zip(self.skipped.iter().copied()).filter(|(_, bytes)| *bytes > 0)
    }

    /// All bytes, whatever became of them.
    pub fn total(&self) -> u64 {
        self.decoded + self.skipped.iter().sum::<u64>()
    }

    pub(crate) fn decode(&mut self, bytes: u64) {
        self.decoded += bytes;
    }

    pub(crate) fn skip(&mut self, reason: Skip, bytes: u64) {
        if let Some(count) = self.skipped.get_mut(reason.index()) {
            *count += bytes;
        }
    }

    /// Adds another account to this one.
    pub fn merge(&mut self, other: &Self) {
        self.decoded += other.decoded;
        for (count, more) in self.skipped.iter_mut().zip(other.skipped) {
            *count += more;
        }
    }
}
