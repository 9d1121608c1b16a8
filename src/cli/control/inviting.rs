//! People who are invited.

use serde::{Deserialize, Serialize};

use super::clerk::{Clerk, bounded, page, person};
use super::request::{Answer, NewUserForm};
use crate::cli::exit::Failure;
use crate::desk::InvitationView;
use crate::domain::{Actor, INVITATION_LONGEST, Refusal};
use crate::types::{Span, UserId};

/// Whom to invite.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::cli) struct InviteForm {
    pub(in crate::cli) person: NewUserForm,
    pub(in crate::cli) days: u32,
}

/// An invitation that waits; times are RFC 3339.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct InvitationRow {
    /// The user's id.
    pub(in crate::cli) id: String,
    pub(in crate::cli) email: String,
    pub(in crate::cli) name: Option<String>,
    pub(in crate::cli) role: String,
    pub(in crate::cli) invited: String,
    pub(in crate::cli) expires: String,
    /// Whether the link that was mailed last still opens the account.
    pub(in crate::cli) open: bool,
}

impl From<InvitationView> for InvitationRow {
    fn from(view: InvitationView) -> Self {
        Self {
            id: view.user.to_string(),
            email: view.email,
            name: view.name,
            role: view.role.word().to_owned(),
            invited: view.since.rfc3339(),
            expires: view.expires.rfc3339(),
            open: view.is_open,
        }
    }
}

impl Clerk {
    pub(super) async fn invite(&self, form: InviteForm) -> Result<Answer, Failure> {
        let lifetime = lifetime(form.days)?;
        let person = person(&form.person)?;
        let user = self.desk.invite(&person, Some(lifetime), Actor::Operator).await?;
        self.invited(user)
    }

    pub(super) async fn invite_again(&self, user: &str, days: u32) -> Result<Answer, Failure> {
        let (lifetime, user) = (lifetime(days)?, self.find(user)?);
        self.desk
            .invite_again(user, Some(lifetime), Actor::Operator)
            .await?;
        self.invited(user)
    }

    pub(super) async fn take_invitation_back(&self, user: &str) -> Result<Answer, Failure> {
        let user = self.find(user)?;
        self.desk.take_invitation_back(user, Actor::Operator).await?;
        Ok(Answer::InvitationTaken { id: user.to_string() })
    }

    pub(super) fn invitations(&self, skip: u32, take: u32) -> Answer {
        let (total, views) = self.desk.invitations(skip as usize, bounded(take));
        Answer::Invitations(page(total, views.into_iter().map(InvitationRow::from).collect()))
    }

    fn invited(&self, user: UserId) -> Result<Answer, Failure> {
        let view = self.desk.invitation(user);
        let view = view.ok_or_else(|| Failure::from(crate::desk::Fault::Refused(Refusal::NotInvited)))?;
        Ok(Answer::Invited(view.into()))
    }
}

fn lifetime(days: u32) -> Result<Span, Failure> {
    let lifetime = Span::days(i64::from(days));
    if days >= 1 && lifetime <= INVITATION_LONGEST {
        return Ok(lifetime);
    }
    Err(Failure::value("--expires-in-days", "from 1 to 30"))
}
