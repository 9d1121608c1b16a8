//! The one way out for mails, whatever it leads to.

use super::console;
use super::fault::SendError;
use super::file::Folder;
use super::message::OutgoingMail;
use super::pool::SmtpPool;
use super::settings::{MailSettings, SettingsFault, TransportKind};

/// Takes mails away.
pub enum Transport {
    /// To a mail server.
    Smtp(SmtpPool),
    /// Into a folder; for development.
    File(Folder),
    /// Onto standard error; for development.
    Console,
}

/// The receiver took responsibility for a mail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Accepted {
    /// The server's reply code; 250 from a transport without a server.
    pub status: u16,
}

impl Accepted {
    /// What a transport without a server answers.
    pub(super) const WITHOUT_SERVER: Self = Self { status: 250 };
}

impl Transport {
    /// Prepares the transport of the settings: reads the authorities, makes the folder; no network yet.
    pub fn open(settings: &MailSettings) -> Result<Self, SettingsFault> {
        Ok(match settings.transport() {
            TransportKind::Smtp => Self::Smtp(SmtpPool::new(settings)?),
            TransportKind::File(path) => Self::File(Folder::open(path)?),
            TransportKind::Console => Self::Console,
        })
    }

    /// Sends one mail, once; never waits longer than the settings' time limit at any one step.
    ///
    /// Delivery is at least once: a mail whose fate is unknown (the connection broke after the last byte) is reported as
    /// transient, and goes out again under the same Message-ID.
    pub async fn send(&self, mail: &OutgoingMail) -> Result<Accepted, SendError> {
        match self {
            Self::Smtp(pool) => pool.send(&mail.compose()?).await,
            Self::File(folder) => folder.write(mail).await,
            Self::Console => console::print(mail),
        }
    }

    /// Says goodbye to the server before the process ends.
    pub async fn close(&self) {
        match self {
            Self::Smtp(pool) => pool.close().await,
            Self::File(_) | Self::Console => {}
        }
    }
}
