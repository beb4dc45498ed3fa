use super::*;
use crate::kubernetes::go_json::{Json, Reading};

/// What kube-apiserver 1.36.3's own code (`oidc.New` and `AuthenticateToken`) answered to each expression, with the
/// claims of the first line: groups, a truth, `error`, `refused` when it was read, or `crashes`. A fourth column
/// marks what is refused here all the same. `scripts/cel-answers` asks it anew.
const GOLDEN: &str = include_str!("../../../tests/cel-kube-apiserver-1.36.tsv");

fn opened(claims: &str) -> Object<'_> {
    let json = Json::parse(claims.as_bytes(), Reading::Standard).unwrap();
    json.object(Reading::Standard).unwrap()
}

fn user() -> Identity {
    let extra = [("example.org/a".to_owned(), vec!["v1".to_owned(), "v2".to_owned()])];
    Identity {
        user: "42".to_owned(),
        uid: Some("u1".to_owned()),
        groups: vec!["dev".to_owned(), "ops".to_owned()],
        extra: extra.into(),
    }
}

/// In the words of [`GOLDEN`].
fn answer(kind: &str, text: &str, claims: &ClaimValues<'_>) -> String {
    let expression = match kind {
        "groups" => Expression::mapping(text),
        "claims" => Expression::claim_rule(text),
        _ => Expression::user_rule(text),
    };
    let Ok(expression) = expression else { return "refused".to_owned() };
    let answer = match kind {
        "groups" => {
            let value = evaluate::evaluate(&expression.tree, &Root::Claims(claims));
            value
                .ok()
                .and_then(Value::into_texts)
                .map(|texts| serde_json::to_string(&texts).unwrap())
        }
        "claims" => {
            let value = evaluate::evaluate(&expression.tree, &Root::Claims(claims));
            value.and_then(|value| value.boolean()).ok().map(|truth| truth.to_string())
        }
        _ => expression.of_user(&user()).ok().map(|truth| truth.to_string()),
    };
    answer.unwrap_or_else(|| "error".to_owned())
}

#[test]
fn expressions_mean_what_they_mean_to_kube_apiserver() {
    let (claims, rows) = GOLDEN.split_once('\n').unwrap();
    let object = opened(claims);
    let mut values = 0;
    for row in rows.lines() {
        let columns: Vec<&str> = row.split('\t').collect();
        let [kind, text, theirs, rest @ ..] = columns.as_slice() else { panic!("{row}") };
        let ours = answer(kind, text, &ClaimValues::new(&object));
        match (rest, *theirs) {
            ([], "crashes") | ([_], _) => assert_eq!(ours, "refused", "{text}"),
            ([], theirs) => {
                assert_eq!(ours, theirs, "{text}");
                values += usize::from(theirs != "refused" && theirs != "error");
            }
            _ => panic!("{row}"),
        }
    }
    assert!(values > 100, "only {values} expressions have a value");
}

fn refusal(text: &str) -> String {
    Expression::mapping(text).unwrap_err().to_string()
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    for (text, named) in [
        ("claims.a.matches('x')", "matches() with 1 argument(s) is not supported"),
        ("int(claims.a)", "int() with 1 argument(s) is not supported"),
        ("claims.n * 2", "arithmetic"),
        ("{'a': 1}", "a map literal"),
        ("claims", "`claims` as a whole is not supported"),
        ("nobody.a", "undeclared reference to `nobody`"),
        ("user.username", "undeclared reference to `user`"),
        ("claims.a ==", "the expression ends too early"),
        ("claims.a == 'b", "no closing quote"),
        ("'a' == 1", "no matching overload"),
        ("claims.roles.map(r, r)", "expression of type 'any' cannot be range"),
    ] {
        assert!(refusal(text).contains(named), "{text}: {}", refusal(text));
    }
    assert_eq!(
        Expression::claim_rule("claims.ok").unwrap_err().to_string(),
        "must evaluate to bool"
    );
    assert!(Expression::claim_rule("claims.ok == true").is_ok());
    assert!(Expression::user_rule("user.nobody == ''").is_err());
    assert!(Expression::user_rule("user.uid == ''").is_ok());
}

#[test]
fn expressions_and_evaluations_are_bounded() {
    let deep = |levels: usize| format!("{}claims.a{}", "(".repeat(levels), ")".repeat(levels));
    assert!(Expression::mapping(&deep(LEVELS_MAX - 2)).is_ok());
    assert!(refusal(&deep(LEVELS_MAX + 1)).contains("levels deep"));
    assert!(refusal(&"(".repeat(4000)).contains("levels deep"));
    assert!(refusal(&format!("{}claims.a", "!".repeat(4000))).contains("levels deep"));
    assert!(refusal(&format!("claims{}", ".a".repeat(400))).contains("levels deep"));
    assert!(refusal(&" ".repeat(5000)).contains("at most 4096 bytes"));

    // A token that fits into a header, and an expression that goes over it again and again.
    let many = serde_json::json!({"l": vec!["aaaa"; 400]}).to_string();
    let object = opened(&many);
    let claims = ClaimValues::new(&object);
    let cubed =
        "dyn(claims.l).all(a, dyn(claims.l).all(b, dyn(claims.l).all(c, a == b || a == c)))";
    let cubed = Expression::claim_rule(cubed).unwrap();
    assert_eq!(cubed.of_claims(&claims).unwrap_err(), Fault::Exhausted);
    // Neither `||` nor a macro makes that a mere error, which another side could outweigh.
    let hidden = format!("{} || true", &*cubed.text);
    let hidden = Expression::claim_rule(&hidden).unwrap();
    assert_eq!(hidden.of_claims(&claims).unwrap_err(), Fault::Exhausted);
    let once = Expression::claim_rule("dyn(claims.l).all(a, a == 'aaaa')").unwrap();
    assert!(once.of_claims(&claims).unwrap().boolean().unwrap());

    // Nested as deeply as JSON may be: opened where it is used, compared only so far.
    let nested = format!("{{\"a\":{}1{}}}", "[".repeat(9000), "]".repeat(9000));
    let object = opened(&nested);
    let claims = ClaimValues::new(&object);
    let same = Expression::claim_rule("claims.a == claims.a").unwrap();
    assert_eq!(same.of_claims(&claims).unwrap_err(), Fault::Exhausted);
    let first = Expression::claim_rule("claims.a[0] != null").unwrap();
    assert!(first.of_claims(&claims).unwrap().boolean().unwrap());
}

#[test]
fn a_claim_that_go_cannot_read_is_an_error_and_no_other_is() {
    let object = opened(r#"{"far":[{"x":1e400}],"a":"b","a":"c"}"#);
    let claims = ClaimValues::new(&object);
    assert_eq!(answer("groups", "claims.far", &claims), "error");
    assert_eq!(answer("groups", "has(claims.far) ? 'a' : 'b'", &claims), "error");
    assert_eq!(answer("groups", "claims.a", &claims), r#"["c"]"#);
}
