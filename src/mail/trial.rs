//! The mail of a test, and its way to the server step by step: for the command line, the console and the admin API alike.

use std::time::Duration;

use super::OutgoingMail;
use super::probe::{StepReport, walk};
use super::settings::MailSettings;
use super::templates::{MailData, MailKind, TemplateFault, Templates};
use crate::types::{EmailAddress, Locale, MailId, Timestamp};

/// A mail to be tried out.
#[derive(Debug)]
pub struct Trial<'a> {
    /// How mails leave.
    pub settings: &'a MailSettings,
    /// What they say.
    pub templates: &'a Templates,
    /// The product's name.
    pub brand: &'a str,
    /// Where the product is.
    pub public_url: &'a str,
    /// To whom.
    pub to: &'a EmailAddress,
    /// In which language.
    pub locale: Locale,
    /// Its id.
    pub id: MailId,
    /// When.
    pub now: Timestamp,
}

impl Trial<'_> {
    /// Sends it on a connection of its own; the last report is the failure, if there is one. `elapsed` is a monotonic
    /// stopwatch.
    pub async fn go(
        &self,
        elapsed: &(dyn Fn() -> Duration + Send + Sync),
    ) -> Result<Vec<StepReport>, TemplateFault> {
        let mail = self.mail()?;
        Ok(walk(self.settings, None, Some(&mail), elapsed).await)
    }

    fn mail(&self) -> Result<OutgoingMail, TemplateFault> {
        let data = MailData {
            brand: Some(self.brand.to_owned()),
            public_url: Some(self.public_url.to_owned()),
            when: Some(self.now),
            ..MailData::default()
        };
        let words = self.templates.render(MailKind::Test, self.locale, &data)?;
        let from = self.settings.from();
        let domain = from
            .address()
            .rsplit_once('@')
            .map_or("localhost", |(_, domain)| domain);
        Ok(OutgoingMail {
            message_id: format!("{}@{domain}", self.id),
            to: self.to.as_typed().to_owned(),
            from: from.clone(),
            subject: words.subject,
            text: words.text,
            html: words.html,
            template: MailKind::Test.name(),
            date: self.now,
        })
    }
}
