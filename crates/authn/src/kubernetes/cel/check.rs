//! The types of an expression, as cel-go's checker finds them, and a refusal where it would refuse or where this
//! part of CEL ends.
//! What the types of claims are nobody knows before a token comes: they are `Dyn`.

use super::Refusal;
use super::parser::{Expr, Loop, Operator};

/// The variable of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variable {
    Claims,
    User,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    /// Found out when it is evaluated.
    Dyn,
    /// The same of a claim itself, which cel-go calls `any`: no macro takes it, unless `dyn()` is around it.
    Any,
    /// The elements of `[]`, and what an optional index finds in a claim: they fit anything.
    Free,
    /// What the API server takes for this type, but what may be anything: it then calls the function of the type,
    /// where this evaluator would look at the value. So hardly anything takes it.
    Mixed(Box<Type>),
    Null,
    Bool,
    Int,
    Double,
    Text,
    List(Box<Type>),
    /// A map from texts.
    Map(Box<Type>),
    Optional(Box<Type>),
    /// The variable `claims` itself.
    Claims,
    /// The variable `user` itself.
    User,
}

impl Type {
    fn name(&self) -> String {
        match self {
            Self::Dyn | Self::Free => "dyn".to_owned(),
            Self::Any => "any".to_owned(),
            Self::Mixed(of) => of.name(),
            Self::Null => "null".to_owned(),
            Self::Bool => "bool".to_owned(),
            Self::Int => "int".to_owned(),
            Self::Double => "double".to_owned(),
            Self::Text => "string".to_owned(),
            Self::List(of) => format!("list({})", of.name()),
            Self::Map(of) => format!("map(string, {})", of.name()),
            Self::Optional(of) => format!("optional({})", of.name()),
            Self::Claims => "claims".to_owned(),
            Self::User => "user".to_owned(),
        }
    }

    fn is_open(&self) -> bool {
        matches!(self, Self::Dyn | Self::Any | Self::Free)
    }

    fn is(&self, wanted: &Self) -> bool {
        self.is_open() || self == wanted || matches!(self, Self::Mixed(taken) if **taken == *wanted)
    }

    /// The type of two values that must agree; `None` if they cannot.
    fn agree(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Free, known) | (known, Self::Free) => Some(known.clone()),
            (Self::Any, _) | (_, Self::Any) => Some(Self::Any),
            (Self::Dyn, _) | (_, Self::Dyn) => Some(Self::Dyn),
            (Self::Mixed(a), Self::Mixed(b)) => Some(Self::Mixed(Box::new(a.agree(b)?))),
            (Self::Mixed(a), b) | (b, Self::Mixed(a)) => Some(Self::Mixed(Box::new(a.agree(b)?))),
            (Self::List(a), Self::List(b)) => Some(Self::List(Box::new(a.agree(b)?))),
            (Self::Map(a), Self::Map(b)) => Some(Self::Map(Box::new(a.agree(b)?))),
            (Self::Optional(a), Self::Optional(b))
                if (**a == Self::Free) != (**b == Self::Free) =>
            {
                None
            }
            (Self::Optional(a), Self::Optional(b)) => Some(Self::Optional(Box::new(a.agree(b)?))),
            (a, b) => (a == b).then(|| a.clone()),
        }
    }
}

pub(super) fn check(expr: &Expr, variable: Variable) -> Result<Type, Refusal> {
    Checker { variable, bound: Vec::new() }.value(expr)
}

struct Checker<'a> {
    variable: Variable,
    /// The variables of the macros around.
    bound: Vec<(&'a str, Type)>,
}

type Checked = Result<Type, Refusal>;

fn no_overload(what: &str, types: &[&Type]) -> Refusal {
    let types: Vec<String> = types.iter().map(|found| found.name()).collect();
    Refusal::new(format!(
        "found no matching overload for `{what}` applied to ({})",
        types.join(", ")
    ))
}

impl<'a> Checker<'a> {
    /// A value that may stand anywhere: not a variable as a whole, which is no ordinary map to the API server.
    fn value(&mut self, expr: &'a Expr) -> Checked {
        match self.any(expr)? {
            Type::Claims => Err(Refusal::unsupported("`claims` as a whole")),
            Type::User => Err(Refusal::unsupported("`user` as a whole")),
            other => Ok(other),
        }
    }

    /// A value that is certainly there.
    fn plain(&mut self, expr: &'a Expr, what: &str) -> Checked {
        match self.value(expr)? {
            optional @ Type::Optional(_) => Err(no_overload(what, &[&optional])),
            other => Ok(other),
        }
    }

    fn any(&mut self, expr: &'a Expr) -> Checked {
        match expr {
            Expr::Null => Ok(Type::Null),
            Expr::Bool(_) => Ok(Type::Bool),
            Expr::Int(_) => Ok(Type::Int),
            Expr::Double(_) => Ok(Type::Double),
            Expr::Text(_) => Ok(Type::Text),
            Expr::Name(name) => self.name(name),
            Expr::Select { of, field, optional } => {
                let (of, viral) = self.chained(of, field)?;
                let found = match field_of(&of, field)? {
                    Type::Free if *optional => Type::Dyn,
                    found => found,
                };
                Ok(if viral || *optional { Type::Optional(Box::new(found)) } else { found })
            }
            Expr::Index { of, key, optional } => {
                let (of, viral) = self.chained(of, "[]")?;
                let key = self.plain(key, "_[_]")?;
                let mut found = element_of(&of, &key)?;
                if (viral || *optional) && of.is_open() {
                    // Several overloads fit, and cel-go forgets that the result is optional.
                    found = Type::Free;
                }
                Ok(if viral || *optional { Type::Optional(Box::new(found)) } else { found })
            }
            Expr::Has { of, field } => {
                let (of, viral) = self.chained(of, field)?;
                if viral {
                    return Err(Refusal::unsupported("has() of an optional field"));
                }
                field_of(&of, field)?;
                Ok(Type::Bool)
            }
            Expr::List(elements) => self.list(elements),
            Expr::Call { function, target: None, arguments } => self.function(function, arguments),
            Expr::Call { function, target: Some(target), arguments } => {
                self.method(function, target, arguments)
            }
            Expr::Not(of) => self.condition(of, "!_").map(|()| Type::Bool),
            Expr::And(left, right) | Expr::Or(left, right) => {
                self.condition(left, "&& and ||")?;
                self.condition(right, "&& and ||")?;
                Ok(Type::Bool)
            }
            Expr::Choose(condition, yes, no) => {
                self.condition(condition, "_?_:_")?;
                let (yes, no) = (self.value(yes)?, self.value(no)?);
                yes.agree(&no).ok_or_else(|| no_overload("_?_:_", &[&Type::Bool, &yes, &no]))
            }
            Expr::Binary(operator, left, right) => {
                let (left, right) =
                    (self.plain(left, "an operator")?, self.plain(right, "an operator")?);
                binary(*operator, &left, &right)
            }
            Expr::Loop { kind, range, variable, condition, value } => {
                self.macro_over(*kind, range, variable, condition.as_deref(), value.as_deref())
            }
        }
    }

    fn name(&self, name: &str) -> Checked {
        if let Some((_, found)) = self.bound.iter().find(|(bound, _)| *bound == name) {
            return Ok(found.clone());
        }
        match (name, self.variable) {
            ("claims", Variable::Claims) => Ok(Type::Claims),
            ("user", Variable::User) => Ok(Type::User),
            _ => Err(Refusal::new(format!("undeclared reference to `{name}`"))),
        }
    }

    fn condition(&mut self, expr: &'a Expr, what: &str) -> Result<(), Refusal> {
        let found = self.value(expr)?;
        if found.is(&Type::Bool) { Ok(()) } else { Err(no_overload(what, &[&found])) }
    }

    /// What a field is selected from, and whether a part before it may be absent.
    fn chained(&mut self, of: &'a Expr, field: &str) -> Result<(Type, bool), Refusal> {
        match self.any(of)? {
            // Selecting from any other optional forgets how the names in it are escaped.
            Type::Optional(inner) if matches!(of, Expr::Select { .. } | Expr::Index { .. }) => {
                Ok((*inner, true))
            }
            optional @ Type::Optional(_) => Err(no_overload(field, &[&optional])),
            other => Ok((other, false)),
        }
    }

    fn list(&mut self, elements: &'a [(Expr, bool)]) -> Checked {
        let mut common: Option<Type> = None;
        for (element, optional) in elements {
            let mut found = self.value(element)?;
            match (found, optional) {
                // kube-apiserver 1.36 does not survive reading this.
                (Type::Optional(inner), true) if *inner == Type::Free => {
                    return Err(Refusal::unsupported("`?` before an optional index in a list"));
                }
                (Type::Optional(inner), true) => found = *inner,
                (optional @ Type::Optional(_), false) => {
                    return Err(Refusal::unsupported(&format!("a list of {}", optional.name())));
                }
                (_, true) => return Err(Refusal::new("`?` in a list needs an optional value")),
                (plain, false) => found = plain,
            }
            // Of a choice between `any` and `dyn` cel-go makes one or the other, and minds which in a list.
            let direct =
                matches!(element, Expr::Select { .. } | Expr::Index { .. } | Expr::Name(_))
                    || matches!(element, Expr::Call { target: None, .. });
            if elements.len() > 1 && found.is_open() && !direct {
                return Err(Refusal::unsupported(
                    "a list of several chosen values of unknown type",
                ));
            }
            match &common {
                Some(common) if *common != found => {
                    let (a, b) = (common.name(), found.name());
                    return Err(Refusal::new(format!(
                        "expected type '{a}' but found '{b}': the elements of a list must have one type"
                    )));
                }
                _ => common = Some(found),
            }
        }
        Ok(Type::List(Box::new(common.unwrap_or(Type::Free))))
    }

    fn function(&mut self, function: &str, arguments: &'a [Expr]) -> Checked {
        let types = self.values(arguments)?;
        match (function, types.as_slice()) {
            ("size", [of]) => size(of),
            (
                "string",
                [Type::Text | Type::Bool | Type::Int | Type::Double | Type::Dyn | Type::Any],
            ) => Ok(Type::Text),
            ("dyn", [plain]) if !matches!(plain, Type::Optional(_)) => Ok(Type::Dyn),
            _ => {
                Err(Refusal::unsupported(&format!("{function}() with {} argument(s)", types.len())))
            }
        }
    }

    fn values(&mut self, arguments: &'a [Expr]) -> Result<Vec<Type>, Refusal> {
        arguments.iter().map(|argument| self.value(argument)).collect()
    }

    fn method(&mut self, function: &str, target: &'a Expr, arguments: &'a [Expr]) -> Checked {
        let unsupported =
            || Refusal::unsupported(&format!("{function}() with {} argument(s)", arguments.len()));
        let text_in = match (function, arguments.len()) {
            ("startsWith" | "endsWith" | "contains", 1) => Some(Type::Bool),
            ("lowerAscii" | "upperAscii" | "trim", 0) | ("replace", 2) => Some(Type::Text),
            ("substring", 1 | 2) => Some(Type::Text),
            ("split", 1) => Some(Type::List(Box::new(Type::Text))),
            ("size", 0) | ("join", 0 | 1) | ("orValue" | "or", 1) | ("hasValue" | "value", 0) => {
                None
            }
            _ => return Err(unsupported()),
        };
        let of = self.value(target)?;
        let types = self.values(arguments)?;
        let mismatch = || {
            let all: Vec<&Type> = std::iter::once(&of).chain(&types).collect();
            no_overload(function, &all)
        };
        if let Some(result) = text_in {
            let wanted = if function == "substring" { Type::Int } else { Type::Text };
            let fit = of.is(&Type::Text) && types.iter().all(|argument| argument.is(&wanted));
            return fit.then_some(result).ok_or_else(mismatch);
        }
        match (function, &of, types.as_slice()) {
            ("size", _, _) => size(&of),
            ("join", Type::Dyn | Type::Any, rest)
                if rest.iter().all(|argument| argument.is(&Type::Text)) =>
            {
                Ok(Type::Text)
            }
            ("join", Type::List(element), rest)
                if element.is(&Type::Text)
                    && rest.iter().all(|argument| argument.is(&Type::Text)) =>
            {
                Ok(Type::Text)
            }
            ("hasValue", Type::Optional(_), _) => Ok(Type::Bool),
            ("value", Type::Optional(inner), _) if **inner == Type::Free => {
                Err(Refusal::unsupported("value() of an optional index"))
            }
            ("value", Type::Optional(inner), _) => Ok((**inner).clone()),
            ("orValue", Type::Optional(inner), [other])
                if **inner == Type::Free && !other.is_open() =>
            {
                Ok(Type::Mixed(Box::new(other.clone())))
            }
            ("orValue", Type::Optional(inner), [other]) => inner.agree(other).ok_or_else(mismatch),
            ("or", Type::Optional(_), [Type::Optional(other)]) => {
                of.agree(&Type::Optional(other.clone())).ok_or_else(mismatch)
            }
            _ => Err(mismatch()),
        }
    }

    fn macro_over(
        &mut self,
        kind: Loop,
        range: &'a Expr,
        variable: &'a str,
        condition: Option<&'a Expr>,
        value: Option<&'a Expr>,
    ) -> Checked {
        let element = match self.value(range)? {
            Type::Dyn => Type::Dyn,
            Type::List(element) if matches!(*element, Type::Free | Type::Mixed(_)) => {
                let what =
                    "a macro over an empty list or over a claim joined with a list, without dyn()";
                return Err(Refusal::unsupported(what));
            }
            Type::List(element) => *element,
            Type::Map(_) => Type::Text,
            other => {
                let name = other.name();
                return Err(Refusal::new(format!(
                    "expression of type '{name}' cannot be range of a comprehension (must be list, map, or dynamic)"
                )));
            }
        };
        let taken = matches!(variable, "claims" | "user")
            || self.bound.iter().any(|(name, _)| *name == variable);
        if taken || variable.starts_with('_') {
            return Err(Refusal::unsupported(&format!("a second meaning of `{variable}`")));
        }
        self.bound.push((variable, element.clone()));
        if let Some(condition) = condition {
            self.condition(condition, "a macro")?;
        }
        let value = value.map(|value| self.plain(value, "map")).transpose()?;
        self.bound.pop();
        Ok(match (kind, value) {
            (Loop::Map, Some(value)) => Type::List(Box::new(value)),
            (Loop::Filter, _) => Type::List(Box::new(element)),
            _ => Type::Bool,
        })
    }
}

fn field_of(of: &Type, field: &str) -> Checked {
    match (of, field) {
        (Type::Claims, _) => Ok(Type::Any),
        (Type::Free, _) => Ok(Type::Free),
        (Type::Dyn | Type::Any, _) => Ok(Type::Dyn),
        (Type::Map(value), _) => Ok((**value).clone()),
        (Type::User, "username" | "uid") => Ok(Type::Text),
        (Type::User, "groups") => Ok(Type::List(Box::new(Type::Text))),
        (Type::User, "extra") => Ok(Type::Map(Box::new(Type::List(Box::new(Type::Text))))),
        (Type::User, _) => Err(Refusal::new(format!("undefined field '{field}'"))),
        (other, _) => {
            Err(Refusal::new(format!("type '{}' does not support field selection", other.name())))
        }
    }
}

fn element_of(of: &Type, key: &Type) -> Checked {
    match of {
        _ if matches!(key, Type::Mixed(_)) => Err(no_overload("_[_]", &[of, key])),
        Type::Claims if key.is(&Type::Text) => Ok(Type::Any),
        Type::Dyn | Type::Any | Type::Free if key.is(&Type::Text) || key.is(&Type::Int) => {
            Ok(Type::Dyn)
        }
        Type::Map(value) if key.is(&Type::Text) => Ok((**value).clone()),
        Type::List(element)
            if key.is(&Type::Int) && !matches!(**element, Type::Free | Type::Mixed(_)) =>
        {
            Ok((**element).clone())
        }
        _ => Err(no_overload("_[_]", &[of, key])),
    }
}

fn size(of: &Type) -> Checked {
    match of {
        Type::Dyn | Type::Any | Type::Text | Type::List(_) | Type::Map(_) => Ok(Type::Int),
        other => Err(no_overload("size", &[other])),
    }
}

fn binary(operator: Operator, left: &Type, right: &Type) -> Checked {
    let number = |of: &Type| matches!(of, Type::Int | Type::Double | Type::Dyn | Type::Any);
    let both = |wanted: &Type| left.is(wanted) && right.is(wanted);
    let fits = match operator {
        Operator::Equal | Operator::Differs => left.agree(right).is_some(),
        Operator::In => match right {
            Type::Dyn | Type::Any => true,
            // cel-go does not even evaluate what it looks for in `[]`.
            Type::List(element) => **element != Type::Free && left.agree(element).is_some(),
            Type::Map(_) => left.is(&Type::Text),
            _ => false,
        },
        Operator::Add => return sum(left, right),
        _ if matches!(left, Type::Mixed(_)) || matches!(right, Type::Mixed(_)) => false,
        _ => (number(left) && number(right)) || both(&Type::Text) || both(&Type::Bool),
    };
    if fits { Ok(Type::Bool) } else { Err(no_overload("an operator", &[left, right])) }
}

fn sum(left: &Type, right: &Type) -> Checked {
    let known = match (left, right) {
        (Type::Mixed(mixed), Type::Text) | (Type::Text, Type::Mixed(mixed))
            if **mixed == Type::Text =>
        {
            Type::Text
        }
        (Type::Mixed(_), _) | (_, Type::Mixed(_)) => {
            return Err(no_overload("_+_", &[left, right]));
        }
        (Type::Dyn | Type::Any, Type::Dyn | Type::Any) => Type::Dyn,
        (Type::Dyn | Type::Any, Type::List(of)) | (Type::List(of), Type::Dyn | Type::Any)
            if !matches!(**of, Type::Free | Type::Mixed(_)) =>
        {
            Type::List(Box::new(Type::Mixed(of.clone())))
        }
        (Type::Dyn | Type::Any, other) | (other, Type::Dyn | Type::Any) => other.clone(),
        _ => left.agree(right).ok_or_else(|| no_overload("_+_", &[left, right]))?,
    };
    match known {
        Type::Dyn | Type::Text | Type::Int | Type::Double | Type::List(_) => Ok(known),
        _ => Err(no_overload("_+_", &[left, right])),
    }
}
