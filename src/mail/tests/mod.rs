//! Mails against a scripted server: each test is one story of a conversation.

mod plain;
mod pool;
mod protected;

use std::time::Duration;

use super::message::tests::a_mail;
use super::scripted::{Act, Scripted};
use super::{Accepted, MailSettings, MailSettingsDraft, SendError, Transport};

/// Long enough for loopback, short enough for a test that waits it out.
const SHORT: Duration = Duration::from_millis(150);

async fn send(settings: &MailSettings) -> Result<Accepted, SendError> {
    Transport::open(settings).unwrap().send(&a_mail()).await
}

/// Plays one script for one mail; the error, and what the server heard.
async fn fails(acts: Vec<Act>, change: impl FnOnce(&mut MailSettingsDraft)) -> (SendError, Vec<String>) {
    let server = Scripted::play([acts]).await;
    let error = send(&server.settings(change)).await.unwrap_err();
    (error, server.heard().await.remove(0))
}

fn sign_in(draft: &mut MailSettingsDraft) {
    draft.username = Some("ann".into());
    draft.password = Some("pa55word".to_owned().into());
}
