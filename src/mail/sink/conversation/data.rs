//! DATA: the mail itself (RFC 5321 §4.1.1.4).

use std::io;
use std::ops::ControlFlow::Break;

use super::super::behaviour::{Act, Step};
use super::super::received::ReceivedMail;
use super::{Conversation, Flow};

/// RFC 5321 §4.5.3.1.6, CRLF included.
const TEXT_LINE_BYTES_MAX: usize = 1000;

impl Conversation {
    pub(super) async fn data(&mut self) -> Flow {
        let recipients = self
            .envelope
            .as_ref()
            .map(|envelope| envelope.to.clone())
            .unwrap_or_default();
        if let Some(flow) = self.meets_fault(Step::Data, &recipients).await? {
            return Ok(flow);
        }
        if recipients.is_empty() {
            return self.offend(503, "5.5.1 RCPT first").await;
        }
        self.say(354, "End with a dot on a line of its own").await?;
        let received = self.receive().await?;
        let (Some(envelope), Some(helo)) = (self.envelope.take(), self.helo.clone()) else {
            return Ok(Break(()));
        };
        let raw = match received {
            Ok(raw) => raw,
            Err((status, text)) => return self.offend(status, text).await,
        };
        let mail = ReceivedMail {
            from: envelope.from,
            to: envelope.to,
            raw,
            helo,
            tls: self.tls,
            auth_user: self.user.clone(),
        };
        match self.act_at(Step::Message, &recipients).await {
            None => {
                self.shared.keep(mail);
                self.go_on(250, "2.0.0 Kept").await
            }
            Some(Act::AnswerAndDisconnect) => {
                self.shared.keep(mail);
                self.say(250, "2.0.0 Kept").await?;
                Ok(Break(()))
            }
            Some(Act::KeepAndDisconnect) => {
                self.shared.keep(mail);
                Ok(Break(()))
            }
            Some(act @ (Act::Answer(..) | Act::Silence | Act::Disconnect | Act::Delay(_))) => {
                self.perform(act).await
            }
        }
    }

    /// The mail up to the closing dot, dots unstuffed (RFC 5321 §4.5.2), or why it is refused.
    ///
    /// Only CRLF ends a line: a lone LF would let one mail smuggle another (CVE-2023-51764).
    async fn receive(&mut self) -> io::Result<Result<Vec<u8>, (u16, &'static str)>> {
        let bytes_max = self.behaviour.message_bytes_max;
        let mut raw = Vec::new();
        let mut refused = None;
        let mut bytes = 0;
        let mut at_line_start = true;
        loop {
            let line = self
                .wire
                .line(TEXT_LINE_BYTES_MAX + 1)
                .await?
                .ok_or(io::ErrorKind::UnexpectedEof)?;
            if at_line_start && line.bytes == b".\r\n" {
                return Ok(refused.map_or(Ok(raw), Err));
            }
            at_line_start = line.ends_with_crlf;
            let text = line.bytes.strip_prefix(b".").unwrap_or(&line.bytes);
            bytes += text.len();
            if bytes > bytes_max {
                refused = Some((552, "5.3.4 Too large"));
                if bytes > bytes_max.saturating_mul(4) {
                    return Err(io::ErrorKind::FileTooLarge.into());
                }
            } else if line.too_long || text.len() > TEXT_LINE_BYTES_MAX {
                refused = refused.or(Some((500, "5.6.0 A line is at most 1000 bytes with CRLF")));
            } else if !line.ends_with_crlf {
                refused = refused.or(Some((550, "5.6.0 Lines end with CRLF")));
            }
            if refused.is_none() {
                raw.extend_from_slice(text);
            } else {
                raw = Vec::new();
            }
        }
    }
}
