//! Second factors as people see them.

use super::super::sessions::Caller;
use super::super::{Desk, Fault, Refusal};
use super::{AppSetUp, MailboxSetUp, app_uri};
use crate::crypto::{self, DataKey, Field, totp};
use crate::domain::{FactorKind, Factors, RECOVERY_CODES};
use crate::types::{AddressId, EmailAddress, FactorId, Sealed, Timestamp, UserId};

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

    /// What an app is told that this session has begun to enrol, once more: for a page that is opened again.
    pub fn begun_app(&self, caller: Caller) -> Option<AppSetUp> {
        let begun = self.begun(caller, |factors| factors.totp_begun.clone())?;
        let holds = begun.session == caller.session && self.now() < begun.expires;
        let key = self.user_key(caller.user).ok().filter(|_| holds)?;
        let seed = crypto::open(&key, Field::TotpSeed, caller.user.0, &begun.seed)?;
        self.app_set_up(caller.user, &key, begun.id, &seed).ok()
    }

    /// The mailbox that this session has begun to enrol.
    pub fn begun_mailbox(&self, caller: Caller) -> Option<MailboxSetUp> {
        let begun = self.begun(caller, |factors| factors.mailbox_begun.clone())?;
        let key = self.user_key(caller.user).ok()?;
        let address = self.address_of(caller.user, &key, begun.address, begun.sealed.as_ref())?;
        (begun.session == caller.session).then(|| MailboxSetUp {
            challenge: begun.token,
            masked: address.masked(),
        })
    }

    fn begun<T>(&self, caller: Caller, look: impl FnOnce(&Factors) -> Option<T>) -> Option<T> {
        self.engine().read(|state| look(state.factors.get(&caller.user)?))
    }

    pub(super) fn app_set_up(
        &self,
        user: UserId,
        key: &DataKey,
        factor: FactorId,
        seed: &[u8],
    ) -> Result<AppSetUp, Fault> {
        let issuer = self.settings().brand.clone();
        let profile = self.profile(user).ok_or(Refusal::UserNotFound)?;
        let secret = totp::seed_text(seed);
        Ok(AppSetUp {
            uri: app_uri(&issuer, &profile.email, &secret),
            secret,
            issuer,
            recovery_codes: crypto::recovery_codes(key, factor, seed, RECOVERY_CODES),
        })
    }

    fn factor_address(&self, user: UserId, key: &DataKey, factors: &Factors) -> Option<EmailAddress> {
        let mailbox = factors.mailbox.as_ref()?;
        self.address_of(user, key, mailbox.address, mailbox.sealed.as_ref())
    }

    /// The address of a mailbox: one of the user's own, or what is sealed of another.
    fn address_of(
        &self,
        user: UserId,
        key: &DataKey,
        address: AddressId,
        sealed: Option<&Sealed>,
    ) -> Option<EmailAddress> {
        let Some(sealed) = sealed else {
            let mut own = self.own_addresses(user, key).into_iter();
            return own.find(|(id, _)| *id == address).map(|(_, own)| own);
        };
        let clear = crypto::open(key, Field::FactorAddress, user.0, sealed)?;
        EmailAddress::parse(std::str::from_utf8(&clear).ok()?).ok()
    }
}
