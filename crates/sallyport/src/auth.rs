//! `sallyport auth explain`: what an API server with these files would say to a credential, and why.
//! It asks nobody: objects and keys come from files; the credential from standard input or a file, never from
//! the command line, where other processes and the shell's history would see it.
//!
//! Hostile input: the credential is bounded by [`CREDENTIAL_BYTES_MAX`] and never printed.

mod objects;
mod words;

use crate::say;
use anyhow::{Context, bail};
use authn::kubernetes::{
    AnonymousAccess, AuthenticationConfiguration, Authenticator, Certificate, Outcome, PublicKeys,
    Request, ServiceAccounts, TokenFile,
};
use clap::{Args, Subcommand};
use model::{Secret, Timestamp};
use objects::Files;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
pub(crate) use words::Language;

/// More than the API server reads of headers, and than any chain of certificates has.
const CREDENTIAL_BYTES_MAX: u64 = 2 << 20;
/// What kubeadm configures.
const DEFAULT_ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

#[derive(Debug, Subcommand)]
pub(crate) enum AuthCommand {
    /// Say what an API server with these files would say to a credential, and why. The credential, a token or
    /// a PEM certificate chain, comes on standard input. Exits 0 if somebody is authenticated, 1 if not.
    Explain(ExplainFlags),
}

#[derive(Debug, Args)]
pub(crate) struct ExplainFlags {
    /// Read the credential from this file instead of standard input.
    #[arg(long, value_name = "FILE")]
    credential_file: Option<PathBuf>,
    /// The API server's token file (CSV).
    #[arg(long, value_name = "FILE")]
    token_auth_file: Option<PathBuf>,
    /// The authorities of client certificates (PEM).
    #[arg(long, value_name = "FILE")]
    client_ca_file: Option<PathBuf>,
    /// Public keys of service account tokens (PEM); may be repeated.
    #[arg(long, value_name = "FILE")]
    service_account_key_file: Vec<PathBuf>,
    /// Issuer of service account tokens; may be repeated.
    #[arg(long, value_name = "URL", default_value = DEFAULT_ISSUER)]
    service_account_issuer: Vec<String>,
    /// Audiences of the API server; its issuers unless given.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    api_audiences: Vec<String>,
    /// The API server takes bootstrap tokens.
    #[arg(long)]
    enable_bootstrap_token_auth: bool,
    /// The API server's AuthenticationConfiguration (YAML).
    #[arg(long, value_name = "FILE")]
    authentication_config: Option<PathBuf>,
    /// The key set (JWKS) of an OpenID Connect issuer; may be repeated.
    #[arg(long, value_name = "ISSUER=FILE")]
    issuer_keys: Vec<String>,
    /// ServiceAccounts, Secrets, Pods and Nodes as `kubectl get -o json` prints them; may be repeated.
    #[arg(long, value_name = "FILE")]
    objects: Vec<PathBuf>,
    /// Path of the request, for conditions of anonymous access.
    #[arg(long, value_name = "PATH", default_value = "/api")]
    path: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Language of the explanation.
    #[arg(long, value_enum, default_value_t = Language::En, env = "SALLYPORT_LANGUAGE")]
    language: Language,
}

/// Does what was asked.
pub(crate) fn run(command: AuthCommand) -> anyhow::Result<ExitCode> {
    let AuthCommand::Explain(flags) = command;
    let authenticator = flags.authenticator()?;
    let files = flags.files()?;
    let request = flags.request()?;
    let language = flags.language;
    let explanation = match authenticator.authenticate(&request, &files, Timestamp::now()) {
        Ok(explanation) => explanation,
        Err(question) => bail!("{}: {}", needed(language), language.question(&question)),
    };
    if flags.json {
        say(&serde_json::to_string_pretty(&explanation)?)?;
    } else {
        say(&language.outcome(&explanation.outcome))?;
        if let Outcome::Authenticated { identity, .. } | Outcome::Anonymous { identity } =
            &explanation.outcome
        {
            let uid = identity.uid.as_deref().unwrap_or("-");
            say(&format!("  uid     {uid}\n  groups  {}", identity.groups.join(", ")))?;
            for (key, values) in &identity.extra {
                say(&format!("  extra   {key} = {}", values.join(", ")))?;
            }
        }
        for (at, step) in explanation.steps.iter().enumerate() {
            say(&format!("{:>3}. {}", at + 1, language.step(step)))?;
        }
    }
    Ok(match explanation.outcome {
        Outcome::Authenticated { .. } => ExitCode::SUCCESS,
        Outcome::Anonymous { .. } | Outcome::Unauthorized => ExitCode::FAILURE,
    })
}

fn needed(language: Language) -> &'static str {
    match language {
        Language::En => "there is no answer without",
        Language::Ko => "다음 정보가 있어야 답할 수 있습니다",
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("`{}` cannot be read", path.display()))
}

fn text(path: &Path) -> anyhow::Result<String> {
    String::from_utf8(read(path)?).with_context(|| format!("`{}` is not UTF-8", path.display()))
}

impl ExplainFlags {
    fn authenticator(&self) -> anyhow::Result<Authenticator> {
        let mut authenticator = Authenticator {
            bootstrap_tokens: self.enable_bootstrap_token_auth,
            ..Authenticator::default()
        };
        if let Some(path) = &self.token_auth_file {
            let file = TokenFile::parse(&read(path)?);
            authenticator.token_file = Some(file.with_context(|| path.display().to_string())?);
        }
        if let Some(path) = &self.client_ca_file {
            let roots = Certificate::from_pem_bundle(&read(path)?);
            authenticator.client_roots = Some(roots.with_context(|| path.display().to_string())?);
        }
        let mut pem = Vec::new();
        for path in &self.service_account_key_file {
            pem.extend_from_slice(&read(path)?);
            pem.push(b'\n');
        }
        if !pem.is_empty() {
            let issuers = self.service_account_issuer.clone();
            let audiences =
                if self.api_audiences.is_empty() { &issuers } else { &self.api_audiences }.clone();
            let keys = PublicKeys::from_pem(&pem).context("--service-account-key-file")?;
            authenticator.service_accounts =
                Some(ServiceAccounts { issuers, keys, audiences, lookup: true });
        }
        if let Some(path) = &self.authentication_config {
            let config =
                AuthenticationConfiguration::parse(&text(path)?, &self.service_account_issuer);
            let config = config.with_context(|| path.display().to_string())?;
            authenticator.issuers = config.issuers;
            authenticator.anonymous = config.anonymous.unwrap_or(AnonymousAccess::Everywhere);
        }
        Ok(authenticator)
    }

    fn files(&self) -> anyhow::Result<Files> {
        let mut files = Files::default();
        for path in &self.objects {
            files.take_objects(&text(path)?).with_context(|| path.display().to_string())?;
        }
        for pair in &self.issuer_keys {
            let (issuer, path) =
                pair.rsplit_once('=').context("write --issuer-keys ISSUER=FILE")?;
            files.take_keys(issuer, &read(Path::new(path))?).with_context(|| path.to_owned())?;
        }
        Ok(files)
    }

    fn request(&self) -> anyhow::Result<Request> {
        let mut credential = String::new();
        let reader: Box<dyn std::io::Read> = match &self.credential_file {
            Some(path) => Box::new(
                std::fs::File::open(path)
                    .with_context(|| format!("`{}` cannot be read", path.display()))?,
            ),
            None => Box::new(std::io::stdin()),
        };
        let read = reader.take(CREDENTIAL_BYTES_MAX + 1).read_to_string(&mut credential);
        if u64::try_from(read.context("the credential is not text")?)? > CREDENTIAL_BYTES_MAX {
            bail!("the credential is longer than {CREDENTIAL_BYTES_MAX} bytes");
        }
        let credential = Secret::new(credential);
        let trimmed = credential.expose().trim();
        let mut request = if trimmed.is_empty() {
            Request::default()
        } else if trimmed.contains("-----BEGIN CERTIFICATE-----") {
            let certificates = Certificate::from_pem_bundle(trimmed.as_bytes())
                .context("the API server would end the connection: the certificate")?;
            Request { certificates, ..Request::default() }
        } else {
            Request::bearer(&Secret::new(trimmed))
        };
        request.path.clone_from(&self.path);
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Arguments, Command};
    use clap::Parser as _;

    fn explain(arguments: &[&str]) -> anyhow::Result<ExitCode> {
        let arguments = [&["sallyport", "auth", "explain"][..], arguments].concat();
        match Arguments::try_parse_from(arguments)?.command {
            Command::Auth(command) => run(command),
            _ => bail!("another command"),
        }
    }

    #[test]
    fn a_token_of_the_file_is_explained_and_another_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let tokens = file("tokens.csv", "hunter2,alice,1,devs\n");
        let good = file("good", "hunter2\n");
        let bad = file("bad", "hunter3\n");
        let ask = |credential: &str, more: &[&str]| {
            let flags = ["--token-auth-file", &tokens, "--credential-file", credential];
            explain(&[&flags[..], more].concat())
        };
        assert_eq!(ask(&good, &["--json"]).unwrap(), ExitCode::SUCCESS);
        assert_eq!(ask(&good, &["--language", "ko"]).unwrap(), ExitCode::SUCCESS);
        assert_eq!(ask(&bad, &[]).unwrap(), ExitCode::FAILURE);
        let bootstrap = file("bootstrap", "abcdef.0123456789abcdef");
        let unknown = ask(&bootstrap, &["--enable-bootstrap-token-auth"]).unwrap_err().to_string();
        assert!(
            unknown.contains("kubectl get -n kube-system secret bootstrap-token-abcdef"),
            "{unknown}"
        );
        let broken = file("broken.csv", "hunter2,alice\n");
        let refusal = explain(&["--token-auth-file", &broken, "--credential-file", &good]);
        let refusal = format!("{:#}", refusal.unwrap_err());
        assert!(refusal.contains("line 1") && !refusal.contains("hunter2"), "{refusal}");
    }
}
