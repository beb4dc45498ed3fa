CREATE TABLE vault_check (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    mac BYTEA NOT NULL
);

CREATE TABLE audit_head (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    mac BYTEA NOT NULL
);

CREATE TABLE audit (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    request_id TEXT NOT NULL,
    source TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash BYTEA NOT NULL
);
CREATE INDEX audit_by_actor ON audit (actor, seq);
CREATE INDEX audit_by_action ON audit (action, seq);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END $$;
CREATE TRIGGER audit_no_update BEFORE UPDATE OR DELETE ON audit
FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

CREATE FUNCTION audit_is_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.seq IS DISTINCT FROM (SELECT seq + 1 FROM audit_head) THEN
        RAISE EXCEPTION 'the audit log is written in order';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_in_order BEFORE INSERT ON audit
FOR EACH ROW EXECUTE FUNCTION audit_is_in_order();

CREATE TABLE changes (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at BIGINT NOT NULL,
    change TEXT NOT NULL
);
CREATE INDEX changes_by_time ON changes (at);

CREATE TABLE hubs (
    id TEXT PRIMARY KEY,
    started_at BIGINT NOT NULL,
    heartbeat_at BIGINT NOT NULL
);

CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    kubernetes_user TEXT NOT NULL UNIQUE,
    groups TEXT NOT NULL,
    admin BOOLEAN NOT NULL,
    disabled_at BIGINT,
    password TEXT,
    created_at BIGINT NOT NULL,
    last_sign_in_at BIGINT
);

CREATE TABLE invitations (
    hash BYTEA PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id),
    expires_at BIGINT NOT NULL,
    redeemed_at BIGINT
);
CREATE INDEX invitations_by_account ON invitations (account);

CREATE TABLE sign_ins (
    id TEXT PRIMARY KEY,
    secret_hash BYTEA NOT NULL UNIQUE,
    account TEXT REFERENCES accounts (id),
    user_name TEXT NOT NULL,
    identity TEXT NOT NULL,
    cluster TEXT,
    method TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    idle_timeout BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    source TEXT NOT NULL,
    user_agent TEXT NOT NULL
);
CREATE INDEX sign_ins_by_user ON sign_ins (user_name);
CREATE INDEX sign_ins_by_account ON sign_ins (account);
CREATE INDEX sign_ins_by_expiry ON sign_ins (expires_at);

CREATE TABLE sign_in_tokens (
    sign_in TEXT PRIMARY KEY REFERENCES sign_ins (id),
    sealed BYTEA NOT NULL
);

CREATE TABLE throttles (
    key TEXT PRIMARY KEY,
    failures BIGINT NOT NULL,
    last_failure_at BIGINT NOT NULL
);
CREATE INDEX throttles_by_time ON throttles (last_failure_at);

CREATE TABLE links (
    id TEXT PRIMARY KEY,
    user_name TEXT NOT NULL,
    minted_by TEXT NOT NULL,
    cluster TEXT NOT NULL,
    namespace TEXT NOT NULL,
    pod TEXT NOT NULL,
    pod_uid TEXT NOT NULL,
    container TEXT NOT NULL,
    tty BOOLEAN NOT NULL,
    command TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    bound_to TEXT,
    used_at BIGINT,
    revoked_at BIGINT,
    revoked_by TEXT
);
CREATE INDEX links_by_user ON links (user_name, created_at);
CREATE INDEX links_by_time ON links (created_at);
CREATE INDEX links_by_expiry ON links (expires_at);
CREATE INDEX links_open ON links (user_name, cluster, expires_at) WHERE used_at IS NULL AND revoked_at IS NULL;

CREATE TABLE tickets (
    hash BYTEA PRIMARY KEY,
    link TEXT NOT NULL REFERENCES links (id),
    sign_in TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    consumed_at BIGINT
);
CREATE INDEX tickets_by_link ON tickets (link);
CREATE INDEX tickets_by_sign_in ON tickets (sign_in);
CREATE INDEX tickets_by_expiry ON tickets (expires_at);

CREATE TABLE terminals (
    id TEXT PRIMARY KEY,
    link TEXT NOT NULL REFERENCES links (id),
    user_name TEXT NOT NULL,
    sign_in TEXT NOT NULL,
    cluster TEXT NOT NULL,
    namespace TEXT NOT NULL,
    pod TEXT NOT NULL,
    pod_uid TEXT NOT NULL,
    container TEXT NOT NULL,
    tty BOOLEAN NOT NULL,
    command TEXT NOT NULL,
    hub TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_reason TEXT
);
CREATE INDEX terminals_by_user ON terminals (user_name, started_at);
CREATE INDEX terminals_by_link ON terminals (link);
CREATE INDEX terminals_by_time ON terminals (started_at);
CREATE INDEX terminals_by_end ON terminals (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX terminals_live ON terminals (hub) WHERE ended_at IS NULL;

CREATE TABLE link_keys (
    kid TEXT PRIMARY KEY,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE workspaces (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    cluster TEXT NOT NULL,
    namespace TEXT NOT NULL,
    pod TEXT NOT NULL,
    pod_uid TEXT,
    container TEXT NOT NULL,
    template TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    deleted_at BIGINT,
    state_note TEXT NOT NULL
);
CREATE UNIQUE INDEX workspaces_live_name ON workspaces (owner, cluster, name) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX workspaces_live_pod ON workspaces (cluster, namespace, pod) WHERE deleted_at IS NULL;
CREATE INDEX workspaces_by_owner ON workspaces (owner);
CREATE INDEX workspaces_by_deletion ON workspaces (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE namespaces (
    cluster TEXT NOT NULL,
    namespace TEXT NOT NULL,
    uid TEXT,
    birth_mark TEXT,
    noted_at BIGINT NOT NULL,
    PRIMARY KEY (cluster, namespace)
);
