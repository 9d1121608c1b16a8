//! What is tried with second factors, and with one's own name.

use keyledger::domain::{
    Actor, Command, FactorKind, FactorProof, FactorUse, FactorVerdict, Factors, OtherSessions,
    PasswordVerdict, Purpose, Reauthenticated, SessionTerms, SignUpMode, State, Walk, live_challenge,
};
use keyledger::types::{Locale, SessionId, Span, Timestamp, UserId};

use super::{BEFORE, Try, about, chosen, decided, fold};
use crate::people::{NOON, Net, Person, origin, sealed};

impl Try {
    /// A command about second factors, mostly one that could work.
    pub(super) fn about_factors(
        self,
        state: &State,
        person: Person,
        user: UserId,
        session: SessionId,
        fresh: u32,
    ) -> Command {
        let none = Factors::default();
        let factors = state.factors.get(&user).map_or(&none, Box::as_ref);
        let found = state.users.get(&user);
        let against = found.and_then(|found| found.credential_id());
        let against = against.unwrap_or(person.password(0));
        let challenge = found.and_then(|found| live_challenge(state, found, Purpose::SignInCode));
        let verdicts = [
            factors.totp.as_ref().map(|totp| FactorProof::Totp {
                factor: totp.id,
                step: totp.step + u64::from(self.later % 3),
            }),
            factors
                .mailbox
                .as_ref()
                .zip(challenge)
                .map(|(mailbox, (token, _))| FactorProof::Email {
                    factor: mailbox.id,
                    token,
                }),
            factors.codes.as_ref().map(|codes| FactorProof::RecoveryCode {
                set: codes.set,
                number: self.pick % 11,
            }),
        ];
        let verdict = match self.pick % 8 {
            0 => FactorVerdict::Absent,
            1 => FactorVerdict::Wrong,
            2 => FactorVerdict::Exhausted,
            _ => chosen(&verdicts.into_iter().flatten().collect::<Vec<_>>(), self.later)
                .map_or(FactorVerdict::Absent, FactorVerdict::Right),
        };
        let who = Reauthenticated {
            user,
            against,
            session,
            ..person.reauthenticated(0, verdict)
        };
        let kind = chosen(&FactorKind::ALL, self.later).filter(|_| self.pick.is_multiple_of(2));
        let right = PasswordVerdict::Right(against);
        let (is_even, mails) = (self.pick.is_multiple_of(2), person.notices());
        let mut command = match self.what {
            30 => person.begins_app(0, verdict),
            31..=33 => person.confirms_app(0, (self.pick > 60).then_some(u64::from(fresh))),
            34 => person.begins_mailbox(0, is_even, fresh, verdict),
            35 | 36 => person.confirms_mailbox(0, 0, self.pick > 60),
            37 => person.asks_for_code(Net(u16::from(self.net)), fresh),
            38..=41 => person.signs_in_showing(Net(u16::from(self.net)), verdict, fresh),
            42 if self.pick > 60 => Command::IssueRecoveryCodes {
                who: who.clone(),
                codes: person.codes(fresh),
                mails,
            },
            42 => person.removes(0, kind, verdict),
            _ if self.pick > 200 => Command::RevokeFactors {
                user,
                kind,
                mails,
                by: Actor::Operator,
            },
            _ if self.pick.is_multiple_of(6) => Command::ChangeProfile {
                user,
                session,
                name: Some(sealed("another name")),
                locale: Locale::Ko,
                origin: origin(),
            },
            _ if is_even => Command::TellUnfinished { user, mails },
            _ => Command::Walk(Walk::TryFactor {
                user,
                factor: person.shows(verdict),
                action: FactorUse::Recovery,
                session: None,
                origin: origin(),
            }),
        };
        if let Command::BeginTotp { who: of, .. }
        | Command::BeginMailbox { who: of, .. }
        | Command::RemoveFactors { who: of, .. } = &mut command
        {
            *of = who;
        } else if let Command::ConfirmTotp {
            user: of,
            session: by,
            ..
        } = &mut command
        {
            *of = user;
            *by = factors.totp_begun.as_ref().map_or(session, |begun| begun.session);
        } else if let Command::ConfirmMailbox {
            user: of,
            session: by,
            token,
            ..
        } = &mut command
        {
            *of = user;
            if let Some(begun) = &factors.mailbox_begun {
                (*by, *token) = (begun.session, begun.token);
            }
        } else if let Command::ChallengeMailbox { verdict, .. } | Command::SignIn { verdict, .. } =
            &mut command
        {
            *verdict = right;
        }
        if matches!(command, Command::SignIn { .. }) && self.pick.is_multiple_of(3) {
            self.in_a_flow(command, state.last_time())
        } else {
            command
        }
    }

    /// The same sign-in at the end of a flow, or its password on the way.
    fn in_a_flow(self, command: Command, proven: Timestamp) -> Command {
        let Command::SignIn {
            ask,
            verdict,
            factor,
            session,
            require_verified,
        } = command
        else {
            return command;
        };
        Command::Walk(if self.pick.is_multiple_of(2) {
            Walk::TryPassword {
                ask,
                verdict,
                require_verified,
            }
        } else {
            Walk::SignIn {
                ask,
                verdict,
                factor,
                session,
                terms: SessionTerms {
                    proven,
                    idle: Span::hours(1),
                    absolute: Span::hours(1 + i64::from(self.later)),
                    others: [OtherSessions::Stay, OtherSessions::End][usize::from(self.later % 2)],
                    shown_before: None,
                },
                require_verified,
            }
        })
    }
}

/// A ledger in which one person has signed up and added an app: enrolling takes steps that chance seldom takes in order.
pub(super) fn founded() -> State {
    let mut state = State::default();
    let resident = Person(0x10);
    let mode = SignUpMode::Open(resident.new_session(BEFORE));
    let sign_up = resident.signs_up_in(mode, Net(0));
    let sign_up = about(sign_up, resident.user(), resident.token(BEFORE));
    let found = Command::Found {
        policies: vec![],
        keys: vec![],
        checkpoint: None,
    };
    for command in [
        found,
        sign_up,
        resident.begins_app(BEFORE, FactorVerdict::Absent),
        resident.confirms_app(BEFORE, Some(0)),
    ] {
        let decision = decided(&state.clone(), &state, &command, NOON);
        assert!(decision.verdict.is_ok(), "{decision:?}");
        fold(&mut state, decision.events, NOON);
    }
    state
}
