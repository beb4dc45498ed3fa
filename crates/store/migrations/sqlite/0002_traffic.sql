CREATE TABLE traffic_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    unit INTEGER NOT NULL,
    connection INTEGER NOT NULL,
    body_bytes INTEGER NOT NULL
) STRICT;
INSERT INTO traffic_head (one, unit, connection, body_bytes) VALUES (1, 0, 0, 0);

CREATE TABLE traffic_batches (
    first_unit INTEGER PRIMARY KEY,
    last_unit INTEGER NOT NULL,
    stored_at INTEGER NOT NULL,
    body_bytes INTEGER NOT NULL
) STRICT;
CREATE INDEX traffic_batches_by_time ON traffic_batches (stored_at);
CREATE INDEX traffic_batches_with_bodies ON traffic_batches (first_unit) WHERE body_bytes > 0;

CREATE TABLE traffic_units (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    connection INTEGER NOT NULL,
    side TEXT NOT NULL,
    source_ip TEXT NOT NULL,
    source_port INTEGER NOT NULL,
    destination_ip TEXT NOT NULL,
    destination_port INTEGER NOT NULL,
    protocol TEXT NOT NULL,
    length INTEGER NOT NULL,
    info TEXT NOT NULL,
    stream INTEGER,
    request INTEGER,
    user_name TEXT,
    method TEXT,
    path TEXT,
    verb TEXT,
    api_group TEXT,
    api_version TEXT,
    resource TEXT,
    subresource TEXT,
    namespace TEXT,
    name TEXT,
    status INTEGER,
    latency_us INTEGER
) STRICT;
CREATE INDEX traffic_units_by_request ON traffic_units (request) WHERE request IS NOT NULL;

CREATE TABLE traffic_bodies (
    unit INTEGER PRIMARY KEY,
    headers TEXT NOT NULL,
    media_type TEXT,
    length INTEGER,
    form TEXT NOT NULL,
    content TEXT,
    cut INTEGER NOT NULL
) STRICT;

CREATE TABLE traffic_connections (
    number INTEGER PRIMARY KEY,
    stored_at INTEGER NOT NULL,
    client TEXT NOT NULL,
    server TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    decryption TEXT NOT NULL,
    tls TEXT NOT NULL,
    requests INTEGER NOT NULL,
    late INTEGER NOT NULL,
    missing INTEGER NOT NULL,
    wire TEXT NOT NULL,
    content TEXT NOT NULL
) STRICT;
CREATE INDEX traffic_connections_by_time ON traffic_connections (stored_at);
