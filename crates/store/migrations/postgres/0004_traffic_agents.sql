CREATE TABLE traffic_agents (
    cluster TEXT COLLATE "C" NOT NULL,
    node TEXT COLLATE "C" NOT NULL,
    heard_at BIGINT,
    status TEXT COLLATE "C",
    revoked_at BIGINT,
    PRIMARY KEY (cluster, node)
);

CREATE TABLE traffic_streams (
    stream TEXT COLLATE "C" PRIMARY KEY,
    sequence BIGINT NOT NULL,
    connections BIGINT NOT NULL,
    stored_at BIGINT NOT NULL
);
CREATE INDEX traffic_streams_by_time ON traffic_streams (stored_at);

CREATE TABLE traffic_stream_connections (
    stream TEXT COLLATE "C" NOT NULL,
    connection BIGINT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (stream, connection)
);

ALTER TABLE traffic_batches ADD COLUMN stream TEXT COLLATE "C";
ALTER TABLE traffic_batches ADD COLUMN stream_unit BIGINT;
CREATE INDEX traffic_batches_by_stream ON traffic_batches (stream, stream_unit) WHERE stream IS NOT NULL;
