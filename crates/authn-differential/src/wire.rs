//! HTTP/1.1 over TLS, written by hand, because every client library tidies up what it sends.
//! What is sent is a case's; what is read is a status and the person that the API server names.

use crate::case::Case;
use anyhow::Context;
use model::Identity;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

const REVIEW: &str = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}"#;
const PATH: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

/// Who a request is of, according to one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This person.
    User(Identity),
    /// A person of this name who may not ask who they are; the anonymous are among them.
    Forbidden(String),
    /// 401.
    Unauthorized,
    /// The TLS handshake ended.
    NoConnection,
    /// Anything else.
    Other(String),
}

/// A way to the API server.
#[derive(Debug)]
pub struct Wire {
    address: String,
    roots: Arc<RootCertStore>,
    /// The connection of the cases without a certificate.
    kept: Option<Stream>,
}

type Stream = BufReader<StreamOwned<ClientConnection, TcpStream>>;

impl Wire {
    /// Prepares connections to a server that the given authority, in PEM, has certified.
    pub fn new(address: &str, authority: &str) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        for block in x509_parser::pem::Pem::iter_from_buffer(authority.as_bytes()) {
            roots.add(CertificateDer::from(block?.contents))?;
        }
        Ok(Self { address: address.to_owned(), roots: Arc::new(roots), kept: None })
    }

    /// What the API server says to a case.
    pub fn ask(&mut self, case: &Case) -> anyhow::Result<Verdict> {
        if case.certificates.is_empty() {
            // A kept connection may have been closed meanwhile; a second failure counts.
            for _ in 0..2 {
                let mut stream = match self.kept.take() {
                    Some(stream) => stream,
                    None => self.connect(case)?,
                };
                if let Ok((verdict, keep)) = converse(&mut stream, case) {
                    self.kept = keep.then_some(stream);
                    return Ok(verdict);
                }
            }
            anyhow::bail!("the API server does not answer");
        }
        let mut stream = self.connect(case)?;
        Ok(match converse(&mut stream, case) {
            Ok((verdict, _)) => verdict,
            Err(_) => Verdict::NoConnection,
        })
    }

    fn connect(&self, case: &Case) -> anyhow::Result<Stream> {
        let config = ClientConfig::builder().with_root_certificates(Arc::clone(&self.roots));
        let config = if case.certificates.is_empty() {
            config.with_no_client_auth()
        } else {
            let chain = case.certificates.iter().cloned().map(CertificateDer::from).collect();
            let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(case.key.clone()));
            let key = config.crypto_provider().key_provider.load_private_key(key)?;
            // Not `with_client_auth_cert`, which refuses to send what it would not accept itself.
            let certified = SingleCertAndKey::from(CertifiedKey::new(chain, key));
            config.with_client_cert_resolver(Arc::new(certified))
        };
        let host = self.address.rsplit_once(':').context("no port in the address")?.0.to_owned();
        let connection = ClientConnection::new(Arc::new(config), ServerName::try_from(host)?)?;
        let tcp = TcpStream::connect(&self.address).context("the API server")?;
        tcp.set_read_timeout(Some(Duration::from_secs(30)))?;
        tcp.set_nodelay(true)?;
        Ok(BufReader::new(StreamOwned::new(connection, tcp)))
    }
}

fn converse(stream: &mut Stream, case: &Case) -> anyhow::Result<(Verdict, bool)> {
    let mut request = format!(
        "POST {PATH} HTTP/1.1\r\nHost: kubernetes\r\nContent-Type: application/json\r\n\
         Accept: application/json\r\nContent-Length: {}\r\n",
        REVIEW.len()
    )
    .into_bytes();
    for (name, value) in &case.headers {
        request.extend_from_slice(name.as_bytes());
        request.extend_from_slice(b": ");
        request.extend_from_slice(value);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request.extend_from_slice(REVIEW.as_bytes());
    stream.get_mut().write_all(&request)?;
    stream.get_mut().flush()?;

    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split(' ').nth(1).context("no status line")?.to_owned();
    let (mut length, mut chunked, mut keep) = (0, false, true);
    loop {
        let mut line = String::new();
        anyhow::ensure!(stream.read_line(&mut line)? > 0, "the headers end early");
        let line = line.trim_end().to_ascii_lowercase();
        match line.split_once(": ") {
            Some(("content-length", value)) => length = value.parse()?,
            Some(("transfer-encoding", "chunked")) => chunked = true,
            Some(("connection", "close")) => keep = false,
            _ => {}
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = Vec::new();
    if chunked {
        loop {
            let mut line = String::new();
            stream.read_line(&mut line)?;
            let size = usize::from_str_radix(line.trim(), 16)?;
            let mut chunk = vec![0; size + 2];
            stream.read_exact(&mut chunk)?;
            body.extend_from_slice(&chunk[..size]);
            if size == 0 {
                break;
            }
        }
    } else {
        body.resize(length, 0);
        stream.read_exact(&mut body)?;
    }
    Ok((verdict(&status, &body), keep))
}

fn verdict(status: &str, body: &[u8]) -> Verdict {
    let text = String::from_utf8_lossy(body);
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    match status {
        "201" => {
            let info = &json["status"]["userInfo"];
            let texts = |value: &Value| -> Vec<String> {
                let texts = value.as_array().into_iter().flatten();
                texts.map(|text| text.as_str().unwrap_or_default().to_owned()).collect()
            };
            let extra = info["extra"].as_object().into_iter().flatten();
            Verdict::User(Identity {
                user: info["username"].as_str().unwrap_or_default().to_owned(),
                uid: info["uid"].as_str().map(str::to_owned).filter(|uid| !uid.is_empty()),
                groups: texts(&info["groups"]),
                extra: extra.map(|(key, value)| (key.clone(), texts(value))).collect(),
            })
        }
        "401" => Verdict::Unauthorized,
        "403" => {
            // `… is forbidden: User "NAME" cannot create resource …`
            let message = json["message"].as_str().unwrap_or_default();
            let user =
                message.split_once("User \"").and_then(|(_, rest)| rest.split_once("\" cannot"));
            match user {
                Some((user, _)) => Verdict::Forbidden(unquoted(user)),
                None => Verdict::Other(format!("403 {text}")),
            }
        }
        other => Verdict::Other(format!("{other} {text}")),
    }
}

/// The API server's messages quote names as Go's `%q` does.
fn unquoted(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let mut letters = after.chars();
        let (digits, name) = match letters.next() {
            Some('x') => (2, 'x'),
            Some('u') => (4, 'u'),
            Some('U') => (8, 'U'),
            Some(letter) => (0, letter),
            None => break,
        };
        rest = letters.as_str();
        let code = rest.get(..digits).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        match code.and_then(char::from_u32).filter(|_| digits > 0) {
            Some(character) => {
                plain.push(character);
                rest = &rest[digits..];
            }
            None => plain.push(match name {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                other => other,
            }),
        }
    }
    plain.push_str(rest);
    plain
}
