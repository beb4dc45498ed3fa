CREATE TABLE traffic_agents (
    cluster TEXT NOT NULL,
    node TEXT NOT NULL,
    heard_at INTEGER,
    status TEXT,
    revoked_at INTEGER,
    PRIMARY KEY (cluster, node)
) STRICT;

CREATE TABLE traffic_streams (
    stream TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    connections INTEGER NOT NULL,
    stored_at INTEGER NOT NULL
) STRICT;
CREATE INDEX traffic_streams_by_time ON traffic_streams (stored_at);

CREATE TABLE traffic_stream_connections (
    stream TEXT NOT NULL,
    connection INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (stream, connection)
) STRICT;

ALTER TABLE traffic_batches ADD COLUMN stream TEXT;
ALTER TABLE traffic_batches ADD COLUMN stream_unit INTEGER;
CREATE INDEX traffic_batches_by_stream ON traffic_batches (stream, stream_unit) WHERE stream IS NOT NULL;
