//! What commands lead to.

use super::objection::Objected;
use crate::types::{SessionId, TokenId};

/// What a command that was carried out led to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It is done, and there is no more to say.
    Done,
    /// A session began (for a sign-up in strict mode: none).
    Session(Option<SessionId>),
    /// The refresh token of that number and key is good now.
    Refreshed {
        /// Its number.
        counter: u32,
        /// Its key.
        refresh_key: u32,
    },
    /// A proof was issued.
    Issued(TokenId),
    /// So many sessions ended.
    Ended(u32),
    /// The address is proven.
    Verified,
    /// The factor is one from now on.
    Enrolled {
        /// Whether recovery codes came with it.
        codes: bool,
    },
    /// An objection was raised.
    Objected(Objected),
}
