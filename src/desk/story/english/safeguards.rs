//! The English words of addresses and objections.

use super::{English, via_words};
use crate::domain::{Event, ObjectionAbout};

impl English<'_> {
    /// Tells an event of addresses or objections; any other has no words here.
    pub(super) fn safeguard(&self, event: &Event) -> String {
        let whom = &self.whom;
        if let Event::MailboxNamed { .. } = event {
            return format!("{whom} named a mailbox, and a code goes to it");
        }
        if let Event::AddressBegun { .. } = event {
            return format!("{whom} began to add a further address");
        }
        if let Event::AddressConfirmed { via, .. } = event {
            return format!("{whom} proved a further address by {}", via_words(*via));
        }
        if let Event::AddressRemoved { until, .. } = event {
            return format!("{whom} removed an address; nobody else gets it before {until}");
        }
        if let Event::PrimaryChanged { .. } = event {
            return format!("{whom} made another address the first");
        }
        if let Event::ObjectionOffered { about, expires, .. } = event {
            return format!("{whom} can object to {} until {expires}", noun(*about));
        }
        if let Event::ObjectionRaised { .. } = event {
            return format!("a mailbox of {whom} said that it was not them: what it was about is undone");
        }
        format!("what was kept for objections of {whom} is kept no longer")
    }
}

fn noun(about: ObjectionAbout) -> &'static str {
    match about {
        ObjectionAbout::Recovery => "the recovery",
        ObjectionAbout::Password => "the new password",
        ObjectionAbout::Factors => "what happened to the second factors",
        ObjectionAbout::Addresses => "what happened to the addresses",
        ObjectionAbout::SignIn => "the sign-in",
    }
}
