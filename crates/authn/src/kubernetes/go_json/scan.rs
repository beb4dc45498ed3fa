//! The scanner under [`super::Json`]: where a value begins and ends, and what a string says.
//! It knows no reading; it keeps a stack of brackets instead of calling itself.

use super::JsonFault;

/// A place in a text.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonFault> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(JsonFault::Syntax)
        }
    }

    /// Checks that the text is one value and nothing else, and returns that value's text.
    pub(super) fn document(&mut self, nesting_max: usize) -> Result<&'a [u8], JsonFault> {
        self.space();
        let start = self.at;
        // One bit for each open bracket: whether it is an object's.
        let mut open: Vec<bool> = Vec::new();
        loop {
            self.space();
            // Here a value begins.
            match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    self.at += 1;
                    if open.len() >= nesting_max {
                        return Err(JsonFault::Nesting);
                    }
                    let object = bracket == b'{';
                    self.space();
                    let closing = if object { b'}' } else { b']' };
                    if self.peek() == Some(closing) {
                        self.at += 1;
                    } else {
                        open.push(object);
                        if object {
                            self.name()?;
                        }
                        continue;
                    }
                }
                _ => self.scalar()?,
            }
            // Here a value has ended: close brackets, or go on to the next one.
            loop {
                let end = self.at;
                self.space();
                let Some(&object) = open.last() else {
                    return if self.at == self.text.len() {
                        Ok(&self.text[start..end])
                    } else {
                        Err(JsonFault::Syntax)
                    };
                };
                match (self.peek(), object) {
                    (Some(b','), _) => {
                        self.at += 1;
                        if object {
                            self.space();
                            self.name()?;
                        }
                        break;
                    }
                    (Some(b'}'), true) | (Some(b']'), false) => {
                        self.at += 1;
                        open.pop();
                    }
                    _ => return Err(JsonFault::Syntax),
                }
            }
        }
    }

    /// A member's name and its colon.
    fn name(&mut self) -> Result<(), JsonFault> {
        self.quoted()?;
        self.space();
        self.expect(b':')
    }

    fn scalar(&mut self) -> Result<(), JsonFault> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(JsonFault::Syntax),
        }
    }

    fn literal(&mut self, literal: &[u8]) -> Result<(), JsonFault> {
        if self.text[self.at..].starts_with(literal) {
            self.at += literal.len();
            Ok(())
        } else {
            Err(JsonFault::Syntax)
        }
    }

    fn digits(&mut self) -> Result<(), JsonFault> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(JsonFault::Syntax) }
    }

    fn number(&mut self) -> Result<(), JsonFault> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn quoted(&mut self) -> Result<(), JsonFault> {
        self.expect(b'"')?;
        loop {
            match self.peek() {
                None | Some(0..=0x1f) => return Err(JsonFault::Syntax),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                            self.at += 1;
                        }
                        Some(b'u') => {
                            let digits = self.text.get(self.at + 1..self.at + 5);
                            if !digits.is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit)) {
                                return Err(JsonFault::Syntax);
                            }
                            self.at += 5;
                        }
                        _ => return Err(JsonFault::Syntax),
                    }
                }
                Some(_) => self.at += 1,
            }
        }
    }

    /// Steps over the opening bracket of a checked value.
    pub(super) fn open(&mut self) {
        self.at += 1;
    }

    /// Steps over one checked value.
    fn skip(&mut self) -> Result<&'a [u8], JsonFault> {
        self.space();
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                None => return Err(JsonFault::Syntax),
                Some(b'"') => self.quoted()?,
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') => {
                    depth = depth.saturating_sub(1);
                    self.at += 1;
                }
                Some(b',' | b':' | b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                Some(_) => self.scalar()?,
            }
            if depth == 0 {
                return Ok(&self.text[start..self.at]);
            }
        }
    }

    /// The next element of a checked array; `None` after the last.
    pub(super) fn element(&mut self) -> Result<Option<&'a [u8]>, JsonFault> {
        self.space();
        match self.peek() {
            Some(b']') => return Ok(None),
            Some(b',') => self.at += 1,
            _ => {}
        }
        self.skip().map(Some)
    }

    /// The next member of a checked object; `None` after the last.
    pub(super) fn member(&mut self) -> Result<Option<(String, &'a [u8])>, JsonFault> {
        self.space();
        match self.peek() {
            Some(b'}') => return Ok(None),
            Some(b',') => self.at += 1,
            _ => {}
        }
        self.space();
        let start = self.at + 1;
        self.quoted()?;
        let name = unquote(&self.text[start..self.at - 1]);
        self.space();
        self.expect(b':')?;
        Ok(Some((name, self.skip()?)))
    }
}

/// The text of a checked string: escapes resolved; lone surrogates and broken UTF-8 become U+FFFD, a
/// broken byte at a time.
pub(super) fn unquote(inner: &[u8]) -> String {
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'\\' {
            let Some((&escape, after)) = after.split_first() else { break };
            rest = after;
            match escape {
                b'u' => rest = unicode(rest, &mut text),
                b'b' => text.push('\u{8}'),
                b'f' => text.push('\u{c}'),
                b'n' => text.push('\n'),
                b'r' => text.push('\r'),
                b't' => text.push('\t'),
                other => text.push(char::from(other)),
            }
            continue;
        }
        let plain = rest.iter().position(|b| *b == b'\\').unwrap_or(rest.len());
        push_lossy(&rest[..plain], &mut text);
        rest = &rest[plain..];
    }
    text
}

/// Go replaces each broken byte; the standard library's lossy reading replaces a broken sequence.
fn push_lossy(bytes: &[u8], text: &mut String) {
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for _ in chunk.invalid() {
            text.push('\u{fffd}');
        }
    }
}

fn hex4(bytes: &[u8]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(bytes.get(..4)?).ok()?, 16).ok()
}

fn unicode<'a>(rest: &'a [u8], text: &mut String) -> &'a [u8] {
    let Some(first) = hex4(rest) else { return &[] };
    let rest = &rest[4..];
    if let Some(c) = char::from_u32(first) {
        text.push(c);
        return rest;
    }
    // A surrogate. Go takes the second half only if both make a character.
    if (0xd800..0xdc00).contains(&first)
        && rest.starts_with(b"\\u")
        && let Some(second) = hex4(&rest[2..])
        && (0xdc00..0xe000).contains(&second)
        && let Some(c) = char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))
    {
        text.push(c);
        return &rest[6..];
    }
    text.push('\u{fffd}');
    rest
}
