//! Making an account, and changing the password of one, step by step.

use super::challenge::{Mistake, Wrong};
use super::effects::{Scene, Stop, about};
use super::execution::{Execution, Written};
use crate::desk::sign_up::Registration;
use crate::desk::{Command, Desk, Fault, Refusal, Visitor};
use crate::domain::{PasswordChange, PasswordVerdict, SuppressedClass, Walk, may_sign_up};
use crate::engine::{Directory, Lane};
use crate::types::{EmailAddress, PersonName, Username};

impl Desk {
    /// Whether a client may make an account now; asked before a hash is spent on it.
    pub(super) fn may_register(&self, visitor: &Visitor) -> Result<(), Fault> {
        let (day_key, _) = self.day_key();
        let client = self.client(&day_key, &day_key, [0; 16], visitor);
        let context = self.context(None);
        let gate = self.engine().read(|state| may_sign_up(state, &context, &client));
        gate.map_err(|refusal| {
            self.engine().count_suppressed(SuppressedClass::Limited);
            refusal.into()
        })
    }

    /// Whether a user name is free; every client may ask so often an hour.
    pub(super) async fn try_username(&self, text: &str, visitor: &Visitor) -> Result<(), Fault> {
        // An empty one is none, and what is no user name is told where the account is made.
        let Ok(username) = Username::parse(text) else {
            return Ok(());
        };
        let (day_key, _) = self.day_key();
        let ring = self.engine().keyring().current();
        let command = Command::Walk(Walk::TryUsername {
            client: self.client(&day_key, &day_key, [0; 16], visitor),
            username: Directory::username_tag(&ring, &username),
        });
        self.carry_out(Lane::Stranger, command, vec![]).await.map(|_| ())
    }

    /// Makes an account with what prompts took. Nothing tells whether the address has one already: its owner is mailed.
    pub(super) async fn sign_up_walker(
        &self,
        execution: &mut Execution,
        scene: &Scene<'_>,
    ) -> Result<(), Stop> {
        let visitor = &scene.walker.visitor;
        let missing = |field| Stop::Wrong(Wrong::new(field, Mistake::Invalid));
        let chosen = execution.chosen().ok_or(Refusal::Outdated)?;
        let email = execution.text("email").unwrap_or_default().to_owned();
        let address = EmailAddress::parse(&email).map_err(|_| missing("email"))?;
        let name = match execution.text("name").filter(|name| !name.is_empty()) {
            Some(name) => Some(PersonName::parse(name).map_err(|_| missing("name"))?),
            None => None,
        };
        let username = match execution.text("username").filter(|name| !name.is_empty()) {
            Some(name) => Some(Username::parse(name).map_err(|_| missing("username"))?),
            None => None,
        };
        let keys = chosen.keys();
        let registration = Registration {
            address,
            name,
            username,
            locale: visitor.locale,
            credential: chosen.credential,
            keys,
            asked: scene.plan.mail_behind(scene.place.order),
        };
        self.register_quietly(registration, visitor).await?;
        execution.written = Written::User;
        execution.who = Some(email);
        execution.mails.count(crate::types::Span::minutes(1), self.now());
        Ok(())
    }

    /// Sets the new password of whoever is signed in and gave the old one.
    pub(super) async fn change_walkers_password(
        &self,
        execution: &mut Execution,
        scene: &Scene<'_>,
    ) -> Result<(), Stop> {
        let visitor = &scene.walker.visitor;
        let (Some(caller), Some(chosen)) = (scene.facts.caller, execution.chosen()) else {
            return Err(Refusal::SessionOver.into());
        };
        let proven = execution.password(self.now()).ok_or(Refusal::Outdated)?;
        let client = self
            .client_of(caller.user, visitor)
            .ok_or(Refusal::UserNotFound)?;
        let keys = chosen.keys();
        let command = Command::ChangePassword {
            user: caller.user,
            session: caller.session,
            verdict: PasswordVerdict::Right(proven.credential),
            change: PasswordChange::Set(chosen.credential),
            mails: self.notices(caller.user, visitor),
            origin: client.origin,
        };
        self.carry_out(Lane::Proof, command, keys)
            .await
            .map_err(about("password"))?;
        execution.written = Written::Password;
        Ok(())
    }
}
