//! JSON, written piece by piece up to a bound.
//! It knows no message; that what is begun is ended is its callers' care.

use crate::redact::Omission;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

#[derive(Debug)]
pub(crate) struct Writer {
    output: String,
    bytes_max: usize,
    /// Something stands before, so that a comma is due.
    has_before: bool,
}

impl Writer {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { output: String::new(), bytes_max, has_before: false }
    }

    pub(crate) fn finish(self) -> Result<String, Omission> {
        self.bounded()?;
        Ok(self.output)
    }

    pub(crate) fn begin(&mut self, bracket: char) -> Result<(), Omission> {
        self.output.push(bracket);
        self.has_before = false;
        self.bounded()
    }

    pub(crate) fn end(&mut self, bracket: char) -> Result<(), Omission> {
        self.output.push(bracket);
        self.has_before = true;
        self.bounded()
    }

    /// What comes is the next element of a list.
    pub(crate) fn element(&mut self) -> Result<(), Omission> {
        if std::mem::replace(&mut self.has_before, true) {
            self.output.push(',');
        }
        self.bounded()
    }

    pub(crate) fn key(&mut self, key: &str) -> Result<(), Omission> {
        self.element()?;
        self.text(key)?;
        self.output.push(':');
        Ok(())
    }

    /// A key that may not be UTF-8.
    pub(crate) fn lossy_key(&mut self, key: &[u8]) -> Result<(), Omission> {
        self.key(&String::from_utf8_lossy(key))
    }

    /// A number, a word, or a document that is known to be JSON.
    pub(crate) fn raw(&mut self, json: &str) -> Result<(), Omission> {
        self.output.push_str(json);
        self.has_before = true;
        self.bounded()
    }

    pub(crate) fn base64(&mut self, bytes: &[u8]) -> Result<(), Omission> {
        if bytes.len() > self.bytes_max {
            return Err(Omission::OverBound);
        }
        self.output.push('"');
        STANDARD.encode_string(bytes, &mut self.output);
        self.output.push('"');
        self.has_before = true;
        self.bounded()
    }

    /// Text that may not be UTF-8: what is not becomes U+FFFD, as Go does it.
    pub(crate) fn lossy(&mut self, text: &[u8]) -> Result<(), Omission> {
        self.text(&String::from_utf8_lossy(text))
    }

    pub(crate) fn text(&mut self, text: &str) -> Result<(), Omission> {
        self.output.push('"');
        let mut plain = 0;
        for (place, byte) in text.bytes().enumerate() {
            if byte >= b' ' && byte != b'"' && byte != b'\\' {
                continue;
            }
            self.output.push_str(text.get(plain..place).unwrap_or_default());
            plain = place + 1;
            match byte {
                b'"' => self.output.push_str("\\\""),
                b'\\' => self.output.push_str("\\\\"),
                b'\n' => self.output.push_str("\\n"),
                b'\r' => self.output.push_str("\\r"),
                b'\t' => self.output.push_str("\\t"),
                control => self.output.push_str(&format!("\\u{control:04x}")),
            }
        }
        self.output.push_str(text.get(plain..).unwrap_or_default());
        self.output.push('"');
        self.has_before = true;
        self.bounded()
    }

    fn bounded(&self) -> Result<(), Omission> {
        match self.output.len() > self.bytes_max {
            true => Err(Omission::OverBound),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_so_that_any_reader_gives_it_back() {
        for text in ["", "plain", "\"\\\n\r\t\u{1}\u{1f}", "한국어 😀 \u{7f}", "\\u0041"] {
            let mut writer = Writer::new(1_000);
            writer.text(text).unwrap();
            let json = writer.finish().unwrap();
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }

    #[test]
    fn nothing_grows_over_the_bound() {
        let mut writer = Writer::new(10);
        assert_eq!(writer.text("0123456789"), Err(Omission::OverBound));
        assert_eq!(Writer::new(10).base64(&[0; 11]), Err(Omission::OverBound));
    }
}
