//! Fuzz targets of what comes from other people's files. Compiled for tests and for fuzzing alone.
//! What comes from the kernel is trusted and not fuzzed, but for records in whose making other programs had a part.

use crate::golang::Program;
use crate::key_log::Lines;
use crate::packets::block;
use crate::probes::programs::Record;

/// Takes any bytes, and panics when a promise about them is broken.
pub type Target = fn(&[u8]);

/// All targets, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[
    ("capture_go_program", go_program),
    ("capture_key_log", key_log),
    ("capture_records", records),
];

const NAMES: [&str; 2] = ["main.main", "crypto/tls.(*Config).writeKeyLog"];

/// Any file: a function that is found begins within it like a function.
pub fn go_program(data: &[u8]) {
    let Ok(program) = Program::read(data, &NAMES) else { return };
    for function in program.functions().iter().flatten() {
        let start = usize::try_from(function.offset).ok();
        let first = start.and_then(|start| data.get(start..)?.get(..16));
        let first = first.unwrap_or_else(|| panic!("{function:?} is not in the file"));
        assert!(matches!(first[0], 0x49 | 0x4c), "{function:?} begins with {first:x?}");
    }
    let mut constant = [0; 8];
    program.constant(data, u64::MAX, &mut constant);
}

/// Any key log in any pieces (the first byte says how long): the same whole lines come out, none over the bound.
pub fn key_log(data: &[u8]) {
    let Some((piece, text)) = data.split_first() else { return };
    let cut = |bytes: usize| {
        let (mut lines, mut out) = (Lines::default(), Vec::new());
        for piece in text.chunks(bytes) {
            lines.push(piece, &mut |line| out.push(line.to_vec()));
        }
        lines.end(&mut |line| out.push(line.to_vec()));
        out
    };
    let whole = cut(text.len().max(1));
    assert_eq!(whole, cut(usize::from(*piece).max(1)));
    for line in &whole {
        assert!(line.ends_with(b"\n") && line.len() <= crate::LINE_BYTES_MAX + 1);
    }
}

/// Any block and any record: what is read lies within it.
pub fn records(data: &[u8]) {
    let mut bytes = 0;
    for frame in block::frames(data) {
        assert!(frame.data.len() <= data.len());
        bytes += frame.data.len();
        assert!(bytes <= data.len() * block::FRAMES_MAX, "a block without an end");
    }
    if let Some(record) = Record::read(data) {
        assert!((1..=64).contains(&record.secret.len()));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_kept_input_passes() {
        corpus::replay(super::TARGETS);
    }
}
