//! What a server writes over some weeks: people sign up, come back, refresh, forget their passwords and get back in, and
//! strangers try. Every event is what the law decides about a command; only the waiting between them is left out.

use std::collections::VecDeque;

use keyledger::crypto::{self, DataKey, Field, Vault};
use keyledger::domain::{
    AddressProof, Ask, Client, Command, Context, Due, Event, FactorShown, FactorVerdict, Limits,
    NewCredential, NewMail, NewSession, NewUser, PasswordVerdict, ProofFound, Purpose, Role, SignUpMode,
    State, TokenStanding, Unwritten, Via, decide, evolve, lawful,
};
use keyledger::ledger::{Batch, CommandPart, Store, codec};
use keyledger::system::{SeededEntropy, random_array, random_id};
use keyledger::types::{
    AddressId, CommandId, CredentialId, DataKeyId, Locale, MailId, Position, Sealed, SessionId, Span, Tag,
    Timestamp, TokenId, UserId,
};

use crate::crowd::Crowd;
use crate::house;

/// Commands in one append: as many as come while the disk is busy with the one before, on a server with work to do.
const GROUP: u32 = 64;
/// Between two commands.
const PAUSE: Span = Span::millis(40);
/// Newcomers that open their mails later than their successors sign up.
const MAILS_WAIT: usize = 50;
/// Newcomers between a sign-in and its next refresh.
const REFRESHED_AFTER: usize = 20;
/// Refreshes of a session before its owner signs out.
const REFRESHES: u32 = 3;
/// Bytes of a sealed origin and of a mail's details, before the seal.
const ORIGIN_LEN: usize = 112;
const DETAILS_LEN: usize = 96;

/// Somebody with an account.
struct Resident {
    user: UserId,
    address: AddressId,
    key: DataKey,
    network: Tag,
}

/// A session that goes on.
struct Visit {
    resident: usize,
    session: SessionId,
    refreshed: u32,
}

/// A place where people live, and the store that holds their lives.
pub(crate) struct Town<'a> {
    crowd: &'a Crowd,
    vault: Vault,
    entropy: SeededEntropy,
    store: &'a mut dyn Store,
    state: State,
    limits: Limits,
    unwritten: Unwritten,
    now: Timestamp,
    waiting: Batch,
    commands: u32,
    residents: Vec<Resident>,
    unverified: VecDeque<(usize, TokenId)>,
    visits: VecDeque<Visit>,
}

impl<'a> Town<'a> {
    /// An empty one.
    pub(crate) fn found(crowd: &'a Crowd, store: &'a mut dyn Store) -> Self {
        let mut town = Self {
            vault: Vault::new(crowd.ring.clone()),
            now: crowd.began,
            crowd,
            entropy: SeededEntropy::new(5),
            store,
            state: State::default(),
            limits: house::wide_limits(),
            unwritten: Unwritten::default(),
            waiting: Batch::default(),
            commands: 0,
            residents: vec![],
            unverified: VecDeque::new(),
            visits: VecDeque::new(),
        };
        town.write(Crowd::founding().into());
        town
    }

    /// Lives until so many events have happened; says how many did.
    pub(crate) fn live(mut self, events: u64) -> u64 {
        while self.state.next().0 < events {
            self.newcomer();
            for _ in 0..2 {
                let who = self.anybody();
                self.signs_in(who);
            }
            if self.residents.len().is_multiple_of(2) {
                let who = self.anybody();
                self.recovers(who);
            }
            if self.residents.len().is_multiple_of(4) {
                let who = self.anybody();
                self.mistypes(who);
                self.nobody_asks();
            }
            self.verify();
            self.refresh();
        }
        self.commit();
        self.state.next().0
    }

    fn newcomer(&mut self) {
        let user = UserId(self.id());
        let (key, wrapped) = self.vault.make(DataKeyId::User(user), &self.entropy);
        self.keep(DataKeyId::User(user), wrapped.as_bytes());
        let resident = Resident {
            user,
            address: AddressId(self.id()),
            network: Tag(self.id()),
            key,
        };
        let email = format!("person.{}@example.org", self.residents.len());
        let new = NewUser {
            user,
            role: Role::User,
            address: resident.address,
            sealed_address: self.seal(&resident, Field::UserAddress, email.as_bytes()),
            name: Some(self.seal(&resident, Field::UserName, b"Ada Lovelace")),
            username: None,
            locale: Locale::En,
        };
        let (credential, proof) = (self.credential(), self.proof());
        let command = Command::SignUp {
            ask: self.ask(&resident),
            new,
            credential,
            proof,
            mail: self.mail(&resident),
            mode: SignUpMode::Open(self.session()),
            username: None,
            lifetime: None,
        };
        self.residents.push(resident);
        let who = self.residents.len() - 1;
        self.carry_out(command, None);
        self.deliver();
        self.unverified.push_back((who, proof.token));
        self.note_session(who);
    }

    /// Those who have had their mail for a while follow its link.
    fn verify(&mut self) {
        if self.unverified.len() > MAILS_WAIT
            && let Some((who, token)) = self.unverified.pop_front()
        {
            let client = self.ask(&self.residents[who]).client;
            let via = Via::Link;
            let proof = ProofFound { token, via };
            // Who recovered meanwhile has proven the address already.
            if self
                .state
                .tokens
                .get(&token)
                .is_some_and(|token| token.standing == TokenStanding::Live)
            {
                self.carry_out(Command::VerifyAddress { proof, client }, None);
            }
        }
    }

    fn signs_in(&mut self, who: usize) {
        let resident = &self.residents[who];
        let credential = self.state.users[&resident.user].credential_id();
        let command = Command::SignIn {
            ask: self.ask(resident),
            verdict: credential.map_or(PasswordVerdict::Wrong, PasswordVerdict::Right),
            factor: nothing_shown(),
            session: self.session(),
            require_verified: false,
        };
        let address = resident.address;
        self.carry_out(command, Some(address));
        self.note_session(who);
    }

    fn mistypes(&mut self, who: usize) {
        let resident = &self.residents[who];
        let command = Command::SignIn {
            ask: self.ask(resident),
            verdict: PasswordVerdict::Wrong,
            factor: nothing_shown(),
            session: self.session(),
            require_verified: false,
        };
        let address = resident.address;
        self.carry_out(command, Some(address));
    }

    fn nobody_asks(&mut self) {
        let (key, _) = self.vault.make(DataKeyId::Day(self.now.day()), &self.entropy);
        let nobody = Resident {
            user: UserId(self.id()),
            address: AddressId(self.id()),
            network: Tag(self.id()),
            key,
        };
        let command = Command::RequestProof {
            ask: self.ask(&nobody),
            purpose: Purpose::Recovery,
            callback: None,
        };
        self.carry_out(command, None);
    }

    /// Asks, gets a mail, follows its link, sets a password, is told so, and signs in.
    fn recovers(&mut self, who: usize) {
        let resident = &self.residents[who];
        let address = resident.address;
        let command = Command::RequestProof {
            ask: self.ask(resident),
            purpose: Purpose::Recovery,
            callback: None,
        };
        self.carry_out(command, Some(address));
        let due = |(position, due): (&Position, &Due)| (due.address == address).then_some(*position);
        let Some(request) = self.state.requests.iter().find_map(due) else {
            return;
        };
        let proof = self.proof();
        let mail = self.mail(&self.residents[who]);
        let command = Command::IssueProof {
            request,
            proof,
            mail,
            lifetime: None,
        };
        self.carry_out(command, None);
        self.deliver();
        let credential = self.credential();
        let resident = &self.residents[who];
        let against = self.state.users[&resident.user].credential_id();
        let proof = ProofFound {
            token: proof.token,
            via: Via::Link,
        };
        let command = Command::CompleteRecovery {
            proof,
            client: self.ask(resident).client,
            against,
            credential,
            factor: nothing_shown(),
            mails: vec![(address, self.mail(resident))],
        };
        self.carry_out(command, None);
        self.deliver();
        self.signs_in(who);
    }

    /// The oldest visits go on, or end.
    fn refresh(&mut self) {
        for _ in 0..REFRESHES * 3 {
            if self.visits.len() < REFRESHED_AFTER {
                return;
            }
            let Some(visit) = self.visits.pop_front() else {
                return;
            };
            let Visit {
                resident,
                session,
                refreshed,
            } = visit;
            // A recovery ended it.
            if !self.state.sessions.contains_key(&session) {
                continue;
            }
            if refreshed == REFRESHES {
                let who = &self.residents[resident];
                let command = Command::SignOut {
                    user: who.user,
                    session,
                    origin: Some(self.origin(who)),
                };
                self.carry_out(command, None);
                continue;
            }
            let command = Command::Refresh {
                session,
                counter: refreshed,
                refresh_key: 1,
                mail: None,
                origin: self.origin(&self.residents[resident]),
            };
            self.carry_out(command, None);
            self.visits.push_back(Visit {
                refreshed: refreshed + 1,
                ..visit
            });
        }
    }

    /// All mails that wait are taken.
    fn deliver(&mut self) {
        let waiting: Vec<_> = self.state.outbox.keys().copied().collect();
        for queued in waiting {
            let command = Command::MailDelivered {
                queued,
                attempt: 1,
                status: 250,
            };
            self.carry_out(command, None);
        }
    }

    fn note_session(&mut self, resident: usize) {
        let user = self.residents[resident].user;
        if let Some(session) = self.state.users[&user].sessions.last() {
            self.visits.push_back(Visit {
                resident,
                session: *session,
                refreshed: 0,
            });
        }
    }

    fn anybody(&self) -> usize {
        let random = u64::from_le_bytes(random_array(&self.entropy));
        (random % self.residents.len() as u64) as usize
    }

    fn id(&self) -> [u8; 16] {
        random_id(&self.entropy)
    }

    fn seal(&self, owner: &Resident, field: Field, clear: &[u8]) -> Sealed {
        crypto::seal(&owner.key, field, owner.user.0, clear, &self.entropy)
    }

    fn origin(&self, owner: &Resident) -> Sealed {
        self.seal(owner, Field::EventClient, &[0; ORIGIN_LEN])
    }

    fn mail(&self, owner: &Resident) -> NewMail {
        NewMail {
            mail: MailId(self.id()),
            details: self.seal(owner, Field::EventClient, &[0; DETAILS_LEN]),
        }
    }

    fn session(&self) -> NewSession {
        NewSession {
            session: SessionId(self.id()),
            refresh_key: 1,
        }
    }

    fn proof(&self) -> AddressProof {
        AddressProof {
            token: TokenId(self.id()),
            link_key: 1,
            code_key: 1,
        }
    }

    fn ask(&self, who: &Resident) -> Ask {
        Ask {
            lookup: Tag(who.address.0),
            stranger: Tag(who.address.0),
            client: Client {
                day: who.network,
                network: who.network,
                exempt: true,
                origin: self.origin(who),
            },
            locale: Locale::En,
        }
    }

    /// A password, with its key.
    fn credential(&mut self) -> NewCredential {
        let id = CredentialId(self.id());
        let (key, wrapped) = self.vault.make(DataKeyId::Credential(id), &self.entropy);
        self.keep(DataKeyId::Credential(id), wrapped.as_bytes());
        NewCredential {
            id,
            verifier: crypto::seal(&key, Field::Verifier, id.0, self.crowd.verifier(), &self.entropy),
            history: 0,
        }
    }

    fn keep(&mut self, id: DataKeyId, wrapped: &[u8]) {
        self.waiting.keys.push((id, wrapped.to_vec()));
    }

    fn carry_out(&mut self, command: Command, found: Option<AddressId>) {
        self.now = self.now + PAUSE;
        let context = Context {
            now: self.now,
            limits: &self.limits,
            found,
            username_taken: false,
            unwritten: &self.unwritten,
        };
        let decision = decide(&self.state, command, &context);
        self.write(decision.events);
    }

    /// Writes the events of one command down.
    fn write(&mut self, events: Vec<Event>) {
        let command = CommandId(self.id());
        let last = events.len().saturating_sub(1);
        for (index, event) in events.into_iter().enumerate() {
            let mut recorded = self.crowd.recorded(self.state.next().0, event);
            (recorded.time, recorded.command) = (self.now, command);
            lawful(&self.state, &recorded).expect("decisions are lawful");
            let part = if index == last {
                CommandPart::Last
            } else {
                CommandPart::Inner
            };
            let record = codec::encode(&recorded, part).expect("events fit in records");
            self.waiting.records.push(record);
            evolve(&mut self.state, &recorded);
        }
        self.commands += 1;
        if self.commands == GROUP {
            self.commit();
        }
    }

    fn commit(&mut self) {
        self.commands = 0;
        if self.waiting.records.is_empty() {
            return;
        }
        let id = self.id();
        let batch = Batch {
            epoch: 1,
            id,
            ..std::mem::take(&mut self.waiting)
        };
        let expected = self.store.head().next;
        let appended = self.store.append(expected, &batch);
        appended.expect("the ledger takes its people");
    }
}

fn nothing_shown() -> FactorShown {
    FactorShown {
        verdict: FactorVerdict::Absent,
        mails: vec![],
    }
}
