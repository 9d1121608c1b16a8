//! Walks the way of a mail and tells where it ends: what `keyledger mail test` shows.

use std::time::Duration;

use super::address::parse_address;
use super::connect::Dialer;
use super::fault::{Cause, CertificateFault, SendError, Step};
use super::message::{ComposeFault, OutgoingMail};
use super::settings::{MailSettings, Security, TransportKind};
use super::smtp::{Needs, Session};
use super::transport::Transport;

/// One step of the walk.
#[derive(Clone, Debug)]
pub struct StepReport {
    /// Which.
    pub step: Step,
    /// What the server said, or why the walk ended here.
    pub outcome: Result<String, SendError>,
    /// How long it took.
    pub took: Duration,
    /// What to do about a failure.
    pub hint: Option<&'static str>,
}

/// Walks the conversation on a fresh connection, as far as it goes; the last report is the failure, if there is one.
///
/// With `mail` it is really sent; with `to` alone the walk ends before `DATA` and nothing is sent; with neither it ends
/// when the server would take mails. `elapsed` is a monotonic stopwatch; only its differences are used.
pub async fn walk(
    settings: &MailSettings,
    to: Option<&str>,
    mail: Option<&OutgoingMail>,
    elapsed: &(dyn Fn() -> Duration + Send + Sync),
) -> Vec<StepReport> {
    let mut reports = Vec::new();
    let mut last = elapsed();
    let outcome = {
        let mut seen = |step, words| {
            let now = elapsed();
            reports.push(StepReport {
                step,
                outcome: Ok(words),
                took: now.saturating_sub(last),
                hint: None,
            });
            last = now;
        };
        match settings.transport() {
            TransportKind::Smtp => converse(settings, to, mail, &mut seen).await,
            TransportKind::File(_) | TransportKind::Console => hand_over(settings, mail, &mut seen).await,
        }
    };
    if let Err(error) = outcome {
        let hint = hint(settings, &error);
        reports.push(StepReport {
            step: error.step,
            took: elapsed().saturating_sub(last),
            outcome: Err(error),
            hint,
        });
    }
    reports
}

async fn converse(
    settings: &MailSettings,
    to: Option<&str>,
    mail: Option<&OutgoingMail>,
    seen: &mut (dyn FnMut(Step, String) + Send),
) -> Result<(), SendError> {
    let parcel = mail.map(OutgoingMail::compose).transpose()?;
    let to = to.map(parse_address).transpose().map_err(ComposeFault::To)?;
    let dialer =
        Dialer::new(settings).map_err(|fault| SendError::new(Step::Tls, Cause::Disk, fault.to_string()))?;
    let mut session = Session::open(&dialer, seen).await?;
    match (parcel, to) {
        (Some(parcel), _) => {
            session.deliver(&parcel, seen).await?;
        }
        (None, Some(to)) => {
            let needs = if to.to_string().is_ascii() {
                Needs::Ascii
            } else {
                Needs::Utf8
            };
            session.propose(&settings.from.address, &to, needs, seen).await?;
        }
        (None, None) => {}
    }
    session.quit().await;
    Ok(())
}

async fn hand_over(
    settings: &MailSettings,
    mail: Option<&OutgoingMail>,
    seen: &mut (dyn FnMut(Step, String) + Send),
) -> Result<(), SendError> {
    let transport = Transport::open(settings)
        .map_err(|fault| SendError::new(Step::Data, Cause::Disk, fault.to_string()))?;
    if let Some(mail) = mail {
        transport.send(mail).await?;
    }
    seen(
        Step::Data,
        "no mail server in these settings: mails stay on this machine".into(),
    );
    Ok(())
}

/// What an operator should try.
fn hint(settings: &MailSettings, error: &SendError) -> Option<&'static str> {
    match error.step {
        Step::Compose => None,
        Step::Resolve => Some("Check the spelling of KEYLEDGER_EMAIL__HOST, and that this machine can resolve names."),
        Step::Connect => Some(match error.cause {
            Cause::Timeout => {
                "Nothing answers: a firewall may drop the connection (many networks block port 25; try 587 with KEYLEDGER_EMAIL__USE_TLS), or KEYLEDGER_EMAIL__HOST or KEYLEDGER_EMAIL__PORT is wrong."
            }
            Cause::Missing => {
                "Set KEYLEDGER_EMAIL__USE_TLS or KEYLEDGER_EMAIL__USE_SSL, or accept the risk with KEYLEDGER_EMAIL__ALLOW_PLAINTEXT=true."
            }
            Cause::Reply
            | Cause::Network
            | Cause::NotTls
            | Cause::Certificate(_)
            | Cause::Tls
            | Cause::Protocol
            | Cause::Mail
            | Cause::Disk => "Nothing listens there: check KEYLEDGER_EMAIL__HOST and KEYLEDGER_EMAIL__PORT, and that the mail server runs.",
        }),
        Step::Greeting | Step::Hello => greeting_hint(settings, error),
        Step::Tls => tls_hint(settings, error),
        Step::Auth if error.cause == Cause::Missing => Some(
            "The server offers no sign-in here, usually because it wants TLS first: set KEYLEDGER_EMAIL__USE_TLS or KEYLEDGER_EMAIL__USE_SSL; or leave KEYLEDGER_EMAIL__USERNAME empty.",
        ),
        Step::Auth => (error.cause == Cause::Reply).then_some(
            "Check KEYLEDGER_EMAIL__USERNAME and KEYLEDGER_EMAIL__PASSWORD; many providers want an app password, or SMTP sign-in enabled for the account.",
        ),
        Step::MailFrom if matches!(error.status, Some(530 | 534 | 535 | 538)) => Some(
            "The server wants a sign-in or TLS first: set KEYLEDGER_EMAIL__USERNAME and KEYLEDGER_EMAIL__PASSWORD, and KEYLEDGER_EMAIL__USE_TLS or KEYLEDGER_EMAIL__USE_SSL.",
        ),
        Step::MailFrom => (error.cause == Cause::Reply)
            .then_some("The sender is refused: KEYLEDGER_EMAIL__FROM must be an address that this account may send from."),
        Step::RcptTo => match error.status {
            Some(400..500) => Some(
                "The server refuses for now (greylisting does this to strangers): a real mail is tried again by itself. Try again in some minutes.",
            ),
            Some(_) => Some(
                "The mailbox is unknown there, or the server does not relay for strangers: check the address, and set KEYLEDGER_EMAIL__USERNAME if the server wants a sign-in.",
            ),
            None => None,
        },
        Step::Data => (error.cause == Cause::Reply)
            .then_some("The server refuses the mail itself: its words say why; often SPF, DKIM or DMARC of the domain of KEYLEDGER_EMAIL__FROM."),
    }
}

fn greeting_hint(settings: &MailSettings, error: &SendError) -> Option<&'static str> {
    let silent = matches!(error.cause, Cause::Timeout | Cause::Network);
    match settings.security {
        Security::Plain | Security::StartTls if silent => Some(
            "The server says nothing in clear text: this port may expect TLS from the first byte (465 does). Set KEYLEDGER_EMAIL__USE_SSL=true and KEYLEDGER_EMAIL__USE_TLS=false.",
        ),
        Security::Plain | Security::StartTls | Security::Tls => match error.cause {
            Cause::Protocol => Some(
                "What answers there is not a mail server: check KEYLEDGER_EMAIL__HOST and KEYLEDGER_EMAIL__PORT.",
            ),
            Cause::Reply => {
                Some("The server does not talk to this machine: its words say why; often a block list.")
            }
            Cause::Timeout
            | Cause::Network
            | Cause::NotTls
            | Cause::Certificate(_)
            | Cause::Tls
            | Cause::Missing
            | Cause::Mail
            | Cause::Disk => None,
        },
    }
}

fn tls_hint(settings: &MailSettings, error: &SendError) -> Option<&'static str> {
    match error.cause {
        Cause::NotTls | Cause::Timeout | Cause::Network => match settings.security {
            Security::Tls => Some(
                "This port does not speak TLS from the first byte (25 and 587 do not): set KEYLEDGER_EMAIL__USE_TLS=true and KEYLEDGER_EMAIL__USE_SSL=false, or use port 465.",
            ),
            Security::StartTls | Security::Plain => None,
        },
        Cause::Missing | Cause::Reply => Some(
            "The server does not do STARTTLS on this port: try port 587, or port 465 with KEYLEDGER_EMAIL__USE_SSL=true and KEYLEDGER_EMAIL__USE_TLS=false. Nothing was sent in clear text.",
        ),
        Cause::Certificate(CertificateFault::Name) => Some(
            "The certificate is for another name: set KEYLEDGER_EMAIL__HOST to a name that it carries (the words list them).",
        ),
        Cause::Certificate(CertificateFault::Issuer) => Some(
            "No known authority signed the certificate: if it is your own, set KEYLEDGER_EMAIL__CA_FILE to the PEM file of your authority.",
        ),
        Cause::Certificate(CertificateFault::Validity) => Some(
            "The certificate is expired or not yet valid: renew it, and check the clocks of both machines.",
        ),
        Cause::Certificate(CertificateFault::Other) => Some(
            "The certificate cannot be used; one that signed itself must not be marked as an authority (CA:TRUE): let an authority of your own sign it.",
        ),
        Cause::Disk => Some("Check that KEYLEDGER_EMAIL__CA_FILE is a readable PEM file with certificates."),
        Cause::Tls | Cause::Protocol | Cause::Mail => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::a_mail;
    use super::super::scripted::Act::{self, Hear, Say, Silence, Tls};
    use super::super::scripted::{Scripted, certificate, envelope, greeted, script, takes_a_mail};
    use super::super::settings::MailSettingsDraft;
    use super::*;

    /// Walks against one script: the steps that went well, and the failure.
    async fn walked(
        acts: Vec<Act>,
        to: Option<&str>,
        mail: Option<&OutgoingMail>,
        change: impl FnOnce(&mut MailSettingsDraft),
    ) -> (Vec<Step>, Option<StepReport>) {
        let server = Scripted::play([acts]).await;
        let reports = walk(&server.settings(change), to, mail, &|| Duration::ZERO).await;
        server.heard().await;
        let well = reports
            .iter()
            .filter(|r| r.outcome.is_ok())
            .map(|r| r.step)
            .collect();
        (well, reports.into_iter().find(|r| r.outcome.is_err()))
    }

    const OPENED: [Step; 4] = [Step::Resolve, Step::Connect, Step::Greeting, Step::Hello];

    #[tokio::test]
    async fn a_walk_without_a_mail_asks_for_the_recipient_and_sends_nothing() {
        let acts = script([greeted(), envelope(), vec![Hear("QUIT")]]);
        let (well, failure) = walked(acts, Some("ann@example.org"), None, |_| {}).await;
        assert_eq!(well, [&OPENED[..], &[Step::MailFrom, Step::RcptTo]].concat());
        assert!(failure.is_none());
    }

    #[tokio::test]
    async fn a_walk_with_a_mail_sends_it() {
        let acts = script([greeted(), takes_a_mail(), vec![Hear("QUIT")]]);
        let (well, failure) = walked(acts, None, Some(&a_mail()), |_| {}).await;
        assert_eq!(
            well,
            [&OPENED[..], &[Step::MailFrom, Step::RcptTo, Step::Data]].concat()
        );
        assert!(failure.is_none());
    }

    #[tokio::test]
    async fn a_refused_sign_in_is_named_with_the_server_s_words() {
        let acts = vec![
            Say("220 mx"),
            Hear("EHLO"),
            Say("250-mx\r\n250 AUTH PLAIN"),
            Hear("AUTH PLAIN"),
            Say("535 5.7.8 Username and Password not accepted"),
            Silence,
        ];
        let (well, failure) = walked(acts, None, None, |d| {
            d.username = Some("ann".into());
            d.password = Some("secret".to_owned().into());
        })
        .await;
        assert_eq!(well, OPENED);
        let failure = failure.unwrap();
        assert_eq!(failure.step, Step::Auth);
        assert_eq!(
            failure.outcome.unwrap_err().words,
            "5.7.8 Username and Password not accepted"
        );
        assert!(failure.hint.unwrap().contains("app password"));
    }

    #[tokio::test]
    async fn the_wrong_kind_of_tls_is_hinted_at_both_ways() {
        let (_, failure) = walked(vec![Say("220 mx"), Silence], None, None, |d| d.use_ssl = true).await;
        assert!(
            failure
                .unwrap()
                .hint
                .unwrap()
                .contains("KEYLEDGER_EMAIL__USE_TLS=true")
        );
        let own = certificate("127.0.0.1");
        let (_, failure) = walked(vec![Tls(own.acceptor)], None, None, |d| {
            d.timeout = Duration::from_millis(150);
        })
        .await;
        let failure = failure.unwrap();
        assert_eq!(failure.step, Step::Greeting);
        assert!(failure.hint.unwrap().contains("KEYLEDGER_EMAIL__USE_SSL=true"));
    }

    #[tokio::test]
    async fn certificates_are_hinted_at() {
        let (own, other) = (certificate("127.0.0.1"), certificate("mail.example.org"));
        let (_, failure) = walked(vec![Tls(own.acceptor)], None, None, |d| d.use_ssl = true).await;
        assert!(failure.unwrap().hint.unwrap().contains("EMAIL__CA_FILE"));
        let (_, failure) = walked(vec![Tls(other.acceptor)], None, None, |d| {
            (d.use_ssl, d.ca_file) = (true, Some(other.ca_file.clone()));
        })
        .await;
        assert!(failure.unwrap().hint.unwrap().contains("KEYLEDGER_EMAIL__HOST"));
    }

    #[tokio::test]
    async fn a_refused_sender_and_a_missing_sign_in_are_told_apart() {
        for (answer, word) in [
            ("550 5.7.60 not yours", "KEYLEDGER_EMAIL__FROM"),
            ("530 5.7.0 sign in first", "KEYLEDGER_EMAIL__USERNAME"),
        ] {
            let acts = script([greeted(), vec![Hear("MAIL"), Say(answer), Silence]]);
            let (_, failure) = walked(acts, Some("ann@example.org"), None, |_| {}).await;
            assert!(failure.unwrap().hint.unwrap().contains(word));
        }
    }

    #[tokio::test]
    async fn a_folder_needs_no_server() {
        let home = tempfile::tempdir().unwrap();
        let transport = TransportKind::File(home.path().join("outbox"));
        let settings = MailSettings::check(MailSettingsDraft {
            transport,
            ..MailSettingsDraft::default()
        })
        .unwrap();
        let reports = walk(&settings, None, Some(&a_mail()), &|| Duration::ZERO).await;
        assert!(reports.len() == 1 && reports[0].outcome.is_ok());
    }
}
