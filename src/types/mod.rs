//! Values that cannot be wrong: once one of these exists, nothing further down has to check it again.
//!
//! No serde, no I/O, no clock: the stored form (`ledger/`) and JSON (`http/`) are written by hand from these.

pub mod colour;
pub mod email;
pub mod few;
pub mod id_table;
pub mod ids;
pub mod labels;
pub mod lane;
pub mod locale;
pub mod names;
pub mod net;
mod percent;
pub mod sealed;
pub mod signing;
pub mod time;
pub mod units;
pub mod web_origin;
pub mod webhook;

pub use colour::Colour;
pub use email::EmailAddress;
pub use few::Few;
pub use id_table::{IdTable, RandomId, search};
pub use ids::{
    AddressId, ApiKeyId, CommandId, CredentialId, DataKeyId, FactorId, MailId, Position, SessionId, Tag,
    TokenId, UserId, WebhookId,
};
pub use labels::{ObjectName, Slug};
pub use lane::Lane;
pub use locale::Locale;
pub use names::{PersonName, Username};
pub use net::ClientNet;
pub use percent::percent_encode;
pub use sealed::{Sealed, SealedConfig};
pub use signing::{PublicKey, Signature};
pub use time::{Span, Timestamp};
pub use web_origin::{WebOrigin, WebOriginFault, WebOrigins};
pub use webhook::{WebhookEvents, WebhookEventsFault, WebhookUrl, WebhookUrlFault};
