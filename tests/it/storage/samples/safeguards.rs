//! The events of addresses and objections.

use keyledger::domain::{Event, OBJECTION_LIFE, ObjectionAbout, Via};
use keyledger::types::Span;

use super::{ADDRESS, ALLOWANCES, SESSION, TAG, TOKEN, USER, later, sealed};

pub(super) fn events() -> Vec<Event> {
    let (user, address, token) = (USER, ADDRESS, TOKEN);
    let mut events = vec![Event::AddressBegun {
        user,
        session: SESSION,
        address,
        sealed: sealed(),
        token,
        expires: later(Span::hours(24)),
        origin: sealed(),
    }];
    events.extend([Via::Link, Via::Code].map(|via| Event::AddressConfirmed {
        user,
        address,
        token,
        via,
        origin: sealed(),
    }));
    events.push(Event::AddressRemoved {
        user,
        address,
        until: later(OBJECTION_LIFE),
        origin: sealed(),
    });
    events.push(Event::PrimaryChanged {
        user,
        address,
        origin: sealed(),
    });
    events.extend(ALLOWANCES.map(|allowance| Event::MailboxNamed {
        user,
        mailbox: TAG,
        allowance,
        client: TAG,
        origin: sealed(),
    }));
    let abouts = [
        ObjectionAbout::Recovery,
        ObjectionAbout::Password,
        ObjectionAbout::Factors,
        ObjectionAbout::Addresses,
        ObjectionAbout::SignIn,
    ];
    events.extend(abouts.map(|about| Event::ObjectionOffered {
        user,
        objection: token,
        about,
        link_key: 5,
        expires: later(OBJECTION_LIFE),
    }));
    events.push(Event::ObjectionRaised {
        user,
        objection: token,
        address,
        origin: sealed(),
    });
    events.push(Event::SafeguardsLapsed { user });
    events
}
