//! Reading findings: pages of them by filter, the most serious first, and how many there are of which kind.
//! Which checks a framework or a threat names is known to the scanner, which hands over their ids.

use super::findings::read;
use super::{PostureFinding, PostureVerdict};
use crate::audit::literal;
use crate::database::{Value, values};
use crate::{Result, Store};
use model::{ClusterName, Timestamp};
use sqlx::AssertSqlSafe;

/// A page is read by people; an export pages.
const PAGE_MAX: u32 = 5000;
/// Namespaces and kinds that are offered to choose from.
const FACETS_MAX: i64 = 2000;

/// How a finding changed with a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostureChange {
    /// It was not open before.
    New,
    /// It is gone since.
    Gone,
}

/// Which findings.
#[derive(Debug, Clone)]
pub struct PostureQuery {
    /// Of this cluster.
    pub cluster: ClusterName,
    /// As they were at this scan, which is done.
    pub scan: i64,
    /// When it is asked: exceptions end.
    pub now: Timestamp,
    /// Only what changed so.
    pub change: Option<PostureChange>,
    /// Only of these checks.
    pub checks: Option<Vec<String>>,
    /// Only of these severities; of all, if empty.
    pub severities: Vec<u8>,
    /// Only this verdict.
    pub verdict: Option<PostureVerdict>,
    /// Only what somebody answers for, or only what nobody does.
    pub excepted: Option<bool>,
    /// Only in this namespace.
    pub namespace: Option<String>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only of this object.
    pub object: Option<String>,
    /// Only with this text in object, field, value or the check's id, or of one of these checks; ASCII letters match
    /// in either case.
    pub text: Option<(String, Vec<String>)>,
    /// Only after this weight and number, where the page before ended.
    pub after: Option<(i64, i64)>,
    /// How many at most.
    pub limit: u32,
}

/// A page of findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PosturePage {
    /// The findings, the heaviest first.
    pub items: Vec<PostureFinding>,
    /// Where the next page begins, unless this is the last.
    pub next_after: Option<(i64, i64)>,
}

/// How many findings there are of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostureCount {
    /// The check's id.
    pub check: String,
    /// How bad it is by itself.
    pub severity: u8,
    /// What it said.
    pub verdict: PostureVerdict,
    /// Whether somebody answers for it.
    pub excepted: bool,
    /// How far outside an attacker may stand.
    pub reach: u8,
    /// Whether the object is a step of a shortest path.
    pub on_path: bool,
    /// How many.
    pub count: u64,
    /// How many of them the scan found first.
    pub fresh: u64,
}

/// Namespaces and kinds in which there are findings, with their number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostureFacets {
    /// By namespace.
    pub namespaces: Vec<(String, u64)>,
    /// By kind.
    pub kinds: Vec<(String, u64)>,
}

/// What was open at a scan. `$1` is the cluster and `$2` the scan.
const OPEN: &str =
    "cluster = $1 AND opened_scan <= $2 AND (closed_scan IS NULL OR closed_scan > $2)";

impl Store {
    /// Reads a page of findings.
    pub async fn posture_findings(&self, query: &PostureQuery) -> Result<PosturePage> {
        let limit = query.limit.clamp(1, PAGE_MAX);
        let (sql, values) = statement(query, limit);
        // The text is put together from fixed pieces; every value is bound.
        let rows = self.inner.database.rows(AssertSqlSafe(sql), values).await?;
        let items: Vec<PostureFinding> = rows.iter().map(read).collect::<Result<_>>()?;
        let is_full = u32::try_from(items.len()).is_ok_and(|read| read >= limit);
        let next_after = items
            .last()
            .filter(|_| is_full)
            .map(|last| (super::number(last.found.weight), last.number));
        Ok(PosturePage { items, next_after })
    }

    /// One finding of a cluster.
    pub async fn posture_finding(
        &self,
        cluster: &ClusterName,
        number: i64,
    ) -> Result<Option<PostureFinding>> {
        let sql = "SELECT * FROM posture_findings WHERE number = $1 AND cluster = $2";
        let row = self.inner.database.row(sql, values![number, cluster.as_str()]).await?;
        row.as_ref().map(read).transpose()
    }

    /// How many findings were open at a scan, of which kind.
    pub async fn posture_counts(
        &self,
        cluster: &ClusterName,
        scan: i64,
        now: Timestamp,
    ) -> Result<Vec<PostureCount>> {
        let sql = format!(
            "SELECT check_id, severity, verdict, reach, on_path,
               CASE WHEN excepted_until > $3 THEN 1 ELSE 0 END AS excepted,
               COUNT(*) AS found, SUM(CASE WHEN opened_scan = $2 THEN 1 ELSE 0 END) AS fresh
             FROM posture_findings WHERE {OPEN}
             GROUP BY check_id, severity, verdict, reach, on_path,
               CASE WHEN excepted_until > $3 THEN 1 ELSE 0 END"
        );
        let sql = sql.replace("SUM(CASE WHEN opened_scan = $2 THEN 1 ELSE 0 END)", FRESH);
        let sql = sql.replace("CASE WHEN excepted_until > $3 THEN 1 ELSE 0 END", EXCEPTED);
        let values = values![cluster.as_str(), scan, now];
        let rows = self.inner.database.rows(AssertSqlSafe(sql), values).await?;
        rows.iter()
            .map(|row| {
                Ok(PostureCount {
                    check: row.text("check_id")?,
                    severity: row.number("severity")?,
                    verdict: match row.text("verdict")?.as_str() {
                        "unknown" => PostureVerdict::Unknown,
                        _ => PostureVerdict::Fail,
                    },
                    excepted: row.int("excepted")? == 1,
                    reach: row.number("reach")?,
                    on_path: row.bool("on_path")?,
                    count: row.number("found")?,
                    fresh: row.number("fresh")?,
                })
            })
            .collect()
    }

    /// How many findings are gone since a scan.
    pub async fn posture_gone(&self, cluster: &ClusterName, scan: i64) -> Result<u64> {
        let sql = "SELECT COUNT(*) AS gone FROM posture_findings
                   WHERE cluster = $1 AND closed_scan = $2 AND verdict = 'fail'";
        let row = self.inner.database.row(sql, values![cluster.as_str(), scan]).await?;
        row.map_or(Ok(0), |row| row.number("gone"))
    }

    /// Where there are findings.
    pub async fn posture_facets(&self, cluster: &ClusterName, scan: i64) -> Result<PostureFacets> {
        let counted = async |column: &str| -> Result<Vec<(String, u64)>> {
            let sql = format!(
                "SELECT {column} AS facet, COUNT(*) AS found FROM posture_findings
                 WHERE {OPEN} AND {column} IS NOT NULL GROUP BY {column} ORDER BY {column} LIMIT $3"
            );
            let values = values![cluster.as_str(), scan, FACETS_MAX];
            let rows = self.inner.database.rows(AssertSqlSafe(sql), values).await?;
            rows.iter().map(|row| Ok((row.text("facet")?, row.number("found")?))).collect()
        };
        Ok(PostureFacets { namespaces: counted("namespace").await?, kinds: counted("kind").await? })
    }
}

/// PostgreSQL types sums and literals of its own; both databases are to give a 64-bit number.
const FRESH: &str = "CAST(SUM(CASE WHEN opened_scan = $2 THEN 1 ELSE 0 END) AS BIGINT)";
const EXCEPTED: &str = "CAST(CASE WHEN excepted_until > $3 THEN 1 ELSE 0 END AS BIGINT)";

fn statement(query: &PostureQuery, limit: u32) -> (String, Vec<Value>) {
    let mut values = values![query.cluster.as_str(), query.scan];
    let mut sql = format!(
        "SELECT * FROM posture_findings WHERE {}",
        match query.change {
            None => OPEN.to_owned(),
            Some(PostureChange::New) => format!("{OPEN} AND opened_scan = $2"),
            Some(PostureChange::Gone) => "cluster = $1 AND closed_scan = $2".to_owned(),
        }
    );
    let mut mark = |value: Value| {
        values.push(value);
        format!("${}", values.len())
    };
    let any_of = |column: &str, wanted: Vec<Value>, mark: &mut dyn FnMut(Value) -> String| {
        // A list of nothing holds nothing.
        if wanted.is_empty() {
            return "1 = 0".to_owned();
        }
        let marks: Vec<String> = wanted.into_iter().map(mark).collect();
        format!("{column} IN ({})", marks.join(", "))
    };
    if let Some(checks) = &query.checks {
        let wanted = checks.iter().map(Value::from).collect();
        sql.push_str(&format!(" AND {}", any_of("check_id", wanted, &mut mark)));
    }
    if !query.severities.is_empty() {
        let wanted = query.severities.iter().map(|s| Value::from(i64::from(*s))).collect();
        sql.push_str(&format!(" AND {}", any_of("severity", wanted, &mut mark)));
    }
    for (column, wanted) in [
        ("verdict", query.verdict.map(|verdict| verdict.as_str().to_owned())),
        ("namespace", query.namespace.clone()),
        ("kind", query.kind.clone()),
        ("object", query.object.clone()),
    ] {
        if let Some(wanted) = wanted {
            sql.push_str(&format!(" AND {column} = {}", mark(wanted.into())));
        }
    }
    if let Some(excepted) = query.excepted {
        let now = mark(query.now.into());
        sql.push_str(&match excepted {
            true => format!(" AND excepted_until > {now}"),
            false => format!(" AND (excepted_until IS NULL OR excepted_until <= {now})"),
        });
    }
    if let Some((text, checks)) = &query.text {
        let pattern = mark(format!("%{}%", literal(text)).into());
        let mut ways: Vec<String> = ["object", "path", "value", "check_id"]
            .iter()
            .map(|column| {
                format!("lower(COALESCE({column}, '')) LIKE lower({pattern}) ESCAPE '\\'")
            })
            .collect();
        if !checks.is_empty() {
            ways.push(any_of("check_id", checks.iter().map(Value::from).collect(), &mut mark));
        }
        sql.push_str(&format!(" AND ({})", ways.join(" OR ")));
    }
    if let Some((weight, number)) = query.after {
        let (weight, number) = (mark(weight.into()), mark(number.into()));
        sql.push_str(&format!(
            " AND (weight < {weight} OR (weight = {weight} AND number > {number}))"
        ));
    }
    let limit = mark(limit.into());
    sql.push_str(&format!(" ORDER BY weight DESC, number LIMIT {limit}"));
    (sql, values)
}
