//! The command line: what can be asked, and how it overrides the configuration.

use crate::auth::AuthCommand;
use crate::config::Sources;
use crate::login::{LoginFlags, OfHub, TokenFlags};
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use model::{AccountName, ClusterName, NodeName};
use std::path::{Path, PathBuf};

/// The guarded way into a Kubernetes cluster: who you are, a shell in the browser through two gates, and a
/// record of it.
#[derive(Debug, Parser)]
#[command(
    name = "sallyport",
    version,
    propagate_version = true,
    after_help = "Examples:\n  \
        sallyport serve --kubeconfig ~/.kube/config --context staging --self-signed --data-dir ./data\n  \
        sallyport admin user add alice --admin\n  \
        sallyport config explain server\n\n\
        Every configuration key can be set in the file, by a SALLYPORT_* variable, or by --set KEY=VALUE."
)]
pub(crate) struct Arguments {
    /// The configuration file (TOML).
    #[arg(long, short, global = true, env = "SALLYPORT_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets a configuration key, over file and variables; may be repeated.
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
    /// Directory of the database and the hub's own files (`store.directory`).
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the hub: the console, its API, and the terminals.
    Serve(ServeFlags),
    /// Check or explain the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Manage accounts and the audit log, on the hub's own store.
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Run on a node: capture what the API server says and hears, and send it to a hub, decoded and redacted.
    Agent(Box<crate::agent::AgentFlags>),
    /// Decode what the API server says and hears, from captures.
    #[command(subcommand)]
    Traffic(crate::traffic::TrafficCommand),
    /// Explain who a credential is to an API server.
    #[command(subcommand)]
    Auth(AuthCommand),
    /// Scan for what is still open, with evidence and fixes.
    #[command(subcommand)]
    Scan(crate::scan::ScanCommand),
    /// Sign in from this machine through a browser, so that kubectl reaches the clusters behind a hub.
    Login(LoginFlags),
    /// Sign this machine out, and remove what is kept of the login.
    Logout(OfHub),
    /// Print the kubeconfig for the clusters behind a hub that this machine is signed in to.
    Kubeconfig(OfHub),
    /// Print the credential of this machine's login: what kubectl runs (ExecCredential v1).
    Credential(OfHub),
    /// Print a token with which a cluster's own API server lets in who is signed in from this machine.
    Token(TokenFlags),
    /// Print the OpenAPI description of the API.
    Openapi,
    /// Print a completion script for a shell.
    Completion { shell: clap_complete::Shell },
    /// Print the manual page, or write those of all commands.
    Man {
        /// Write a page for each command into this directory, such as /usr/local/share/man/man1.
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ServeFlags {
    /// Address and port to serve on (`server.listen`).
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Origin under which browsers reach the hub (`server.origins`); may be repeated.
    #[arg(long, value_name = "URL")]
    origin: Vec<String>,
    /// Stand before the cluster of this kubeconfig.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context to use; needless only where there is one context and it is the current one. No
    /// other is ever touched.
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    context: Option<String>,
    /// What to call the cluster of --kubeconfig.
    #[arg(long, value_name = "NAME", requires = "kubeconfig", default_value = "default")]
    cluster_name: String,
    /// For demonstrations only: serve with a certificate of a throw-away CA.
    #[arg(long)]
    self_signed: bool,
    /// Write the log for people instead of machines.
    #[arg(long)]
    log_text: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Read the configuration as `serve` would, with the same flags, and say all that is wrong with it.
    Check(ServeFlags),
    /// List the configuration keys with defaults and variables.
    Explain {
        /// Only keys that begin so, as in `server` or `links.ticket_s`.
        key: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Manage local accounts.
    #[command(subcommand)]
    User(UserCommand),
    /// Look after the audit log.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Manage the agents that send traffic.
    #[command(subcommand)]
    Agent(AgentCommand),
    /// List requests that came to the gateway, newest first.
    Requests {
        /// Only this user's, as Kubernetes knows them.
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Make an account and print the invitation by which its owner sets a password.
    Add {
        /// Name to sign in with.
        #[arg(value_parser = account)]
        name: AccountName,
        /// What to call the person.
        #[arg(long)]
        display_name: Option<String>,
        /// Kubernetes group of the account; may be repeated.
        #[arg(long)]
        group: Vec<String>,
        /// The account administers the hub.
        #[arg(long)]
        admin: bool,
        /// Consent to groups that are Kubernetes' own, such as `system:masters`.
        #[arg(long)]
        allow_reserved_groups: bool,
        /// Set the password to the first line of standard input instead of inviting.
        #[arg(long)]
        password_stdin: bool,
    },
    /// List all accounts.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Disable an account: sign-ins and terminals end within two seconds, links are revoked.
    Disable {
        #[arg(value_parser = account)]
        name: AccountName,
    },
    /// Enable an account again.
    Enable {
        #[arg(value_parser = account)]
        name: AccountName,
    },
    /// Print a new invitation to set the password; an earlier one dies.
    Invite {
        #[arg(value_parser = account)]
        name: AccountName,
    },
    /// Set a password to the first line of standard input; the account's sign-ins end.
    Passwd {
        #[arg(value_parser = account)]
        name: AccountName,
    },
    /// End all sign-ins of an account.
    SignOut {
        #[arg(value_parser = account)]
        name: AccountName,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AgentCommand {
    /// Make a certificate for the agent on a node, with the hub's own authority.
    Issue {
        /// The node.
        node: NodeName,
        /// The cluster, as the hub's configuration names it.
        #[arg(long, value_name = "NAME")]
        cluster: ClusterName,
        /// Where to write `agent.pem` and `agent.key`.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// How many days it holds.
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=825))]
        days: u64,
    },
    /// List the agents that were ever heard or revoked.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Refuse all certificates that the agent on a node was given up to now, at once and on every hub.
    Revoke {
        /// The node.
        node: NodeName,
        /// The cluster.
        #[arg(long, value_name = "NAME")]
        cluster: ClusterName,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check the whole chain: any edit or reordering is found, and any deletion up to the newest record that
    /// this hub marked in its directory. Exits 1 if there is one.
    Verify {
        /// You put an older copy of the database back yourself: if it is whole, make its end this hub's mark
        /// and record that. Stop the hub first, and do it on every hub.
        #[arg(long)]
        accept_restored: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

impl Arguments {
    /// The command line of this process; a wrong one ends it with its usage. As a plugin, under the name
    /// `kubectl-sallyport`, it is `kubectl sallyport`.
    pub(crate) fn of_process() -> Self {
        let name = std::env::args_os().next().map(PathBuf::from);
        let name = name.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
        let mut command = Self::command();
        if matches!(name, Some("kubectl-sallyport" | "kubectl_sallyport")) {
            command = command.bin_name("kubectl sallyport");
        }
        let matches = command.get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Where the configuration comes from, as far as all commands share it.
    pub(crate) fn sources(&self) -> Sources {
        let mut flags = self.set.clone();
        if let Some(directory) = &self.data_dir {
            flags.push(("store.directory".to_owned(), directory.display().to_string()));
        }
        Sources::of_process(self.config.clone(), flags)
    }
}

impl ServeFlags {
    /// Adds the flags of `serve`.
    pub(crate) fn over(self, mut sources: Sources) -> Sources {
        let mut flag = |key: &str, value: String| sources.flags.push((key.to_owned(), value));
        if let Some(listen) = self.listen {
            flag("server.listen", listen);
        }
        if !self.origin.is_empty() {
            let origins: Vec<String> = self.origin.iter().map(|url| format!("{url:?}")).collect();
            flag("server.origins", format!("[{}]", origins.join(", ")));
        }
        if self.self_signed {
            flag("tls.self_signed", "true".to_owned());
        }
        if self.log_text {
            flag("log.format", "text".to_owned());
        }
        if let Some(kubeconfig) = self.kubeconfig {
            sources.cluster = Some((self.cluster_name, kubeconfig, self.context));
        }
        sources
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| "write KEY=VALUE".to_owned())
}

fn account(text: &str) -> Result<AccountName, String> {
    text.parse().map_err(|error: model::InvalidName| error.to_string())
}
