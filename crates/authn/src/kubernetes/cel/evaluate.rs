//! What a checked expression makes of its variable.
//! It relies on `check` for what the types must be, and calls it an error where they are not.

use super::parser::{Expr, Loop, Operator};
use super::value::{Budget, Root};
use super::{Fault, Value, text};
use std::rc::Rc;

pub(super) fn evaluate<'a>(expr: &'a Expr, root: &Root<'_, 'a>) -> Result<Value<'a>, Fault> {
    Evaluation { root, budget: Budget::new(), bound: Vec::new() }.value(expr)
}

struct Evaluation<'e, 'r, 'a> {
    root: &'e Root<'r, 'a>,
    budget: Budget,
    bound: Vec<(&'a str, Value<'a>)>,
}

type Evaluated<'a> = Result<Value<'a>, Fault>;

impl<'a> Evaluation<'_, '_, 'a> {
    fn value(&mut self, expr: &'a Expr) -> Evaluated<'a> {
        self.budget.charge(1)?;
        match expr {
            Expr::Null => Ok(Value::Null),
            Expr::Bool(truth) => Ok(Value::Bool(*truth)),
            Expr::Int(number) => Ok(Value::Int(*number)),
            Expr::Double(number) => Ok(Value::Double(*number)),
            Expr::Text(text) => {
                self.budget.bytes(text.len())?;
                Ok(Value::text(text.as_str()))
            }
            Expr::Name(name) => {
                let bound = self.bound.iter().find(|(bound, _)| bound == name);
                bound.map(|(_, value)| value.clone()).ok_or(Fault::Error)
            }
            Expr::Select { of, field, optional } => {
                if let Expr::Name(name) = &**of
                    && let Some(found) = self.of_root(name, field)
                {
                    return chained(found?, *optional);
                }
                let of = self.value(of)?;
                self.look(of, *optional, |of, budget| of.field(field, budget))
            }
            Expr::Index { of, key, optional } => {
                if let Expr::Name(name) = &**of
                    && self.bound.iter().all(|(bound, _)| bound != name)
                {
                    let Value::Text(key) = self.value(key)? else { return Err(Fault::Error) };
                    let found = self.of_root(name, &key).ok_or(Fault::Error)??;
                    return chained(found, *optional);
                }
                let of = self.value(of)?;
                if matches!(of, Value::Absent) {
                    return Ok(of);
                }
                let key = self.value(key)?;
                self.look(of, *optional, |of, budget| of.find(&key, budget))
            }
            Expr::Has { of, field } => {
                if let Expr::Name(name) = &**of
                    && let Some(found) = self.of_root(name, field)
                {
                    return Ok(Value::Bool(found?.is_some()));
                }
                let of = self.value(of)?;
                Ok(Value::Bool(of.field(field, &self.budget)?.is_some()))
            }
            Expr::List(elements) => {
                let mut values = Vec::new();
                for (element, optional) in elements {
                    match self.value(element)? {
                        Value::Absent if *optional => {}
                        Value::Present(value) if *optional => values.push((*value).clone()),
                        value => values.push(value),
                    }
                }
                Ok(Value::List(values.into()))
            }
            Expr::Call { function, target, arguments } => {
                self.call(function, target.as_deref(), arguments)
            }
            Expr::Not(of) => Ok(Value::Bool(!self.value(of)?.boolean()?)),
            Expr::And(left, right) => self.both(left, right, false),
            Expr::Or(left, right) => self.both(left, right, true),
            Expr::Choose(condition, yes, no) => {
                let chosen = if self.value(condition)?.boolean()? { yes } else { no };
                self.value(chosen)
            }
            Expr::Binary(operator, left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                self.binary(*operator, &left, &right)
            }
            Expr::Loop { kind, range, variable, condition, value } => {
                self.loop_over(*kind, range, variable, condition.as_deref(), value.as_deref())
            }
        }
    }

    /// A field of the variable of the expression; `None` if the name is not that variable's.
    fn of_root(&self, name: &str, field: &str) -> Option<Result<Option<Value<'a>>, Fault>> {
        match (self.root, name) {
            (Root::Claims(claims), "claims") => Some(claims.find(field, &self.budget)),
            (Root::User(user), "user") => Some(Ok(super::value::user_field(user, field))),
            _ => None,
        }
    }

    fn look(
        &self,
        of: Value<'a>,
        optional: bool,
        find: impl FnOnce(&Value<'a>, &Budget) -> Result<Option<Value<'a>>, Fault>,
    ) -> Evaluated<'a> {
        match of {
            Value::Absent => Ok(Value::Absent),
            Value::Present(of) => chained(find(&of, &self.budget)?, true),
            of => chained(find(&of, &self.budget)?, optional),
        }
    }

    /// `&&` and `||`: what decides alone does so even if the other side is an error.
    fn both(&mut self, left: &'a Expr, right: &'a Expr, decides: bool) -> Evaluated<'a> {
        let left = self.truth(left)?;
        if left == Ok(decides) {
            return Ok(Value::Bool(decides));
        }
        match (left, self.truth(right)?) {
            (_, Ok(right)) if right == decides => Ok(Value::Bool(decides)),
            (Ok(_), Ok(_)) => Ok(Value::Bool(!decides)),
            _ => Err(Fault::Error),
        }
    }

    /// A truth or an error, which may not matter; but what was spent is spent.
    fn truth(&mut self, expr: &'a Expr) -> Result<Result<bool, Fault>, Fault> {
        let bound = self.bound.len();
        let truth = self.value(expr).and_then(|value| value.boolean());
        self.bound.truncate(bound);
        if truth == Err(Fault::Exhausted) { Err(Fault::Exhausted) } else { Ok(truth) }
    }

    fn binary(&self, operator: Operator, left: &Value<'a>, right: &Value<'a>) -> Evaluated<'a> {
        let budget = &self.budget;
        let truth = match operator {
            Operator::Add => return left.plus(right, budget),
            Operator::Equal => left.equals(right, 0, budget)?,
            Operator::Differs => !left.equals(right, 0, budget)?,
            Operator::In => left.is_in(right, budget)?,
            Operator::Less => left.order(right, budget)?.is_lt(),
            Operator::LessOrEqual => left.order(right, budget)?.is_le(),
            Operator::Greater => left.order(right, budget)?.is_gt(),
            Operator::GreaterOrEqual => left.order(right, budget)?.is_ge(),
        };
        Ok(Value::Bool(truth))
    }

    fn call(
        &mut self,
        function: &str,
        target: Option<&'a Expr>,
        arguments: &'a [Expr],
    ) -> Evaluated<'a> {
        let Some(target) = target else {
            let [argument] = arguments else { return Err(Fault::Error) };
            let value = self.value(argument)?;
            return match function {
                "dyn" => Ok(value),
                "size" => value.size(&self.budget).map(Value::Int),
                "string" => text::of_value(&value),
                _ => Err(Fault::Error),
            };
        };
        let of = self.value(target)?;
        match (function, of, arguments) {
            ("hasValue", of, []) => Ok(Value::Bool(matches!(of, Value::Present(_)))),
            ("value" | "orValue", Value::Present(value), _) => Ok((*value).clone()),
            ("or", present @ Value::Present(_), [_]) => Ok(present),
            ("or" | "orValue", Value::Absent, [other]) => self.value(other),
            ("size", of, []) => of.size(&self.budget).map(Value::Int),
            ("value" | "or" | "orValue", ..) => Err(Fault::Error),
            (_, of, arguments) => {
                let mut values = Vec::new();
                for argument in arguments {
                    values.push(self.value(argument)?);
                }
                text::method(function, &of, &values, &self.budget)
            }
        }
    }

    fn loop_over(
        &mut self,
        kind: Loop,
        range: &'a Expr,
        variable: &'a str,
        condition: Option<&'a Expr>,
        value: Option<&'a Expr>,
    ) -> Evaluated<'a> {
        let range = self.value(range)?.range(&self.budget)?;
        let (mut found, mut failed) = (Vec::new(), false);
        let mut count = 0;
        for element in range {
            let bound = self.bound.len();
            self.bound.push((variable, element.clone()));
            let holds = condition.map_or(Ok(Ok(true)), |condition| self.truth(condition))?;
            match (kind, holds) {
                // One that decides ends it, whatever failed before; see `both`.
                (Loop::All, Ok(false)) => return self.ends(bound, false),
                (Loop::Exists, Ok(true)) => return self.ends(bound, true),
                (Loop::All | Loop::Exists, Err(_)) => failed = true,
                (_, Err(fault)) => return Err(fault),
                (Loop::ExistsOne, Ok(true)) => count += 1,
                (Loop::Filter, Ok(true)) => found.push(element),
                (Loop::Map, Ok(true)) => {
                    if let Some(value) = value {
                        found.push(self.value(value)?);
                    }
                }
                _ => {}
            }
            self.bound.truncate(bound);
        }
        match kind {
            Loop::Map | Loop::Filter => Ok(Value::List(found.into())),
            _ if failed => Err(Fault::Error),
            Loop::All => Ok(Value::Bool(true)),
            Loop::Exists => Ok(Value::Bool(false)),
            Loop::ExistsOne => Ok(Value::Bool(count == 1)),
        }
    }

    fn ends(&mut self, bound: usize, truth: bool) -> Evaluated<'a> {
        self.bound.truncate(bound);
        Ok(Value::Bool(truth))
    }
}

/// What was looked for, as it stands in a chain: an optional value, or one that must be there.
fn chained(found: Option<Value<'_>>, optional: bool) -> Evaluated<'_> {
    match (found, optional) {
        (Some(value), true) => Ok(Value::Present(Rc::new(value))),
        (None, true) => Ok(Value::Absent),
        (Some(value), false) => Ok(value),
        (None, false) => Err(Fault::Error),
    }
}
