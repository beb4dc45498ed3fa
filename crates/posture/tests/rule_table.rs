//! The tables in `docs/` are those of the checks. `SALLYPORT_WRITE_DOCS=1 cargo test -p posture --test rule_table`
//! writes them anew.

use posture::words::Language;
use std::path::Path;

#[test]
fn the_tables_in_the_documents_are_those_of_the_checks() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    for (language, name) in
        [(Language::En, "posture-rules.md"), (Language::Ko, "ko/posture-rules.md")]
    {
        let (path, page) = (docs.join(name), posture::rules::page(language));
        if std::env::var_os("SALLYPORT_WRITE_DOCS").is_some() {
            std::fs::write(&path, &page).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == page,
            "docs/{name} is stale; the first lines of this file say how to write it anew"
        );
    }
}
