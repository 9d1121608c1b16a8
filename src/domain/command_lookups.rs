//! What a command names that the directory looks up.

use super::command::Command;
use crate::types::Tag;

impl Command {
    /// The address this names, as the directory looks it up.
    pub fn address_lookup(&self) -> Option<Tag> {
        match self {
            Self::SignUp { ask, .. }
            | Self::RequestProof { ask, .. }
            | Self::RefuseCode { ask, .. }
            | Self::SignIn { ask, .. }
            | Self::ChallengeMailbox { ask, .. } => Some(ask.lookup),
            Self::CreateUser { lookup, .. } => Some(*lookup),
            Self::Address(command) => command.address_lookup(),
            Self::Walk(walk) => walk.address_lookup(),
            Self::Newcomer(command) => command.address_lookup(),
            Self::Found { .. }
            | Self::StartEpoch { .. }
            | Self::AcceptClock { .. }
            | Self::CreateApiKey { .. }
            | Self::RevokeApiKey { .. }
            | Self::NameApiKeyOrigins { .. }
            | Self::RecordKeyRotation { .. }
            | Self::RecordMasterKeyReplaced { .. }
            | Self::ConfirmApiKey { .. }
            | Self::TouchApiKey { .. }
            | Self::SavePolicy { .. }
            | Self::ChangeFlows { .. }
            | Self::NameCheckpointKey { .. }
            | Self::RotateCheckpointKey { .. }
            | Self::BanUser { .. }
            | Self::UnbanUser { .. }
            | Self::RevokePassword { .. }
            | Self::EraseUser { .. }
            | Self::ChangeProfile { .. }
            | Self::Withdraw { .. }
            | Self::CancelWithdraw { .. }
            | Self::RenewClosing { .. }
            | Self::EraseDue { .. }
            | Self::IssueProof { .. }
            | Self::DropRequest { .. }
            | Self::IssueRecovery { .. }
            | Self::RefuseProof { .. }
            | Self::CompleteRecovery { .. }
            | Self::TellUnfinished { .. }
            | Self::BeginTotp { .. }
            | Self::ConfirmTotp { .. }
            | Self::BeginMailbox { .. }
            | Self::ConfirmMailbox { .. }
            | Self::RemoveFactors { .. }
            | Self::IssueRecoveryCodes { .. }
            | Self::RevokeFactors { .. }
            | Self::VerifyAddress { .. }
            | Self::DisownSignUp { .. }
            | Self::Objection(_)
            | Self::Manage(_)
            | Self::Webhook(_)
            | Self::UpgradeVerifier { .. }
            | Self::ChangePassword { .. }
            | Self::Refresh { .. }
            | Self::SignOut { .. }
            | Self::EndSession { .. }
            | Self::EndSessions { .. }
            | Self::TellBackupFailed { .. }
            | Self::MailCheckpoint { .. }
            | Self::MailDelivered { .. }
            | Self::MailDeferred { .. }
            | Self::MailEnded { .. }
            | Self::RecordSuppressed { .. } => None,
        }
    }

    /// The user name this names, as the directory looks it up.
    pub fn username_lookup(&self) -> Option<Tag> {
        if let Self::CreateUser { username, .. } | Self::SignUp { username, .. } = self {
            *username
        } else if let Self::Newcomer(command) = self {
            command.username_lookup()
        } else if let Self::Walk(walk) = self {
            walk.username_lookup()
        } else {
            None
        }
    }
}
