use super::{ALIASED_VALUES_MAX, DEPTH_MAX, Document, Fault, SOURCE_BYTES_MAX, Unreadable, read};
use crate::node::Node;
use proptest::prelude::*;

fn one(text: &str) -> Node {
    let mut documents = read(text.as_bytes());
    assert_eq!(documents.len(), 1, "{documents:?}");
    documents.remove(0).unwrap()
}

fn fault(text: &str) -> Unreadable {
    read(text.as_bytes()).into_iter().find_map(Document::err).expect("a fault")
}

#[test]
fn yaml_and_json_say_the_same() {
    let yaml = one("a: 1\nb:\n- x\n- 'y'\nc: null\nd: {e: true}\n");
    let json =
        one("{\n\t\"a\": 1,\n\t\"b\": [\"x\", \"y\"],\n\t\"c\": null, \"d\": {\"e\": true}\n}\n");
    assert!(yaml.same_as(&json));
}

#[test]
fn json_escapes_are_understood() {
    let node = one(r#"{"a": "\/ \u00e9 \ud83d\ude00 \t"}"#);
    assert_eq!(node.get("a").unwrap().text(), Some("/ é 😀 \t"));
}

#[test]
fn places_count_from_one_through_documents_bom_and_crlf() {
    let text = "\u{feff}# first\r\na: 1\r\n---\r\nb:\r\n  c: 2\r\n";
    let documents = read(text.as_bytes());
    assert_eq!(documents.len(), 2);
    let second = documents[1].as_ref().unwrap();
    let c = second.get("b").unwrap().get("c").unwrap();
    assert_eq!((c.span.line, c.span.column), (5, 6));
    assert_eq!(&text[c.span.bytes()], "2");
}

#[test]
fn a_collection_ends_where_its_last_value_does() {
    let text = "a:\n  b: 1 # one\n\n# after\nc: [1, 2]  \n";
    let node = one(text);
    assert_eq!(&text[node.get("a").unwrap().span.bytes()], "b: 1");
    assert_eq!(&text[node.get("c").unwrap().span.bytes()], "[1, 2]");
}

#[test]
fn a_broken_document_does_not_hide_the_next() {
    let documents = read(b"a: 1\n---\nb: [1\n---\nc: 3\n");
    assert_eq!(documents.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
}

#[test]
fn faults_name_line_and_column() {
    let tab = fault("a:\n\tb: 1\n");
    assert_eq!((tab.line, tab.column, tab.fault), (2, 1, Fault::Tab));
    let twice = fault("a: 1\nb: 2\na: 3\n");
    assert_eq!((twice.line, twice.column), (3, 1));
    assert_eq!(twice.fault, Fault::DuplicateKey { key: "a".to_owned(), first: 1 });
    let later = fault("a: 1\n---\nb: [1, 2\nc: 3\n");
    assert!(later.line >= 3, "{later:?}");
    let bytes = read(b"a: 1\nb: \xff\n").remove(0).unwrap_err();
    assert_eq!((bytes.line, bytes.column, bytes.fault), (2, 4, Fault::Encoding));
}

#[test]
fn unrendered_templates_are_told() {
    for text in [
        "{{- if .Values.enabled }}\na: 1\n{{- end }}\n",
        "image: {{ .Values.image }}\n",
        "image: \"{{ .Values.image }}\"\n",
        "labels:\n{{ include \"x.labels\" . | indent 2 }}\n",
        "a:\n  {{- toYaml .Values.a | nindent 2 }}\n",
    ] {
        assert_eq!(fault(text).fault, Fault::Template, "{text}");
    }
    one("kind: PrometheusRule\nmessage: \"{{ $labels.instance }} is down: {{ $value }}\"\n");
    one("kind: ConfigMap\ndata:\n  x: \"{{ .Values.y }}\"\n");
}

#[test]
fn bombs_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let previous = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", [previous.as_str(); 9].join(", ")));
    }
    assert!(matches!(fault(&bomb).fault, Fault::Limit { limit: ALIASED_VALUES_MAX, .. }));
    let deep = format!("a: {}1{}", "[".repeat(DEPTH_MAX + 1), "]".repeat(DEPTH_MAX + 1));
    assert!(matches!(fault(&deep).fault, Fault::Limit { .. } | Fault::Syntax(_)));
    let large = vec![b' '; SOURCE_BYTES_MAX + 1];
    assert!(matches!(read(&large).remove(0).unwrap_err().fault, Fault::Limit { .. }));
    assert!(read(b"a: &x [*x]\n").remove(0).is_err());
}

#[test]
fn anchors_and_merges_are_followed() {
    let node = one("base: &base {a: 1, b: 2}\nown:\n  <<: *base\n  b: 3\n");
    let own = node.get("own").unwrap();
    assert_eq!(own.get("a").unwrap().number(), Some(1.0));
    assert_eq!(own.get("b").unwrap().number(), Some(3.0));
}

#[test]
fn empty_sources_hold_nothing() {
    for text in ["", "---\n", "# nothing\n", "---\n---\n# still nothing\n...\n"] {
        assert!(read(text.as_bytes()).is_empty(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read(&bytes);
    }

    #[test]
    fn no_yaml_like_text_makes_it_panic(text in "[a-c:\\[\\]{}&*!|>'\"#%@, \\-\\n\\t?~0-9<.]{0,120}") {
        for node in read(text.as_bytes()).into_iter().flatten() {
            assert!(node.span.end <= text.len());
        }
    }
}
