//! What a signed-in user does with their own account.

use secrecy::{ExposeSecret, SecretString};

use super::repeats::Repeat;
use super::sessions::Caller;
use super::{Command, Desk, Fault, Refusal, Visitor};
use crate::crypto::{self, Field};
use crate::domain::{FactorKind, Notices, PasswordChange, PasswordVerdict, Role, User};
use crate::engine::Lane;
use crate::types::{CredentialId, DataKeyId, Locale, PersonName, Sealed, Timestamp, UserId};

/// A user as they see themself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    /// Their id.
    pub id: UserId,
    /// What they may do.
    pub role: Role,
    /// Their name.
    pub name: Option<String>,
    /// The address they sign in with.
    pub email: String,
    /// When it was proven.
    pub email_verified: Option<Timestamp>,
    /// Their language.
    pub locale: Locale,
    /// Their second factors.
    pub factors: Vec<FactorKind>,
    /// When they came to be.
    pub created: Timestamp,
    /// When they last changed.
    pub updated: Timestamp,
    /// When they last signed in.
    pub last_login: Option<Timestamp>,
}

/// How somebody who is signed in shows that it is still them (S-08).
#[derive(Clone, Copy, Debug)]
pub enum Reproof<'a> {
    /// By the password, once more.
    Password(&'a SecretString),
    /// By having signed in just now, as [`Desk::is_fresh`] says.
    FreshSession,
}

const CHANGE_SCOPE: &str = "change";

impl Desk {
    /// A user's own view of themself; `None` if they are gone.
    pub fn profile(&self, id: UserId) -> Option<Profile> {
        let key = self.engine().vault().key(DataKeyId::User(id))?;
        let (sealed_name, sealed_address, mut profile) = self.engine().read(|state| {
            let user = state.users.get(&id)?;
            let address = user.addresses.first()?;
            let profile = Profile {
                id,
                role: user.role,
                name: None,
                email: String::new(),
                email_verified: address.verified,
                locale: user.locale,
                factors: state
                    .factors
                    .get(&id)
                    .map(|factors| factors.kinds(state.epoch()))
                    .unwrap_or_default(),
                created: user.created,
                updated: user.updated,
                last_login: user.last_login,
            };
            Some((user.name.clone(), address.sealed.clone(), profile))
        })?;
        let text = |field, sealed: &crate::types::Sealed| {
            let clear = crypto::open(&key, field, id.0, sealed)?;
            Some(std::str::from_utf8(&clear).ok()?.to_owned())
        };
        profile.name = sealed_name.and_then(|sealed| text(Field::UserName, &sealed));
        profile.email = text(Field::UserAddress, &sealed_address)?;
        Some(profile)
    }

    /// Sets a new password for somebody who is signed in and knows the old one. Order of the answers: current,
    /// format, same, leaked.
    pub async fn change_password(
        &self,
        caller: Caller,
        current: &SecretString,
        new: &SecretString,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        let owner = caller.session.0;
        match self
            .inner
            .repeats
            .look(CHANGE_SCOPE, &owner, current.expose_secret(), self.now())
        {
            Repeat::New => {}
            Repeat::KnownWrong => return Err(Refusal::CurrentPasswordWrong.into()),
            Repeat::TooOften => return Err(Fault::Repeated),
        }
        let changed = Self::until_current(|| self.try_change(caller, current, new, visitor)).await;
        if changed == Err(Fault::Refused(Refusal::CurrentPasswordWrong)) {
            self.inner
                .repeats
                .wrong(CHANGE_SCOPE, &owner, current.expose_secret(), self.now());
        }
        changed
    }

    async fn try_change(
        &self,
        caller: Caller,
        current: &SecretString,
        new: &SecretString,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        let (id, session) = (caller.user, caller.session);
        let user = self
            .engine()
            .read(|state| state.users.get(&id).cloned())
            .ok_or(Refusal::UserNotFound)?;
        let client = self.client_of(id, visitor).ok_or(Refusal::UserNotFound)?;
        let against = self.check_current(caller, &user, current, &client.origin).await?;
        let owner = self.password_owner(id, &user);
        if let Err(unfit) = self.test_password(Lane::Proof, new, owner).await {
            let change = unfit
                .broken()
                .map_or(PasswordChange::Nothing, PasswordChange::Refused);
            // Others may have used up the tries meanwhile: then this answer would tell that the guess was right.
            let verdict = PasswordVerdict::Right(against);
            self.note_current(caller, verdict, change, &client.origin).await?;
            return Err(unfit.into());
        }
        let (new_credential, keys) = self.new_credential(Lane::Proof, new.clone()).await?;
        let command = Command::ChangePassword {
            user: id,
            session,
            verdict: PasswordVerdict::Right(against),
            change: PasswordChange::Set(new_credential),
            mails: self.notices(id, visitor),
            origin: client.origin,
        };
        self.carry_out(Lane::Proof, command, keys).await.map(|_| ())
    }

    /// Makes sure that somebody who is signed in is still who they were; gives back which password says so. The same
    /// wrong value again is answered without a hash.
    pub(super) async fn reauthenticate(
        &self,
        caller: Caller,
        reproof: Reproof<'_>,
        visitor: &Visitor,
    ) -> Result<CredentialId, Fault> {
        let password = match reproof {
            Reproof::Password(password) => password,
            Reproof::FreshSession => {
                let credential = self.fresh_credential(caller);
                return credential.ok_or(Refusal::CurrentPasswordWrong.into());
            }
        };
        let (owner, text) = (caller.session.0, password.expose_secret());
        match self.inner.repeats.look(CHANGE_SCOPE, &owner, text, self.now()) {
            Repeat::New => {}
            Repeat::KnownWrong => return Err(Refusal::CurrentPasswordWrong.into()),
            Repeat::TooOften => return Err(Fault::Repeated),
        }
        let user = self
            .engine()
            .read(|state| state.users.get(&caller.user).cloned())
            .ok_or(Refusal::UserNotFound)?;
        let client = self
            .client_of(caller.user, visitor)
            .ok_or(Refusal::UserNotFound)?;
        let checked = self.check_current(caller, &user, password, &client.origin).await;
        if checked == Err(Fault::Refused(Refusal::CurrentPasswordWrong)) {
            self.inner.repeats.wrong(CHANGE_SCOPE, &owner, text, self.now());
        }
        checked
    }

    /// Holds a password against the current one; a wrong one is counted before its answer leaves. The limit is asked
    /// before a hash is spent.
    async fn check_current(
        &self,
        caller: Caller,
        user: &User,
        password: &SecretString,
        origin: &Sealed,
    ) -> Result<CredentialId, Fault> {
        let Some(credential) = &user.credential else {
            return Err(Refusal::CurrentPasswordWrong.into());
        };
        let right = PasswordVerdict::Right(credential.id);
        self.note_current(caller, right, PasswordChange::Nothing, origin)
            .await?;
        let verifier = self.verifier(credential);
        if self.is_password(Lane::Proof, password, verifier).await?.matches() {
            return Ok(credential.id);
        }
        let wrong = PasswordVerdict::Wrong;
        self.note_current(caller, wrong, PasswordChange::Nothing, origin)
            .await?;
        Err(Refusal::CurrentPasswordWrong.into())
    }

    /// A command without a new password changes nothing: it asks the limit, counts a wrong one, and remembers what a new
    /// one was refused for.
    pub(super) async fn note_current(
        &self,
        caller: Caller,
        verdict: PasswordVerdict,
        change: PasswordChange,
        origin: &Sealed,
    ) -> Result<(), Fault> {
        let command = Command::ChangePassword {
            user: caller.user,
            session: caller.session,
            verdict,
            change,
            mails: Notices::none(),
            origin: origin.clone(),
        };
        self.carry_out(Lane::Proof, command, vec![]).await.map(|_| ())
    }

    /// Gives the caller another name, and has mails and pages speak another language.
    pub async fn change_profile(
        &self,
        caller: Caller,
        name: Option<&PersonName>,
        locale: Locale,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        let (user, gone) = (caller.user, Refusal::UserNotFound);
        let key = self.engine().vault().key(DataKeyId::User(user)).ok_or(gone)?;
        let client = self.client_of(user, visitor).ok_or(gone)?;
        let entropy = self.engine().entropy();
        let seal = |name: &PersonName| {
            let clear = name.as_str().as_bytes();
            crypto::seal(&key, Field::UserName, user.0, clear, entropy)
        };
        let command = Command::ChangeProfile {
            user,
            session: caller.session,
            name: name.map(seal),
            locale,
            origin: client.origin,
        };
        self.carry_out(Lane::Proof, command, vec![]).await.map(|_| ())
    }

    /// Closes the caller's account: it ends now, is erased later, and can be taken back by mail until then.
    pub async fn withdraw(&self, caller: Caller, visitor: &Visitor) -> Result<(), Fault> {
        let client = self
            .client_of(caller.user, visitor)
            .ok_or(Refusal::UserNotFound)?;
        let command = Command::Withdraw {
            user: caller.user,
            session: caller.session,
            proof: self.new_proof(),
            mails: self.notices(caller.user, visitor),
            origin: client.origin,
        };
        self.carry_out(Lane::Proof, command, vec![]).await.map(|_| ())
    }
}
