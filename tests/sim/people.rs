//! What people and administrators do in a simulation: right, wrong, late, twice.

use keyledger::desk::{Desk, SignUpAnswer, SignUpForm, Visitor};
use keyledger::domain::{Actor, ApiKeyKind, Purpose};
use keyledger::types::{ApiKeyId, EmailAddress, Locale, PersonName, SessionId, UserId};
use secrecy::{ExposeSecret, SecretString};

use super::attempt::{Address, Attempt, Presented};
use super::compare::{address_text, policy};
use super::life::{Device, Life};
use super::post::Received;

/// How many addresses there are: few, so that people meet what they did before.
const ADDRESSES: usize = 4;

pub(super) fn address(of: Address) -> EmailAddress {
    EmailAddress::parse(&address_text(of)).expect("an address")
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

impl Life {
    pub(super) fn an_address(&mut self) -> Address {
        self.chance.below(ADDRESSES)
    }

    /// Somebody from one of a few networks.
    pub(super) fn a_visitor(&mut self) -> Visitor {
        let host = self.chance.below(5);
        Visitor {
            ip: std::net::IpAddr::from([192, 0, 2, u8::try_from(host).unwrap_or(0)]),
            user_agent: "a browser".to_owned(),
            locale: Some(if host == 3 { Locale::Ko } else { Locale::En }),
            exempt: false,
        }
    }

    /// A password that was never chosen, and now and then one that is too short.
    fn a_new_password(&mut self) -> String {
        let number = self.chance.below(1_000_000);
        if self.chance.one_in(8) {
            format!("Aa-{number:06}")
        } else {
            format!("Long-enough-{number:06}")
        }
    }

    /// The right password of an address, or one that was right once, or none that ever was.
    pub(super) fn a_password_of(&mut self, of: Address) -> String {
        let known = self.passwords.get(&of).cloned().unwrap_or_default();
        match self.chance.below(8) {
            0 => "Never-was-right-1".to_owned(),
            1 | 2 => self.chance.one_of(&known).unwrap_or_default(),
            _ => known.last().cloned().unwrap_or_default(),
        }
    }

    fn chosen(&mut self, of: Address, password: &str) {
        self.passwords.entry(of).or_default().push(password.to_owned());
    }

    pub(super) fn a_user(&mut self) -> Option<UserId> {
        let users: Vec<_> = self.oracle.accounts.keys().copied().collect();
        if self.chance.one_in(12) {
            let erased: Vec<_> = self.oracle.erased.iter().copied().collect();
            return self.chance.one_of(&erased);
        }
        self.chance.one_of(&users)
    }

    pub(super) fn a_device(&mut self) -> Option<Device> {
        let recent = self.devices.len().saturating_sub(8);
        self.chance.one_of(&self.devices[recent..])
    }

    fn a_session(&mut self) -> Option<(UserId, SessionId)> {
        let all: Vec<_> = self
            .oracle
            .accounts
            .iter()
            .flat_map(|(user, account)| account.sessions.iter().map(|(id, _)| (*user, *id)))
            .collect();
        self.chance.one_of(&all)
    }

    pub(super) fn a_key(&mut self) -> Option<ApiKeyId> {
        let keys: Vec<_> = self.oracle.keys.keys().copied().collect();
        self.chance.one_of(&keys)
    }

    /// A mail that somebody still has; mostly the newest, but old ones come back as well.
    pub(super) fn a_mail(&mut self, purpose: Purpose) -> Option<Received> {
        let all: Vec<_> = self
            .post
            .received
            .iter()
            .filter(|mail| mail.purpose == purpose)
            .cloned()
            .collect();
        if self.chance.one_in(3) {
            self.chance.one_of(&all)
        } else {
            all.last().cloned()
        }
    }

    /// What is typed or clicked of a mail: its link, its code, or something else.
    pub(super) fn a_proof(&mut self, mail: &Received) -> (Presented, SecretString) {
        match self.chance.below(8) {
            0 => (Presented::Nonsense, secret("ABCDE-FGHJK")),
            1 => {
                let mut text = mail.link.expose_secret().to_owned();
                // Its last letter is all of its MAC's end that differs.
                let last = if text.pop() == Some('A') { 'Q' } else { 'A' };
                text.push(last);
                (Presented::Nonsense, secret(&text))
            }
            2 | 3 => (Presented::Code(mail.token), mail.code.clone()),
            _ => (Presented::Link(mail.token), mail.link.clone()),
        }
    }

    pub(super) fn somebody_acts(&mut self) -> Result<(), String> {
        match self.chance.below(34) {
            0..=2 => self.sign_up(),
            3..=5 => self.sign_in(),
            6..=8 => self.ask(),
            9..=13 => self.confirm(),
            14 | 15 => self.verify_or_disown(),
            16 => self.change(),
            17..=19 => self.refresh(),
            20 => self.withdraw_or_reopen(),
            21 => self.administrate(),
            22 => self.keys(),
            23..=26 => self.enrol(),
            27 => self.unenrol(),
            28..=31 => self.about_addresses(),
            _ => match self.a_plain_attempt() {
                Some(attempt) => self.command(&attempt),
                None => self.sign_up(),
            },
        }
    }

    fn sign_up(&mut self) -> Result<(), String> {
        let (of, visitor, password) = (self.an_address(), self.a_visitor(), self.a_new_password());
        let form = SignUpForm {
            address: address(of),
            password: secret(&password),
            name: PersonName::parse("Somebody").expect("a name"),
            locale: None,
        };
        let answer = self
            .machine
            .ask(|desk| async move { desk.sign_up(form, &visitor).await });
        self.chosen(of, &password);
        let attempt = Attempt::SignUp {
            address: of,
            password,
        };
        if let Some((SignUpAnswer::SignedIn(tokens), news)) = self.note(&attempt, answer)? {
            self.given(&tokens, news.users[0])?;
        }
        Ok(())
    }

    fn sign_in(&mut self) -> Result<(), String> {
        let (of, visitor) = (self.an_address(), self.a_visitor());
        let password = self.a_password_of(of);
        let (typed, to) = (secret(&password), address(of));
        let owner = self.oracle.owner(of).map(|(user, _)| user);
        let (shown, code) = self.a_factor_of(owner);
        let answer = self
            .machine
            .ask(|desk| async move { desk.sign_in(&to, &typed, code.as_ref(), &visitor).await });
        let wrong = answer.is_err();
        let attempt = Attempt::SignIn {
            address: of,
            password,
            shown,
        };
        if let Some((tokens, _)) = self.note(&attempt, answer)? {
            self.given(&tokens, owner.ok_or("nobody was signed in")?)?;
        }
        if wrong {
            self.oracle.guessed_at.extend(owner);
        }
        Ok(())
    }

    fn ask(&mut self) -> Result<(), String> {
        let (of, visitor) = (self.an_address(), self.a_visitor());
        let to = address(of);
        let (purpose, answer) = if self.chance.one_in(4) {
            let asked = |desk: Desk| async move { desk.request_verification(&to, None, &visitor).await };
            (Purpose::VerifyEmail, self.machine.ask(asked))
        } else {
            let asked = |desk: Desk| async move { desk.request_reset(&to, &visitor).await };
            (Purpose::Recovery, self.machine.ask(asked))
        };
        self.note(&Attempt::Ask { address: of, purpose }, answer)
            .map(drop)
    }

    fn confirm(&mut self) -> Result<(), String> {
        let Some(mail) = self.a_mail(Purpose::Recovery) else {
            return self.ask();
        };
        let visitor = self.a_visitor();
        let of = if self.chance.one_in(10) {
            self.an_address()
        } else {
            mail.address
        };
        let (proof, text) = self.a_proof(&mail);
        let password = if self.chance.one_in(6) {
            self.a_password_of(of)
        } else {
            self.a_new_password()
        };
        // A link alone names its owner; with an address it must fit.
        let alone = matches!(proof, Presented::Link(_)) && self.chance.one_in(2);
        let (new, to) = (secret(&password), address(of));
        let of = if alone { mail.address } else { of };
        let owner = self.oracle.owner(of).map(|(user, _)| user);
        let (shown, code) = self.a_factor_of(owner);
        let answer = self.machine.ask(|desk| async move {
            let code = code.as_ref();
            if alone {
                desk.confirm_reset_by_link(&text, new, code, &visitor).await
            } else {
                desk.confirm_reset(&to, &text, new, code, &visitor).await
            }
        });
        self.chosen(of, &password);
        let attempt = Attempt::Confirm {
            proof,
            address: of,
            password,
            shown,
        };
        self.note(&attempt, answer).map(drop)
    }

    fn verify_or_disown(&mut self) -> Result<(), String> {
        let Some(mail) = self.a_mail(Purpose::VerifyEmail) else {
            return self.ask();
        };
        let visitor = self.a_visitor();
        if self.chance.one_in(5)
            && let Some(not_me) = mail.not_me.clone()
        {
            let answer = self
                .machine
                .ask(|desk| async move { desk.not_me(&not_me, &visitor).await.map(drop) });
            let proof = Presented::Link(mail.token);
            return self.note(&Attempt::Disown { proof }, answer).map(drop);
        }
        let of = if self.chance.one_in(10) {
            self.an_address()
        } else {
            mail.address
        };
        let (proof, text) = self.a_proof(&mail);
        let to = address(of);
        let answer = self
            .machine
            .ask(|desk| async move { desk.confirm_verification(&to, &text, &visitor).await });
        self.note(&Attempt::Verify { proof, address: of }, answer)
            .map(drop)
    }

    fn change(&mut self) -> Result<(), String> {
        let Some(device) = self.a_device() else {
            return self.sign_up();
        };
        let visitor = self.a_visitor();
        let Ok(caller) = self.machine.desk().authenticate(&device.access) else {
            return Ok(());
        };
        let of = self
            .oracle
            .accounts
            .get(&device.user)
            .map_or(0, |account| account.address);
        let (current, password) = (self.a_password_of(of), self.a_new_password());
        let (old, new) = (secret(&current), secret(&password));
        let answer = self
            .machine
            .ask(|desk| async move { desk.change_password(caller, &old, &new, &visitor).await });
        self.chosen(of, &password);
        let attempt = Attempt::Change {
            session: device.session,
            current,
            password,
        };
        self.note(&attempt, answer).map(drop)
    }

    fn refresh(&mut self) -> Result<(), String> {
        let Some(device) = self.a_device() else {
            return self.sign_up();
        };
        let visitor = self.a_visitor();
        // Mostly the newest; a stolen or repeated one now and then.
        let (counter, token) = if self.chance.one_in(6) {
            self.chance.one_of(&device.refresh)
        } else {
            device.refresh.last().cloned()
        }
        .ok_or("a client without tokens")?;
        let answer = self
            .machine
            .ask(|desk| async move { desk.refresh(&token, &visitor).await });
        let attempt = Attempt::Refresh {
            session: device.session,
            counter,
        };
        if let Some((tokens, _)) = self.note(&attempt, answer)? {
            self.given(&tokens, device.user)?;
        }
        Ok(())
    }

    fn withdraw_or_reopen(&mut self) -> Result<(), String> {
        let visitor = self.a_visitor();
        if self.chance.one_in(2)
            && let Some(mail) = self.a_mail(Purpose::Reopen)
        {
            let link = mail.link.clone();
            let answer = self
                .machine
                .ask(|desk| async move { desk.cancel_withdraw(&link, &visitor).await });
            let proof = Presented::Link(mail.token);
            return self.note(&Attempt::Reopen { proof }, answer).map(drop);
        }
        let Some(device) = self.a_device() else {
            return Ok(());
        };
        let Ok(caller) = self.machine.desk().authenticate(&device.access) else {
            return Ok(());
        };
        let answer = self
            .machine
            .ask(|desk| async move { desk.withdraw(caller, &visitor).await });
        let session = device.session;
        self.note(&Attempt::Withdraw { session }, answer).map(drop)
    }

    fn keys(&mut self) -> Result<(), String> {
        let kind = if self.chance.one_in(2) {
            ApiKeyKind::Secret
        } else {
            ApiKeyKind::Publishable
        };
        let answer = self.machine.ask(|desk| async move {
            let label = "a backend".to_owned();
            desk.create_api_key(kind, label, None, Actor::Operator).await
        });
        self.note(&Attempt::NewKey(kind), answer).map(drop)
    }

    /// Something that is a plain command: no secret, no hash.
    pub(super) fn a_plain_attempt(&mut self) -> Option<Attempt> {
        Some(match self.chance.below(25) {
            0 => {
                let (user, session) = self.a_session()?;
                Attempt::EndSession { user, session }
            }
            1 => {
                let (user, session) = self.a_session()?;
                Attempt::SignOut { user, session }
            }
            2 => {
                let (user, session) = self.a_session()?;
                let except = self.chance.one_in(2).then_some(session);
                Attempt::EndSessions { user, except }
            }
            3 | 4 => Attempt::Ban(self.a_user()?),
            8 => Attempt::RevokePassword(self.a_user()?),
            9 => Attempt::Erase(self.a_user()?),
            10 => Attempt::TouchKey(self.a_key()?),
            11 => Attempt::RevokeKey(self.a_key()?),
            15 | 16 => Attempt::ConfirmKey(self.a_key()?),
            12 => Attempt::EraseDue(self.a_user()?),
            13 => Attempt::SavePolicy(policy(if self.chance.one_in(2) { 8 } else { 12 })),
            14 if self.chance.one_in(2) => Attempt::NewEpoch,
            18..=24 => Attempt::Manage(self.a_managed()?),
            // As often as there are bans, so that people come back.
            _ => Attempt::Unban(self.a_user()?),
        })
    }
}
