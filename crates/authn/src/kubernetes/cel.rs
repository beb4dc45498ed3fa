//! The CEL expressions of an `AuthenticationConfiguration`: which of them are taken, and what they make of a
//! token's claims or of a user.
//! What a result is for (a name, groups, a rule) is known to `open_id_connect`.
//!
//! This is a part of CEL, chosen so that each expression in it means here what it means to kube-apiserver 1.36
//! (cel-go 0.26 with the libraries of Kubernetes). An expression outside of it is refused when it is read, with
//! the name of what it uses: a rule that is passed over or misread opens a door. Expressions are checked
//! for types as cel-go checks them, or more strictly.
//!
//! Hostile input: expressions are the operator's, bounded by [`EXPRESSION_BYTES_MAX`] and in nesting; claims are
//! whatever an issuer lets people write, so an evaluation has a budget ([`STEPS_MAX`]), opens JSON one level
//! at a time, and recurses no deeper than the expression, or than [`COMPARED_LEVELS_MAX`] when it compares.

mod check;
mod evaluate;
mod lexer;
mod parser;
mod text;
mod value;

#[cfg(any(test, fuzzing))]
use super::go_json::Reading;
use super::go_json::{Json, Object};
use check::{Type, Variable};
use model::Identity;
use parser::Expr;
use std::sync::Arc;
use value::Root;
pub(super) use value::Value;

/// The longest expression; the longest in Kubernetes' own tests has 150 bytes.
const EXPRESSION_BYTES_MAX: usize = 4096;
/// How deep the tree of an expression may be; each level is a stack frame of the evaluation.
const LEVELS_MAX: usize = 48;
/// What an evaluation may cost. The API server allows 1,000,000 of a smaller unit: whatever was tried of each
/// function with growing claims, it gave up later than this does, so that nothing is accepted here that it
/// gives up. An expression over a token that fits into a header needs a few hundred.
const STEPS_MAX: u32 = 200_000;
/// How deep two values are compared.
const COMPARED_LEVELS_MAX: u32 = 64;

/// Why an expression is not taken. It is for the operator, and shows what he wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Refusal(String);

impl Refusal {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    fn unsupported(what: &str) -> Self {
        Self(format!("{what} is not supported in CEL expressions here"))
    }
}

/// An evaluation came to no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// What CEL calls an error: a missing key, a wrong type.
    Error,
    /// It cost more than [`STEPS_MAX`].
    Exhausted,
}

/// A checked expression.
#[derive(Debug, Clone)]
pub struct Expression {
    text: Arc<str>,
    tree: Arc<Expr>,
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Expression {}

impl Expression {
    /// An expression over `claims` that may have any type, as mappings have.
    pub(super) fn mapping(text: &str) -> Result<Self, Refusal> {
        Self::checked(text, Variable::Claims, false)
    }

    /// A condition on `claims`.
    pub(super) fn claim_rule(text: &str) -> Result<Self, Refusal> {
        Self::checked(text, Variable::Claims, true)
    }

    /// A condition on `user`.
    pub(super) fn user_rule(text: &str) -> Result<Self, Refusal> {
        Self::checked(text, Variable::User, true)
    }

    fn checked(text: &str, variable: Variable, rule: bool) -> Result<Self, Refusal> {
        if text.len() > EXPRESSION_BYTES_MAX {
            let fault = format!("an expression may have at most {EXPRESSION_BYTES_MAX} bytes");
            return Err(Refusal(fault));
        }
        let tree = parser::parse(text)?;
        let found = check::check(&tree, variable)?;
        if rule && found != Type::Bool {
            return Err(Refusal::new("must evaluate to bool"));
        }
        Ok(Self { text: text.into(), tree: Arc::new(tree) })
    }

    /// Whether it selects this claim by name, as `claims.email` does and `claims["email"]` does not.
    pub(super) fn selects_claim(&self, claim: &str) -> bool {
        let mut open: Vec<&Expr> = vec![&self.tree];
        while let Some(expr) = open.pop() {
            match expr {
                Expr::Select { of, field, .. }
                    if field == claim && **of == Expr::Name("claims".to_owned()) =>
                {
                    return true;
                }
                other => other.each_child(&mut |child| open.push(child)),
            }
        }
        false
    }

    /// What it makes of the claims of a token.
    pub(super) fn of_claims<'a>(&'a self, claims: &ClaimValues<'a>) -> Result<Value<'a>, Fault> {
        evaluate::evaluate(&self.tree, &Root::Claims(claims))
    }

    /// Whether a user satisfies it.
    pub(super) fn of_user(&self, user: &Identity) -> Result<bool, Fault> {
        evaluate::evaluate(&self.tree, &Root::User(user))?.boolean()
    }
}

/// The claims of a token, as expressions see them.
#[derive(Default)]
pub(super) struct ClaimValues<'a> {
    /// Sorted by name; of doubled members the last, as in a map of Go's. `None` where Go cannot read a number.
    claims: std::collections::BTreeMap<String, Option<Json<'a>>>,
}

impl<'a> ClaimValues<'a> {
    pub(super) fn new(claims: &Object<'a>) -> Self {
        let members = claims.members().iter();
        let claims = members
            .map(|(name, value)| (name.clone(), value.numbers_are_finite().then_some(*value)))
            .collect();
        Self { claims }
    }
}

/// For fuzzing: takes any expression over any claims, and over a user that is called as the first claims are.
#[cfg(any(test, fuzzing))]
pub(crate) fn evaluate_any(text: &str, claims: &[u8]) {
    let json = Json::parse(claims, Reading::Standard);
    let Ok(object) = json.and_then(|json| json.object(Reading::Standard)) else { return };
    let values = ClaimValues::new(&object);
    if let Ok(expression) = Expression::mapping(text) {
        let _ = expression.of_claims(&values).map(Value::into_texts);
    }
    if let Ok(rule) = Expression::claim_rule(text) {
        // A rule is a truth or an error, whatever the claims are.
        let value = rule.of_claims(&values);
        assert!(value.is_err() || value.is_ok_and(|value| value.boolean().is_ok()), "no truth");
    }
    if let Ok(rule) = Expression::user_rule(text) {
        let names = values.claims.keys().cloned().collect::<Vec<_>>();
        let extra = names.iter().map(|name| (name.clone(), names.clone())).collect();
        let user = names.first().cloned().unwrap_or_default();
        let _ = rule.of_user(&Identity { user, uid: None, groups: names, extra });
    }
}

#[cfg(test)]
mod tests;
