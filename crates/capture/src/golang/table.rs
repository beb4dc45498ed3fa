//! Go's function table: from a function's name to its address.
//! It believes nothing of where that address leads; [`super`] checks it.
//!
//! Format: section `.gopclntab`, as Go's `runtime/symtab.go` reads it (`pcHeader`, `functab`, `_func`): a header of
//! eight double words, then names, files and lines, then for each function its distance from the start of the text and
//! the place of its description, whose second word says where its name stands.
//! From Go 1.26 on the header's own start of the text is zero: then word 22 of the runtime's module data, section
//! `.go.module`, is it.
//!
//! Hostile input: the whole table is read once, within [`TABLE_BYTES_MAX`]; every place in it is checked.

use super::elf::{Elf, Section, read, u32_at, u64_at};
use super::{Image, ProgramFault};

/// kube-apiserver's table has 40 MB; the largest Go programs that people run reach 150 MB.
const TABLE_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// As `TABLE_BYTES_MAX`, in functions of which each takes 40 bytes at least.
const FUNCTIONS_MAX: u64 = 8 * 1024 * 1024;

const MAGIC_1_18: u32 = 0xffff_fff0;
const MAGIC_1_20: u32 = 0xffff_fff1;
const HEADER_BYTES: usize = 72;
const TEXT_START_AT: u64 = 24;
/// `moduledata.text`, in bytes from its beginning.
const MODULE_TEXT_AT: u64 = 22 * 8;

/// The addresses of functions by their names.
pub(super) fn addresses<I: Image + ?Sized>(
    image: &I,
    elf: &Elf,
    names: &[&str],
) -> Result<Vec<Option<u64>>, ProgramFault> {
    // Position-independent programs of older Go have it among what becomes read-only after loading.
    let section = elf
        .section(".gopclntab")
        .or_else(|| elf.section(".data.rel.ro.gopclntab"))
        .ok_or(ProgramFault::NotGo)?;
    let table = read(image, section.offset, section.bytes, TABLE_BYTES_MAX)?;
    let cut = || ProgramFault::Damaged("the function table is cut off");
    let header = table.get(..HEADER_BYTES).ok_or_else(cut)?;
    let magic = u32_at(header, 0).unwrap_or(0);
    if magic != MAGIC_1_18 && magic != MAGIC_1_20 {
        return Err(ProgramFault::OtherTable(magic));
    }
    // The smallest instruction of x86-64 has one byte, a pointer has eight.
    if header.get(4..8) != Some(&[0, 0, 1, 8]) {
        return Err(ProgramFault::Damaged("the function table is of another processor"));
    }
    let text = text_start(image, elf, &section)?;
    let part = |place: usize| {
        let start = u64_at(header, place).and_then(|start| usize::try_from(start).ok());
        start.and_then(|start| table.get(start..)).ok_or_else(cut)
    };
    let (all_names, descriptions) = (part(32)?, part(64)?);
    let count = u64_at(header, 8).filter(|count| *count <= FUNCTIONS_MAX).ok_or_else(cut)?;
    let count = usize::try_from(count).map_err(|_| cut())?;
    let functions = descriptions.get(..count * 8).ok_or_else(cut)?;
    let mut found = vec![None; names.len()];
    for function in functions.chunks_exact(8) {
        let distance = u32_at(function, 0).unwrap_or(0);
        let description = u32_at(function, 4).and_then(|it| usize::try_from(it).ok());
        let name = description.and_then(|it| u32_at(descriptions, it.checked_add(4)?));
        let name = name.and_then(|it| all_names.get(usize::try_from(it).ok()?..));
        let Some(name) = name else { continue };
        for (wanted, found) in names.iter().zip(&mut found) {
            let is_it = name.starts_with(wanted.as_bytes()) && name.get(wanted.len()) == Some(&0);
            if is_it && found.is_none() {
                *found = text.checked_add(distance.into());
            }
        }
    }
    Ok(found)
}

fn text_start<I: Image + ?Sized>(
    image: &I,
    elf: &Elf,
    table: &Section,
) -> Result<u64, ProgramFault> {
    let within = |section: &Section, place: u64| {
        let address = section.address.checked_add(place);
        address.map_or(Ok(None), |address| elf.address_at(image, address))
    };
    if let Some(start) = within(table, TEXT_START_AT)? {
        return Ok(start);
    }
    let module = elf.section(".go.module").or_else(|| elf.section(".data.rel.ro.go.module"));
    let start = match module {
        Some(module) => within(&module, MODULE_TEXT_AT)?,
        None => None,
    };
    start.ok_or(ProgramFault::Damaged("it does not say where its text begins"))
}
