//! The way back from the browser: a port on this machine's loopback, to which the console leads it once the person has
//! decided (RFC 8252, section 7.3).
//! What is carried back is worth something only with the verifier, which is not known here.
//!
//! Hostile input: every page in the browser and every program on the machine can connect. Only a request for the one
//! path with the state that this login made is heard; the rest gets an answer and changes nothing. A head is bounded by
//! [`HEAD_BYTES_MAX`] and [`HEAD_TAKES`].

use super::words::Words;
use model::Secret;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Browsers send some kilobytes of cookies even to a loopback.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Browsers open connections that they may never use.
const HEAD_TAKES: Duration = Duration::from_secs(60);

/// A port that waits.
pub(super) struct Loopback {
    listener: TcpListener,
    port: u16,
    state: String,
}

/// What the browser brought.
pub(super) enum Returned {
    /// Yes, and what goes with it.
    Allowed(Secret),
    /// No.
    Denied,
}

impl Loopback {
    /// Opens a port; only who knows `state` is heard.
    pub(super) async fn open(state: String) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port, state })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn state(&self) -> &str {
        &self.state
    }

    /// Waits for the browser.
    pub(super) async fn returned(self, words: Words) -> Returned {
        let (sender, mut returned) = mpsc::channel(1);
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    let Ok((stream, _)) = accepted else {
                        // Out of descriptors, say: not for long, and not in a hot loop.
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    };
                    let (sender, state) = (sender.clone(), self.state.clone());
                    tokio::spawn(async move {
                        let heard = tokio::time::timeout(HEAD_TAKES, hear(stream, &state, words));
                        if let Ok(Some(heard)) = heard.await {
                            sender.send(heard).await.ok();
                        }
                    });
                }
                Some(returned) = returned.recv() => return returned,
            }
        }
    }
}

async fn hear(mut stream: TcpStream, state: &str, words: Words) -> Option<Returned> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() >= HEAD_BYTES_MAX || stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let returned = parse(&head, state);
    let (status, text) = match &returned {
        Some(Returned::Allowed(_)) => ("200 OK", words.page_allowed()),
        Some(Returned::Denied) => ("200 OK", words.denied()),
        None => ("404 Not Found", "404"),
    };
    let page = format!(
        "<!doctype html><meta charset=utf-8><title>Sallyport</title><body style=\"font:1.2em sans-serif;margin:4em\">{text}"
    );
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\n\
         cache-control: no-store\r\nreferrer-policy: no-referrer\r\n\
         content-security-policy: default-src 'none'; style-src 'unsafe-inline'\r\nconnection: close\r\n\r\n{page}",
        page.len()
    );
    stream.write_all(answer.as_bytes()).await.ok();
    stream.shutdown().await.ok();
    returned
}

fn parse(head: &[u8], state: &str) -> Option<Returned> {
    let line = std::str::from_utf8(head.split(|byte| *byte == b'\r').next()?).ok()?;
    let query = line.strip_prefix("GET /signed-in?")?.strip_suffix(" HTTP/1.1")?;
    let of = |name: &str| {
        let mut values = query.split('&').filter_map(|pair| pair.split_once('='));
        values.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    if of("state")? != state {
        return None;
    }
    match (of("code"), of("error")) {
        (Some(code), None) => Some(Returned::Allowed(Secret::new(code))),
        (None, Some(_)) => Some(Returned::Denied),
        _ => None,
    }
}

/// Whether a browser can be opened where this runs.
pub(super) fn has_browser() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if is_set("BROWSER") {
        return true;
    }
    let is_remote = is_set("SSH_CONNECTION") || is_set("SSH_TTY");
    !is_remote && (cfg!(target_os = "macos") || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY"))
}

/// Opens a page; false if no program would.
pub(super) fn open_browser(page: &str) -> bool {
    let chosen = std::env::var("BROWSER").ok().filter(|program| !program.is_empty());
    let usual = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let program = chosen.unwrap_or_else(|| usual.to_owned());
    let mut command = Command::new(program);
    command.arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // It lives on by itself; whether it shows the page, nobody tells.
    command.spawn().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_logins_own_browser_is_heard() {
        let heard = |line: &str| parse(format!("{line}\r\nHost: x\r\n\r\n").as_bytes(), "mine");
        let Some(Returned::Allowed(code)) = heard("GET /signed-in?code=abc&state=mine HTTP/1.1")
        else {
            panic!("not heard");
        };
        assert_eq!(code.expose(), "abc");
        assert!(matches!(
            heard("GET /signed-in?error=denied&state=mine HTTP/1.1"),
            Some(Returned::Denied)
        ));
        for line in [
            "GET /signed-in?code=abc&state=other HTTP/1.1",
            "GET /signed-in?code=abc HTTP/1.1",
            "GET /signed-in?state=mine HTTP/1.1",
            "POST /signed-in?code=abc&state=mine HTTP/1.1",
            "GET /other?code=abc&state=mine HTTP/1.1",
            "GET /favicon.ico HTTP/1.1",
            "",
        ] {
            assert!(heard(line).is_none(), "{line}");
        }
    }
}
