//! Many people: a ledger of users with real keys and seals, made without asking the engine for each.

use std::ops::Range;

use keyledger::crypto::{
    self, Claims, Field, Keyring, PasswordPool, PoolSettings, SharedKeyring, Vault, WrappedKey,
};
use keyledger::domain::password_policy::PasswordPolicy;
use keyledger::domain::{Actor, Ask, Client, EpochReason, Event, PasswordCause, Recorded, Role, Via};
use keyledger::engine::Directory;
use keyledger::ledger::{Batch, CommandPart, Store, codec};
use keyledger::system::{Clock, OsEntropy, SeededEntropy, SystemClock, random_id};
use keyledger::types::{
    AddressId, ClientNet, CommandId, CredentialId, DataKeyId, EmailAddress, Locale, Position, Sealed,
    SessionId, Span, Tag, Timestamp, UserId,
};
use secrecy::{ExposeSecret, SecretString};

/// Everybody's password.
pub(crate) const PASSWORD: &str = "Correct-Horse-7";
/// Events of each person: registered, password, address proven, signed in.
pub(crate) const EVENTS_EACH: u64 = 4;
/// Bytes of a sealed origin, before the seal: address, length, program.
const ORIGIN_LEN: usize = 112;
/// People in one append.
const CHUNK: u64 = 1_024;

/// The ids and the address of one person; the same for the same number.
pub(crate) struct Person {
    pub(crate) user: UserId,
    pub(crate) address: AddressId,
    pub(crate) credential: CredentialId,
    pub(crate) session: SessionId,
    pub(crate) email: String,
}

/// Makes person number `n`.
pub(crate) fn person(n: u64) -> Person {
    let ids = SeededEntropy::new(n);
    Person {
        user: UserId(random_id(&ids)),
        address: AddressId(random_id(&ids)),
        credential: CredentialId(random_id(&ids)),
        session: SessionId(random_id(&ids)),
        email: format!("person.{n}@example.org"),
    }
}

/// What makes people: keys, a clock's reading, and one verifier that all share, because a hash takes its time.
pub(crate) struct Crowd {
    pub(crate) ring: SharedKeyring,
    vault: Vault,
    entropy: SeededEntropy,
    verifier: SecretString,
    /// When everything begins.
    pub(crate) began: Timestamp,
}

/// What is sealed of a person, and what names their network.
#[derive(Clone)]
pub(crate) struct Papers {
    pub(crate) address: Sealed,
    pub(crate) name: Sealed,
    pub(crate) verifier: Sealed,
    pub(crate) origin: Sealed,
    network: Tag,
}

/// The events of a person.
pub(crate) type Life = [Event; EVENTS_EACH as usize];

/// Wrapped keys as a store takes them.
type StoredKeys = Vec<(DataKeyId, Vec<u8>)>;

impl Crowd {
    /// Keys and a verifier.
    pub(crate) fn new() -> Self {
        let now = SystemClock::start(None).now();
        let ring = SharedKeyring::new(Keyring::fresh(now, &OsEntropy));
        let pool = PasswordPool::start(
            PoolSettings::default(),
            ring.clone(),
            std::sync::Arc::new(OsEntropy),
        )
        .expect("threads start");
        let verifier = pool
            .hash_blocking(SecretString::from(PASSWORD.to_owned()))
            .expect("nobody else hashes");
        Self {
            vault: Vault::new(ring.clone()),
            ring,
            entropy: SeededEntropy::new(u64::MAX),
            verifier,
            began: now - Span::hours(1),
        }
    }

    /// What everybody's password is checked against.
    pub(crate) fn verifier(&self) -> &[u8] {
        self.verifier.expose_secret().as_bytes()
    }

    /// Keys of a person, and what they seal.
    pub(crate) fn papers(&self, who: &Person) -> (Papers, [(DataKeyId, WrappedKey); 2]) {
        let entropy = &self.entropy;
        let (user_id, verifier_id) = (DataKeyId::User(who.user), DataKeyId::Credential(who.credential));
        let (key, wrapped) = self.vault.make(user_id, entropy);
        let (verifier_key, wrapped_verifier_key) = self.vault.make(verifier_id, entropy);
        let seal = |field, clear: &[u8]| crypto::seal(&key, field, who.user.0, clear, entropy);
        let papers = Papers {
            address: seal(Field::UserAddress, who.email.as_bytes()),
            name: seal(Field::UserName, b"Ada Lovelace"),
            verifier: crypto::seal(
                &verifier_key,
                Field::Verifier,
                who.credential.0,
                self.verifier(),
                entropy,
            ),
            origin: seal(Field::EventClient, &[0; ORIGIN_LEN]),
            network: crypto::tag(&key, "network", &[&network()]),
        };
        (papers, [(user_id, wrapped), (verifier_id, wrapped_verifier_key)])
    }

    /// What happened to a person.
    pub(crate) fn life(&self, who: &Person, papers: Papers) -> Life {
        let Person {
            user,
            address,
            credential,
            session,
            ..
        } = *who;
        let Papers {
            address: sealed_address,
            name,
            verifier,
            origin,
            network,
        } = papers;
        [
            Event::UserRegistered {
                user,
                role: Role::User,
                address,
                sealed_address,
                name: Some(name),
                username: None,
                locale: Locale::En,
                by: Actor::Operator,
                client: Tag([0; 16]),
                origin: origin.clone(),
            },
            Event::PasswordSet {
                user,
                credential,
                verifier,
                cause: PasswordCause::SignUp,
                history: 0,
                origin: origin.clone(),
            },
            Event::AddressVerified {
                user,
                address,
                token: None,
                via: Via::Link,
                origin: origin.clone(),
            },
            Event::SignedIn {
                user,
                session,
                credential,
                network,
                refresh_key: self.ring.current().active(crypto::Purpose::Refresh).0.0,
                expires: self.began + Span::days(7),
                ends: self.began + Span::days(30),
                origin,
            },
        ]
    }

    /// The event at its place, each as a command of its own.
    pub(crate) fn recorded(&self, position: u64, event: Event) -> Recorded {
        Recorded {
            position: Position(position),
            time: self.began,
            command: CommandId([0; 16]),
            event,
        }
    }

    /// The first events of a ledger.
    pub(crate) fn founding() -> [Event; 2] {
        let policy = Box::new(PasswordPolicy::classic());
        [
            Event::EpochStarted {
                number: 1,
                reason: EpochReason::Founded,
            },
            Event::PolicySaved {
                policy,
                by: Actor::Operator,
            },
        ]
    }

    fn encoded(&self, position: u64, event: Event) -> Vec<u8> {
        codec::encode(&self.recorded(position, event), CommandPart::Last).expect("events fit in records")
    }

    /// Fills an empty store with a ledger of so many people; on all cores, because sealing is most of it.
    pub(crate) fn settle(&self, store: &mut dyn Store, people: u64) {
        self.settle_with(store, people, 1);
    }

    /// The same, each signed in so many times.
    pub(crate) fn settle_with(&self, store: &mut dyn Store, people: u64, sessions: u64) {
        let founding = Self::founding();
        let founded = founding.len() as u64;
        let records = (0..)
            .zip(founding)
            .map(|(at, event)| self.encoded(at, event))
            .collect();
        append(store, records, vec![]);
        let chunks: Vec<Range<u64>> = (0..people)
            .step_by(CHUNK as usize)
            .map(|first| first..(first + CHUNK).min(people))
            .collect();
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        for some in chunks.chunks(cores) {
            let made: Vec<_> = std::thread::scope(|scope| {
                let makers: Vec<_> = some
                    .iter()
                    .map(|chunk| scope.spawn(move || self.chunk(founded, chunk.clone(), sessions)))
                    .collect();
                makers
                    .into_iter()
                    .map(|maker| maker.join().expect("makers do not panic"))
                    .collect()
            });
            for (records, keys) in made {
                append(store, records, keys);
            }
        }
    }

    fn chunk(&self, founded: u64, people: Range<u64>, sessions: u64) -> (Vec<Vec<u8>>, StoredKeys) {
        let (mut records, mut keys) = (Vec::new(), Vec::new());
        for n in people {
            let who = person(n);
            let (papers, wrapped) = self.papers(&who);
            let events = self.life(&who, papers);
            let more = events[events.len() - 1].clone();
            let more = (1..sessions).map(|number| signed_in_again(more.clone(), number));
            let first = founded + n * (EVENTS_EACH + sessions - 1);
            let all = events.into_iter().chain(more);
            records.extend((first..).zip(all).map(|(at, event)| self.encoded(at, event)));
            keys.extend(
                wrapped
                    .iter()
                    .map(|(id, wrapped)| (*id, wrapped.as_bytes().to_vec())),
            );
        }
        (records, keys)
    }

    /// A good access token of a person.
    pub(crate) fn access_token(&self, n: u64) -> String {
        let Person { user, session, .. } = person(n);
        let issued = self.began + Span::hours(1);
        let claims = Claims {
            user,
            role: Role::User.word().to_owned(),
            session,
            issued,
            expires: issued + Span::hours(1),
        };
        crypto::jwt::issue(&self.ring.current(), &claims)
    }

    /// A stranger's request about the address of a person, as the desk would put it.
    pub(crate) fn ask(&self, n: u64) -> Ask {
        let Person { user, email, .. } = person(n);
        let email = EmailAddress::parse(&email).expect("an address of the crowd is one");
        let (key, _) = self.vault.make(DataKeyId::User(user), &self.entropy);
        let tag = |label| crypto::tag(&key, label, &[&network()]);
        Ask {
            lookup: Directory::address_tag(&self.ring.current(), &email),
            stranger: tag("stranger"),
            client: Client {
                day: tag("client"),
                network: tag("network"),
                exempt: true,
                origin: crypto::seal(&key, Field::EventClient, user.0, &[0; ORIGIN_LEN], &self.entropy),
            },
            locale: Locale::En,
        }
    }
}

/// The same sign-in, as another session.
fn signed_in_again(mut event: Event, number: u64) -> Event {
    if let Event::SignedIn { session, .. } = &mut event {
        for (byte, more) in session.0.iter_mut().zip(number.to_le_bytes()) {
            *byte ^= more;
        }
    }
    event
}

fn network() -> [u8; 9] {
    ClientNet::V4([127, 0, 0, 1]).to_bytes()
}

fn append(store: &mut dyn Store, records: Vec<Vec<u8>>, keys: StoredKeys) {
    let batch = Batch {
        epoch: 1,
        id: [0; 16],
        records,
        keys,
    };
    store
        .append(store.head().next, &batch)
        .expect("the ledger takes its people");
}
