//! The house put together: settings become rooms, and rooms become a running server.
//!
//! [`Premises`] is a founded ledger opened, with engine and desk and no sockets: what every command needs.
//! [`App`] is premises with workers and HTTP on listeners: what `keyledger serve`, the demo and the stories run.

mod error;
mod founding;
mod permissions;
mod premises;
mod restore;
mod running;
mod settings;

pub use error::AppError;
pub use founding::{FoundingKeys, key_places, load_master};
pub use permissions::{exposed_folders, master_key_problem};
pub use premises::{ClockMaker, Closing, EndOfLedger, OnFailure, Parts, Premises};
pub use restore::{RestoreError, RestoreOrder, RestoreReport, restore};
pub use running::{App, Listeners, StopReport};
pub use settings::{
    AppSettings, audit_settings, desk_settings, limits, mail_settings, pool_settings, unusable_sets,
};

/// The exit code of a process that cannot go on and may be started again: `EX_TEMPFAIL` of sysexits.h.
pub const EXIT_TEMPORARY: i32 = 75;

/// Makes panics print where they happened and nothing else: their words may quote what a request carried.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        let location = info.location().map(ToString::to_string);
        let location = location.as_deref().unwrap_or("an unknown place");
        tracing::error!(location, "internal error");
        eprintln!("keyledger: internal error at {location}");
    }));
}
