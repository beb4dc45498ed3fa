//! `sallyport`: the arguments, and which command does what. Each command stands in a file of its own.

mod admin;
mod agent;
mod agents;
mod arguments;
mod auth;
mod config;
mod gateway;
mod health;
mod hub;
mod issuer;
mod listen;
mod login;
mod scan;
mod serve;
mod signals;
mod tls;
mod traffic;

use anyhow::Context;
use arguments::{Arguments, Command, ConfigCommand};
use clap::CommandFactory;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::of_process();
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            // The one place where a chain of causes is printed.
            say_error(&format!("sallyport: {error:#}"));
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let sources = arguments.sources();
    match arguments.command {
        Command::Serve(flags) => {
            let runtime = runtime()?;
            let code = runtime.block_on(async {
                serve::serve(config::check(&flags.over(sources)).await?).await
            })?;
            // Whoever was told twice to stop does not wait for a thread that is busy.
            runtime.shutdown_background();
            return Ok(code);
        }
        Command::Config(ConfigCommand::Check(flags)) => {
            let config = runtime()?.block_on(config::check(&flags.over(sources)))?;
            say(&format!(
                "the configuration is sound: {} cluster(s), origin {}",
                config.cluster.len(),
                config.server.origins.first().map_or("none", String::as_str)
            ))?;
        }
        Command::Config(ConfigCommand::Explain { key }) => explain(key.as_deref())?,
        Command::Admin(command) => {
            let config = config::load(&sources)?;
            return runtime()?.block_on(admin::run(command, config));
        }
        Command::Agent(flags) => return agent::run(*flags),
        Command::Traffic(command) => return traffic::run(command),
        Command::Auth(command) => return auth::run(command),
        Command::Scan(command) => return scan::run(command),
        Command::Login(flags) => return login::login(flags),
        Command::Logout(flags) => return login::logout(&flags),
        Command::Kubeconfig(flags) => return login::print_kubeconfig(&flags),
        Command::Credential(flags) => return login::credential(&flags),
        Command::Token(flags) => return login::token(&flags),
        Command::Openapi => say(&serve::description()?)?,
        Command::Completion { shell } => {
            let mut command = Arguments::command();
            // Into memory first: it panics where nobody reads on, as behind `head`.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, "sallyport", &mut script);
            print(&script)?;
        }
        Command::Man { dir: None } => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Arguments::command()).render(&mut page)?;
            print(&page)?;
        }
        Command::Man { dir: Some(dir) } => {
            std::fs::create_dir_all(&dir)
                .and_then(|()| clap_mangen::generate_to(Arguments::command(), &dir))
                .with_context(|| format!("manual pages cannot be written to {}", dir.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

fn explain(wanted: Option<&str>) -> anyhow::Result<()> {
    let keys: Vec<_> = config::KEYS
        .iter()
        .filter(|key| wanted.is_none_or(|wanted| key.name.starts_with(wanted)))
        .collect();
    let with_clusters = wanted.is_none_or(|wanted| "cluster".starts_with(wanted));
    if keys.is_empty() && !with_clusters {
        anyhow::bail!("there is no configuration key that begins with `{}`", wanted.unwrap_or(""));
    }
    for key in keys {
        let default = if key.default.is_empty() { "unset" } else { key.default };
        let variable = if key.is_list() { key.example() } else { key.variable() };
        say(&format!("{} = {default}\n    {}\n    {variable}\n", key.name, key.help))?;
    }
    if with_clusters {
        say(
            "[[cluster]]\n    One table for each cluster: name, then kubeconfig and context, or in_cluster = true.\n    \
             token_review_secret = FILE lets its API server have the hub's tokens reviewed, by the secret in that file.\n    \
             On the command line: --kubeconfig FILE --context NAME.\n",
        )?;
    }
    Ok(())
}

/// Writes a line to standard output; a reader that has left is no failure of ours to hide.
pub(crate) fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

/// Writes to standard output; whoever stops reading has seen enough.
fn print(text: &[u8]) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Writes a line to standard error. If even that fails, nothing can be told to anybody.
pub(crate) fn say_error(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}
