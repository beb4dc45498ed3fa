use super::specimen::{BASE, PROLOGUE, Specimen, TEXT};
use super::*;
use proptest::prelude::*;

const NAMES: [&str; 3] =
    ["main.main", "crypto/tls.(*Config).writeKeyLog", "crypto/tls.keysFromMasterSecret"];

fn read(file: &[u8], names: &[&str]) -> Result<Vec<Option<Function>>, ProgramFault> {
    Ok(Program::read(file, names)?.functions().to_vec())
}

#[test]
fn functions_are_found_wherever_the_start_of_the_text_stands() {
    for (text_in_module, relocated) in [(false, false), (true, false), (false, true), (true, true)]
    {
        let file = Specimen { text_in_module, relocated, ..Specimen::new(&NAMES) }.file();
        let found = read(&file, &[NAMES[2], NAMES[0], "crypto/tls.keys"]).unwrap();
        let at = |number: u64| {
            let distance = TEXT + number * 16;
            Some(Function { address: BASE + distance, offset: distance })
        };
        assert_eq!(found, [at(2), at(0), None], "{text_in_module} {relocated}");
    }
}

#[test]
fn what_does_not_begin_like_a_function_is_refused_by_name() {
    for (first, taken) in [
        (PROLOGUE, true),
        // LEAQ -0x58(SP), R12; CMPQ R12, 16(R14), and with four bytes of displacement.
        (*b"\x4c\x8d\x64\x24\xa8\x4d\x3b\x66\x10\x0f\x86\0\0\0\0\0", true),
        (*b"\x4c\x8d\xa4\x24\x08\xff\xff\xff\x4d\x3b\x66\x10\x0f\x86\0\0", true),
        // One byte beside, one instruction later, a return, and a prologue of C.
        (*b"\x3b\x66\x10\x76\x2a\x55\x48\x89\xe5\0\0\0\0\0\0\0", false),
        (*b"\x76\x2a\x55\x48\x89\xe5\0\0\0\0\0\0\0\0\0\0", false),
        (*b"\x4c\x8d\x64\x24\xa8\x49\x3b\x66\x10\0\0\0\0\0\0\0", false),
        ([0xc3; 16], false),
        (*b"\x55\x48\x89\xe5\x48\x83\xec\x10\0\0\0\0\0\0\0\0", false),
    ] {
        let mut specimen = Specimen::new(&NAMES);
        specimen.functions[1].1 = first;
        match read(&specimen.file(), &[NAMES[1]]) {
            Ok(found) => assert!(taken && found[0].is_some(), "{first:x?}"),
            Err(fault) => {
                assert!(!taken, "{first:x?}");
                assert!(fault.to_string().contains(NAMES[1]), "{fault}");
            }
        }
    }
}

#[test]
fn an_address_outside_of_the_code_is_refused() {
    let mut file = Specimen::new(&NAMES).file();
    // The only segment is no longer executable.
    file[68] = 4;
    assert!(matches!(read(&file, &[NAMES[0]]), Err(ProgramFault::NotAFunction(_))));
}

#[test]
fn other_files_are_refused_for_what_they_are() {
    let good = Specimen::new(&NAMES).file();
    let with = |place: usize, byte: u8| {
        let mut file = good.clone();
        file[place] = byte;
        read(&file, &NAMES)
    };
    assert!(matches!(read(b"#!/bin/sh\n", &NAMES), Err(ProgramFault::NotElf)));
    assert!(matches!(with(4, 1), Err(ProgramFault::NotElf)), "32 bits");
    assert!(matches!(with(18, 183), Err(ProgramFault::OtherMachine(183))));
    let table = usize::try_from(TEXT).unwrap() + NAMES.len() * 16;
    assert!(matches!(with(table, 0xfb), Err(ProgramFault::OtherTable(0xffff_fffb))), "Go 1.2");
    assert!(matches!(with(table + 7, 4), Err(ProgramFault::Damaged(_))), "pointers of 4 bytes");
    assert!(matches!(with(table + 14, 0xff), Err(ProgramFault::Damaged(_))), "too many functions");
    assert!(matches!(read(&good[..table + 40], &NAMES), Err(ProgramFault::Damaged(_))), "cut off");
    let own = std::env::current_exe().unwrap();
    let own = File::open(own).unwrap();
    assert!(matches!(Program::read(&own, &NAMES), Err(ProgramFault::NotGo)), "a Rust program");
}

#[test]
fn constants_are_read_by_their_address_and_only_there() {
    let file = Specimen::new(&NAMES).file();
    let program = Program::read(&file[..], &NAMES).unwrap();
    let mut bytes = [0; 4];
    assert!(program.constant(&file[..], BASE, &mut bytes));
    assert_eq!(&bytes, b"\x7fELF");
    assert!(!program.constant(&file[..], BASE - 1, &mut bytes));
    assert!(!program.constant(&file[..], BASE + file.len() as u64 - 3, &mut bytes));
    assert!(!program.constant(&file[..], u64::MAX - 1, &mut bytes));
}

proptest! {
    #[test]
    fn a_damaged_file_is_refused_or_read_within_its_bounds(
        damage in proptest::collection::vec((0_usize..1200, any::<u8>()), 1..6),
        cut in 0_usize..1200,
        relocated: bool,
    ) {
        let mut file = Specimen { relocated, ..Specimen::new(&NAMES) }.file();
        for (place, byte) in damage {
            let length = file.len();
            file[place % length] = byte;
        }
        file.truncate(file.len().saturating_sub(cut / 4));
        crate::fuzz::go_program(&file);
    }
}
