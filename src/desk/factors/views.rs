//! Second factors as people see them.

use super::super::Desk;
use crate::crypto::{self, DataKey, Field};
use crate::domain::{FactorKind, Factors};
use crate::types::{EmailAddress, Timestamp, UserId};

/// A second factor as an administrator sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FactorView {
    /// What it is.
    pub kind: FactorKind,
    /// When it was confirmed or issued.
    pub since: Timestamp,
    /// The address of a mailbox, masked.
    pub address: Option<String>,
    /// How many recovery codes are left.
    pub left: Option<u32>,
}

impl Desk {
    /// The factors of a user.
    pub fn factors(&self, user: UserId) -> Vec<FactorView> {
        let (factors, epoch) = self
            .engine()
            .read(|state| (state.factors.get(&user).cloned(), state.epoch()));
        let (Some(factors), Ok(key)) = (factors, self.user_key(user)) else {
            return vec![];
        };
        let view = |kind| match kind {
            FactorKind::Totp => factors.totp.as_ref().map(|totp| FactorView {
                kind,
                since: totp.since,
                address: None,
                left: None,
            }),
            FactorKind::Email => factors.mailbox.as_ref().map(|mailbox| FactorView {
                kind,
                since: mailbox.since,
                address: self.factor_address(user, &key, &factors).map(|to| to.masked()),
                left: None,
            }),
            FactorKind::RecoveryCodes => factors.codes_in(epoch).map(|codes| FactorView {
                kind,
                since: codes.since,
                address: None,
                left: Some(codes.left()),
            }),
        };
        factors.kinds(epoch).into_iter().filter_map(view).collect()
    }

    fn factor_address(&self, user: UserId, key: &DataKey, factors: &Factors) -> Option<EmailAddress> {
        let mailbox = factors.mailbox.as_ref()?;
        let Some(sealed) = &mailbox.sealed else {
            let own = self.own_addresses(user, key).into_iter();
            return own
                .filter(|(id, _)| *id == mailbox.address)
                .map(|(_, own)| own)
                .next();
        };
        let clear = crypto::open(key, Field::FactorAddress, user.0, sealed)?;
        EmailAddress::parse(std::str::from_utf8(&clear).ok()?).ok()
    }
}
