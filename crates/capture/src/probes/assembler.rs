//! Small eBPF programs put together from typed instructions, with jumps to names instead of distances.
//! What the programs do is known to [`super::programs`]; whether they are safe to run, the kernel's verifier says.
//!
//! Specification: the eBPF instruction set, RFC 9669.

use std::collections::HashMap;

/// A register. The first holds results, R1 to R5 arguments, R6 to R9 outlive calls, R10 is the stack's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Register {
    R0,
    R1,
    R2,
    R3,
    R6,
    R7,
    R8,
    R9,
    R10,
}

/// How much is read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Word,
    Double,
}

/// When a jump is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    Equal,
    NotEqual,
    Greater,
}

/// The kernel's functions that are called here, by their numbers in linux/bpf.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Helper {
    MapLookup = 1,
    CurrentPid = 14,
    ReadUser = 112,
    RingReserve = 131,
    RingSubmit = 132,
    RingDiscard = 133,
}

/// An instruction as the kernel takes it.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instruction {
    code: u8,
    registers: u8,
    offset: i16,
    value: i32,
}

/// A place in a program that is jumped to.
pub(crate) type Label = &'static str;

/// A program that jumps to a place it does not have, or too far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the program has no place `{0}` within reach")]
pub(crate) struct NoSuchLabel(pub(crate) Label);

/// A program that is being written.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    instructions: Vec<Instruction>,
    labels: HashMap<Label, usize>,
    jumps: Vec<(usize, Label)>,
}

impl Register {
    fn number(self) -> u8 {
        match self {
            Self::R0 => 0,
            Self::R1 => 1,
            Self::R2 => 2,
            Self::R3 => 3,
            Self::R6 => 6,
            Self::R7 => 7,
            Self::R8 => 8,
            Self::R9 => 9,
            Self::R10 => 10,
        }
    }
}

impl Size {
    fn bits(self) -> u8 {
        match self {
            Self::Word => 0x00,
            Self::Double => 0x18,
        }
    }
}

impl Assembler {
    fn push(&mut self, code: u8, to: u8, from: u8, offset: i16, value: i32) {
        self.instructions.push(Instruction { code, registers: from << 4 | to, offset, value });
    }

    /// Names the place that is written next.
    pub(crate) fn label(&mut self, label: Label) {
        self.labels.insert(label, self.instructions.len());
    }

    pub(crate) fn copy(&mut self, to: Register, from: Register) {
        self.push(0xbf, to.number(), from.number(), 0, 0);
    }

    pub(crate) fn set(&mut self, to: Register, value: i32) {
        self.push(0xb7, to.number(), 0, 0, value);
    }

    pub(crate) fn add(&mut self, to: Register, value: i32) {
        self.push(0x07, to.number(), 0, 0, value);
    }

    pub(crate) fn shift_right(&mut self, register: Register, bits: i32) {
        self.push(0x77, register.number(), 0, 0, bits);
    }

    /// The address of a map, which the kernel puts in for its descriptor.
    pub(crate) fn map(&mut self, to: Register, descriptor: i32) {
        self.push(0x18, to.number(), 1, 0, descriptor);
        self.push(0, 0, 0, 0, 0);
    }

    /// `to = *(from + offset)`.
    pub(crate) fn load(&mut self, size: Size, to: Register, from: Register, offset: i16) {
        self.push(0x61 | size.bits(), to.number(), from.number(), offset, 0);
    }

    /// `*(to + offset) = from`.
    pub(crate) fn store(&mut self, size: Size, to: Register, offset: i16, from: Register) {
        self.push(0x63 | size.bits(), to.number(), from.number(), offset, 0);
    }

    /// `*(to + offset) = value`.
    pub(crate) fn store_value(&mut self, size: Size, to: Register, offset: i16, value: i32) {
        self.push(0x62 | size.bits(), to.number(), 0, offset, value);
    }

    /// `*to += from`, at once for all CPUs.
    pub(crate) fn add_atomically(&mut self, to: Register, from: Register) {
        self.push(0xc3 | Size::Double.bits(), to.number(), from.number(), 0, 0);
    }

    pub(crate) fn jump(&mut self, label: Label) {
        self.jumps.push((self.instructions.len(), label));
        self.push(0x05, 0, 0, 0, 0);
    }

    /// Jumps if it holds between a register, unsigned, and a value.
    pub(crate) fn jump_if(&mut self, register: Register, is: Condition, value: i32, label: Label) {
        let code = match is {
            Condition::Equal => 0x15,
            Condition::NotEqual => 0x55,
            Condition::Greater => 0x25,
        };
        self.jumps.push((self.instructions.len(), label));
        self.push(code, register.number(), 0, 0, value);
    }

    pub(crate) fn call(&mut self, helper: Helper) {
        self.push(0x85, 0, 0, 0, helper as i32);
    }

    pub(crate) fn exit(&mut self) {
        self.push(0x95, 0, 0, 0, 0);
    }

    /// The program, with every jump as a distance.
    pub(crate) fn finish(mut self) -> Result<Vec<Instruction>, NoSuchLabel> {
        for (at, label) in self.jumps {
            let distance = self
                .labels
                .get(label)
                .and_then(|target| i16::try_from(target.checked_sub(at + 1)?).ok());
            match (self.instructions.get_mut(at), distance) {
                (Some(jump), Some(distance)) => jump.offset = distance,
                _ => return Err(NoSuchLabel(label)),
            }
        }
        Ok(self.instructions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_are_distances_from_the_next_instruction() {
        let mut program = Assembler::default();
        program.set(Register::R0, 7);
        program.jump_if(Register::R0, Condition::Greater, 5, "end");
        program.set(Register::R0, 1);
        program.label("end");
        program.exit();
        let program = program.finish().unwrap();
        // `if r0 > 5 goto +1`, as RFC 9669 encodes it.
        assert_eq!(program[1], Instruction { code: 0x25, registers: 0, offset: 1, value: 5 });
        assert_eq!(program.len(), 4);
    }

    #[test]
    fn a_jump_to_nowhere_or_backwards_is_refused() {
        let mut program = Assembler::default();
        program.jump("nowhere");
        assert_eq!(program.finish(), Err(NoSuchLabel("nowhere")));
        let mut program = Assembler::default();
        program.label("start");
        program.exit();
        program.jump("start");
        assert_eq!(program.finish(), Err(NoSuchLabel("start")), "there are no loops");
    }

    #[test]
    fn instructions_are_those_of_the_specification() {
        let mut program = Assembler::default();
        program.load(Size::Double, Register::R3, Register::R6, 40);
        program.store(Size::Word, Register::R9, -4, Register::R7);
        program.add_atomically(Register::R0, Register::R1);
        program.map(Register::R1, 9);
        let codes: Vec<u8> = program.finish().unwrap().iter().map(|it| it.code).collect();
        assert_eq!(codes, [0x79, 0x63, 0xdb, 0x18, 0]);
    }
}
