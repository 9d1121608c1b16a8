//! What is kept for some days so that a change that its owner did not make can be undone.

use super::objection::{OBJECTION_LIFE, ObjectionAbout};
use crate::types::{AddressId, Few, Position, Sealed, SessionId, Timestamp, TokenId};

/// Safeguards of one user; there is an entry only for users who changed something lately.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Safeguards {
    /// An address that waits for its proof.
    pub candidate: Option<Candidate>,
    /// Addresses that were removed, oldest first: nobody else gets them yet.
    pub leaving: Few<Leaving>,
    /// What can be objected to, oldest first.
    pub objections: Few<Objection>,
    /// The latest recovery.
    pub recovered: Option<Recovered>,
    /// A mailbox that recovered what its owner then objected to.
    pub contested: Option<Contested>,
}

/// An address that is to be one of the user's, once it is proven.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Candidate {
    /// Its id.
    pub address: AddressId,
    /// What it says, sealed.
    pub sealed: Sealed,
    /// The session that named it.
    pub session: SessionId,
    /// The proof that went to it.
    pub token: TokenId,
    /// Until when it waits.
    pub expires: Timestamp,
}

/// An address that was removed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Leaving {
    /// Its id.
    pub address: AddressId,
    /// What it says, sealed.
    pub sealed: Sealed,
    /// When it was proven.
    pub verified: Option<Timestamp>,
    /// Until when it is kept.
    pub until: Timestamp,
}

/// Something that a person may say was not them.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Objection {
    /// Its id: that of the recovery's proof, or one of its own.
    pub id: TokenId,
    /// What happened.
    pub about: ObjectionAbout,
    /// The key of its links.
    pub link_key: u32,
    /// The mailbox that alone proved it, if it is a recovery.
    pub mailbox: Option<AddressId>,
    /// Where it happened.
    pub position: Position,
    /// When it happened.
    pub at: Timestamp,
    /// Until when it can be objected to.
    pub expires: Timestamp,
    /// The user's addresses before it, in their order.
    pub addresses: Few<AddressId>,
}

/// A recovery that is not settled yet.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Recovered {
    /// Where it was completed.
    pub position: Position,
    /// When it was completed.
    pub at: Timestamp,
    /// Whether that mailbox was the only proof.
    pub alone: bool,
}

impl Recovered {
    /// When it is settled.
    pub fn settles(&self) -> Timestamp {
        self.at + OBJECTION_LIFE
    }
}

/// A mailbox that recovers nothing alone for a while.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Contested {
    /// Which.
    pub address: AddressId,
    /// Until when.
    pub until: Timestamp,
}

impl Safeguards {
    /// What an address says that is none of the user's (any more, or yet), sealed.
    pub fn sealed(&self, address: AddressId) -> Option<&Sealed> {
        let candidate = self.candidate.as_ref().filter(|found| found.address == address);
        let leaving = self.leaving.iter().find(|found| found.address == address);
        candidate
            .map(|found| &found.sealed)
            .or(leaving.map(|found| &found.sealed))
    }

    /// The objection of that id.
    pub fn objection(&self, id: TokenId) -> Option<&Objection> {
        self.objections.iter().find(|objection| objection.id == id)
    }

    /// When the first of what is kept has been kept for long enough.
    pub fn lapses(&self) -> Option<Timestamp> {
        let candidate = self.candidate.iter().map(|candidate| candidate.expires);
        let leaving = self.leaving.iter().map(|leaving| leaving.until);
        let objections = self.objections.iter().map(|objection| objection.expires);
        let recovered = self.recovered.iter().map(Recovered::settles);
        let contested = self.contested.iter().map(|contested| contested.until);
        candidate
            .chain(leaving)
            .chain(objections)
            .chain(recovered)
            .chain(contested)
            .min()
    }

    /// The removed addresses that are kept no longer at a moment.
    pub fn gone(&self, now: Timestamp) -> Vec<AddressId> {
        let gone = self.leaving.iter().filter(|leaving| now >= leaving.until);
        gone.map(|leaving| leaving.address).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
