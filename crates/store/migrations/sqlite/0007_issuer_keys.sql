-- The keys that sign the ID tokens which people get for an API server. Shared by all hubs of a database; the secret
-- halves are sealed, the public ones are read out of them.
CREATE TABLE issuer_keys (
    kid TEXT PRIMARY KEY,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
