//! Every configuration key in words, for `config explain`, the variables and the manual.

/// A key.
#[derive(Debug)]
pub(crate) struct Key {
    /// `section.key`.
    pub(crate) name: &'static str,
    /// Its default, as TOML.
    pub(crate) default: &'static str,
    /// Whether it is a single text, so that `yes` or `5` given in a variable stays one.
    pub(crate) is_text: bool,
    /// What it does.
    pub(crate) help: &'static str,
}

const fn text(name: &'static str, default: &'static str, help: &'static str) -> Key {
    Key { name, default, is_text: true, help }
}

const fn other(name: &'static str, default: &'static str, help: &'static str) -> Key {
    Key { name, default, is_text: false, help }
}

/// All keys, in the order of the file. Clusters are tables of their own: `[[cluster]]`.
pub(crate) const KEYS: &[Key] = &[
    text(
        "server.listen",
        "\"127.0.0.1:8443\"",
        "Address and port of the console and its API (TLS).",
    ),
    other(
        "server.origins",
        "[\"https://localhost:8443\"]",
        "Origins under which browsers reach the hub, exactly; links are written with the first.",
    ),
    other("server.trusted_proxies", "[]", "Networks whose X-Forwarded-For is believed."),
    text(
        "server.metrics_listen",
        "",
        "Address and port of Prometheus metrics (plain HTTP); none if left out.",
    ),
    other(
        "server.drain_grace_s",
        "20",
        "How long open terminals may finish when the hub is stopped.",
    ),
    other(
        "server.connections_per_network_max",
        "1000",
        "Connections of one network (an IPv4 address, an IPv6 /64), terminals not counted; the default is a class of 500 behind one address. Trusted proxies have no such bound.",
    ),
    other(
        "server.acts_per_second_max",
        "20",
        "What one person may ask for in a second that changes something, enters a Pod or asks the cluster what they may; ten times as much at once.",
    ),
    text("tls.certificate", "", "PEM file with the certificate chain; reloaded when it changes."),
    text("tls.key", "", "PEM file with the private key."),
    other(
        "tls.self_signed",
        "false",
        "For demonstrations only: make a throw-away CA and certificate in the store's directory.",
    ),
    text(
        "store.directory",
        "\"/var/lib/sallyport\"",
        "Directory of the SQLite database and of the hub's own files.",
    ),
    text("store.url", "", "PostgreSQL URL; SQLite is used if left out."),
    text(
        "store.vault_key_file",
        "",
        "File with 32 bytes in hexadecimal that seal secrets in the store; made in the directory if left out, needed with PostgreSQL.",
    ),
    other(
        "store.keep_ended_days",
        "90",
        "How long links, terminals and workspaces stay listed after their end, 1 to 3650; the audit log keeps its records for ever.",
    ),
    other("sign_in.idle_minutes", "90", "A browser that asks nothing for so long is signed out."),
    other("sign_in.password_hours", "12", "A password sign-in ends after so long."),
    other("sign_in.token_hours", "1", "A token sign-in ends after so long, or with its token."),
    other(
        "sign_in.machine_hours",
        "12",
        "A machine signed in from with `sallyport login` is signed out after so long, 1 to 168.",
    ),
    text(
        "sign_in.user_prefix",
        "\"sallyport:\"",
        "Put before an account's name to make its Kubernetes user name.",
    ),
    other(
        "sign_in.admin_groups",
        "[]",
        "Kubernetes groups whose members administer the hub when they sign in with a token of the first cluster.",
    ),
    other(
        "links.lifetime_s",
        "300",
        "How long a presigned link holds unless its minter says otherwise.",
    ),
    other("links.lifetime_max_s", "86400", "The longest life that may be asked for a link."),
    other("links.ticket_s", "30", "How long the first gate's ticket holds; at most 30."),
    other(
        "terminals.recheck_s",
        "45",
        "How often the right of a live terminal is asked again; at most 60.",
    ),
    other("terminals.per_person_max", "64", "Live terminals of one person on this hub."),
    other("terminals.total_max", "10000", "Live terminals on this hub."),
    text("workspaces.image", "\"debian:bookworm\"", "Image of the default workspace template."),
    other("workspaces.per_person_max", "3", "Workspaces of one person."),
    other("workspaces.total_max", "300", "Workspaces of everybody."),
    other("workspaces.lifetime_hours", "8", "A workspace ends after so long."),
    other(
        "workspaces.adopt_namespaces",
        "false",
        "For a store that was lost, and for demonstrations: take namespaces that carry a person's marks for theirs, though no hub on this store made them; whoever may create namespaces could have forged them.",
    ),
    other(
        "traffic.keep_hours",
        "168",
        "How long the units of traffic, and the reports of connections, are kept.",
    ),
    other(
        "traffic.keep_content_hours",
        "24",
        "How long headers and content of units are kept; at most as long as the units.",
    ),
    other("traffic.units_max", "1000000", "Units of traffic that are kept; about 400 bytes each."),
    other("traffic.content_mib_max", "1024", "MiB of headers and content that are kept."),
    other(
        "posture.scan_every_hours",
        "12",
        "Time between two scans of each cluster, which read and change nothing; 0 leaves it to whoever asks for one.",
    ),
    other(
        "posture.keep_days",
        "90",
        "How long scans, and findings that are gone, are kept; what is open always is.",
    ),
    text(
        "traffic.agents_listen",
        "",
        "Address and port where agents bring what they capture (mutual TLS, with the certificate of `tls`); off if left out.",
    ),
    text(
        "traffic.agents_ca",
        "",
        "PEM file with the authorities of agents' certificates; if left out the hub makes its own in the directory, for `sallyport admin agent issue`.",
    ),
    text(
        "gateway.listen",
        "",
        "Address and port of the gateway before the clusters (TLS, with the certificate of `tls`); off if left out.",
    ),
    text(
        "gateway.url",
        "",
        "Address under which clients reach the gateway, for the kubeconfigs of `sallyport login`; if left out, the host of the first origin and the port of `gateway.listen`.",
    ),
    other(
        "gateway.login",
        "true",
        "Accounts of the hub come in from machines where they ran `sallyport login`.",
    ),
    text(
        "gateway.base_domain",
        "",
        "Clusters answer to NAME.<base domain> too, besides /clusters/NAME.",
    ),
    other(
        "gateway.token_review",
        "true",
        "Tokens that no other method knows are put to the TokenReview of the cluster they are for.",
    ),
    text(
        "gateway.client_ca",
        "",
        "PEM bundle of the authorities of client certificates, as --client-ca-file; reloaded, as all files below.",
    ),
    text("gateway.token_file", "", "CSV of static tokens, as --token-auth-file."),
    other(
        "gateway.service_account_keys",
        "[]",
        "PEM files with public keys of service account tokens, to verify them here; the objects they hang on are read from the cluster.",
    ),
    other(
        "gateway.service_account_issuers",
        "[\"https://kubernetes.default.svc.cluster.local\"]",
        "Issuers of service account tokens, as --service-account-issuer; no OpenID Connect issuer may be one.",
    ),
    other(
        "gateway.api_audiences",
        "[]",
        "Audiences of service account tokens verified here and of the token webhook's, as --api-audiences; the issuers if empty.",
    ),
    other(
        "gateway.bootstrap_tokens",
        "false",
        "Verify bootstrap tokens here, by the cluster's Secrets in kube-system.",
    ),
    text(
        "gateway.authentication_config",
        "",
        "AuthenticationConfiguration (YAML) with OpenID Connect issuers, as --authentication-config.",
    ),
    text(
        "gateway.token_webhook",
        "",
        "Kubeconfig-shaped file of a service that reviews tokens, as --authentication-token-webhook-config-file.",
    ),
    text(
        "gateway.token_webhook_version",
        "\"v1beta1\"",
        "`v1` or `v1beta1`, as --authentication-token-webhook-version.",
    ),
    other(
        "gateway.token_webhook_cache_s",
        "120",
        "How long its answers are kept, 0 to 86400, as --authentication-token-webhook-cache-ttl.",
    ),
    other(
        "gateway.anonymous",
        "false",
        "Requests without any credential go on as system:anonymous; an AuthenticationConfiguration that says otherwise wins.",
    ),
    text(
        "gateway.front_proxy_ca",
        "",
        "PEM bundle of the authorities of front proxies, as --requestheader-client-ca-file; without it no header names anybody.",
    ),
    other(
        "gateway.front_proxy_allowed_names",
        "[]",
        "Common names of front proxies, as --requestheader-allowed-names; any that the authority signed if empty.",
    ),
    other(
        "gateway.front_proxy_user_headers",
        "[\"X-Remote-User\"]",
        "Headers in which a front proxy names the user.",
    ),
    other(
        "gateway.front_proxy_uid_headers",
        "[\"X-Remote-Uid\"]",
        "Headers in which a front proxy gives the user's UID.",
    ),
    other(
        "gateway.front_proxy_group_headers",
        "[\"X-Remote-Group\"]",
        "Headers in which a front proxy names groups.",
    ),
    other(
        "gateway.front_proxy_extra_prefixes",
        "[\"X-Remote-Extra-\"]",
        "Prefixes of headers in which a front proxy gives extra attributes.",
    ),
    other(
        "gateway.connections_per_network_max",
        "1000",
        "Connections of one network (an IPv4 address, an IPv6 /64) to the gateway, upgraded ones not counted.",
    ),
    other(
        "gateway.connections_max",
        "20000",
        "All connections to the gateway, upgraded ones too; further ones wait.",
    ),
    other(
        "gateway.keep_requests_days",
        "30",
        "How long the record of the gateway's requests is kept, 1 to 3650.",
    ),
    text(
        "issuer.url",
        "",
        "Address of the hub as an OpenID Connect issuer for API servers, an origin and `/issuer`, as in --oidc-issuer-url; off if left out.",
    ),
    other(
        "issuer.token_s",
        "600",
        "How long a token for an API server holds, 60 to 600; one that verifies tokens by itself takes it for as long after a sign-in's end.",
    ),
    text("log.format", "\"json\"", "`json` for machines or `text` for people."),
    text("log.filter", "\"info\"", "Level, or filter by module as in `info,store=debug`."),
];

impl Key {
    /// Whether it holds several values.
    pub(crate) fn is_list(&self) -> bool {
        self.default.starts_with('[')
    }

    /// How the variable is set in a shell. Values are written as in the file, so lists keep their brackets.
    pub(crate) fn example(&self) -> String {
        let value = if self.name == "server.origins" {
            r#"["https://hub.example.com", "https://hub.internal:8443"]"#
        } else {
            r#"["one", "two"]"#
        };
        format!("{}='{value}'", self.variable())
    }

    /// The variable that sets it.
    pub(crate) fn variable(&self) -> String {
        format!("SALLYPORT_{}", self.name.replacen('.', "__", 1).to_ascii_uppercase())
    }
}
