//! The grammar of CEL expressions, with the macros expanded into [`Expr::Loop`] and [`Expr::Has`].
//! Whether names and types fit is checked in `check`.
//!
//! Hostile input: the operator's text, bounded in length by the caller and in nesting here.

use super::lexer::{Token, tokens};
use super::{LEVELS_MAX, Refusal};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    Name(String),
    Select {
        of: Box<Expr>,
        field: String,
        optional: bool,
    },
    Index {
        of: Box<Expr>,
        key: Box<Expr>,
        optional: bool,
    },
    /// `has(of.field)`.
    Has {
        of: Box<Expr>,
        field: String,
    },
    /// With `true` for elements that may be absent.
    List(Vec<(Expr, bool)>),
    Call {
        function: String,
        target: Option<Box<Expr>>,
        arguments: Vec<Expr>,
    },
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Choose(Box<Expr>, Box<Expr>, Box<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    Loop {
        kind: Loop,
        range: Box<Expr>,
        variable: String,
        condition: Option<Box<Expr>>,
        value: Option<Box<Expr>>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    Differs,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
}

/// A macro over a list or the keys of a map. The first three have a condition, `Map` has a value and maybe a
/// condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loop {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

impl Expr {
    pub(super) fn each_child<'a>(&'a self, visit: &mut impl FnMut(&'a Expr)) {
        match self {
            Self::Null
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Double(_)
            | Self::Text(_)
            | Self::Name(_) => {}
            Self::Select { of, .. } | Self::Has { of, .. } | Self::Not(of) => visit(of),
            Self::Index { of, key, .. } => [of, key].into_iter().for_each(|child| visit(child)),
            Self::List(elements) => elements.iter().for_each(|(element, _)| visit(element)),
            Self::Call { target, arguments, .. } => {
                target.iter().for_each(|target| visit(target));
                arguments.iter().for_each(visit);
            }
            Self::And(left, right) | Self::Or(left, right) | Self::Binary(_, left, right) => {
                [left, right].into_iter().for_each(|child| visit(child));
            }
            Self::Choose(condition, yes, no) => {
                [condition, yes, no].into_iter().for_each(|child| visit(child));
            }
            Self::Loop { range, condition, value, .. } => {
                visit(range);
                condition.iter().chain(value).for_each(|child| visit(child));
            }
        }
    }

    /// Found without recursion, because it bounds what recurses.
    fn levels(&self) -> usize {
        let mut open = vec![(self, 1)];
        let mut deepest = 0;
        while let Some((expr, level)) = open.pop() {
            deepest = deepest.max(level);
            expr.each_child(&mut |child| open.push((child, level + 1)));
        }
        deepest
    }
}

/// Reserved by CEL, and no names of variables or functions.
const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];
/// Reserved by the lexer, so that they are not even names of fields.
const LITERALS: [&str; 4] = ["false", "in", "null", "true"];

pub(super) fn parse(text: &str) -> Result<Expr, Refusal> {
    let mut parser = Parser { tokens: tokens(text)?.into_iter().peekable(), level: 0 };
    let expr = parser.expression()?;
    match parser.tokens.next() {
        None if expr.levels() <= LEVELS_MAX => Ok(expr),
        None => Err(too_deep()),
        Some(token) => Err(unexpected(Some(token))),
    }
}

fn too_deep() -> Refusal {
    Refusal::new(format!("an expression may be nested at most {LEVELS_MAX} levels deep"))
}

fn unexpected(token: Option<Token>) -> Refusal {
    Refusal::new(match token {
        None => "the expression ends too early".to_owned(),
        Some(Token::Name(name)) => format!("`{name}` is out of place"),
        Some(Token::Text(text)) => format!("the literal {text:?} is out of place"),
        Some(Token::Int(number)) => format!("{number} is out of place"),
        Some(Token::Double(number)) => format!("{number} is out of place"),
        Some(Token::Sign("*" | "/" | "%" | "-" | "{")) | Some(Token::Sign("`")) => {
            return Refusal::unsupported("arithmetic, a map literal or a quoted name");
        }
        Some(Token::Sign(sign)) => format!("`{sign}` is out of place"),
    })
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    level: usize,
}

type Parsed = Result<Expr, Refusal>;

impl Parser {
    fn takes(&mut self, sign: &'static str) -> bool {
        self.tokens.next_if(|token| *token == Token::Sign(sign)).is_some()
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), Refusal> {
        match self.tokens.next() {
            Some(Token::Sign(found)) if found == sign => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    fn expression(&mut self) -> Parsed {
        self.level += 1;
        if self.level > LEVELS_MAX {
            return Err(too_deep());
        }
        let mut expr = self.either()?;
        if self.takes("?") {
            let yes = self.either()?;
            self.expect(":")?;
            let no = self.expression()?;
            expr = Expr::Choose(Box::new(expr), Box::new(yes), Box::new(no));
        }
        self.level -= 1;
        Ok(expr)
    }

    fn either(&mut self) -> Parsed {
        let mut expr = self.both()?;
        while self.takes("||") {
            expr = Expr::Or(Box::new(expr), Box::new(self.both()?));
        }
        Ok(expr)
    }

    fn both(&mut self) -> Parsed {
        let mut expr = self.relation()?;
        while self.takes("&&") {
            expr = Expr::And(Box::new(expr), Box::new(self.relation()?));
        }
        Ok(expr)
    }

    fn relation(&mut self) -> Parsed {
        let mut expr = self.sum()?;
        loop {
            let operator = match self.tokens.peek() {
                Some(Token::Sign("==")) => Operator::Equal,
                Some(Token::Sign("!=")) => Operator::Differs,
                Some(Token::Sign("<")) => Operator::Less,
                Some(Token::Sign("<=")) => Operator::LessOrEqual,
                Some(Token::Sign(">")) => Operator::Greater,
                Some(Token::Sign(">=")) => Operator::GreaterOrEqual,
                Some(Token::Name(name)) if name == "in" => Operator::In,
                _ => return Ok(expr),
            };
            self.tokens.next();
            expr = Expr::Binary(operator, Box::new(expr), Box::new(self.sum()?));
        }
    }

    fn sum(&mut self) -> Parsed {
        let mut expr = self.unary()?;
        while self.takes("+") {
            expr = Expr::Binary(Operator::Add, Box::new(expr), Box::new(self.unary()?));
        }
        Ok(expr)
    }

    fn unary(&mut self) -> Parsed {
        let mut negations = 0;
        while self.takes("!") {
            negations += 1;
            if negations > LEVELS_MAX {
                return Err(too_deep());
            }
        }
        let negative = self.takes("-");
        let mut expr = match (negative, self.tokens.peek()) {
            (true, Some(Token::Int(_) | Token::Double(_))) if negations == 0 => match self
                .tokens
                .next()
            {
                Some(Token::Int(number)) => 0_i64
                    .checked_sub_unsigned(number)
                    .map(Expr::Int)
                    .ok_or_else(|| Refusal::new("a number is out of range"))?,
                Some(Token::Double(number)) => Expr::Double(-number),
                other => return Err(unexpected(other)),
            },
            (true, _) => return Err(Refusal::unsupported("`-`")),
            (false, _) => self.member()?,
        };
        for _ in 0..negations {
            expr = Expr::Not(Box::new(expr));
        }
        Ok(expr)
    }

    fn member(&mut self) -> Parsed {
        let mut expr = self.primary()?;
        loop {
            if self.takes(".") {
                let optional = self.takes("?");
                let field = match self.tokens.next() {
                    Some(Token::Name(name)) if !LITERALS.contains(&name.as_str()) => name,
                    other => return Err(unexpected(other)),
                };
                let of = Box::new(expr);
                expr = if !optional && self.takes("(") {
                    let arguments = self.arguments(")")?;
                    member_call(of, field, arguments)?
                } else {
                    Expr::Select { of, field, optional }
                };
            } else if self.takes("[") {
                let optional = self.takes("?");
                let key = Box::new(self.expression()?);
                self.expect("]")?;
                expr = Expr::Index { of: Box::new(expr), key, optional };
            } else {
                return Ok(expr);
            }
        }
    }

    fn arguments(&mut self, end: &'static str) -> Result<Vec<Expr>, Refusal> {
        let mut arguments = Vec::new();
        if self.takes(end) {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression()?);
            if !self.takes(",") {
                self.expect(end)?;
                return Ok(arguments);
            }
        }
    }

    fn list(&mut self) -> Parsed {
        let mut elements = Vec::new();
        loop {
            if self.takes("]") {
                return Ok(Expr::List(elements));
            }
            let optional = self.takes("?");
            elements.push((self.expression()?, optional));
            if !self.takes(",") {
                self.expect("]")?;
                return Ok(Expr::List(elements));
            }
        }
    }

    fn primary(&mut self) -> Parsed {
        match self.tokens.next() {
            Some(Token::Text(text)) => Ok(Expr::Text(text)),
            Some(Token::Int(number)) => i64::try_from(number)
                .map(Expr::Int)
                .map_err(|_| Refusal::new("a number is out of range")),
            Some(Token::Double(number)) => Ok(Expr::Double(number)),
            Some(Token::Sign("(")) => {
                let expr = self.expression()?;
                self.expect(")")?;
                Ok(expr)
            }
            Some(Token::Sign("[")) => self.list(),
            Some(Token::Name(name)) => match name.as_str() {
                "true" => Ok(Expr::Bool(true)),
                "false" => Ok(Expr::Bool(false)),
                "null" => Ok(Expr::Null),
                reserved if RESERVED.contains(&reserved) => {
                    Err(Refusal::new(format!("`{name}` is a reserved word of CEL")))
                }
                _ if self.takes("(") => {
                    let arguments = self.arguments(")")?;
                    call(name, arguments)
                }
                _ => Ok(Expr::Name(name)),
            },
            other => Err(unexpected(other)),
        }
    }
}

fn call(function: String, mut arguments: Vec<Expr>) -> Parsed {
    if function != "has" {
        return Ok(Expr::Call { function, target: None, arguments });
    }
    match (arguments.len(), arguments.pop()) {
        (1, Some(Expr::Select { of, field, optional: false })) => Ok(Expr::Has { of, field }),
        _ => Err(Refusal::new("has() takes a field, as in has(claims.groups)")),
    }
}

fn member_call(target: Box<Expr>, function: String, arguments: Vec<Expr>) -> Parsed {
    let kind = match (function.as_str(), arguments.len()) {
        ("all", 2) => Loop::All,
        ("exists", 2) => Loop::Exists,
        ("exists_one", 2) => Loop::ExistsOne,
        ("filter", 2) => Loop::Filter,
        ("map", 2 | 3) => Loop::Map,
        _ => return Ok(Expr::Call { function, target: Some(target), arguments }),
    };
    let mut arguments = arguments.into_iter();
    let Some(Expr::Name(variable)) = arguments.next() else {
        return Err(Refusal::new(format!("{function}() takes the name of a variable first")));
    };
    let last = arguments.next_back().map(Box::new);
    let (condition, value) = match kind {
        Loop::Map => (arguments.next().map(Box::new), last),
        _ => (last, None),
    };
    Ok(Expr::Loop { kind, range: target, variable, condition, value })
}
