//! Authenticator apps in a simulation: begun, confirmed, shown rightly, wrongly or twice, and taken away.

use keyledger::desk::Reproof;
use keyledger::domain::Actor;
use keyledger::types::UserId;
use secrecy::{ExposeSecret, SecretString};

use super::attempt::{Attempt, Shown};
use super::life::Life;
use crate::support::Authenticator;

impl Life {
    /// What somebody types of the second factor of a user; nothing where nothing is asked.
    pub(super) fn a_factor_of(&mut self, user: Option<UserId>) -> (Shown, Option<SecretString>) {
        let app = self.machine.engine().read(|state| {
            let factors = state.factors.get(&user?)?;
            factors.totp.as_ref().map(|app| app.id)
        });
        let Some(app) = app else {
            return (Shown::Nothing, None);
        };
        let known = self.apps.get(&app).cloned();
        match (self.chance.below(8), known) {
            (0, _) => (Shown::Nothing, None),
            (2.., Some(app)) => self.code_of(Some(&app)),
            (_, _) => self.code_of(None),
        }
    }

    /// The code of an app at this moment, or of none.
    fn code_of(&self, app: Option<&Authenticator>) -> (Shown, Option<SecretString>) {
        let wall = self.machine.engine().clock().wall();
        let (shown, text) = match app {
            Some(app) => (Shown::Right(Authenticator::step_at(wall)), app.code_at(wall)),
            None => (Shown::Wrong, "000000".to_owned()),
        };
        (shown, Some(SecretString::from(text)))
    }

    /// Somebody who is signed in adds an app, or leaves it at that.
    pub(super) fn enrol(&mut self) -> Result<(), String> {
        let Some(device) = self.a_device() else {
            return Ok(());
        };
        let Ok(caller) = self.machine.desk().authenticate(&device.access) else {
            return Ok(());
        };
        let (visitor, session, user) = (self.a_visitor(), device.session, device.user);
        let password = self.a_password_of_user(user);
        let typed = SecretString::from(password.clone());
        let answer = self.machine.ask(|desk| async move {
            desk.begin_totp(caller, Reproof::Password(&typed), None, &visitor)
                .await
        });
        let begun = self.note(&Attempt::BeginApp { session, password }, answer)?;
        if let Some((made, _)) = begun {
            let id = self.machine.engine().read(|state| {
                let factors = state.factors.get(&user)?;
                factors.totp_begun.as_ref().map(|begun| begun.id)
            });
            let app = Authenticator::of(made.secret.expose_secret());
            self.apps
                .insert(id.ok_or("an app was begun that is not there")?, app);
        }
        if self.chance.one_in(5) {
            return Ok(());
        }
        let begun = self.machine.engine().read(|state| {
            let factors = state.factors.get(&user)?;
            factors.totp_begun.as_ref().map(|begun| begun.id)
        });
        let known = begun.and_then(|id| self.apps.get(&id).cloned());
        let known = known.filter(|_| !self.chance.one_in(5));
        let (shown, code) = self.code_of(known.as_ref());
        let (visitor, code) = (self.a_visitor(), code.ok_or("there is always something to type")?);
        let answer = self
            .machine
            .ask(|desk| async move { desk.confirm_totp(caller, &code, &visitor).await });
        self.note(&Attempt::ConfirmApp { session, shown }, answer)
            .map(drop)
    }

    /// An app is taken away: by its owner, or by an administrator.
    pub(super) fn unenrol(&mut self) -> Result<(), String> {
        let Some(device) = self.a_device().filter(|_| !self.chance.one_in(4)) else {
            let Some(user) = self.a_user() else { return Ok(()) };
            let answer = self
                .machine
                .ask(|desk| async move { desk.revoke_factors(user, None, Actor::Operator).await });
            return self.note(&Attempt::RevokeFactors(user), answer).map(drop);
        };
        let Ok(caller) = self.machine.desk().authenticate(&device.access) else {
            return Ok(());
        };
        let (visitor, session) = (self.a_visitor(), device.session);
        let password = self.a_password_of_user(device.user);
        let (shown, code) = self.a_factor_of(Some(device.user));
        let typed = SecretString::from(password.clone());
        let answer = self.machine.ask(|desk| async move {
            desk.remove_factors(caller, Reproof::Password(&typed), code.as_ref(), None, &visitor)
                .await
        });
        let attempt = Attempt::RemoveApp {
            session,
            password,
            shown,
        };
        self.note(&attempt, answer).map(drop)
    }

    pub(super) fn a_password_of_user(&mut self, user: UserId) -> String {
        let account = self.oracle.accounts.get(&user);
        let of = account.map_or(0, |account| account.address);
        self.a_password_of(of)
    }
}
