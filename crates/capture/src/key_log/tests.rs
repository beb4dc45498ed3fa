use super::*;
use proptest::prelude::*;
use std::fs::OpenOptions;
use std::io::Write;

struct Followed {
    directory: tempfile::TempDir,
    tail: KeyLogTail,
}

impl Followed {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let tail = KeyLogTail::new(&directory.path().join("keys.log"));
        Self { directory, tail }
    }
    fn path(&self) -> PathBuf {
        self.directory.path().join("keys.log")
    }
    fn append(&self, text: &str) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path()).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }
    fn look(&mut self) -> String {
        let mut seen = Vec::new();
        self.tail.look(&mut |line| seen.extend_from_slice(line)).unwrap();
        String::from_utf8(seen).unwrap()
    }
}

#[test]
fn lines_are_given_on_once_and_whole() {
    let mut log = Followed::new();
    assert_eq!(log.look(), "", "there is no file yet");
    assert!(!log.tail.is_there());
    log.append("one\ntw");
    assert_eq!(log.look(), "one\n");
    assert_eq!(log.look(), "");
    log.append("o\nthree");
    assert_eq!(log.look(), "two\n");
    let mut rest = Vec::new();
    log.tail.finish(&mut |line| rest.extend_from_slice(line));
    assert_eq!(rest, b"three\n");
}

#[test]
fn a_rotated_log_is_read_to_its_end_and_then_the_new_one() {
    let mut log = Followed::new();
    log.append("one\n");
    assert_eq!(log.look(), "one\n");
    // Written between two looks: into the old file, which is then moved away, and into a new one.
    log.append("two\nha");
    std::fs::rename(log.path(), log.directory.path().join("keys.log.1")).unwrap();
    assert_eq!(log.look(), "two\n", "the old one is still open, and no other has its name");
    log.append("new\n");
    assert_eq!(log.look(), "ha\nnew\n");
    log.append("more\n");
    assert_eq!(log.look(), "more\n");
}

#[test]
fn an_emptied_log_is_read_from_its_beginning() {
    let mut log = Followed::new();
    log.append("one\ntwo\nha");
    assert_eq!(log.look(), "one\ntwo\n");
    OpenOptions::new().write(true).truncate(true).open(log.path()).unwrap();
    log.append("new\n");
    assert_eq!(log.look(), "new\n", "the half line went with what was emptied");
}

#[test]
fn an_endless_line_is_passed_over_and_counted() {
    let mut log = Followed::new();
    for _ in 0..100 {
        log.append(&"x".repeat(LINE_BYTES_MAX));
        assert_eq!(log.look(), "");
    }
    log.append("\nnext\n");
    assert_eq!(log.look(), "next\n");
    assert_eq!(log.tail.overlong(), 1);
}

#[test]
fn what_cannot_be_read_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let mut tail = KeyLogTail::new(directory.path());
    let fault = tail.look(&mut |_| {}).unwrap_err();
    assert!(fault.to_string().contains(directory.path().to_str().unwrap()), "{fault}");
}

proptest! {
    #[test]
    fn any_text_in_any_pieces_gives_the_same_lines(
        text in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..3000),
        piece: u8,
    ) {
        let mut data = vec![piece];
        data.extend(text);
        crate::fuzz::key_log(&data);
    }
}
