use super::*;

fn who(file: &str, token: &str) -> Option<Identity> {
    TokenFile::parse(file.as_bytes()).unwrap().authenticate(&Secret::new(token)).ok()
}

#[test]
fn a_row_is_a_user() {
    let file = "t1,alice,1001,\"devs,ops\"\nt2,bob,\nt3,carol,3,\nt4,dave,4, a , b ,ignored\n";
    let alice = who(file, "t1").unwrap();
    assert_eq!((alice.user.as_str(), alice.uid.as_deref()), ("alice", Some("1001")));
    assert_eq!(alice.groups, ["devs", "ops"]);
    let bob = who(file, "t2").unwrap();
    assert_eq!((bob.uid, bob.groups), (None, vec![]));
    // An empty column is one empty group, and blanks stay.
    assert_eq!(who(file, "t3").unwrap().groups, [""]);
    assert_eq!(who(file, "t4").unwrap().groups, [" a "]);
    for no in ["", "t", "t11", "T1", "t1 ", "alice"] {
        assert_eq!(who(file, no), None, "{no:?}");
    }
}

#[test]
fn empty_tokens_are_passed_over_and_the_last_of_two_holds() {
    let file = TokenFile::parse(b",nobody,0\nt,first,1\n\nt,second,2\n").unwrap();
    assert_eq!(file.notes(), [TokenFileNote::EmptyToken(1), TokenFileNote::SameToken(3)]);
    assert_eq!(file.authenticate(&Secret::new("t")).unwrap().user, "second");
    assert!(file.authenticate(&Secret::new("")).is_err());
    assert_eq!(file.len(), 1);
}

#[test]
fn quotes_are_as_strict_as_in_go() {
    assert_eq!(who("\"a\"\"b\",\"x\ny\",3\r\n", "a\"b").unwrap().user, "x\ny");
    assert_eq!(who("t,u\r,3\r", "t").unwrap().user, "u\r");
    // Go 1.26 refused each of these, at this line.
    for (file, line) in [
        ("t,u\n", 1),
        ("a,b,c\nt,u\"v,3\n", 2),
        ("\"t\"x,u,3\n", 1),
        ("\"t,u,3\n", 1),
        ("a,b,c\n\"t\n,u,3", 3),
    ] {
        let refusal = TokenFile::parse(file.as_bytes()).unwrap_err().to_string();
        assert!(refusal.starts_with(&format!("line {line}: ")), "{file:?}: {refusal}");
    }
}

#[test]
fn nothing_of_a_token_is_left_to_print() {
    let file = TokenFile::parse(b"hunter2hunter2,alice,1\n").unwrap();
    assert!(!format!("{file:?}").contains("hunter2"));
    let refusal = TokenFile::parse(b"hunter2hunter2,alice\n").unwrap_err();
    assert!(!format!("{refusal:?} {refusal}").contains("hunter2"));
}
