-- The authority that signs the certificates of machines from which people signed in. One for all hubs of a database;
-- its key is sealed.
CREATE TABLE machine_authority (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    certificate BLOB NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Requests of `sallyport login` that wait for a person's yes, or for being collected. The sign-in that comes of one is
-- a row of `sign_ins` whose secret is the machine's key.
CREATE TABLE machine_requests (
    code TEXT PRIMARY KEY,
    challenge BLOB NOT NULL,
    machine_key BLOB NOT NULL,
    machine TEXT NOT NULL,
    port INTEGER,
    state TEXT NOT NULL,
    network TEXT NOT NULL,
    source TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    decided_at INTEGER,
    sign_in TEXT,
    account TEXT REFERENCES accounts (id),
    grant_hash BLOB,
    collected_at INTEGER
) STRICT;
CREATE INDEX machine_requests_by_network ON machine_requests (network);
CREATE INDEX machine_requests_by_expiry ON machine_requests (expires_at);
