//! One record of every event, and of every value that has a code of its own: what the golden samples are made of.

mod factors;
mod flows;
mod management;
mod newcomers;
mod safeguards;
mod sessions;
mod webhooks;

use keyledger::domain::password_policy::{PasswordPolicy, PasswordPolicySettings};
use keyledger::domain::{
    Actor, Allowance, ApiKeyKind, DropCause, EpochReason, Event, FailCause, KeyPurpose, MailEnd, MailKind,
    PasswordCause, Purpose, Recorded, RefusedCause, Role, Subject, Via,
};
use keyledger::types::{
    AddressId, ApiKeyId, CommandId, CredentialId, FactorId, Locale, MailId, Position, PublicKey, Sealed,
    SessionId, Signature, Span, Tag, Timestamp, TokenId, UserId, WebOrigin, WebOrigins,
};

const USER: UserId = UserId([0x11; 16]);
const ADDRESS: AddressId = AddressId([0x22; 16]);
const CREDENTIAL: CredentialId = CredentialId([0x33; 16]);
const SESSION: SessionId = SessionId([0x44; 16]);
const TOKEN: TokenId = TokenId([0x55; 16]);
const MAIL: MailId = MailId([0x66; 16]);
const FACTOR: FactorId = FactorId([0x7f; 16]);
const KEY: ApiKeyId = ApiKeyId([0x77; 16]);
const TAG: Tag = Tag([0x88; 16]);
const REQUEST: Position = Position(300);
/// 2026-01-20T14:30:00Z.
const TIME: Timestamp = Timestamp(1_768_919_400_000_000);

fn later(span: Span) -> Timestamp {
    TIME + span
}

/// Bytes in the form of a seal: scheme, key id, nonce, ciphertext and tag.
fn sealed() -> Sealed {
    let mut bytes: Vec<u8> = (0..70).collect();
    bytes[0] = Sealed::SCHEME_XCHACHA20_POLY1305;
    bytes[1] = 1;
    bytes[2..18].copy_from_slice(&USER.0);
    Sealed(bytes.into())
}

fn signature() -> Signature {
    let mut bytes = [0; 64];
    for (byte, value) in bytes.iter_mut().zip(0..) {
        *byte = value;
    }
    Signature(Box::new(bytes))
}

/// All samples, in the order of their files; equal kinds stand together.
pub fn samples() -> Vec<Recorded> {
    let events = [
        ledger_events(),
        user_events(),
        recovery_events(),
        session_events(),
        mail_events(),
        factors::events(),
        flows::events(),
        safeguards::events(),
        management::events(),
        webhooks::events(),
        newcomers::events(),
    ]
    .concat();
    events.into_iter().map(record).collect()
}

/// One place for all, so that a new sample moves no other.
fn record(event: Event) -> Recorded {
    Recorded {
        position: Position(1_000),
        time: TIME,
        command: CommandId([0x99; 16]),
        event,
    }
}

const ACTORS: [Actor; 5] = [
    Actor::Stranger,
    Actor::User(USER),
    Actor::Operator,
    Actor::ApiKey(KEY),
    Actor::System,
];
const ALLOWANCES: [Allowance; 3] = [Allowance::None, Allowance::General, Allowance::Reserve];
const SUBJECTS: [Subject; 2] = [Subject::Address(ADDRESS), Subject::Stranger(TAG)];
const PURPOSES: [Purpose; 7] = [
    Purpose::Recovery,
    Purpose::VerifyEmail,
    Purpose::Reopen,
    Purpose::SignInCode,
    Purpose::EnrolMailbox,
    Purpose::AddAddress,
    Purpose::Invitation,
];
const VIAS: [Via; 2] = [Via::Link, Via::Code];

fn saved(policy: PasswordPolicy) -> Event {
    Event::PolicySaved {
        policy: Box::new(policy),
        by: Actor::Operator,
    }
}

fn policies() -> [Event; 2] {
    [PasswordPolicy::classic(), PasswordPolicy::nist()].map(saved)
}

/// The files of schemas that gave way to later ones, and what they read as.
pub fn earlier_samples() -> Vec<(&'static str, Vec<Recorded>)> {
    let policies = ("003_policy_saved.1.txt", policies().to_vec());
    let all = std::iter::once(policies).chain(sessions::earlier());
    all.map(|(file, events)| (file, events.into_iter().map(record).collect()))
        .collect()
}

fn ledger_events() -> Vec<Event> {
    let reasons = [
        EpochReason::Founded,
        EpochReason::Restored,
        EpochReason::RollbackAccepted,
        EpochReason::KeyTheft,
        EpochReason::ClockReset,
    ];
    let mut events: Vec<Event> = (1..)
        .zip(reasons)
        .map(|(number, reason)| Event::EpochStarted { number, reason })
        .collect();
    events.push(Event::ClockAccepted {
        kept: later(Span::days(90)),
    });
    events.extend(policies());
    let online = PasswordPolicySettings {
        check_have_i_been_pwned: true,
        hibp_allowed_count: 7,
        ..PasswordPolicySettings::named("online")
    };
    events.push(saved(
        PasswordPolicy::checked(online).expect("a policy that passwords can meet"),
    ));
    let created = |kind, expires| Event::ApiKeyCreated {
        key: KEY,
        kind,
        hash: [0xaa; 32],
        hash_key: 7,
        label: "a backend".to_owned(),
        expires,
        by: Actor::Operator,
    };
    events.push(created(ApiKeyKind::Publishable, None));
    events.push(created(ApiKeyKind::Secret, Some(later(Span::days(365)))));
    events.extend(ACTORS.map(|by| Event::ApiKeyRevoked { key: KEY, by }));
    events.push(Event::ApiKeyUsed { key: KEY });
    let origins = |texts: &[&str]| {
        let read = texts
            .iter()
            .map(|text| WebOrigin::parse(text).expect("an origin"));
        WebOrigins::new(read.collect()).expect("a few")
    };
    events.extend(
        [
            origins(&[]),
            origins(&["https://app.example.org", "http://localhost:5173"]),
        ]
        .map(|origins| Event::ApiKeyOriginsNamed {
            key: KEY,
            origins,
            by: Actor::Operator,
        }),
    );
    events.push(Event::CheckpointKeyNamed {
        ledger: [0x0c; 16],
        key: 10,
        public: PublicKey([0x0a; 32]),
        signature: signature(),
    });
    events.push(Event::CheckpointKeyRotated {
        old: 10,
        old_public: PublicKey([0x0a; 32]),
        old_signature: signature(),
        new: 11,
        new_public: PublicKey([0x0b; 32]),
        new_signature: signature(),
        by: Actor::Operator,
    });
    let by = Actor::Operator;
    events.push(Event::ApiKeyConfirmed { key: KEY, by });
    events.extend(
        (7_u32..)
            .zip(KeyPurpose::ALL)
            .map(|(old, purpose)| Event::KeyRotated {
                purpose,
                old,
                new: old + 300,
                by,
            }),
    );
    events.push(Event::MasterKeyReplaced { by });
    events
}

fn user_events() -> Vec<Event> {
    let registered = |role, locale, name: Option<Sealed>, by| Event::UserRegistered {
        user: USER,
        role,
        address: ADDRESS,
        sealed_address: sealed(),
        username: name.clone(),
        name,
        locale,
        by,
        client: TAG,
        origin: sealed(),
    };
    let mut events = vec![
        registered(Role::Admin, Locale::En, None, Actor::Operator),
        registered(Role::User, Locale::Ko, Some(sealed()), Actor::Stranger),
        registered(Role::Guest, Locale::En, Some(sealed()), Actor::ApiKey(KEY)),
    ];
    events.extend(ALLOWANCES.map(|allowance| Event::SignUpCollided {
        address: ADDRESS,
        allowance,
        client: TAG,
        origin: sealed(),
    }));
    let causes = [
        PasswordCause::SignUp,
        PasswordCause::Changed,
        PasswordCause::Recovered(TOKEN),
    ];
    events.extend((0..).zip(causes).map(|(history, cause)| Event::PasswordSet {
        user: USER,
        credential: CREDENTIAL,
        verifier: sealed(),
        cause,
        history,
        origin: sealed(),
    }));
    events.push(Event::VerifierUpgraded {
        user: USER,
        credential: CREDENTIAL,
        verifier: sealed(),
    });
    events.extend(VIAS.map(|via| Event::AddressVerified {
        user: USER,
        address: ADDRESS,
        token: (via == Via::Link).then_some(TOKEN),
        via,
        origin: sealed(),
    }));
    let (user, by) = (USER, Actor::Operator);
    events.extend([
        Event::UserBanned { user, by },
        Event::UserUnbanned { user, by },
        Event::WithdrawRequested {
            user,
            until: later(Span::hours(72)),
            origin: sealed(),
        },
        Event::WithdrawCancelled {
            user,
            token: TOKEN,
            origin: sealed(),
        },
        Event::ProfileChanged {
            user,
            name: Some(sealed()),
            locale: Locale::Ko,
            origin: sealed(),
        },
        Event::ProfileChanged {
            user,
            name: None,
            locale: Locale::En,
            origin: sealed(),
        },
        Event::UserErased {
            user,
            by: Actor::System,
        },
        Event::PasswordRevoked { user, by },
    ]);
    events
}

fn recovery_events() -> Vec<Event> {
    let mut events = vec![];
    for subject in SUBJECTS {
        events.extend(ALLOWANCES.map(|allowance| Event::ResetRequested {
            subject,
            allowance,
            client: TAG,
            origin: sealed(),
            locale: Locale::Ko,
        }));
    }
    events.extend(SUBJECTS.map(|subject| Event::VerificationRequested {
        subject,
        allowance: Allowance::General,
        client: TAG,
        origin: sealed(),
        locale: Locale::En,
    }));
    events.push(Event::CallbackNamed {
        request: REQUEST,
        callback: sealed(),
    });
    let causes = [
        DropCause::AccountNotActive,
        DropCause::NothingToDo,
        DropCause::EpochEnded,
    ];
    events.extend(causes.map(|cause| Event::RequestDropped {
        request: REQUEST,
        cause,
    }));
    events.extend(PURPOSES.map(|purpose| Event::TokenIssued {
        token: TOKEN,
        user: USER,
        address: ADDRESS,
        purpose,
        credential: (purpose != Purpose::VerifyEmail).then_some(CREDENTIAL),
        expires: later(Span::hours(24)),
        link_key: 3,
        code_key: 70_000,
        request: (purpose == Purpose::Recovery).then_some(REQUEST),
        by: Actor::Stranger,
    }));
    events.extend(SUBJECTS.map(|subject| Event::CodeRefused {
        subject,
        purpose: Purpose::Recovery,
        token: matches!(subject, Subject::Address(_)).then_some(TOKEN),
        allowance: Allowance::Reserve,
        origin: sealed(),
    }));
    let causes = [
        RefusedCause::Expired,
        RefusedCause::Format,
        RefusedCause::SameAsPrevious,
        RefusedCause::Leaked,
        RefusedCause::Reused,
    ];
    events.extend(causes.map(|cause| Event::ProofRefused {
        user: USER,
        token: TOKEN,
        cause,
        origin: sealed(),
    }));
    events.extend(VIAS.map(|via| Event::RecoveryCompleted {
        user: USER,
        token: TOKEN,
        address: ADDRESS,
        via,
        origin: sealed(),
    }));
    events.push(Event::SignUpDisowned {
        user: USER,
        token: TOKEN,
        origin: sealed(),
    });
    events
}

fn session_events() -> Vec<Event> {
    let (user, session) = (USER, SESSION);
    let mut events = vec![Event::SignedIn {
        user,
        session,
        credential: CREDENTIAL,
        network: TAG,
        refresh_key: 4,
        expires: later(Span::days(7)),
        ends: later(Span::days(30)),
        origin: sealed(),
    }];
    let causes = [
        FailCause::WrongPassword,
        FailCause::Banned,
        FailCause::Closing,
        FailCause::Unverified,
        FailCause::MailboxUnproven,
        FailCause::FactorMissing,
    ];
    let subjects = SUBJECTS.into_iter().cycle();
    events.extend(
        causes
            .into_iter()
            .zip(subjects)
            .map(|(cause, subject)| Event::SignInFailed {
                subject,
                network: TAG,
                cause,
                origin: sealed(),
            }),
    );
    events.extend([Event::CurrentPasswordWrong {
        user,
        session,
        origin: sealed(),
    }]);
    events.extend(sessions::refused());
    events.extend(sessions::rotations());
    events.extend([
        Event::RefreshReplayed {
            user,
            session,
            counter: 299,
            origin: sealed(),
        },
        Event::RefreshRefused {
            user: Some(user),
            session: SESSION,
            origin: sealed(),
        },
        Event::RefreshRefused {
            user: None,
            session: SESSION,
            origin: sealed(),
        },
    ]);
    events.extend(sessions::ends());
    events
}

fn mail_events() -> Vec<Event> {
    let (queued, attempt) = (Position(70_000), 3);
    let mut events: Vec<Event> = MailKind::ALL
        .map(|kind| Event::MailQueued {
            mail: MAIL,
            kind,
            user: USER,
            address: ADDRESS,
            token: (kind == MailKind::PasswordReset).then_some(TOKEN),
            locale: Locale::Ko,
            details: sealed(),
        })
        .into();
    events.push(Event::MailDelivered {
        queued,
        attempt,
        status: 250,
    });
    events.push(Event::MailDeferred {
        queued,
        attempt,
        status: 451,
        step: 5,
        next: later(Span::minutes(4)),
    });
    let ends = [
        MailEnd::Refused,
        MailEnd::GaveUp,
        MailEnd::Superseded,
        MailEnd::UserGone,
        MailEnd::EpochEnded,
    ];
    events.extend(ends.map(|cause| Event::MailEnded {
        queued,
        attempt,
        status: 550,
        step: 4,
        cause,
    }));
    events.extend(sessions::counts());
    events
}
