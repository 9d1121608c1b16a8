//! The English words of what administrators do about users and mails.

use super::English;
use crate::domain::Event;

impl English<'_> {
    /// Tells an event of an administrator's work; any other has no words here.
    pub(super) fn management(&self, event: &Event) -> String {
        let whom = &self.whom;
        if let Event::RoleChanged { role, by, .. } = event {
            return format!("{whom} made {} by {}", role.word(), self.actor(*by));
        }
        if let Event::ProfileEdited { by, .. } = event {
            return format!("name or language of {whom} changed by {}", self.actor(*by));
        }
        if let Event::RecoverySent { by, .. } = event {
            return format!("a way back in is mailed to {whom} by {}", self.actor(*by));
        }
        if let Event::MailCancelled { queued, by } = event {
            return format!("{} cancelled by {}", self.mail(*queued), self.actor(*by));
        }
        if let Event::MailHastened { queued, by } = event {
            return format!(
                "{} is tried again at once, by {}",
                self.mail(*queued),
                self.actor(*by)
            );
        }
        if let Event::UserImported {
            verified, since, by, ..
        } = event
        {
            let proven = if *verified { "proven" } else { "not proven" };
            let who = self.actor(*by);
            return format!(
                "{whom} was brought along by {who}: known elsewhere since {since}, address {proven} there"
            );
        }
        if let Event::PasswordImported { by, .. } = event {
            return format!("the password of {whom} was brought along by {}", self.actor(*by));
        }
        if let Event::UserInvited { by, .. } = event {
            return format!("an invitation is mailed to {whom} by {}", self.actor(*by));
        }
        if let Event::InvitationAccepted { .. } = event {
            return format!("{whom} came by the invitation");
        }
        String::new()
    }
}
