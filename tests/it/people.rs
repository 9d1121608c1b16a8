//! People, networks and what they ask for: ids that can be told apart, and commands and events with few words.
//!
//! Nothing here knows HTTP, hashing or keys; sealed values are opaque bytes, as the law sees them.

#![expect(
    unreachable_pub,
    reason = "one binary; what the tests share is public among them"
)]

mod addresses;
mod factors;
mod management;
mod newcomers;

use std::cell::Cell;

pub use management::{cancel_mail, hasten_mail};

use keyledger::domain::password_policy::BrokenRules;
use keyledger::domain::{
    Actor, AddressProof, Ask, Client, Command, Event, FactorVerdict, Lifetimes, NewCredential, NewMail,
    NewObjection, NewSession, NewUser, Notices, PasswordCause, PasswordChange, PasswordVerdict, ProofFound,
    Purpose, Role, SignUpMode, Via,
};
use keyledger::types::{
    AddressId, CredentialId, Locale, MailId, Position, Sealed, SessionId, Span, Tag, Timestamp, TokenId,
    UserId,
};

/// Noon of an ordinary day: the beginning of an hour, so that windows of an hour end an hour later.
pub const NOON: Timestamp = Timestamp((20_000 * 24 + 12) * 3_600 * 1_000_000);

/// Somebody; the number is in all their ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Person(pub u8);

/// The one who has lost a password.
pub const ADA: Person = Person(0xa1);
/// Another user.
pub const BOB: Person = Person(0xb2);
/// Nobody's address.
pub const NOBODY: Person = Person(0xee);

/// A network somebody comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Net(pub u16);

/// The network that people sign in from here.
pub const HOME: Net = Net(1);
/// A network nobody signed in from.
pub const ELSEWHERE: Net = Net(2);

/// A network by its number.
pub fn net(number: u32) -> Net {
    Net(u16::try_from(number).expect("few networks"))
}

/// A person by their number.
pub fn person(number: u32) -> Person {
    Person(u8::try_from(number).expect("few people"))
}

fn id(kind: u8, person: u8, number: u32) -> [u8; 16] {
    let mut out = [person; 16];
    out[2] = kind;
    out[12..].copy_from_slice(&number.to_be_bytes());
    out
}

/// Sealed bytes that say nothing.
pub fn sealed(label: &str) -> Sealed {
    Sealed(label.as_bytes().into())
}

/// Where a request came from, sealed.
pub fn origin() -> Sealed {
    sealed("origin")
}

/// A mail to queue.
pub fn mail(number: u32) -> NewMail {
    NewMail {
        mail: MailId(id(8, 0, number)),
        details: sealed("details"),
    }
}

impl Net {
    /// A client of this network, whom limits apply to.
    pub fn client(self) -> Client {
        Client {
            day: self.day(),
            network: self.tag(),
            exempt: false,
            origin: origin(),
        }
    }

    /// The network's tag under the day's key.
    pub fn day(self) -> Tag {
        Tag(id(1, 0xd0, u32::from(self.0)))
    }

    /// The network's tag under a user's key.
    pub fn tag(self) -> Tag {
        Tag(id(2, 0xd0, u32::from(self.0)))
    }
}

/// A proof that came back as a link.
pub fn link(token: TokenId) -> ProofFound {
    ProofFound {
        token,
        via: Via::Link,
    }
}

/// A proof that came back as a typed code.
pub fn code(token: TokenId) -> ProofFound {
    ProofFound {
        token,
        via: Via::Code,
    }
}

/// A proof to issue.
pub fn proof(token: TokenId) -> AddressProof {
    AddressProof {
        token,
        link_key: 5,
        code_key: 6,
    }
}

impl Person {
    pub fn user(self) -> UserId {
        UserId(id(3, self.0, 0))
    }

    pub fn address(self) -> AddressId {
        AddressId(id(4, self.0, 0))
    }

    /// The address as the directory looks it up.
    pub fn lookup(self) -> Tag {
        Tag(id(4, self.0, 1))
    }

    /// The address under the day's key.
    pub fn stranger(self) -> Tag {
        Tag(id(4, self.0, 2))
    }

    pub fn password(self, number: u32) -> CredentialId {
        CredentialId(id(5, self.0, number))
    }

    pub fn session(self, number: u32) -> SessionId {
        SessionId(id(6, self.0, number))
    }

    pub fn token(self, number: u32) -> TokenId {
        TokenId(id(7, self.0, number))
    }

    pub fn credential(self, number: u32) -> NewCredential {
        NewCredential {
            id: self.password(number),
            verifier: sealed("verifier"),
            history: 0,
        }
    }

    pub fn ask(self, net: Net) -> Ask {
        Ask {
            lookup: self.lookup(),
            stranger: self.stranger(),
            client: net.client(),
            locale: Locale::En,
        }
    }

    pub fn new_user(self) -> NewUser {
        NewUser {
            user: self.user(),
            role: Role::User,
            address: self.address(),
            sealed_address: sealed("address"),
            name: Some(sealed("name")),
            username: None,
            locale: Locale::En,
        }
    }

    /// Notices to the person's own address, with an objection that was never offered before.
    pub fn notices(self) -> Notices {
        let offered = OFFERED.get();
        OFFERED.set(offered + 1);
        Notices {
            mails: vec![(self.address(), mail(900))],
            objection: NewObjection {
                id: TokenId(id(10, self.0, offered)),
                link_key: 5,
            },
        }
    }
}

thread_local! {
    /// How many objections were offered by this test, so that each has an id of its own.
    static OFFERED: Cell<u32> = const { Cell::new(0) };
}

/// Offers the same objections again: the story is told from its beginning.
pub fn offer_anew() {
    OFFERED.set(0);
}

/// What has happened to a person.
impl Person {
    pub fn registered(self) -> Event {
        Event::UserRegistered {
            user: self.user(),
            role: Role::User,
            address: self.address(),
            sealed_address: sealed("address"),
            name: Some(sealed("name")),
            username: None,
            locale: Locale::En,
            by: Actor::Stranger,
            client: HOME.day(),
            origin: origin(),
        }
    }

    pub fn password_set(self, number: u32, cause: PasswordCause) -> Event {
        Event::PasswordSet {
            user: self.user(),
            credential: self.password(number),
            verifier: sealed("verifier"),
            cause,
            history: 0,
            origin: origin(),
        }
    }

    pub fn verified(self) -> Event {
        Event::AddressVerified {
            user: self.user(),
            address: self.address(),
            token: None,
            via: Via::Link,
            origin: origin(),
        }
    }

    /// An account with password 1, whose address was proven.
    pub fn account(self) -> Vec<Event> {
        let mut events = self.unproven_account();
        events.push(self.verified());
        events
    }

    /// An account with password 1, whose address was never proven.
    pub fn unproven_account(self) -> Vec<Event> {
        vec![self.registered(), self.password_set(1, PasswordCause::SignUp)]
    }

    /// A session from [`HOME`] that began at [`NOON`].
    pub fn signed_in(self, number: u32) -> Event {
        self.signed_in_from(HOME, number, NOON)
    }

    /// A session with password 1 from a network at a time.
    pub fn signed_in_from(self, net: Net, number: u32, at: Timestamp) -> Event {
        let lifetimes = Lifetimes::default();
        Event::SignedIn {
            user: self.user(),
            session: self.session(number),
            credential: self.password(1),
            network: net.tag(),
            refresh_key: 3,
            expires: at + lifetimes.session_idle,
            ends: at + lifetimes.session_absolute,
            origin: origin(),
        }
    }

    /// A proof issued at [`NOON`] under password 1, good for 24 hours.
    pub fn issued(self, number: u32, purpose: Purpose) -> Event {
        self.issued_at(number, purpose, NOON)
    }

    pub fn issued_at(self, number: u32, purpose: Purpose, at: Timestamp) -> Event {
        Event::TokenIssued {
            token: self.token(number),
            user: self.user(),
            address: self.address(),
            purpose,
            credential: Some(self.password(1)),
            expires: at + Span::hours(24),
            link_key: 5,
            code_key: 6,
            request: None,
            by: Actor::Stranger,
        }
    }
}

/// What a person, or somebody in their name, wants.
impl Person {
    pub fn requests(self, purpose: Purpose, net: Net) -> Command {
        let ask = self.ask(net);
        Command::RequestProof {
            ask,
            purpose,
            callback: None,
        }
    }

    pub fn requests_reset(self, net: Net) -> Command {
        self.requests(Purpose::Recovery, net)
    }

    /// The worker's answer to a request.
    pub fn issue(self, request: u64, number: u32) -> Command {
        Command::IssueProof {
            request: Position(request),
            proof: proof(self.token(number)),
            mail: mail(number),
            lifetime: None,
        }
    }

    /// A wrong code typed for the person's address.
    pub fn guesses(self, net: Net) -> Command {
        self.guesses_for(Purpose::Recovery, net)
    }

    pub fn guesses_for(self, purpose: Purpose, net: Net) -> Command {
        let ask = self.ask(net);
        Command::RefuseCode { ask, purpose }
    }

    /// A new password `next` by a proof, computed against password `against`.
    pub fn recovers(self, proof: ProofFound, against: u32, next: u32) -> Command {
        self.recovers_from(ELSEWHERE, proof, Some(self.password(against)), next)
    }

    pub fn recovers_from(
        self,
        net: Net,
        proof: ProofFound,
        against: Option<CredentialId>,
        next: u32,
    ) -> Command {
        Command::CompleteRecovery {
            proof,
            client: net.client(),
            against,
            credential: self.credential(next),
            factor: self.shows(FactorVerdict::Absent),
            mails: self.notices(),
        }
    }

    #[expect(
        clippy::unused_self,
        reason = "whose address it is, the proof says; the sentence says who"
    )]
    pub fn proves_address(self, proof: ProofFound) -> Command {
        let client = ELSEWHERE.client();
        Command::VerifyAddress { proof, client }
    }

    /// Signs in with the right password.
    pub fn signs_in(self, net: Net, number: u32) -> Command {
        self.signs_in_with(net, PasswordVerdict::Right(self.password(1)), number)
    }

    pub fn signs_in_with(self, net: Net, verdict: PasswordVerdict, number: u32) -> Command {
        Command::SignIn {
            ask: self.ask(net),
            verdict,
            factor: self.shows(FactorVerdict::Absent),
            session: self.new_session(number),
            require_verified: false,
        }
    }

    /// Somebody with a wrong password.
    pub fn fails_to_sign_in(self, net: Net) -> Command {
        self.signs_in_with(net, PasswordVerdict::Wrong, 999)
    }

    pub fn new_session(self, number: u32) -> NewSession {
        NewSession {
            session: self.session(number),
            refresh_key: 3,
        }
    }

    pub fn refreshes(self, number: u32, counter: u32) -> Command {
        Command::Refresh {
            session: self.session(number),
            counter,
            refresh_key: 4,
            mails: self.notices(),
            origin: origin(),
        }
    }

    pub fn changes_password(self, session: u32, verdict: PasswordVerdict, next: Option<u32>) -> Command {
        Command::ChangePassword {
            user: self.user(),
            session: self.session(session),
            verdict,
            change: next.map_or(PasswordChange::Nothing, |number| {
                PasswordChange::Set(self.credential(number))
            }),
            mails: self.notices(),
            origin: origin(),
        }
    }

    /// Knows the current password, and chooses one that the policy refuses.
    pub fn is_refused_a_password(self, session: u32, verdict: PasswordVerdict) -> Command {
        Command::ChangePassword {
            user: self.user(),
            session: self.session(session),
            verdict,
            change: PasswordChange::Refused(BrokenRules::breached()),
            mails: Notices::none(),
            origin: origin(),
        }
    }

    /// Signs up where a taken address is told.
    pub fn signs_up(self, net: Net) -> Command {
        self.signs_up_in(SignUpMode::Open(self.new_session(1)), net)
    }

    /// Signs up where it is not; `owner_mail` is what the desk prepared for the owner it found.
    pub fn signs_up_quietly(self, net: Net, owner_mail: Option<NewMail>) -> Command {
        self.signs_up_in(SignUpMode::Strict(owner_mail), net)
    }

    pub fn signs_up_in(self, mode: SignUpMode, net: Net) -> Command {
        Command::SignUp {
            ask: self.ask(net),
            username: None,
            new: self.new_user(),
            credential: self.credential(1),
            proof: proof(self.token(1)),
            mail: mail(1),
            mode,
            lifetime: None,
        }
    }

    pub fn withdraws(self, session: u32, token: u32) -> Command {
        Command::Withdraw {
            user: self.user(),
            session: self.session(session),
            proof: proof(self.token(token)),
            mails: Notices {
                mails: vec![(self.address(), mail(700))],
                ..self.notices()
            },
            origin: origin(),
        }
    }

    pub fn changes_profile(self, session: u32, locale: Locale) -> Command {
        Command::ChangeProfile {
            user: self.user(),
            session: self.session(session),
            name: Some(sealed("another name")),
            locale,
            origin: origin(),
        }
    }

    pub fn is_banned(self) -> Command {
        Command::BanUser {
            user: self.user(),
            by: Actor::Operator,
        }
    }

    pub fn is_erased(self) -> Command {
        Command::EraseUser {
            user: self.user(),
            by: Actor::Operator,
        }
    }

    /// An administrator's recovery that lives so long.
    pub fn gets_recovery(self, number: u32, lifetime: Span) -> Command {
        Command::IssueRecovery {
            user: self.user(),
            proof: proof(self.token(number)),
            lifetime,
            mails: self.notices(),
            by: Actor::Operator,
        }
    }
}
