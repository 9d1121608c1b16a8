//! The `keyledger` binary: everything lives in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    keyledger::app::install_panic_hook();
    keyledger::cli::run(std::env::args_os())
}
