//! The same targets, guided by what code an input reaches: libFuzzer under bolero. `tests/guided` builds this and runs it.

use std::path::PathBuf;

use super::chosen;

/// Goes through the one target that `KEYLEDGER_FUZZ_ONLY` names, from the inputs in the folder `KEYLEDGER_FUZZ_CORPUS`, to
/// which those are added that the house writes. Ends when libFuzzer does, with its exit code.
#[test]
fn the_target_that_was_named_holds_what_it_says() {
    let mut targets = chosen();
    let target = targets.swap_remove(0);
    assert!(targets.is_empty(), "KEYLEDGER_FUZZ_ONLY must name one target");
    let corpus = PathBuf::from(std::env::var_os("KEYLEDGER_FUZZ_CORPUS").expect("a folder"));
    for (number, seed) in (target.seeds)().iter().enumerate() {
        std::fs::write(corpus.join(format!("seed-{number}")), seed).unwrap();
    }
    bolero::check!().for_each(|input: &[u8]| {
        (target.read)(&input[..input.len().min(target.length_max)]);
    });
}
