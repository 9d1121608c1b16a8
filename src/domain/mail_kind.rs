//! The kinds of mails.

/// Which mail.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum MailKind {
    /// The way back in.
    PasswordReset,
    /// The password was changed.
    PasswordChanged,
    /// Proof of an address.
    EmailVerification,
    /// Somebody tried to sign up with an address that has an account.
    AccountExists,
    /// The account is closing; how to take it back.
    AccountClosing,
    /// An administrator began a recovery.
    AdminRecovery,
    /// A replayed refresh token ended every session.
    SessionsRevoked,
    /// A try of the mail settings.
    Test,
    /// A code as second factor.
    EmailOtp,
    /// Second factors were added, removed, or a recovery code was used.
    FactorChanged,
    /// Somebody had the right password and not the second factor.
    SecondFactorFailed,
    /// Addresses were added, removed, or another one became the first.
    AddressChanged,
    /// Somebody signed in from where the user did not before.
    NewSignIn,
    /// Scheduled backups fail: to administrators.
    BackupFailed,
    /// Somebody said that something was not them.
    ObjectionRaised,
    /// A signed checkpoint of the ledger, to be kept elsewhere: to administrators.
    Checkpoint,
    /// An administrator invites somebody: the way in.
    Invitation,
}

impl MailKind {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::PasswordReset,
        Self::PasswordChanged,
        Self::EmailVerification,
        Self::AccountExists,
        Self::AccountClosing,
        Self::AdminRecovery,
        Self::SessionsRevoked,
        Self::Test,
        Self::EmailOtp,
        Self::FactorChanged,
        Self::SecondFactorFailed,
        Self::AddressChanged,
        Self::NewSignIn,
        Self::BackupFailed,
        Self::ObjectionRaised,
        Self::Checkpoint,
        Self::Invitation,
    ];

    /// Whether it is of use only while its proof lives; any other mail tells what happened, and is sent in any case.
    pub fn carries_proof(self) -> bool {
        match self {
            Self::PasswordReset
            | Self::EmailVerification
            | Self::AccountClosing
            | Self::EmailOtp
            | Self::Invitation => true,
            Self::PasswordChanged
            | Self::AccountExists
            | Self::AdminRecovery
            | Self::SessionsRevoked
            | Self::Test
            | Self::FactorChanged
            | Self::SecondFactorFailed
            | Self::AddressChanged
            | Self::NewSignIn
            | Self::ObjectionRaised
            | Self::BackupFailed
            | Self::Checkpoint => false,
        }
    }

    /// The template's folder, and what `X-Keyledger-Mail` says.
    pub fn name(self) -> &'static str {
        match self {
            Self::PasswordReset => "password_reset",
            Self::PasswordChanged => "password_changed",
            Self::EmailVerification => "email_verification",
            Self::AccountExists => "account_exists",
            Self::AccountClosing => "account_closing",
            Self::AdminRecovery => "admin_recovery",
            Self::SessionsRevoked => "sessions_revoked",
            Self::Test => "test",
            Self::EmailOtp => "email_otp",
            Self::FactorChanged => "factor_changed",
            Self::SecondFactorFailed => "second_factor_failed",
            Self::AddressChanged => "address_changed",
            Self::NewSignIn => "new_sign_in",
            Self::ObjectionRaised => "objection_raised",
            Self::BackupFailed => "backup_failed",
            Self::Checkpoint => "checkpoint",
            Self::Invitation => "invitation",
        }
    }
}
