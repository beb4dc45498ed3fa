-- Requests that passed the gateway, or were refused by it. Not in the audit log's chain: there may be thousands a
-- second. Kept for `gateway.keep_requests_days`.
CREATE TABLE gateway_requests (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    hub TEXT NOT NULL,
    cluster TEXT NOT NULL,
    source TEXT NOT NULL,
    user_name TEXT,
    method TEXT,
    acting_as TEXT,
    verb TEXT NOT NULL,
    api_group TEXT,
    resource TEXT,
    subresource TEXT,
    namespace TEXT,
    name TEXT,
    path TEXT NOT NULL,
    status BIGINT NOT NULL,
    latency_us BIGINT NOT NULL
);
CREATE INDEX gateway_requests_by_time ON gateway_requests (at);
CREATE INDEX gateway_requests_by_user ON gateway_requests (user_name, at);
