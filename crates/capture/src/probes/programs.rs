//! The programs that run when a Go program makes TLS secrets, and the records that they send.
//! A program copies a few dozen bytes and ends; it writes nothing into the process and holds nothing up. How it is
//! loaded and attached is [`super`]'s.
//!
//! Registers: Go's internal calling convention puts arguments one after the other into RAX, RBX, RCX, RDI, RSI, R8,
//! R9, R10, R11, a string as two and a slice as three (Go's cmd/compile/abi-internal.md, "amd64 architecture").
//! Where they lie: `struct pt_regs` of linux/arch/x86/include/uapi/asm/ptrace.h.
//!
//! Hostile input: whoever owns the process chooses lengths, addresses and bytes. Lengths are bounded here before
//! anything is read, addresses are read by a function of the kernel that fails instead of faulting, and what was read
//! is checked again by [`Record::read`].

use super::assembler::{Assembler, Condition, Helper, Instruction, NoSuchLabel, Register, Size};
use Register::{R0, R1, R2, R3, R6, R7, R8, R9, R10};

/// The longest label of RFC 9850 has 31 letters.
const LABEL_BYTES_MAX: u16 = 32;
/// TLS secrets have 32 or 48 bytes; no hash in use makes more than 64.
const SECRET_BYTES_MAX: u16 = 64;
const RANDOM_BYTES: u16 = 32;

// Where in a record what stands.
const AT_FUNCTION: u16 = 0;
const AT_PID: u16 = 4;
const AT_LABEL_BYTES: u16 = 8;
const AT_SECRET_BYTES: u16 = 12;
const AT_PLACE: u16 = 16;
const AT_LABEL_ADDRESS: u16 = 24;
const AT_LABEL: u16 = 32;
const AT_RANDOM: u16 = AT_LABEL + LABEL_BYTES_MAX;
const AT_SECRET: u16 = AT_RANDOM + RANDOM_BYTES;
/// Bytes of a record.
pub(crate) const RECORD_BYTES: u16 = AT_SECRET + SECRET_BYTES_MAX;

// Where in `struct pt_regs` the registers lie.
const RBX: i16 = 40;
const R10_OF_CPU: i16 = 56;
const R9_OF_CPU: i16 = 64;
const R8_OF_CPU: i16 = 72;
const RCX: i16 = 88;
const RSI: i16 = 104;
const RDI: i16 = 112;
const RIP: i16 = 128;

/// Counters that the programs keep.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Counter {
    /// The ring buffer was full.
    Lost,
    /// The process's memory could not be read.
    Unreadable,
    /// The lengths were not those of TLS secrets.
    Odd,
}

/// How many counters there are.
pub(crate) const COUNTERS: u32 = 3;

/// A function of Go's `crypto/tls` that is given secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    /// `func (c *Config) writeKeyLog(label string, clientRandom, secret []byte) error`, which is called for every
    /// handshake, whether or not anybody asked for a key log.
    WriteKeyLog,
    /// `func keysFromMasterSecret(version uint16, suite *cipherSuite, masterSecret, clientRandom, serverRandom
    /// []byte, …)`, which is called when TLS 1.2 resumes a session, too; `writeKeyLog` is not.
    KeysFromMasterSecret,
}

/// Where an argument's address and length are.
struct Argument {
    address: i16,
    length: i16,
}

impl Function {
    /// All of them.
    pub(crate) const ALL: [Self; 2] = [Self::WriteKeyLog, Self::KeysFromMasterSecret];

    /// The name under which Go's own tables have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::WriteKeyLog => "crypto/tls.(*Config).writeKeyLog",
            Self::KeysFromMasterSecret => "crypto/tls.keysFromMasterSecret",
        }
    }

    fn number(self) -> u16 {
        match self {
            Self::WriteKeyLog => 1,
            Self::KeysFromMasterSecret => 2,
        }
    }

    fn label(self) -> Option<Argument> {
        match self {
            Self::WriteKeyLog => Some(Argument { address: RBX, length: RCX }),
            Self::KeysFromMasterSecret => None,
        }
    }

    fn random(self) -> Argument {
        match self {
            Self::WriteKeyLog => Argument { address: RDI, length: RSI },
            Self::KeysFromMasterSecret => Argument { address: R8_OF_CPU, length: R9_OF_CPU },
        }
    }

    fn secret(self) -> Argument {
        match self {
            Self::WriteKeyLog => Argument { address: R9_OF_CPU, length: R10_OF_CPU },
            Self::KeysFromMasterSecret => Argument { address: RCX, length: RDI },
        }
    }

    /// The program for this function. Never a return probe: it would write into a stack that Go moves.
    pub(crate) fn program(self, ring: i32, counters: i32) -> Result<Vec<Instruction>, NoSuchLabel> {
        let mut it = Assembler::default();
        // R6: the registers at the function's first instruction. R7: bytes of the secret. R8: bytes of the label.
        // R9: the record.
        it.copy(R6, R1);
        let (random, secret) = (self.random(), self.secret());
        it.load(Size::Double, R7, R6, random.length);
        it.jump_if(R7, Condition::NotEqual, RANDOM_BYTES.into(), "odd");
        it.load(Size::Double, R7, R6, secret.length);
        it.jump_if(R7, Condition::Equal, 0, "odd");
        it.jump_if(R7, Condition::Greater, SECRET_BYTES_MAX.into(), "odd");
        it.set(R8, 0);
        if let Some(label) = self.label() {
            it.load(Size::Double, R8, R6, label.length);
            it.jump_if(R8, Condition::Equal, 0, "odd");
            it.jump_if(R8, Condition::Greater, LABEL_BYTES_MAX.into(), "odd");
        }
        it.map(R1, ring);
        it.set(R2, RECORD_BYTES.into());
        it.set(R3, 0);
        it.call(Helper::RingReserve);
        it.jump_if(R0, Condition::Equal, 0, "lost");
        it.copy(R9, R0);
        it.store_value(Size::Word, R9, AT_FUNCTION.cast_signed(), self.number().into());
        it.store(Size::Word, R9, AT_LABEL_BYTES.cast_signed(), R8);
        it.store(Size::Word, R9, AT_SECRET_BYTES.cast_signed(), R7);
        it.call(Helper::CurrentPid);
        it.shift_right(R0, 32);
        it.store(Size::Word, R9, AT_PID.cast_signed(), R0);
        it.load(Size::Double, R1, R6, RIP);
        it.store(Size::Double, R9, AT_PLACE.cast_signed(), R1);
        match self.label() {
            None => it.store_value(Size::Double, R9, AT_LABEL_ADDRESS.cast_signed(), 0),
            Some(label) => {
                it.load(Size::Double, R3, R6, label.address);
                it.store(Size::Double, R9, AT_LABEL_ADDRESS.cast_signed(), R3);
                it.copy(R1, R9);
                it.add(R1, AT_LABEL.into());
                it.copy(R2, R8);
                // A label is a constant of the program, and its page may not be in memory: then it is all zeros
                // here, and is looked up in the file by its address.
                it.call(Helper::ReadUser);
            }
        }
        it.copy(R1, R9);
        it.add(R1, AT_RANDOM.into());
        it.set(R2, RANDOM_BYTES.into());
        it.load(Size::Double, R3, R6, random.address);
        it.call(Helper::ReadUser);
        it.jump_if(R0, Condition::NotEqual, 0, "unreadable");
        it.copy(R1, R9);
        it.add(R1, AT_SECRET.into());
        it.copy(R2, R7);
        it.load(Size::Double, R3, R6, secret.address);
        it.call(Helper::ReadUser);
        it.jump_if(R0, Condition::NotEqual, 0, "unreadable");
        it.copy(R1, R9);
        it.set(R2, 0);
        it.call(Helper::RingSubmit);
        it.jump("end");

        it.label("unreadable");
        it.copy(R1, R9);
        it.set(R2, 0);
        it.call(Helper::RingDiscard);
        it.set(R1, Counter::Unreadable as i32);
        it.jump("count");
        it.label("lost");
        it.set(R1, Counter::Lost as i32);
        it.jump("count");
        it.label("odd");
        it.set(R1, Counter::Odd as i32);
        it.label("count");
        it.store(Size::Word, R10, -4, R1);
        it.map(R1, counters);
        it.copy(R2, R10);
        it.add(R2, -4);
        it.call(Helper::MapLookup);
        it.jump_if(R0, Condition::Equal, 0, "end");
        it.set(R1, 1);
        it.add_atomically(R0, R1);
        it.label("end");
        it.set(R0, 0);
        it.exit();
        it.finish()
    }
}

/// What a program has sent, checked.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) function: Function,
    pub(crate) pid: u32,
    /// Where the probed function lies in the process's memory.
    pub(crate) place: u64,
    pub(crate) label_address: u64,
    /// All zeros if it could not be read.
    pub(crate) label: &'a [u8],
    pub(crate) random: &'a [u8; 32],
    pub(crate) secret: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads a record; none if it is of another form.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let at = |place: u16, count: usize| {
            let place = usize::from(place);
            bytes.get(place..place.checked_add(count)?)
        };
        let word = |place| Some(u32::from_ne_bytes(*at(place, 4)?.first_chunk()?));
        let double = |place| Some(u64::from_ne_bytes(*at(place, 8)?.first_chunk()?));
        let number = word(AT_FUNCTION)?;
        let function = Function::ALL.into_iter().find(|it| u32::from(it.number()) == number)?;
        let bounded = |count: u32, most: u16| usize::try_from(count.min(u32::from(most) + 1)).ok();
        let label_bytes = bounded(word(AT_LABEL_BYTES)?, LABEL_BYTES_MAX)?;
        let secret_bytes = bounded(word(AT_SECRET_BYTES)?, SECRET_BYTES_MAX)?;
        if label_bytes > usize::from(LABEL_BYTES_MAX)
            || secret_bytes > usize::from(SECRET_BYTES_MAX)
            || secret_bytes == 0
        {
            return None;
        }
        Some(Self {
            function,
            pid: word(AT_PID)?,
            place: double(AT_PLACE)?,
            label_address: double(AT_LABEL_ADDRESS)?,
            label: at(AT_LABEL, label_bytes)?,
            random: at(AT_RANDOM, usize::from(RANDOM_BYTES))?.first_chunk()?,
            secret: at(AT_SECRET, secret_bytes)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_function_has_a_program_without_a_way_back() {
        for function in Function::ALL {
            let program = function.program(3, 4).unwrap();
            assert!(program.len() < 100, "{function:?}");
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let mut bytes = vec![0; usize::from(RECORD_BYTES)];
        bytes[0] = 1;
        bytes[4..8].copy_from_slice(&77_u32.to_ne_bytes());
        bytes[8] = 13;
        bytes[12] = 48;
        bytes[32..45].copy_from_slice(b"CLIENT_RANDOM");
        bytes[64..96].fill(5);
        bytes[96..144].fill(6);
        let record = Record::read(&bytes).unwrap();
        assert_eq!((record.pid, record.label), (77, &b"CLIENT_RANDOM"[..]));
        assert_eq!((record.random, record.secret), (&[5; 32], &[6; 48][..]));
        for (place, value) in [(0, 3), (8, 33), (12, 65), (12, 0)] {
            let mut lying = bytes.clone();
            lying[place] = value;
            assert!(Record::read(&lying).is_none(), "byte {place} is {value}");
        }
        assert!(Record::read(&bytes[..159]).is_some_and(|it| it.secret.len() == 48));
        assert!(Record::read(&bytes[..143]).is_none(), "cut within the secret");
    }

    proptest! {
        #[test]
        fn any_record_is_read_within_its_bounds(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(record) = Record::read(&bytes) {
                prop_assert!((1..=64).contains(&record.secret.len()) && record.label.len() <= 32);
            }
        }
    }
}
