//! Mails to queue.

use crate::types::{AddressId, MailId, Sealed, TokenId};

/// A mail to queue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewMail {
    /// Its id.
    pub mail: MailId,
    /// What it tells, sealed under the user's key.
    pub details: Sealed,
}

/// An objection that notices may offer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewObjection {
    /// Its id.
    pub id: TokenId,
    /// The key of its links.
    pub link_key: u32,
}

/// Notices to addresses of a user, and how to object to what they tell of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notices {
    /// The notices.
    pub mails: Vec<(AddressId, NewMail)>,
    /// The objection that all of them offer, each by a link of its own.
    pub objection: NewObjection,
}

impl Notices {
    /// The same without those to some addresses.
    pub(super) fn without(&self, addresses: &[AddressId]) -> Self {
        let stays = |(address, _): &&(AddressId, NewMail)| !addresses.contains(address);
        Self {
            mails: self.mails.iter().filter(stays).cloned().collect(),
            objection: self.objection,
        }
    }

    /// Notices to nobody.
    pub fn none() -> Self {
        Self {
            mails: vec![],
            objection: NewObjection {
                id: TokenId([0; 16]),
                link_key: 0,
            },
        }
    }
}
