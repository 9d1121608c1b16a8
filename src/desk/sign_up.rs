//! Registering.

use secrecy::SecretString;

use super::greeting::{Greeting, NewKeys};
use super::passwords::PasswordOwner;
use super::sessions::Tokens;
use super::walk::AskedBy;
use super::{Command, Desk, Enumeration, Fault, Outcome, Visitor};
use crate::crypto::{self, DataKey, Field};
use crate::domain::{NewCredential, NewSession, NewUser, Role, SignUpMode, SuppressedClass, may_sign_up};
use crate::engine::{Directory, Lane};
use crate::system::random_id;
use crate::types::{AddressId, DataKeyId, EmailAddress, Locale, PersonName, SessionId, UserId, Username};

/// What somebody who registers tells.
pub struct SignUpForm {
    /// Their address.
    pub address: EmailAddress,
    /// Their password.
    pub password: SecretString,
    /// Their name.
    pub name: PersonName,
    /// Their language.
    pub locale: Option<Locale>,
}

/// Somebody who is to be registered, with a password that was tested and hashed.
#[derive(Clone)]
pub(super) struct Registration {
    pub(super) address: EmailAddress,
    pub(super) name: Option<PersonName>,
    pub(super) username: Option<Username>,
    pub(super) locale: Option<Locale>,
    pub(super) credential: NewCredential,
    /// The key that its verifier is sealed under.
    pub(super) keys: NewKeys,
    /// The stage of a flow that has the address confirmed.
    pub(super) asked: Option<AskedBy>,
}

/// What they are told.
pub enum SignUpAnswer {
    /// They are signed in.
    SignedIn(Tokens),
    /// A mail tells the rest, whoever they are.
    MailSent,
}

impl Desk {
    /// Registers somebody.
    pub async fn sign_up(&self, form: SignUpForm, visitor: &Visitor) -> Result<SignUpAnswer, Fault> {
        let SignUpForm {
            address,
            password,
            name,
            locale,
        } = form;
        let owner = PasswordOwner {
            addresses: vec![address.clone()],
            name: Some(name.clone()),
            ..PasswordOwner::default()
        };
        {
            let Greeting { ask, .. } = self.greet(&address, visitor)?;
            let context = self.context(None);
            let gate = self
                .engine()
                .read(|state| may_sign_up(state, &context, &ask.client));
            if let Err(refusal) = gate {
                self.engine().count_suppressed(SuppressedClass::Limited);
                return Err(refusal.into());
            }
        }
        // After the limit: a test may ask the range service, and every call would cost its request.
        self.test_password(Lane::Stranger, &password, owner).await?;
        let (credential, keys) = self.new_credential(Lane::Stranger, password).await?;
        let registration = Registration {
            address,
            name: Some(name),
            username: None,
            locale,
            credential,
            keys,
            asked: None,
        };
        let refresh_key = self.refresh_key();
        let session = NewSession {
            session: SessionId(random_id(self.engine().entropy())),
            refresh_key,
        };
        let begins = match self.settings().enumeration {
            Enumeration::Open => Some(session),
            Enumeration::Strict => None,
        };
        match self.register(&registration, begins.as_ref(), visitor).await? {
            Some((user, session)) => {
                let tokens = self.tokens(user, Role::User, session, 0, refresh_key);
                Ok(SignUpAnswer::SignedIn(tokens.ok_or(Fault::Stopped)?))
            }
            None => Ok(SignUpAnswer::MailSent),
        }
    }

    /// Registers somebody without a word about whether the address is taken: a mail tells, whoever its owner is.
    pub(super) async fn register_quietly(
        &self,
        registration: Registration,
        visitor: &Visitor,
    ) -> Result<(), Fault> {
        self.register(&registration, None, visitor).await.map(|_| ())
    }

    /// Registers somebody whose password is hashed already; gives back the user and the session that began, if one was
    /// to begin.
    async fn register(
        &self,
        registration: &Registration,
        begins: Option<&NewSession>,
        visitor: &Visitor,
    ) -> Result<Option<(UserId, SessionId)>, Fault> {
        Self::until_current(|| self.try_register(registration.clone(), begins.cloned(), visitor)).await
    }

    async fn try_register(
        &self,
        registration: Registration,
        begins: Option<NewSession>,
        visitor: &Visitor,
    ) -> Result<Option<(UserId, SessionId)>, Fault> {
        let greeting = self.greet(&registration.address, visitor)?;
        let Registration {
            address,
            name,
            username,
            locale,
            credential,
            keys: credential_keys,
            asked,
        } = registration;
        let stage = asked.as_ref().and_then(|asked| self.stage_mail(asked));
        let entropy = self.engine().entropy();
        let user = UserId(random_id(entropy));
        let (key, wrapped) = self.engine().vault().make(DataKeyId::User(user), entropy);
        let locale = locale.or(visitor.locale).unwrap_or_default();
        let new = self.new_user(
            &key,
            user,
            Role::User,
            &address,
            name.as_ref(),
            username.as_ref(),
            locale,
        );
        let ring = self.engine().keyring().current();
        let username = username.map(|username| Directory::username_tag(&ring, &username));
        let mode = match begins {
            Some(session) => SignUpMode::Open(session),
            None => SignUpMode::Strict(
                greeting
                    .found
                    .and_then(|(_, owner)| self.new_mail(owner, visitor)),
            ),
        };
        // What the new user leaves is theirs from the first event on; a collision stays under the owner's key.
        let mut ask = greeting.ask;
        if greeting.found.is_none() {
            let (day_key, _) = self.day_key();
            ask.client = self.client(&day_key, &key, user.0, visitor);
        }
        let command = Command::SignUp {
            ask,
            username,
            new,
            credential,
            proof: self.new_proof(),
            mail: self.mail_of_stage(&key, user, &visitor.origin(), asked.as_ref()),
            mode,
            lifetime: stage.map(|stage| stage.lifetime),
        };
        let mut keys = greeting.keys;
        keys.push((DataKeyId::User(user), wrapped));
        keys.extend(credential_keys);
        match self.carry_out(Lane::Stranger, command, keys).await? {
            Outcome::Session(session) => Ok(session.map(|session| (user, session))),
            Outcome::Done
            | Outcome::Refreshed { .. }
            | Outcome::Issued(_)
            | Outcome::Ended(_)
            | Outcome::Verified
            | Outcome::Enrolled { .. }
            | Outcome::Objected(_) => Ok(None),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of the user it seals")]
    pub(super) fn new_user(
        &self,
        key: &DataKey,
        user: UserId,
        role: Role,
        address: &EmailAddress,
        name: Option<&PersonName>,
        username: Option<&Username>,
        locale: Locale,
    ) -> NewUser {
        let entropy = self.engine().entropy();
        let seal = |field, text: &str| crypto::seal(key, field, user.0, text.as_bytes(), entropy);
        NewUser {
            user,
            role,
            address: AddressId(random_id(entropy)),
            sealed_address: seal(Field::UserAddress, address.as_typed()),
            name: name.map(|name| seal(Field::UserName, name.as_str())),
            username: username.map(|username| seal(Field::Username, username.as_typed())),
            locale,
        }
    }
}
