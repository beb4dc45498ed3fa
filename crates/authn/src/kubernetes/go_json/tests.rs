use super::*;
use proptest::prelude::*;

fn standard(text: &str) -> Result<Json<'_>, JsonFault> {
    Json::parse(text.as_bytes(), Reading::Standard)
}

fn field(text: &str, name: &str, reading: Reading) -> Result<String, JsonFault> {
    Json::parse(text.as_bytes(), reading)?.object(reading)?.string_field(name)
}

// What Go 1.26 printed for the same texts (json.Unmarshal into struct{Iss string `json:"iss"`}).
#[test]
fn the_standard_reading_folds_case_and_takes_the_last() {
    for (text, iss) in [
        (r#"{"iss":"a"}"#, "a"),
        (r#"{"iss":"a","iss":"b"}"#, "b"),
        (r#"{"iss":"a","ISS":"b"}"#, "b"),
        (r#"{"iſs":"kelvin's cousin"}"#, "kelvin's cousin"),
        (r#"{"iss":"a","iss":null}"#, "a"),
        (r#"{"iss":null}"#, ""),
        ("null", ""),
        (r#" { "x" : [ 1 , {"iss":"no"} ] , "iss" : "yes" } "#, "yes"),
        (r#"{"iss":"\u0061\ud83d\ude00\ud800x"}"#, "a😀\u{fffd}x"),
    ] {
        assert_eq!(field(text, "iss", Reading::Standard).as_deref(), Ok(iss), "{text}");
    }
    assert_eq!(field(r#"{"iss":1}"#, "iss", Reading::Standard), Err(JsonFault::Type));
    assert_eq!(field(r#"{"iss":"a","Iss":[]}"#, "iss", Reading::Standard), Err(JsonFault::Type));
    assert_eq!(field("[]", "iss", Reading::Standard), Err(JsonFault::Type));
}

#[test]
fn the_jose_reading_minds_case_and_refuses_doubles() {
    assert_eq!(field(r#"{"ISS":"b","iss":"a"}"#, "iss", Reading::Jose).as_deref(), Ok("a"));
    assert_eq!(field(r#"{"iss":"a","iss":"a"}"#, "iss", Reading::Jose), Err(JsonFault::Doubled));
    assert_eq!(field(r#"{"x":1,"x":1}"#, "iss", Reading::Jose), Err(JsonFault::Doubled));
    // Escapes are resolved before names are compared.
    assert_eq!(field(r#"{"x":1,"\u0078":1}"#, "iss", Reading::Jose), Err(JsonFault::Doubled));
    // Doubles inside a member that nobody asked for are passed over, unless the value is decoded whole.
    let nested = r#"{"iss":"a","x":{"y":1,"y":2}}"#;
    assert_eq!(field(nested, "iss", Reading::Jose).as_deref(), Ok("a"));
    let whole = Json::parse(nested.as_bytes(), Reading::Jose).unwrap();
    assert_eq!(whole.refuse_doubled_members(), Err(JsonFault::Doubled));
}

#[test]
fn broken_bytes_are_replaced_one_by_one() {
    let text = b"{\"iss\":\"a\xff\xfe\xe2\x82z\"}";
    let object = Json::parse(text, Reading::Standard).unwrap().object(Reading::Standard).unwrap();
    assert_eq!(object.string_field("iss").unwrap(), "a\u{fffd}\u{fffd}\u{fffd}\u{fffd}z");
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "}",
        "{]",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "01",
        "1.",
        "-",
        "1e",
        "+1",
        "tru",
        "\"\n\"",
        "\"\\x\"",
        "\"\\u12\"",
        "{} {}",
        "1 2",
        "'a'",
        "{a:1}",
        "\u{feff}{}",
        "nulll",
        "[1 2]",
    ] {
        assert_eq!(standard(text).unwrap_err(), JsonFault::Syntax, "{text:?}");
    }
}

#[test]
fn nesting_is_bounded_and_costs_no_stack() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert!(standard(&nested(10_000)).is_ok());
    assert_eq!(standard(&nested(10_001)).unwrap_err(), JsonFault::Nesting);
    let deep = nested(200_000);
    let jose = Json::parse(deep.as_bytes(), Reading::Jose).unwrap();
    assert_eq!(jose.elements().unwrap().len(), 1);
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(text in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(value) = Json::parse(&text, Reading::Jose) {
            let _ = value.object(Reading::Jose).map(|object| object.string_field("a"));
            let _ = value.elements();
            let _ = value.string();
        }
    }

    #[test]
    fn what_serde_writes_is_read_back(name in ".{0,8}", text in ".{0,16}", number in any::<i64>()) {
        let written = serde_json::json!({ name.clone(): text, "n ": [number, null, true] }).to_string();
        let object = standard(&written).unwrap().object(Reading::Standard).unwrap();
        if name != "n " {
            prop_assert_eq!(object.entry(&name).unwrap().string().unwrap(), text);
        }
        let elements = object.entry("n ").unwrap().elements().unwrap();
        let expected = number.to_string();
        prop_assert_eq!(elements[0].number().unwrap(), expected.as_str());
        prop_assert!(elements[1].is_null());
    }
}

#[test]
fn numbers_that_go_cannot_hold_are_found() {
    let finite =
        |text: &str| Json::parse(text.as_bytes(), Reading::Standard).unwrap().numbers_are_finite();
    for text in [
        "1",
        "-0.5e-3",
        "1e308",
        r#"{"1e400":"1e400"}"#,
        r#"["\\",2]"#,
        r#"["\"1e400",[null,true]]"#,
    ] {
        assert!(finite(text), "{text}");
    }
    for text in
        ["1e400", "-1e309", r#"{"a":[{"b":1e400}]}"#, r#"["\\",1e400]"#, r#"["x",1,-1E999,2]"#]
    {
        assert!(!finite(text), "{text}");
    }
}
