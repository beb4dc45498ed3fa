CREATE TABLE traffic_head (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    unit BIGINT NOT NULL,
    connection BIGINT NOT NULL,
    body_bytes BIGINT NOT NULL
);
INSERT INTO traffic_head (one, unit, connection, body_bytes) VALUES (1, 0, 0, 0);

CREATE TABLE traffic_batches (
    first_unit BIGINT PRIMARY KEY,
    last_unit BIGINT NOT NULL,
    stored_at BIGINT NOT NULL,
    body_bytes BIGINT NOT NULL
);
CREATE INDEX traffic_batches_by_time ON traffic_batches (stored_at);
CREATE INDEX traffic_batches_with_bodies ON traffic_batches (first_unit) WHERE body_bytes > 0;

CREATE TABLE traffic_units (
    number BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    connection BIGINT NOT NULL,
    side TEXT COLLATE "C" NOT NULL,
    source_ip TEXT COLLATE "C" NOT NULL,
    source_port BIGINT NOT NULL,
    destination_ip TEXT COLLATE "C" NOT NULL,
    destination_port BIGINT NOT NULL,
    protocol TEXT COLLATE "C" NOT NULL,
    length BIGINT NOT NULL,
    info TEXT COLLATE "C" NOT NULL,
    stream BIGINT,
    request BIGINT,
    user_name TEXT COLLATE "C",
    method TEXT COLLATE "C",
    path TEXT COLLATE "C",
    verb TEXT COLLATE "C",
    api_group TEXT COLLATE "C",
    api_version TEXT COLLATE "C",
    resource TEXT COLLATE "C",
    subresource TEXT COLLATE "C",
    namespace TEXT COLLATE "C",
    name TEXT COLLATE "C",
    status BIGINT,
    latency_us BIGINT
);
CREATE INDEX traffic_units_by_request ON traffic_units (request) WHERE request IS NOT NULL;

CREATE TABLE traffic_bodies (
    unit BIGINT PRIMARY KEY,
    headers TEXT COLLATE "C" NOT NULL,
    media_type TEXT COLLATE "C",
    length BIGINT,
    form TEXT COLLATE "C" NOT NULL,
    content TEXT COLLATE "C",
    cut BOOLEAN NOT NULL
);

CREATE TABLE traffic_connections (
    number BIGINT PRIMARY KEY,
    stored_at BIGINT NOT NULL,
    client TEXT COLLATE "C" NOT NULL,
    server TEXT COLLATE "C" NOT NULL,
    began_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    decryption TEXT COLLATE "C" NOT NULL,
    tls TEXT COLLATE "C" NOT NULL,
    requests BIGINT NOT NULL,
    late BOOLEAN NOT NULL,
    missing BIGINT NOT NULL,
    wire TEXT COLLATE "C" NOT NULL,
    content TEXT COLLATE "C" NOT NULL
);
CREATE INDEX traffic_connections_by_time ON traffic_connections (stored_at);
