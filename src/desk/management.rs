//! What administrators change about users and mails, through whichever door.

use super::outbox::NOWHERE;
use super::{Command, Desk, Fault, Refusal, Visitor};
use crate::crypto::{self, Field};
use crate::domain::{Actor, Mail, ManagementCommand, Role};
use crate::engine::Lane;
use crate::types::{AddressId, DataKeyId, Locale, PersonName, Position, Sealed, Timestamp, UserId};

/// What is to be another name or language; what is none stays as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProfileEdit {
    /// The name.
    pub name: Option<PersonName>,
    /// The language.
    pub locale: Option<Locale>,
}

/// Who edits a profile.
#[derive(Clone, Copy, Debug)]
pub enum Editor<'a> {
    /// The user.
    Oneself(super::Caller, &'a Visitor),
    /// An administrator.
    Administrator(Actor),
}

impl Desk {
    /// What is told of where an administrator's act came from: nothing at their own console of the machine, and nothing
    /// elsewhere either, because users read it. The event says who it was.
    pub(super) fn origin_of_administrator(by: Actor) -> super::Origin {
        match by {
            Actor::Operator => Self::console().origin(),
            Actor::Stranger | Actor::User(_) | Actor::ApiKey(_) | Actor::System => NOWHERE,
        }
    }

    fn sealed_from_administrator(&self, user: UserId, by: Actor) -> Result<Sealed, Fault> {
        let vault = self.engine().vault();
        let key = vault.key(DataKeyId::User(user)).ok_or(Refusal::UserNotFound)?;
        let clear = Self::origin_of_administrator(by).to_bytes();
        let entropy = self.engine().entropy();
        Ok(crypto::seal(&key, Field::EventClient, user.0, &clear, entropy))
    }

    /// Changes what a user may do, from their next request on.
    pub async fn change_role(
        &self,
        user: UserId,
        role: Role,
        against: Option<Timestamp>,
        by: Actor,
    ) -> Result<(), Fault> {
        let command = ManagementCommand::ChangeRole {
            user,
            role,
            against,
            by,
        };
        self.manage(command).await
    }

    /// Gives a user another name or language. With `against`, only if the user last changed then.
    pub async fn edit_profile(
        &self,
        user: UserId,
        edit: &ProfileEdit,
        against: Option<Timestamp>,
        editor: Editor<'_>,
    ) -> Result<(), Fault> {
        for _ in 0..Self::ATTEMPTS_MAX {
            match self.try_edit(user, edit, against, editor).await {
                // What stays was read before somebody else's edit: it is read again.
                Err(Fault::Refused(Refusal::Changed)) if against.is_none() => {}
                decided => return decided,
            }
        }
        Err(Fault::Overloaded)
    }

    async fn try_edit(
        &self,
        user: UserId,
        edit: &ProfileEdit,
        against: Option<Timestamp>,
        editor: Editor<'_>,
    ) -> Result<(), Fault> {
        let gone = Refusal::UserNotFound;
        let key = self.engine().vault().key(DataKeyId::User(user)).ok_or(gone)?;
        let now = self.engine().read(|state| {
            let user = state.users.get(&user)?;
            Some((user.name.clone(), user.locale, user.updated))
        });
        let (name, locale, updated) = now.ok_or(gone)?;
        if against.is_some_and(|against| against != updated) {
            return Err(Refusal::Changed.into());
        }
        let entropy = self.engine().entropy();
        let seal = |name: &PersonName| {
            let clear = name.as_str().as_bytes();
            crypto::seal(&key, Field::UserName, user.0, clear, entropy)
        };
        let name = edit.name.as_ref().map(seal).or(name);
        let locale = edit.locale.unwrap_or(locale);
        let command = match editor {
            Editor::Oneself(caller, visitor) => Command::ChangeProfile {
                user,
                session: caller.session,
                name,
                locale,
                origin: self.origin_of(user, visitor).ok_or(gone)?,
            },
            Editor::Administrator(by) => Command::Manage(ManagementCommand::EditProfile {
                user,
                name,
                locale,
                against: Some(updated),
                by,
            }),
        };
        self.carry_out(Lane::Proof, command, vec![]).await.map(|_| ())
    }

    /// Has a way back in mailed to a user, as if they had asked for it themself.
    pub async fn send_recovery(&self, user: UserId, by: Actor) -> Result<(), Fault> {
        let origin = self.sealed_from_administrator(user, by)?;
        self.manage(ManagementCommand::SendRecovery { user, origin, by })
            .await
    }

    /// Takes a mail out of the outbox: it is not sent, unless it is on its way at this moment.
    pub async fn cancel_mail(&self, queued: Position, by: Actor) -> Result<(), Fault> {
        self.manage(ManagementCommand::CancelMail { queued, by }).await
    }

    /// Has a mail tried at once, with those to the same address that are older.
    pub async fn hasten_mail(&self, queued: Position, by: Actor) -> Result<(), Fault> {
        let mail = self.engine().read(|state| state.outbox.get(&queued).cloned());
        let Mail { address, .. } = mail.ok_or(Refusal::NoSuchMail)?;
        // First, so that the courier, whom the commit wakes, finds it.
        self.inner.hastened().push(address);
        self.manage(ManagementCommand::HastenMail { queued, by }).await
    }

    /// The addresses whose mails were hastened since this was last asked: for the courier.
    pub fn take_hastened(&self) -> Vec<AddressId> {
        std::mem::take(&mut *self.inner.hastened())
    }

    async fn manage(&self, command: ManagementCommand) -> Result<(), Fault> {
        let command = Command::Manage(command);
        self.carry_out(Lane::Proof, command, vec![]).await.map(|_| ())
    }
}
