//! Second factors: enrolled, shown, taken away. What is right is judged here, with the keys; what it is worth, the law says.

mod judging;
mod views;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::account::Reproof;
use super::addresses::open_address;
use super::sessions::Caller;
use super::walk::AskedBy;
use super::{Command, Desk, Fault, Outcome, Refusal, Visitor};
use crate::crypto::{self, DataKey, Field, KeyId, SecretLabel, totp};
use crate::domain::{
    Actor, FactorKind, NewCodes, Purpose, RECOVERY_CODES, Reauthenticated, Unfinished, mailbox_brings_codes,
};
use crate::engine::Lane;
use crate::mail::templates::FactorChange;
use crate::system::{random_array, random_id};
use crate::types::{AddressId, DataKeyId, EmailAddress, FactorId, TokenId, UserId, percent_encode};

pub use views::FactorView;

/// What an authenticator app is told, and the recovery codes that will come with it. Shown once.
pub struct AppSetUp {
    /// The seed, in base 32.
    pub secret: SecretString,
    /// The same as a URI for a QR code.
    pub uri: SecretString,
    /// Under which name the app shows it.
    pub issuer: String,
    /// The recovery codes, good once the first code was right.
    pub recovery_codes: Vec<SecretString>,
}

/// A mailbox that waits for its first code.
pub struct MailboxSetUp {
    /// The challenge.
    pub challenge: TokenId,
    /// The address, masked.
    pub masked: String,
}

impl Desk {
    /// Begins to enrol an authenticator app for somebody who is signed in and shows it once more; and a second factor,
    /// if they have one and this session has not proved it lately.
    pub async fn begin_totp(
        &self,
        caller: Caller,
        reproof: Reproof<'_>,
        code: Option<&SecretString>,
        visitor: &Visitor,
    ) -> Result<AppSetUp, Fault> {
        let who = self.reauthenticated(caller, reproof, code, visitor).await?;
        let key = self.user_key(caller.user)?;
        let entropy = self.engine().entropy();
        let seed = Zeroizing::new(random_array::<{ totp::SEED_LEN }>(entropy));
        let factor = FactorId(random_id(entropy));
        let command = Command::BeginTotp {
            who,
            factor,
            seed: crypto::seal(&key, Field::TotpSeed, caller.user.0, seed.as_slice(), entropy),
        };
        self.carry_out(Lane::Proof, command, vec![]).await?;
        self.app_set_up(caller.user, &key, factor, seed.as_slice())
    }

    /// Confirms an app with its first code; gives back the recovery codes that were shown when it began.
    pub async fn confirm_totp(
        &self,
        caller: Caller,
        code: &SecretString,
        visitor: &Visitor,
    ) -> Result<Vec<SecretString>, Fault> {
        let user = caller.user;
        let begun = self.engine().read(|state| {
            let factors = state.factors.get(&user)?;
            factors.totp_begun.clone()
        });
        let begun = begun.ok_or(Refusal::FactorNotEnabled)?;
        let key = self.user_key(user)?;
        let seed =
            crypto::open(&key, Field::TotpSeed, user.0, &begun.seed).ok_or(Refusal::FactorNotEnabled)?;
        let wall = self.engine().clock().wall();
        let typed = crypto::normalise_digits(code.expose_secret());
        let step = typed.and_then(|typed| totp::matching_step(&seed, wall, typed, 0));
        let codes = crypto::recovery_codes(&key, begun.id, &seed, RECOVERY_CODES);
        let command = Command::ConfirmTotp {
            user,
            session: caller.session,
            factor: begun.id,
            step,
            codes: self.new_codes(&key, user, begun.id, &codes),
            mails: self.notices_of_change(user, &visitor.origin(), Some(FactorChange::AppAdded)),
            origin: self.client_of(user, visitor).ok_or(Refusal::UserNotFound)?.origin,
        };
        self.carry_out(Lane::Proof, command, vec![]).await?;
        Ok(codes)
    }

    /// Begins to enrol a mailbox: the address that the caller signs in with, or another. A code goes to it.
    pub async fn begin_mailbox(
        &self,
        caller: Caller,
        reproof: Reproof<'_>,
        address: Option<&EmailAddress>,
        code: Option<&SecretString>,
        visitor: &Visitor,
    ) -> Result<MailboxSetUp, Fault> {
        let who = self.reauthenticated(caller, reproof, code, visitor).await?;
        self.begin_mailbox_as(who, address, None, visitor).await
    }

    /// The same for somebody who was asked already; `asked` is the stage of a flow that has the code sent.
    pub(super) async fn begin_mailbox_as(
        &self,
        who: Reauthenticated,
        address: Option<&EmailAddress>,
        asked: Option<&AskedBy>,
        visitor: &Visitor,
    ) -> Result<MailboxSetUp, Fault> {
        let user = who.user;
        let key = self.user_key(user)?;
        let client = self.client_of(user, visitor).ok_or(Refusal::UserNotFound)?;
        let own = self.own_addresses(user, &key);
        let known = match address {
            Some(wanted) => own.iter().find(|(_, own)| own.canonical() == wanted.canonical()),
            None => own.first(),
        };
        let entropy = self.engine().entropy();
        let (day_key, _) = self.day_key();
        let (id, sealed, mailbox, shown) = match (known, address) {
            (Some((id, own)), _) => (*id, None, None, own.masked()),
            (None, Some(other)) => {
                let clear = other.as_typed().as_bytes();
                let sealed = crypto::seal(&key, Field::FactorAddress, user.0, clear, entropy);
                let mailbox = Self::stranger_tag(&day_key, other.canonical());
                (
                    AddressId(random_id(entropy)),
                    Some(sealed),
                    Some(mailbox),
                    other.masked(),
                )
            }
            (None, None) => return Err(Refusal::UserNotFound.into()),
        };
        let proof = self.new_proof();
        let command = Command::BeginMailbox {
            who,
            factor: FactorId(random_id(entropy)),
            address: id,
            sealed,
            mailbox,
            proof,
            mail: self.mail_of_stage(&key, user, &visitor.origin(), asked),
            lifetime: asked.and_then(|asked| Some(self.stage_mail(asked)?.lifetime)),
            client,
        };
        self.carry_out(Lane::Proof, command, vec![]).await?;
        Ok(MailboxSetUp {
            challenge: proof.token,
            masked: shown,
        })
    }

    /// Confirms a mailbox with the code that went to it; gives back recovery codes if they came with it.
    pub async fn confirm_mailbox(
        &self,
        caller: Caller,
        challenge: TokenId,
        code: &SecretString,
        visitor: &Visitor,
    ) -> Result<Vec<SecretString>, Fault> {
        let user = caller.user;
        let key = self.user_key(user)?;
        let (token, brings_codes) = self.engine().read(|state| {
            let token = state.tokens.get(&challenge).filter(|token| token.user == user);
            let factors = state.factors.get(&user);
            let brings = factors.is_some_and(|factors| mailbox_brings_codes(state, user, factors));
            (token.cloned(), brings)
        });
        let ring = self.engine().keyring().current();
        let typed = crypto::normalise_digits(code.expose_secret());
        let is_right = match (&token, typed) {
            (Some(token), Some(typed)) if token.purpose == Purpose::EnrolMailbox => {
                crypto::factor_code_matches(
                    &ring,
                    KeyId(token.code_key),
                    SecretLabel::EnrolMailbox,
                    challenge,
                    user,
                    token.address,
                    typed,
                )
            }
            (Some(_) | None, _) => false,
        };
        let (set, codes) = self.fresh_codes(&key);
        let command = Command::ConfirmMailbox {
            user,
            session: caller.session,
            token: challenge,
            is_right,
            codes: brings_codes.then(|| self.new_codes(&key, user, set, &codes)),
            mails: self.notices_of_change(user, &visitor.origin(), Some(FactorChange::MailboxAdded)),
            origin: self.client_of(user, visitor).ok_or(Refusal::UserNotFound)?.origin,
        };
        match self.carry_out(Lane::Proof, command, vec![]).await? {
            Outcome::Enrolled { codes: true } => Ok(codes),
            Outcome::Enrolled { codes: false }
            | Outcome::Done
            | Outcome::Session(_)
            | Outcome::Refreshed { .. }
            | Outcome::Issued(_)
            | Outcome::Ended(_)
            | Outcome::Verified
            | Outcome::Objected(_) => Ok(vec![]),
        }
    }

    /// Takes away the caller's factors, of one kind or all.
    pub async fn remove_factors(
        &self,
        caller: Caller,
        reproof: Reproof<'_>,
        code: Option<&SecretString>,
        kind: Option<FactorKind>,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        let command = Command::RemoveFactors {
            who: self.reauthenticated(caller, reproof, code, visitor).await?,
            kind,
            mails: self.notices_of_change(caller.user, &visitor.origin(), Some(FactorChange::Removed)),
        };
        self.carry_out(Lane::Proof, command, vec![]).await.map(|_| ())
    }

    /// Makes new recovery codes; the old ones die.
    pub async fn issue_recovery_codes(
        &self,
        caller: Caller,
        reproof: Reproof<'_>,
        code: Option<&SecretString>,
        visitor: &Visitor,
    ) -> Result<Vec<SecretString>, Fault> {
        let who = self.reauthenticated(caller, reproof, code, visitor).await?;
        let key = self.user_key(caller.user)?;
        let (set, codes) = self.fresh_codes(&key);
        let command = Command::IssueRecoveryCodes {
            who,
            codes: self.new_codes(&key, caller.user, set, &codes),
            mails: self.notices_of_change(caller.user, &visitor.origin(), Some(FactorChange::CodesIssued)),
        };
        self.carry_out(Lane::Proof, command, vec![]).await?;
        Ok(codes)
    }

    /// Takes away a user's factors for an administrator, of one kind or all.
    pub async fn revoke_factors(
        &self,
        user: UserId,
        kind: Option<FactorKind>,
        by: Actor,
    ) -> Result<(), Fault> {
        let origin = Self::origin_of_administrator(by);
        let command = Command::RevokeFactors {
            user,
            kind,
            mails: self.notices_of_change(user, &origin, Some(FactorChange::RemovedByOperator)),
            by,
        };
        self.carry_out(Lane::Proof, command, vec![]).await.map(|_| ())
    }

    /// Asks for a code by mail, to sign in with. Answer and cost are the same for everybody: one hash, one commit, an id.
    pub async fn challenge_mailbox(
        &self,
        address: &EmailAddress,
        password: &SecretString,
        visitor: &Visitor,
    ) -> Result<TokenId, Fault> {
        let asked = Self::until_current(|| self.try_challenge(address, password, visitor));
        self.on_step(asked).await
    }

    async fn try_challenge(
        &self,
        address: &EmailAddress,
        password: &SecretString,
        visitor: &Visitor,
    ) -> Result<TokenId, Fault> {
        let greeting = self.greet(address, visitor)?;
        let (found, ask, keys) = (greeting.found, greeting.ask, greeting.keys);
        self.may_sign_in(found, &ask)?;
        let user = found.map(|(_, user)| user);
        let owner = user.and_then(|id| self.engine().read(|state| state.users.get(&id).cloned()));
        let (verdict, _) = self.judge_password(owner.as_deref(), password).await?;
        let proof = self.new_proof();
        let command = Command::ChallengeMailbox {
            ask,
            verdict,
            proof,
            mail: user.and_then(|user| self.new_mail(user, visitor)),
            lifetime: None,
        };
        self.carry_out(Lane::Stranger, command, keys).await?;
        Ok(proof.token)
    }

    /// The command that tells a user of a sign-in that was left alone before its second factor; `None` if they are gone.
    pub fn notice_of_unfinished(&self, user: UserId, unfinished: &Unfinished) -> Option<Command> {
        let origin = self.open_origin(Some(user), &unfinished.origin)?;
        let mails = self.notices_of_change(user, &origin, None);
        Some(Command::TellUnfinished { user, mails })
    }

    pub(super) async fn reauthenticated(
        &self,
        caller: Caller,
        reproof: Reproof<'_>,
        code: Option<&SecretString>,
        visitor: &Visitor,
    ) -> Result<Reauthenticated, Fault> {
        let against = match self.reauthenticate(caller, reproof, visitor).await {
            // These routes have one word for a wrong password.
            Err(Fault::Refused(Refusal::CurrentPasswordWrong)) => {
                return Err(Refusal::InvalidCredentials.into());
            }
            checked => checked?,
        };
        let client = self
            .client_of(caller.user, visitor)
            .ok_or(Refusal::UserNotFound)?;
        Ok(Reauthenticated {
            user: caller.user,
            session: caller.session,
            against,
            shown: self.shown_factor(Some(caller.user), code, visitor),
            origin: client.origin,
        })
    }

    pub(super) fn user_key(&self, user: UserId) -> Result<DataKey, Fault> {
        let key = self.engine().vault().key(DataKeyId::User(user));
        key.ok_or_else(|| Refusal::UserNotFound.into())
    }

    fn fresh_codes(&self, key: &DataKey) -> (FactorId, Vec<SecretString>) {
        let entropy = self.engine().entropy();
        let set = FactorId(random_id(entropy));
        let salt: [u8; 32] = random_array(entropy);
        (set, crypto::recovery_codes(key, set, &salt, RECOVERY_CODES))
    }

    fn new_codes(&self, key: &DataKey, user: UserId, set: FactorId, codes: &[SecretString]) -> NewCodes {
        let hashes = crypto::recovery_hashes(key, set, codes);
        let entropy = self.engine().entropy();
        NewCodes {
            set,
            hashes: crypto::seal(key, Field::RecoveryCodes, user.0, &hashes, entropy),
        }
    }

    pub(super) fn own_addresses(&self, user: UserId, key: &DataKey) -> Vec<(AddressId, EmailAddress)> {
        let sealed = self.engine().read(|state| {
            let found = state.users.get(&user);
            found.map(|found| found.addresses.clone()).unwrap_or_default()
        });
        let open =
            |address: &crate::domain::Address| Some((address.id, open_address(key, user, &address.sealed)?));
        sealed.iter().filter_map(open).collect()
    }
}

/// What a QR code says to an app (the key URI format that Google Authenticator made common).
fn app_uri(issuer: &str, account: &str, secret: &SecretString) -> SecretString {
    let encoded = |text: &str| {
        let mut out = String::with_capacity(text.len());
        percent_encode(text, &mut out);
        out
    };
    let (issuer, account) = (encoded(issuer), encoded(account));
    let (secret, digits, period) = (secret.expose_secret(), totp::DIGITS, totp::STEP_SECONDS);
    SecretString::from(format!(
        "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits={digits}&period={period}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_told_issuer_and_account_in_one_uri() {
        let uri = app_uri("Key & Ledger", "née@example.org", &SecretString::from("ABC"));
        assert_eq!(
            uri.expose_secret(),
            "otpauth://totp/Key%20%26%20Ledger:n%C3%A9e%40example.org?secret=ABC&issuer=Key%20%26%20Ledger\
             &algorithm=SHA1&digits=6&period=30"
        );
    }
}
