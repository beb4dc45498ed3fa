-- What scans of clusters found. A finding is a row from the scan that found it first to the scan that found it no
-- more, so that what was open at any scan that is kept can be told, and what a scan that is not done opened or closed
-- is not shown. The rest of a row is what was written last.
CREATE TABLE posture_scans (
    number INTEGER PRIMARY KEY,
    cluster TEXT NOT NULL,
    hub TEXT NOT NULL,
    asked_by TEXT,
    began_at INTEGER NOT NULL,
    heard_at INTEGER NOT NULL,
    ended_at INTEGER,
    state TEXT NOT NULL,
    progress TEXT NOT NULL,
    progress_count INTEGER NOT NULL,
    report TEXT,
    paths TEXT
) STRICT;
CREATE INDEX posture_scans_by_cluster ON posture_scans (cluster, number);
CREATE UNIQUE INDEX posture_scans_one_at_a_time ON posture_scans (cluster) WHERE state = 'running';

CREATE TABLE posture_findings (
    number INTEGER PRIMARY KEY,
    cluster TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    check_id TEXT NOT NULL,
    verdict TEXT NOT NULL,
    severity INTEGER NOT NULL,
    reach INTEGER NOT NULL,
    on_path INTEGER NOT NULL,
    weight INTEGER NOT NULL,
    object TEXT NOT NULL,
    api_version TEXT NOT NULL,
    kind TEXT NOT NULL,
    namespace TEXT,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    value TEXT,
    reason TEXT,
    opened_scan INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    closed_scan INTEGER,
    closed_at INTEGER,
    unconfirmed_scan INTEGER,
    returned INTEGER NOT NULL,
    exception INTEGER,
    excepted_until INTEGER
) STRICT;
CREATE INDEX posture_findings_by_weight ON posture_findings (cluster, weight, number);
CREATE INDEX posture_findings_by_fingerprint ON posture_findings (cluster, fingerprint);
CREATE INDEX posture_findings_closed ON posture_findings (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX posture_findings_by_closed_scan ON posture_findings (closed_scan, number) WHERE closed_scan IS NOT NULL;
CREATE INDEX posture_findings_by_unconfirmed_scan ON posture_findings (unconfirmed_scan, number)
    WHERE unconfirmed_scan IS NOT NULL;

CREATE TABLE posture_exceptions (
    number INTEGER PRIMARY KEY,
    cluster TEXT NOT NULL,
    check_id TEXT NOT NULL,
    object TEXT NOT NULL,
    path TEXT,
    reason TEXT NOT NULL,
    owner TEXT NOT NULL,
    expires TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    made_by TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    removed_at INTEGER
) STRICT;
CREATE INDEX posture_exceptions_by_cluster ON posture_exceptions (cluster, number);
