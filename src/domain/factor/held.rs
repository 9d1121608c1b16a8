//! The second factors of a user, as the state holds them.

use super::super::state::Epoch;
use super::{Channel, FactorKind, PROVED_FOR, RECOVERY_CODES};
use crate::types::{AddressId, FactorId, Few, Position, Sealed, SessionId, Timestamp, TokenId};

/// The second factors of one user; there is an entry only for users who have one or began one.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Factors {
    /// The authenticator app.
    pub totp: Option<Totp>,
    /// The mailbox for codes.
    pub mailbox: Option<FactorMailbox>,
    /// The recovery codes.
    pub codes: Option<RecoveryCodes>,
    /// An app that waits for its first code.
    pub totp_begun: Option<TotpBegun>,
    /// A mailbox that waits for its first code.
    pub mailbox_begun: Option<MailboxBegun>,
    /// Sessions that proved a factor: which kind, and when last.
    pub proved: Few<(SessionId, FactorKind, Timestamp)>,
}

/// An authenticator app.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Totp {
    /// Its id.
    pub id: FactorId,
    /// Its seed, sealed under the user's key.
    pub seed: Sealed,
    /// The last time step that was accepted; it and all before are spent (M-01).
    pub step: u64,
    /// When it was confirmed.
    pub since: Timestamp,
}

/// A mailbox for codes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FactorMailbox {
    /// Its id.
    pub id: FactorId,
    /// The address: one of the user's, or one of the factor's own.
    pub address: AddressId,
    /// What it says, sealed, if it is not one of the user's.
    pub sealed: Option<Sealed>,
    /// When it was confirmed.
    pub since: Timestamp,
}

/// A set of recovery codes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RecoveryCodes {
    /// Its id.
    pub set: FactorId,
    /// Keyed hashes of the codes, sealed.
    pub hashes: Sealed,
    /// Which are used, a bit each.
    pub used: u16,
    /// Where it was issued.
    pub position: Position,
    /// When it was issued.
    pub since: Timestamp,
}

impl RecoveryCodes {
    /// How many are not used.
    pub fn left(&self) -> u32 {
        u32::from(RECOVERY_CODES).saturating_sub(self.used.count_ones())
    }

    /// Whether a code of the set can be used.
    pub fn is_unused(&self, number: u8) -> bool {
        number < RECOVERY_CODES && self.used & (1 << number) == 0
    }
}

/// An authenticator app that waits for its first code.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TotpBegun {
    /// Its id.
    pub id: FactorId,
    /// Its seed, sealed under the user's key.
    pub seed: Sealed,
    /// The session that began it, the only one that can confirm it (M-03).
    pub session: SessionId,
    /// Until when.
    pub expires: Timestamp,
}

/// A mailbox that waits for its first code.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct MailboxBegun {
    /// Its id.
    pub id: FactorId,
    /// The address.
    pub address: AddressId,
    /// What it says, sealed, if it is not one of the user's.
    pub sealed: Option<Sealed>,
    /// The session that began it, the only one that can confirm it (M-03).
    pub session: SessionId,
    /// The challenge.
    pub token: TokenId,
}

/// A sign-in whose password was right and whose second factor was not given.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Unfinished {
    /// When.
    pub since: Timestamp,
    /// Where from, sealed.
    pub origin: Sealed,
}

impl Factors {
    /// Whether there is a factor that a sign-in needs.
    pub fn is_enrolled(&self) -> bool {
        self.totp.is_some() || self.mailbox.is_some()
    }

    /// The recovery codes, unless an epoch has voided them.
    pub fn codes_in(&self, epoch: Epoch) -> Option<&RecoveryCodes> {
        self.codes
            .as_ref()
            .filter(|codes| codes.position > epoch.valid_from)
    }

    /// What is enrolled.
    pub fn kinds(&self, epoch: Epoch) -> Vec<FactorKind> {
        FactorKind::ALL
            .into_iter()
            .filter(|kind| match kind {
                FactorKind::Totp => self.totp.is_some(),
                FactorKind::Email => self.mailbox.is_some(),
                FactorKind::RecoveryCodes => self.codes_in(epoch).is_some(),
            })
            .collect()
    }

    /// Of which kind a factor is that can be shown again and again; `None` if there is no such one.
    pub fn kind_of(&self, factor: FactorId) -> Option<FactorKind> {
        let totp = self.totp.as_ref().map(|totp| (totp.id, FactorKind::Totp));
        let mailbox = self.mailbox.as_ref();
        let mailbox = mailbox.map(|mailbox| (mailbox.id, FactorKind::Email));
        let mut all = totp.into_iter().chain(mailbox);
        all.find(|(id, _)| *id == factor).map(|(_, kind)| kind)
    }

    /// Whether a recovery through one channel has to show another. Codes by mail are no answer to that: they are mailed
    /// only to somebody who knows the password, and one mailbox never counts twice.
    pub fn demand_beside(&self, proven: Channel, epoch: Epoch) -> bool {
        let device = self.totp.as_ref().map(|totp| Channel::Device(totp.id));
        let paper = self.codes_in(epoch).map(|codes| Channel::Paper(codes.set));
        device.into_iter().chain(paper).any(|other| other != proven)
    }

    /// Whether a session proved a factor a short while ago.
    pub fn is_fresh(&self, session: SessionId, now: Timestamp) -> bool {
        self.proved
            .iter()
            .any(|(by, _, at)| *by == session && now < *at + PROVED_FOR)
    }

    /// Which kind of factor a session proved last, and when; none if that is long ago.
    pub fn proved_in(&self, session: SessionId) -> Option<(FactorKind, Timestamp)> {
        let mut proved = self.proved.iter();
        let (_, kind, at) = proved.find(|(by, _, _)| *by == session)?;
        Some((*kind, *at))
    }

    /// What an address of a factor says, sealed; `None` if it is not one of a factor's own.
    pub fn own_address(&self, address: AddressId) -> Option<&Sealed> {
        let confirmed = self.mailbox.as_ref().filter(|mailbox| mailbox.address == address);
        let begun = self
            .mailbox_begun
            .as_ref()
            .filter(|begun| begun.address == address);
        confirmed
            .and_then(|mailbox| mailbox.sealed.as_ref())
            .or_else(|| begun.and_then(|begun| begun.sealed.as_ref()))
    }

    pub(in super::super) fn is_empty(&self) -> bool {
        !self.is_enrolled()
            && self.codes.is_none()
            && self.totp_begun.is_none()
            && self.mailbox_begun.is_none()
    }
}
