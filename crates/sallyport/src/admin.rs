//! `sallyport admin`: accounts, the audit log and the gateway's record of requests, worked on in the store itself, for whoever has the hub's
//! files. What is done is recorded as done by the operator.

mod agents;

use crate::arguments::{AdminCommand, AuditCommand, UserCommand};
use crate::config::Config;
use crate::{hub, say, say_error};
use anyhow::{Context, bail};
use authn::Cost;
use console::{Accounts, Author, NewAccount, PasswordDesk};
use model::{Secret, Timestamp};
use serde_json::json;
use std::process::ExitCode;
use store::{AuditEntry, AuditMark, AuditOutcome, GatewayRequest, GatewayRequestFilter, Store};

/// Does what was asked, on the store that the configuration names.
pub(crate) async fn run(command: AdminCommand, config: Config) -> anyhow::Result<ExitCode> {
    let adds = matches!(command, AdminCommand::User(UserCommand::Add { .. }));
    if !hub::has_store(&config).await? {
        // The address of a PostgreSQL holds a password.
        let place = match &config.store.url {
            Some(_) => "the PostgreSQL that `store.url` names".to_owned(),
            None => config.store.directory.display().to_string(),
        };
        // An empty store would be made otherwise, and then called intact.
        if !adds {
            bail!(
                "there is no store in {place}: name the hub's own directory with --data-dir, or its \
                 configuration with --config. A hub makes its store when it first starts, and `sallyport admin \
                 user add` makes one too"
            );
        }
        say_error(&format!(
            "note: there was no store in {place}, so a new one is made there; the hub that is to know this \
             account must be started with it"
        ));
    }
    let (store, done) = match command {
        AdminCommand::User(command) => {
            let store = hub::open_store(&config).await?;
            let done = user(command, &config, &store).await.map(|()| ExitCode::SUCCESS);
            (store, done)
        }
        AdminCommand::Audit(AuditCommand::Verify { json, accept_restored }) => {
            let (store, mark) = hub::open_marked_store(&config).await?;
            if mark == AuditMark::Missing {
                say_error(
                    "note: this hub had no mark of the audit log; records cut off its end before now are not found",
                );
            }
            if accept_restored && mark == AuditMark::Holds {
                say_error("note: the log holds what this hub has seen; there is nothing to accept");
            }
            let is_restored = accept_restored && matches!(mark, AuditMark::Broken(_));
            let done = verify(&store, json, is_restored).await;
            (store, done)
        }
        AdminCommand::Agent(command) => {
            let store = hub::open_store(&config).await?;
            let done = agents::run(command, &config, &store).await.map(|()| ExitCode::SUCCESS);
            (store, done)
        }
        AdminCommand::Requests { user, limit, json } => {
            let store = hub::open_store(&config).await?;
            let filter = GatewayRequestFilter { user, before: None, limit };
            let done = requests(&store, &filter, json).await.map(|()| ExitCode::SUCCESS);
            (store, done)
        }
    };
    store.close().await;
    done
}

async fn requests(
    store: &Store,
    filter: &GatewayRequestFilter,
    as_json: bool,
) -> anyhow::Result<()> {
    for request in store.gateway_requests(filter).await? {
        if as_json {
            let mut row = serde_json::to_value(&request)?;
            row["at"] = json!(request.at);
            say(&row.to_string())?;
        } else {
            say(&in_words(&request))?;
        }
    }
    Ok(())
}

fn in_words(request: &GatewayRequest) -> String {
    let mut who = request.user_name.clone().unwrap_or_else(|| "-".to_owned());
    if let Some(method) = &request.method {
        who.push_str(&format!(" ({method})"));
    }
    if let Some(other) = &request.acting_as {
        who.push_str(&format!(" as {other}"));
    }
    let mut what = request.resource.clone().unwrap_or_else(|| request.path.clone());
    if let Some(subresource) = &request.subresource {
        what.push_str(&format!("/{subresource}"));
    }
    if let Some(name) = &request.name {
        what.push_str(&format!(" {name}"));
    }
    if let Some(namespace) = &request.namespace {
        what.push_str(&format!(" in {namespace}"));
    }
    let took_ms = f64::from(request.latency_us) / 1e3;
    format!(
        "{}  {}  {took_ms:>8.1} ms  {}  {}: {} {what}",
        request.at, request.status, request.source, who, request.verb
    )
}

async fn user(command: UserCommand, config: &Config, store: &Store) -> anyhow::Result<()> {
    let origin = config.server.origins.first().context("`server.origins` is empty")?;
    let accounts = Accounts::new(store.clone(), hub::account_mapping(config)?, origin.clone());
    let operator = std::env::var("USER").unwrap_or_else(|_| "unknown".to_owned());
    let author = Author::at_command_line(&operator, Timestamp::now());
    let desk = || -> anyhow::Result<PasswordDesk> {
        Ok(PasswordDesk::new(Cost::default(), hub::random()?)?)
    };
    match command {
        UserCommand::Add {
            name,
            display_name,
            group,
            admin,
            allow_reserved_groups,
            password_stdin,
        } => {
            let password = password_stdin.then(password_from_stdin).transpose()?;
            let new = NewAccount {
                name: name.clone(),
                display_name,
                groups: group,
                admin,
                allow_reserved_groups,
            };
            let made = |user: &str| {
                say(&format!("account `{name}` was made; Kubernetes knows it as `{user}`"))
            };
            match password {
                Some(password) => {
                    let account =
                        accounts.create_with_password(&author, new, password, &desk()?).await?;
                    made(&account.kubernetes_user)?;
                    say("its password is set")?;
                }
                None => {
                    let created = accounts.create(&author, new).await?;
                    made(&created.account.kubernetes_user)?;
                    print_invitation(&created.invitation)?;
                }
            }
        }
        UserCommand::List { json } => list(&accounts, json).await?,
        UserCommand::Disable { name } => {
            accounts.disable(&author, &name).await?;
            say(&format!("account `{name}` is disabled; its sign-ins and terminals end"))?;
        }
        UserCommand::Enable { name } => {
            accounts.enable(&author, &name).await?;
            say(&format!("account `{name}` is enabled"))?;
        }
        UserCommand::Invite { name } => print_invitation(&accounts.invite(&author, &name).await?)?,
        UserCommand::Passwd { name } => {
            let password = password_from_stdin()?;
            accounts.set_password(&author, &name, password, &desk()?).await?;
            say(&format!("the password of `{name}` is set; its sign-ins have ended"))?;
        }
        UserCommand::SignOut { name } => {
            let ended = accounts.sign_out(&author, &name).await?;
            say(&format!("{ended} sign-in(s) of `{name}` ended"))?;
        }
    }
    Ok(())
}

async fn list(accounts: &Accounts, as_json: bool) -> anyhow::Result<()> {
    let all = accounts.list().await?;
    if as_json {
        let rows: Vec<_> = all
            .iter()
            .map(|account| {
                json!({
                    "name": account.name, "display_name": account.display_name,
                    "kubernetes_user": account.kubernetes_user, "groups": account.groups,
                    "admin": account.admin, "disabled": account.disabled_at.is_some(),
                    "last_sign_in_at": account.last_sign_in_at,
                })
            })
            .collect();
        return say(&serde_json::to_string_pretty(&rows)?);
    }
    if all.is_empty() {
        return say(
            "there are no accounts; make the first with `sallyport admin user add NAME --admin`",
        );
    }
    say(&format!(
        "{:<20} {:<32} {:<9} {:<8} LAST SIGN-IN",
        "NAME", "KUBERNETES USER", "ADMIN", "STATE"
    ))?;
    for account in all {
        say(&format!(
            "{:<20} {:<32} {:<9} {:<8} {}",
            account.name.as_str(),
            account.kubernetes_user,
            if account.admin { "yes" } else { "no" },
            if account.disabled_at.is_some() { "disabled" } else { "active" },
            account.last_sign_in_at.map_or_else(|| "never".to_owned(), |at| at.to_string()),
        ))?;
    }
    Ok(())
}

fn print_invitation(invitation: &console::Invitation) -> anyhow::Result<()> {
    say(&format!(
        "invitation, valid once until {}:\n{}",
        invitation.expires_at,
        invitation.url.expose()
    ))
}

fn password_from_stdin() -> anyhow::Result<Secret> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).context("standard input cannot be read")?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() {
        bail!("no password came on standard input");
    }
    Ok(Secret::new(password))
}

async fn verify(store: &Store, as_json: bool, is_restored: bool) -> anyhow::Result<ExitCode> {
    let progress = |done: u64, all: u64| {
        if !as_json && done > 0 && done.is_multiple_of(100_000) {
            say_error(&format!("{done} of {all} records checked"));
        }
    };
    let verdict = if is_restored {
        store.accept_restored(restored(), progress).await?
    } else {
        store.audit_verify(progress).await?
    };
    if as_json {
        let verdict = json!({
            "records": verdict.records, "intact": verdict.intact,
            "first_bad": verdict.first_bad, "detail": verdict.detail,
        });
        say(&verdict.to_string())?;
    } else if verdict.intact {
        say(&format!("intact: {} records", verdict.records))?;
        if verdict.records == 0 {
            say_error("note: nothing was ever recorded in this store; is it the hub's?");
        }
    } else {
        say(&format!("NOT INTACT: {}", verdict.detail))?;
    }
    Ok(if verdict.intact { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The record of a database that was put back on purpose.
fn restored() -> AuditEntry {
    by_operator("audit.accept_restored", String::new())
}

/// A record of what the operator does by this command.
fn by_operator(action: &str, object: String) -> AuditEntry {
    AuditEntry {
        at: Timestamp::now(),
        actor: format!(
            "operator:{}",
            std::env::var("USER").unwrap_or_else(|_| "unknown".to_owned())
        ),
        action: action.to_owned(),
        object,
        outcome: AuditOutcome::Allowed,
        reason: String::new(),
        request_id: String::new(),
        source: "command line".to_owned(),
        detail: json!({}),
    }
}
