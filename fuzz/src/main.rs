//! One program with every fuzz target in it; `SALLYPORT_FUZZ_TARGET` chooses, `scripts/fuzz` sets it.
//! What a target is and what it promises stands in the crate of its parser, in `src/fuzz.rs`.
//!
//! One program and not one for each target, because each would link the whole tree again.

#![no_main]

use std::sync::OnceLock;

type Target = fn(&[u8]);

static CHOSEN: OnceLock<Target> = OnceLock::new();

fn targets() -> impl Iterator<Item = &'static (&'static str, Target)> {
    [
        advisories::fuzz::TARGETS,
        authn::fuzz::TARGETS,
        capture::fuzz::TARGETS,
        http_api::fuzz::TARGETS,
        inventory::fuzz::TARGETS,
        kube_io::fuzz::TARGETS,
        model::fuzz::TARGETS,
        pods::fuzz::TARGETS,
        posture::fuzz::TARGETS,
        presign::fuzz::TARGETS,
        registry::fuzz::TARGETS,
        scanner::fuzz::TARGETS,
        store::fuzz::TARGETS,
        terminal::fuzz::TARGETS,
        traffic::fuzz::TARGETS,
        wire::fuzz::TARGETS,
        workspaces::fuzz::TARGETS,
    ]
    .into_iter()
    .flatten()
}

fn chosen() -> Target {
    let wanted = std::env::var("SALLYPORT_FUZZ_TARGET").unwrap_or_default();
    match targets().find(|(name, _)| *name == wanted) {
        Some((_, target)) => *target,
        None => {
            for (name, _) in targets() {
                println!("{name}");
            }
            std::process::exit(i32::from(wanted != "list"));
        }
    }
}

libfuzzer_sys::fuzz_target!(init: { CHOSEN.set(chosen()).ok(); }, |data: &[u8]| {
    if let Some(target) = CHOSEN.get() {
        target(data);
    }
});
