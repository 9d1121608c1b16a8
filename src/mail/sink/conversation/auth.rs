//! AUTH PLAIN and AUTH LOGIN (RFC 4954, RFC 4616).

use std::io;
use std::ops::ControlFlow::Break;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use subtle::ConstantTimeEq as _;

use super::super::behaviour::Step;
use super::{COMMAND_BYTES_MAX, Conversation, Flow};

const WRONG_SIGN_INS_MAX: u8 = 3;

impl Conversation {
    pub(super) async fn authenticate(&mut self, rest: &str) -> Flow {
        if let Some(flow) = self.meets_fault(Step::Auth, &[]).await? {
            return Ok(flow);
        }
        if self.needs_tls() {
            return self.offend(530, "5.7.0 STARTTLS first").await;
        }
        let Some((user, password)) = self.behaviour.credentials.clone() else {
            return self.offend(502, "5.5.1 No sign-in here").await;
        };
        if self.helo.is_none() || self.user.is_some() || self.envelope.is_some() {
            return self.offend(503, "5.5.1 Not now").await;
        }
        let (mechanism, initial) = rest
            .split_once(' ')
            .map_or((rest, None), |(name, first)| (name, Some(first)));
        let said = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => self.ask("", initial).await?.and_then(|bytes| {
                let mut fields = bytes.splitn(3, |byte| *byte == 0).skip(1).map(<[u8]>::to_vec);
                Some((fields.next()?, fields.next()?))
            }),
            // "Username:" and "Password:", as draft-murchison-sasl-login says.
            "LOGIN" => match self.ask("VXNlcm5hbWU6", initial).await? {
                Some(name) => self.ask("UGFzc3dvcmQ6", None).await?.map(|word| (name, word)),
                None => None,
            },
            _ => return self.offend(504, "5.5.4 PLAIN or LOGIN").await,
        };
        let Some((given_user, given_password)) = said else {
            return self.offend(501, "5.5.2 Not a sign-in").await;
        };
        let right = given_user.ct_eq(user.as_bytes()) & given_password.ct_eq(password.as_bytes());
        if bool::from(right) {
            self.user = Some(user);
            return self.go_on(235, "2.7.0 Signed in").await;
        }
        self.wrong_sign_ins += 1;
        if self.wrong_sign_ins >= WRONG_SIGN_INS_MAX {
            self.say(421, "4.7.0 Too many wrong sign-ins").await?;
            return Ok(Break(()));
        }
        self.go_on(535, "5.7.8 Wrong name or password").await
    }

    /// What the client answers to a question of AUTH, decoded; `None` if it is not Base64 or the client cancels.
    async fn ask(&mut self, question: &str, initial: Option<&str>) -> io::Result<Option<Vec<u8>>> {
        if let Some(initial) = initial {
            return Ok(if initial == "=" {
                Some(Vec::new())
            } else {
                BASE64.decode(initial).ok()
            });
        }
        self.say(334, question).await?;
        let line = self
            .wire
            .line(COMMAND_BYTES_MAX)
            .await?
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(if line.too_long {
            None
        } else {
            BASE64.decode(line.bytes.trim_ascii_end()).ok()
        })
    }
}
