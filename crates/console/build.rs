//! Sees to it that there is something to embed: the built web console, or, where nobody built it, a page
//! that says so.
//! It does not build the console; `npm run build` in `web/` does, before.

use std::path::Path;
use std::{env, fs};

const NOT_BUILT: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
    <title>Sallyport</title>\n<h1>The console was not built</h1>\n\
    <p>This hub was compiled without its web console. Run <code>npm ci && npm run build</code> in \
    <code>web/</code> and compile again. The API works.</p>\n</html>\n";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dist = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../web/dist");
    let index = dist.join("index.html");
    if !index.exists() {
        fs::create_dir_all(&dist)?;
        fs::write(&index, NOT_BUILT)?;
    }
    // `web/dist` was made here rather than by Vite.
    if fs::read_to_string(&index)? == NOT_BUILT {
        println!(
            "cargo::warning=web/dist holds no built console; the hub will show a page that says so"
        );
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", dist.display());
    Ok(())
}
