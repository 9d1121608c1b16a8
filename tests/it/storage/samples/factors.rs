//! The events of second factors.

use keyledger::domain::{Actor, Event, FactorKind, FactorProof, FactorUse};
use keyledger::types::Span;

use super::{ADDRESS, ALLOWANCES, FACTOR, SESSION, TAG, TOKEN, USER, later, sealed};

pub(super) fn events() -> Vec<Event> {
    let (user, session, factor, token) = (USER, SESSION, FACTOR, TOKEN);
    let mut events = vec![Event::TotpBegun {
        user,
        session,
        factor,
        seed: sealed(),
        expires: later(Span::minutes(10)),
        origin: sealed(),
    }];
    events.extend([None, Some(sealed())].map(|sealed_address| Event::MailboxBegun {
        user,
        session,
        factor,
        address: ADDRESS,
        sealed: sealed_address,
        token,
        origin: sealed(),
    }));
    events.extend(FactorKind::ALL.map(|kind| Event::FactorConfirmed {
        user,
        session,
        factor,
        kind,
        step: 58_963_980,
        origin: sealed(),
    }));
    events.extend(FactorKind::ALL.map(|kind| Event::FactorRemoved {
        user,
        factor,
        kind,
        by: Actor::Operator,
        origin: (kind == FactorKind::Totp).then(sealed),
    }));
    events.push(Event::RecoveryCodesIssued {
        user,
        set: factor,
        hashes: sealed(),
        origin: sealed(),
    });
    let proofs = [
        FactorProof::Totp {
            factor,
            step: 58_963_980,
        },
        FactorProof::Email { factor, token },
        FactorProof::RecoveryCode {
            set: factor,
            number: 9,
        },
    ];
    events.extend(proofs.map(|proof| Event::FactorAccepted {
        user,
        proof,
        action: FactorUse::SignIn,
        session: (proof.kind() == FactorKind::Totp).then_some(session),
        origin: sealed(),
    }));
    events.extend(
        [FactorKind::Totp, FactorKind::Email].map(|kind| Event::FactorRemembered {
            user,
            session,
            factor,
            kind,
            shown: later(Span::minutes(1)),
            origin: sealed(),
        }),
    );
    let uses = [
        FactorUse::SignIn,
        FactorUse::Recovery,
        FactorUse::Enrolment,
        FactorUse::Change,
    ];
    events.extend(uses.map(|action| Event::FactorRefused {
        user,
        action,
        token: (action == FactorUse::SignIn).then_some(token),
        origin: sealed(),
    }));
    events.extend(ALLOWANCES.map(|allowance| Event::FactorCodeRequested {
        user,
        allowance,
        client: TAG,
        origin: sealed(),
    }));
    events
}
