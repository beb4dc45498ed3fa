//! Functions of a Go program, found by name in its file, stripped or not, and where in the file they begin.
//! It reads through [`Image`] and knows no process; what is done with a function is known to the probes.
//!
//! Format: ELF 64 for x86-64, little-endian ([`elf`]); Go's function table, which the runtime itself needs for stack
//! traces and which no stripping takes away ([`table`]). Go 1.18 and newer.
//! Failure: what is not certain is refused. A probe one byte beside a function's first instruction would break the
//! program, so that an address must lie in an executable segment, and the bytes there must be how Go begins a
//! function that has a stack frame ([`begins_function`]).
//!
//! Hostile input: the file may be anybody's. Every offset is checked before use, tables are read within stated bounds,
//! and nothing is allocated from a length in the file without comparing it with the file's own.

mod elf;
mod table;

use elf::Elf;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// A file's bytes.
pub trait Image {
    /// How many there are.
    fn length(&self) -> u64;
    /// Fills a buffer with those from a place on.
    fn read_at(&self, place: u64, into: &mut [u8]) -> io::Result<()>;
}

/// Where a function begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    /// Its address as the file has it; a position-independent program is loaded elsewhere.
    pub address: u64,
    /// The place of its first instruction in the file.
    pub offset: u64,
}

/// A Go program's file, with some of its functions.
#[derive(Debug)]
pub struct Program {
    elf: Elf,
    functions: Vec<Option<Function>>,
}

/// Why a file's functions cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum ProgramFault {
    /// It could not be read.
    #[error("cannot be read")]
    Read(#[from] io::Error),
    /// It is no ELF program.
    #[error("is no program in ELF's 64-bit form")]
    NotElf,
    /// It is for another processor.
    #[error(
        "is a program for another processor (ELF machine {0}); keys can be taken from x86-64 programs alone"
    )]
    OtherMachine(u16),
    /// It was not made by Go, or its section headers were taken away.
    #[error(
        "is no Go program, or was packed: it has no section `.gopclntab`; for other programs give a key log (--keys)"
    )]
    NotGo,
    /// The table is of a Go that is not known here.
    #[error("has a function table of another form ({0:#010x}): it needs Go 1.18 or newer")]
    OtherTable(u32),
    /// Something in it contradicts something else.
    #[error("is damaged: {0}")]
    Damaged(&'static str),
    /// The function is there, but does not begin as a function does.
    #[error("has `{0}` at a place where no function begins; nothing was attached")]
    NotAFunction(String),
}

impl Image for File {
    fn length(&self) -> u64 {
        self.metadata().map_or(0, |it| it.len())
    }
    fn read_at(&self, place: u64, into: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(into, place)
    }
}

impl Image for [u8] {
    fn length(&self) -> u64 {
        self.len() as u64
    }
    fn read_at(&self, place: u64, into: &mut [u8]) -> io::Result<()> {
        let found =
            usize::try_from(place).ok().and_then(|start| self.get(start..)?.get(..into.len()));
        into.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl Program {
    /// Looks for functions by their full names, such as `crypto/tls.(*Config).writeKeyLog`. A function that the
    /// program does not have is none; one whose place is not certain is a fault.
    pub fn read<I: Image + ?Sized>(image: &I, names: &[&str]) -> Result<Self, ProgramFault> {
        let elf = Elf::read(image)?;
        let mut functions = Vec::new();
        for (name, address) in names.iter().zip(table::addresses(image, &elf, names)?) {
            functions.push(match address {
                None => None,
                Some(address) => Some(checked(image, &elf, name, address)?),
            });
        }
        Ok(Self { elf, functions })
    }

    /// The functions in the order of the names that were asked for.
    pub fn functions(&self) -> &[Option<Function>] {
        &self.functions
    }

    /// What the file has at an address of the program, such as a constant.
    pub fn constant<I: Image + ?Sized>(&self, image: &I, address: u64, into: &mut [u8]) -> bool {
        let offset = self.elf.offset(address, into.len() as u64, false);
        offset.is_some_and(|offset| image.read_at(offset, into).is_ok())
    }
}

fn checked<I: Image + ?Sized>(
    image: &I,
    elf: &Elf,
    name: &str,
    address: u64,
) -> Result<Function, ProgramFault> {
    let nowhere = || ProgramFault::NotAFunction(name.to_owned());
    let mut first = [0; 16];
    let offset = elf.offset(address, first.len() as u64, true).ok_or_else(nowhere)?;
    image.read_at(offset, &mut first)?;
    if !begins_function(&first) {
        return Err(nowhere());
    }
    Ok(Function { address, offset })
}

/// Whether this is how Go begins a function with a stack frame on x86-64: it compares the stack pointer (or, for a
/// large frame, a pointer below it) with the goroutine's limit, which lies at 16(R14), and goes elsewhere if there is
/// too little room. Both functions probed here have such frames in every Go that has been tried (1.22 to 1.27).
fn begins_function(first: &[u8; 16]) -> bool {
    let small = [0x49, 0x3b, 0x66, 0x10]; // CMPQ SP, 16(R14)
    let large = [0x4d, 0x3b, 0x66, 0x10]; // CMPQ R12, 16(R14)
    match &first[..] {
        whole if whole.starts_with(&small) => true,
        // LEAQ -x(SP), R12, with a displacement of one byte or of four.
        [0x4c, 0x8d, 0x64, 0x24, _, rest @ ..]
        | [0x4c, 0x8d, 0xa4, 0x24, _, _, _, _, rest @ ..] => rest.starts_with(&large),
        _ => false,
    }
}

#[cfg(any(test, fuzzing))]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;
