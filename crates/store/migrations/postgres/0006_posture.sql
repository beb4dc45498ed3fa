-- What scans of clusters found. A finding is a row from the scan that found it first to the scan that found it no
-- more, so that what was open at any scan that is kept can be told, and what a scan that is not done opened or closed
-- is not shown. The rest of a row is what was written last.
CREATE TABLE posture_scans (
    number BIGINT PRIMARY KEY,
    cluster TEXT COLLATE "C" NOT NULL,
    hub TEXT COLLATE "C" NOT NULL,
    asked_by TEXT COLLATE "C",
    began_at BIGINT NOT NULL,
    heard_at BIGINT NOT NULL,
    ended_at BIGINT,
    state TEXT COLLATE "C" NOT NULL,
    progress TEXT COLLATE "C" NOT NULL,
    progress_count BIGINT NOT NULL,
    report TEXT COLLATE "C",
    paths TEXT COLLATE "C"
);
CREATE INDEX posture_scans_by_cluster ON posture_scans (cluster, number);
CREATE UNIQUE INDEX posture_scans_one_at_a_time ON posture_scans (cluster) WHERE state = 'running';

CREATE TABLE posture_findings (
    number BIGINT PRIMARY KEY,
    cluster TEXT COLLATE "C" NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    check_id TEXT COLLATE "C" NOT NULL,
    verdict TEXT COLLATE "C" NOT NULL,
    severity BIGINT NOT NULL,
    reach BIGINT NOT NULL,
    on_path BOOLEAN NOT NULL,
    weight BIGINT NOT NULL,
    object TEXT COLLATE "C" NOT NULL,
    api_version TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    namespace TEXT COLLATE "C",
    name TEXT COLLATE "C" NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C",
    reason TEXT COLLATE "C",
    opened_scan BIGINT NOT NULL,
    opened_at BIGINT NOT NULL,
    closed_scan BIGINT,
    closed_at BIGINT,
    unconfirmed_scan BIGINT,
    returned BOOLEAN NOT NULL,
    exception BIGINT,
    excepted_until BIGINT
);
CREATE INDEX posture_findings_by_weight ON posture_findings (cluster, weight, number);
CREATE INDEX posture_findings_by_fingerprint ON posture_findings (cluster, fingerprint);
CREATE INDEX posture_findings_closed ON posture_findings (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX posture_findings_by_closed_scan ON posture_findings (closed_scan, number) WHERE closed_scan IS NOT NULL;
CREATE INDEX posture_findings_by_unconfirmed_scan ON posture_findings (unconfirmed_scan, number)
    WHERE unconfirmed_scan IS NOT NULL;

CREATE TABLE posture_exceptions (
    number BIGINT PRIMARY KEY,
    cluster TEXT COLLATE "C" NOT NULL,
    check_id TEXT COLLATE "C" NOT NULL,
    object TEXT COLLATE "C" NOT NULL,
    path TEXT COLLATE "C",
    reason TEXT COLLATE "C" NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    expires TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    made_by TEXT COLLATE "C" NOT NULL,
    made_at BIGINT NOT NULL,
    removed_at BIGINT
);
CREATE INDEX posture_exceptions_by_cluster ON posture_exceptions (cluster, number);
