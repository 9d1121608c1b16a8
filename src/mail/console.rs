//! Mails on the terminal, for development.

use std::io::Write as _;

use super::fault::{Cause, SendError, Step};
use super::message::{ComposeFault, OutgoingMail, plain_lines};
use super::transport::Accepted;

/// Prints the mail between rulers, as a person reads it, to standard error.
pub(super) fn print(mail: &OutgoingMail) -> Result<Accepted, SendError> {
    let shown = shown(mail)?;
    std::io::stderr()
        .lock()
        .write_all(shown.as_bytes())
        .map_err(|error| SendError::new(Step::Data, Cause::Disk, error.to_string()))?;
    Ok(Accepted::WITHOUT_SERVER)
}

/// The head and the plain part; a mail that SMTP would refuse is refused here too.
fn shown(mail: &OutgoingMail) -> Result<String, ComposeFault> {
    let to = mail.compose()?.to;
    let ruler = "-".repeat(72);
    let (subject, text) = (mail.checked_subject()?, plain_lines(&mail.text));
    Ok(format!(
        "{ruler}\nFrom:    {}\nTo:      {to}\nSubject: {subject}\nMail:    {} {}\n\n{}\n{ruler}\n",
        mail.from,
        mail.template,
        mail.message_id,
        text.trim_end()
    ))
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::a_mail;
    use super::*;

    #[test]
    fn a_mail_is_shown_between_rulers() {
        insta::assert_snapshot!(shown(&a_mail()).unwrap(), @r"
        ------------------------------------------------------------------------
        From:    Keyledger <no-reply@example.org>
        To:      ann@example.org
        Subject: Reset your password
        Mail:    password_reset 0190-7f@mail.example.org

        Hello,
        .hidden
        ..
        Bye
        ------------------------------------------------------------------------
        ");
    }

    #[test]
    fn l_02_a_mail_cannot_steer_the_terminal() {
        let mut mail = a_mail();
        mail.text = "a\u{1b}[2Jb\u{9b}c".into();
        assert!(
            shown(&mail)
                .unwrap()
                .chars()
                .all(|c| c == '\n' || !c.is_control())
        );
    }
}
