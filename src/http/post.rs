//! What administrators see and try of mails: the settings' way out, and the words.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::site::Site;
use crate::domain::MailKind;
use crate::mail::MailSettings;
use crate::mail::probe::StepReport;
use crate::mail::templates::{MailData, Rendered, TemplateFault, Templates};
use crate::mail::trial::Trial;
use crate::system::random_id;
use crate::types::{EmailAddress, Locale, MailId};

/// How mails leave and what they say.
pub struct Post {
    settings: MailSettings,
    templates: Templates,
    /// Where the operator's templates lie.
    templates_dir: Option<PathBuf>,
    /// Held while somebody tries it out: one at a time, because each may wait for a server that does not answer.
    trying: Mutex<()>,
}

/// Why a mail could not be tried out.
#[derive(Debug)]
pub enum TrialFault {
    /// Somebody else is trying.
    Busy,
    /// It could not be written.
    Template(TemplateFault),
}

impl Post {
    /// The same settings and words that the workers have.
    pub fn new(settings: MailSettings, templates: Templates, templates_dir: Option<PathBuf>) -> Self {
        Self {
            settings,
            templates,
            templates_dir,
            trying: Mutex::default(),
        }
    }

    /// A mail with sample values; no secret in it is real.
    pub fn preview(&self, kind: MailKind, locale: Locale) -> Result<Rendered, TemplateFault> {
        self.templates.render(kind, locale, &MailData::sample(kind))
    }

    /// The operator's files that a mail is made of.
    pub fn files_of(&self, kind: MailKind, locale: Locale) -> Vec<String> {
        let files = self.templates.files_of(kind, locale).into_iter();
        files.map(|file| file.display().to_string()).collect()
    }

    /// The templates as they lie in the operator's folder now: what the next start would have, or why there would be none.
    pub async fn templates_on_disk(&self) -> Result<Templates, TemplateFault> {
        let dir = self.templates_dir.clone();
        let read = spawn_blocking(move || Templates::load(dir.as_deref())).await;
        // The task is neither cancelled nor does it panic; if it were, what is in force is all there is to show.
        read.unwrap_or_else(|_| Templates::load(None))
    }
}

impl Site {
    /// Sends the mail of the test, and tells each step of its way.
    pub async fn try_mail(&self, to: &EmailAddress, locale: Locale) -> Result<Vec<StepReport>, TrialFault> {
        let _only = self.post.trying.try_lock().map_err(|_| TrialFault::Busy)?;
        let (desk, settings) = (&self.desk, &self.settings);
        let clock = Arc::clone(desk.engine().clock());
        let begun = clock.monotonic();
        let trial = Trial {
            settings: &self.post.settings,
            templates: &self.post.templates,
            brand: &settings.brand,
            public_url: &settings.public_url,
            to,
            locale,
            id: MailId(random_id(desk.engine().entropy())),
            now: desk.now(),
        };
        let elapsed = move || -> Duration { clock.monotonic().saturating_sub(begun) };
        trial.go(&elapsed).await.map_err(TrialFault::Template)
    }
}
