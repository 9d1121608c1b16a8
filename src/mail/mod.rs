//! Mails leave the house here: from words to MIME, over SMTP, into a folder, or onto the terminal.
//!
//! Nothing here retries, remembers or decides: a worker calls [`Transport::send`], reads the [`SendError`]'s
//! [`Kind`], and asks [`backoff`] when to come again. Only this room knows SMTP and lettre. lettre writes the MIME
//! and the SMTP commands and reads the replies; the sockets, the time limits and TLS are ours (`wire.rs` says why).

mod address;
pub mod backoff;
mod connect;
mod console;
mod fault;
mod file;
mod message;
mod pool;
pub mod probe;
#[cfg(test)]
mod scripted;
mod settings;
pub mod sink;
mod smtp;
pub mod templates;
#[cfg(test)]
mod tests;
mod transport;
pub mod trial;
mod wire;

pub use address::{AddressFault, Mailbox};
pub use fault::{Cause, CertificateFault, Kind, SendError, Step};
pub use file::Folder;
pub use message::{ComposeFault, OutgoingMail};
pub use pool::SmtpPool;
pub use settings::{ClearText, MailSettings, MailSettingsDraft, Security, SettingsFault, TransportKind};
pub use transport::{Accepted, Transport};
