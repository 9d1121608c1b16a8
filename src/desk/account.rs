//! What a signed-in user does with their own account.

use secrecy::{ExposeSecret, SecretString};

use super::repeats::Repeat;
use super::sessions::Caller;
use super::{Command, Desk, Fault, Refusal, Visitor};
use crate::crypto::{self, Field};
use crate::domain::{PasswordVerdict, Role};
use crate::engine::Lane;
use crate::types::{DataKeyId, Locale, Timestamp, UserId};

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
    /// When they came to be.
    pub created: Timestamp,
    /// When they last changed.
    pub updated: Timestamp,
    /// When they last signed in.
    pub last_login: Option<Timestamp>,
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
        for _ in 0..Self::ATTEMPTS_MAX {
            match self.try_change(caller, current, new, visitor).await {
                Err(Fault::Refused(Refusal::Outdated)) => {}
                Err(wrong @ Fault::Refused(Refusal::CurrentPasswordWrong)) => {
                    self.inner
                        .repeats
                        .wrong(CHANGE_SCOPE, &owner, current.expose_secret(), self.now());
                    return Err(wrong);
                }
                decided => return decided,
            }
        }
        Err(Fault::Overloaded)
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
        let check = |verdict| Command::ChangePassword {
            user: id,
            session,
            verdict,
            credential: None,
            mails: vec![],
            origin: client.origin.clone(),
        };
        // The limit is asked before a hash is spent: a command without a new password changes nothing.
        let Some(credential) = user.credential.clone() else {
            return Err(Refusal::CurrentPasswordWrong.into());
        };
        self.carry_out(Lane::Proof, check(PasswordVerdict::Right(credential.id)), vec![])
            .await?;
        let mut owner = self.password_owner(id, &user);
        let verifier = owner.current.take();
        let checked = self.is_password(Lane::Proof, current, verifier.clone()).await?;
        if !checked.matches() {
            self.carry_out(Lane::Proof, check(PasswordVerdict::Wrong), vec![])
                .await?;
            return Err(Refusal::CurrentPasswordWrong.into());
        }
        owner.current = verifier;
        if let Err(unfit) = self.test_password(Lane::Proof, new, owner).await {
            // Others may have used up the tries meanwhile: then this answer would tell that the guess was right.
            self.carry_out(Lane::Proof, check(PasswordVerdict::Right(credential.id)), vec![])
                .await?;
            return Err(unfit.into());
        }
        let (new_credential, keys) = self.new_credential(Lane::Proof, new.clone()).await?;
        let command = Command::ChangePassword {
            user: id,
            session,
            verdict: PasswordVerdict::Right(credential.id),
            credential: Some(new_credential),
            mails: self.notices(id, visitor),
            origin: client.origin,
        };
        self.carry_out(Lane::Proof, command, keys).await.map(|_| ())
    }

    /// Closes the caller's account: it ends now, is erased later, and can be taken back by mail until then.
    pub async fn withdraw(&self, caller: Caller, visitor: &Visitor) -> Result<(), Fault> {
        let client = self
            .client_of(caller.user, visitor)
            .ok_or(Refusal::UserNotFound)?;
        let mail = self.new_mail(caller.user, visitor).ok_or(Refusal::UserNotFound)?;
        let command = Command::Withdraw {
            user: caller.user,
            session: caller.session,
            proof: self.new_proof(),
            mail,
            origin: client.origin,
        };
        self.carry_out(Lane::Proof, command, vec![]).await.map(|_| ())
    }
}
