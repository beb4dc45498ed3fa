//! `sallyport login`, `logout`, `kubeconfig`, `credential` and `token`: signing in from a machine through a browser, and handing
//! kubectl and every other client of Kubernetes a short-lived certificate for a key that never leaves the machine.
//! How the hub lets a machine in is the crate `console`'s; where a login is kept, `place`'s.
//!
//! States: asked, with a proof of a fresh key → decided by the person in the console, whose browser leads back to a
//! port of this machine, or who types a code where the browser is elsewhere → collected with the verifier → kept, and
//! renewed by the key until the sign-in ends. Nothing secret is an argument, a variable or a line of output, but for
//! `credential` and `token`, whose output is what was asked for.

mod hub;
mod kubeconfig;
mod loopback;
mod place;
mod said;
mod token;
mod words;

use crate::auth::Language;
use crate::hub::random;
use crate::{runtime, say, say_error};
use anyhow::{Context, bail};
use authn::{Challenge, MachineKey, MachinePurpose};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use hub::HubClient;
use loopback::{Loopback, Returned};
use model::{Secret, Timestamp};
use place::{Login, Place};
use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};
use said::{Asked, Collected, Credential};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
pub(crate) use token::{TokenFlags, token};
use words::Words;

/// A certificate that ends sooner is renewed first: kubectl uses what it is given for the whole of a command.
const RENEW_BEFORE: Duration = Duration::from_secs(300);

#[derive(Debug, Args)]
pub(crate) struct LoginFlags {
    /// Address of the hub's console, such as https://hub.example.com.
    #[arg(long, value_name = "URL")]
    hub: String,
    /// Authority of the hub's certificate (PEM); the machine's own trust if left out.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Show a code to type in a browser elsewhere, instead of opening one here.
    #[arg(long)]
    no_browser: bool,
    /// What this machine is called in the console; its user and host name if left out.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    spoken: Spoken,
}

#[derive(Debug, Args)]
pub(crate) struct OfHub {
    /// Address of the hub; needless where only one is signed in to.
    #[arg(long, value_name = "URL")]
    hub: Option<String>,
    #[command(flatten)]
    spoken: Spoken,
}

#[derive(Debug, Args)]
struct Spoken {
    /// Language of what is said.
    #[arg(long, value_enum, default_value_t = Language::En, env = "SALLYPORT_LANGUAGE")]
    language: Language,
}

/// `sallyport login`.
pub(crate) fn login(flags: LoginFlags) -> anyhow::Result<ExitCode> {
    let words = Words(flags.spoken.language);
    let place = Place::of_hub(&flags.hub)?;
    let authority = flags.ca.as_ref().map(|path| {
        std::fs::read_to_string(path).with_context(|| format!("`--ca` {}", path.display()))
    });
    let authority = authority.transpose()?;
    runtime()?.block_on(async {
        let hub = HubClient::new(place.hub(), authority.as_deref())?;
        let key = KeyPair::generate().context("no key can be made")?;
        let credential = sign_in(&hub, &key, &flags, words).await?;
        let login = Login {
            hub: place.hub().to_owned(),
            authority,
            key: key.serialize_pem(),
            certificate: credential.certificate,
            user: credential.user,
            expires_at: credential.expires_at,
            ends_at: credential.ends_at,
            clusters: credential.clusters,
        };
        // The sign-in before this one is of no more use to anybody.
        let before = place.read().ok().flatten();
        place.write(&login)?;
        if let Some(before) = before {
            end(&before).await.ok();
        }
        say(&words.signed_in(&login.user, login.ends_at))?;
        if login.clusters.is_empty() {
            say(words.no_gateway())?;
            return Ok(ExitCode::SUCCESS);
        }
        let file = place.write_kubeconfig(&kubeconfig::text(&login)?)?;
        let contexts = login.clusters.iter().map(|it| kubeconfig::context(&login, it));
        say(&words.kubeconfig(&file, &contexts.collect::<anyhow::Result<Vec<_>>>()?))?;
        Ok(ExitCode::SUCCESS)
    })
}

async fn sign_in(
    hub: &HubClient,
    key: &KeyPair,
    flags: &LoginFlags,
    words: Words,
) -> anyhow::Result<Credential> {
    let loopback = match flags.no_browser || !loopback::has_browser() {
        true => None,
        false => Some(Loopback::open(text_of::<16>()?).await?),
    };
    let verifier = Secret::new(text_of::<32>()?);
    let challenge = Challenge::of(&verifier).text();
    let asked: Asked = hub
        .post(
            "/api/v1/machine/ask",
            &json!({
                "key": URL_SAFE_NO_PAD.encode(key.der_bytes()),
                "proof": proof(key, MachinePurpose::Ask, &challenge)?,
                "challenge": challenge,
                "machine": flags.name.clone().unwrap_or_else(place::machine),
                "port": loopback.as_ref().map(Loopback::port),
                "state": loopback.as_ref().map(Loopback::state).unwrap_or_default(),
            }),
        )
        .await?
        .expected()?;
    let (code, page) = (asked.code.as_str(), asked.page.as_str());
    let collect = async |carried: Option<&Secret>| -> anyhow::Result<Collected> {
        let given = json!({
            "code": code,
            "verifier": verifier.expose(),
            "carried": carried.map(Secret::expose),
        });
        loop {
            let answer = hub.post("/api/v1/machine/collect", &given).await?;
            match answer.asks_to_wait() {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return answer.expected(),
            }
        }
    };
    let decided = async {
        let Some(loopback) = loopback else {
            say_error(&words.type_in(page, code));
            loop {
                tokio::time::sleep(Duration::from_secs(asked.poll_every_s.clamp(1, 60))).await;
                let collected = collect(None).await?;
                if collected.state != "waiting" {
                    return anyhow::Ok(collected);
                }
            }
        };
        let page = format!("{page}?code={code}");
        say_error(&words.open(&page, code));
        if !loopback::open_browser(&page) {
            say_error(words.open_by_hand());
        }
        match loopback.returned(words).await {
            Returned::Allowed(carried) => collect(Some(&carried)).await,
            Returned::Denied => bail!(words.denied()),
        }
    };
    let waits = Duration::from_secs(asked.expires_in_s);
    let Ok(collected) = tokio::time::timeout(waits, decided).await else { bail!(words.too_late()) };
    let collected = collected?;
    match collected.credential {
        Some(credential) => Ok(credential),
        None => bail!(words.denied()),
    }
}

/// `sallyport logout`.
pub(crate) fn logout(flags: &OfHub) -> anyhow::Result<ExitCode> {
    let words = Words(flags.spoken.language);
    let (place, login) = kept(flags, words)?;
    let told = runtime()?.block_on(end(&login));
    place.remove()?;
    match told {
        Ok(()) => say(&words.signed_out(&login.hub))?,
        Err(error) => {
            say_error(&words.hub_not_told(&format!("{error:#}")));
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Tells the hub that the sign-in ends; one that has ended is no failure.
async fn end(login: &Login) -> anyhow::Result<()> {
    let hub = HubClient::new(&login.hub, login.authority.as_deref())?;
    let given = proved(&login.key()?, MachinePurpose::End)?;
    let answer = hub.post("/api/v1/machine/end", &given).await?;
    match answer.is_session_ended() {
        true => Ok(()),
        false => answer.done(),
    }
}

/// `sallyport kubeconfig`.
pub(crate) fn print_kubeconfig(flags: &OfHub) -> anyhow::Result<ExitCode> {
    let words = Words(flags.spoken.language);
    let (_, login) = kept(flags, words)?;
    if login.clusters.is_empty() {
        bail!(words.no_gateway());
    }
    say(kubeconfig::text(&login)?.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

/// `sallyport credential`: what kubectl runs.
pub(crate) fn credential(flags: &OfHub) -> anyhow::Result<ExitCode> {
    let words = Words(flags.spoken.language);
    let (place, login) = kept(flags, words)?;
    let login = runtime()?.block_on(renewed(&place, login, Timestamp::now(), words))?;
    say(&json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {
            "expirationTimestamp": login.expires_at,
            "clientCertificateData": login.certificate,
            "clientKeyData": login.key,
        },
    })
    .to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// The login with a certificate that holds for a while. One whose sign-in the hub has ended is kept no more, so that
/// whatever runs kubectl again and again does not go on asking.
async fn renewed(
    place: &Place,
    mut login: Login,
    now: Timestamp,
    words: Words,
) -> anyhow::Result<Login> {
    if now >= login.ends_at {
        bail!(words.ended(&login.hub));
    }
    if now.after(RENEW_BEFORE) < login.expires_at || login.expires_at >= login.ends_at {
        return Ok(login);
    }
    let hub = HubClient::new(&login.hub, login.authority.as_deref())?;
    let given = proved(&login.key()?, MachinePurpose::Renew)?;
    match hub.post("/api/v1/machine/renew", &given).await {
        Ok(answer) if answer.is_session_ended() => {
            if let Err(error) = place.forget(&login) {
                say_error(&format!("{error:#}"));
            }
            bail!(words.ended(&login.hub))
        }
        Ok(answer) => {
            let fresh: Credential = answer.expected()?;
            (login.certificate, login.user) = (fresh.certificate, fresh.user);
            (login.expires_at, login.ends_at) = (fresh.expires_at, fresh.ends_at);
            login.clusters = fresh.clusters;
            place.write(&login)?;
            Ok(login)
        }
        // A hub that is away for a moment need not stop whoever has a certificate that holds.
        Err(error) if now < login.expires_at => {
            say_error(&format!("{error:#}"));
            Ok(login)
        }
        Err(error) => Err(error),
    }
}

fn kept(flags: &OfHub, words: Words) -> anyhow::Result<(Place, Login)> {
    let place = match &flags.hub {
        Some(hub) => Place::of_hub(hub)?,
        None => match Place::all()?.as_slice() {
            [] => bail!(words.nowhere()),
            [only] => only.clone(),
            several => {
                let hubs: Vec<_> = several.iter().map(Place::hub).collect();
                bail!(words.which(&hubs.join(", ")))
            }
        },
    };
    match place.read()? {
        Some(login) => Ok((place, login)),
        None => bail!(words.ended(place.hub())),
    }
}

fn proved(key: &KeyPair, purpose: MachinePurpose) -> anyhow::Result<serde_json::Value> {
    Ok(json!({ "key": URL_SAFE_NO_PAD.encode(key.der_bytes()), "proof": proof(key, purpose, "")? }))
}

fn proof(key: &KeyPair, purpose: MachinePurpose, about: &str) -> anyhow::Result<String> {
    let signature =
        key.sign(&MachineKey::statement(purpose, about)).context("the key cannot sign")?;
    Ok(URL_SAFE_NO_PAD.encode(signature))
}

/// `N` random bytes in base64url.
fn text_of<const N: usize>() -> anyhow::Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(random::<N>()?))
}

#[cfg(test)]
mod tests;
