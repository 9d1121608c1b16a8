//! The post of a simulation: a mail server with weather, the people's mailboxes, and a courier that goes one step at a
//! time with the words of the real one.

use std::collections::{BTreeMap, BTreeSet};

use keyledger::crypto::parse_mail_secret;
use keyledger::desk::{Letter, LetterFault};
use keyledger::domain::{Mail, MailEnd, MailStanding, Purpose};
use keyledger::types::{MailId, Position, Span, TokenId};
use secrecy::{ExposeSecret, SecretString};

use super::attempt::{Address, Attempt};
use super::chance::Chance;
use super::compare::address_text;
use super::machine::Machine;
use super::oracle::Oracle;

/// A mail that somebody can read, and what it opens.
#[derive(Clone)]
pub(super) struct Received {
    pub(super) address: Address,
    pub(super) token: TokenId,
    pub(super) purpose: Purpose,
    pub(super) link: SecretString,
    pub(super) code: SecretString,
    pub(super) not_me: Option<SecretString>,
}

/// The server and the mailboxes.
#[derive(Default)]
pub(super) struct Post {
    pub(super) received: Vec<Received>,
    /// How often each mail arrived.
    arrived: BTreeMap<MailId, u32>,
    /// Mails that arrived without the house knowing: they may come again, under the same name.
    in_doubt: BTreeSet<MailId>,
    pub(super) twice: u32,
}

/// What the server does with a mail.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Weather {
    Fine,
    /// Any of the answers that a server can give.
    Rough,
}

impl Post {
    /// Brings one mail to the server and says what the courier has to note; nothing if the mail is not due.
    pub(super) fn carry(
        &mut self,
        machine: &Machine,
        oracle: &Oracle,
        queued: Position,
        weather: Weather,
        chance: &mut Chance,
    ) -> Result<Option<Attempt>, String> {
        let Some((mail, standing)) = machine.desk().queued_mail(queued) else {
            return Ok(None);
        };
        let id = mail.id;
        let ended = |cause| {
            Ok(Some(Attempt::Ended {
                queued,
                mail: id,
                cause,
            }))
        };
        match standing {
            MailStanding::Waiting(_) if weather == Weather::Rough => return Ok(None),
            MailStanding::Over(cause) => {
                may_end(oracle, &mail, cause, machine)?;
                return ended(cause);
            }
            MailStanding::Waiting(_) | MailStanding::Due => {}
        }
        let letter = match machine.desk().letter(&mail) {
            Ok(letter) => letter,
            Err(LetterFault::UserGone) => return ended(MailEnd::UserGone),
            Err(LetterFault::KeyGone) => {
                return Err("no key was ever forgotten, and a mail cannot be made".to_owned());
            }
        };
        if mail
            .token
            .filter(|_| mail.kind.carries_proof())
            .is_some_and(|token| !oracle.may_be_mailed(token, machine.now()))
        {
            return Err(format!("mail {id} leaves with a dead proof"));
        }
        let deferred = Attempt::Deferred {
            queued,
            mail: id,
            next: machine.now() + Span::seconds(30),
        };
        let answer = if weather == Weather::Fine {
            9
        } else {
            chance.below(10)
        };
        Ok(Some(match answer {
            0 | 1 => deferred,
            2 => Attempt::Ended {
                queued,
                mail: id,
                cause: MailEnd::Refused,
            },
            3 => {
                // The server took it, and the line broke before its word arrived.
                self.arrive(&mail, &letter)?;
                self.in_doubt.insert(id);
                deferred
            }
            _ => {
                self.arrive(&mail, &letter)?;
                Attempt::Delivered { queued, mail: id }
            }
        }))
    }

    /// A process that ended before it noted a delivery will deliver again.
    pub(super) fn doubt(&mut self, mail: MailId) {
        self.in_doubt.insert(mail);
    }

    /// What an administrator handed over.
    pub(super) fn hand_over(
        &mut self,
        address: Address,
        link: SecretString,
        code: SecretString,
    ) -> Result<(), String> {
        let parsed = parse_mail_secret(link.expose_secret()).ok_or("a link that is none")?;
        self.received.push(Received {
            address,
            token: parsed.token(),
            purpose: Purpose::Recovery,
            link,
            code,
            not_me: None,
        });
        Ok(())
    }

    fn arrive(&mut self, mail: &Mail, letter: &Letter) -> Result<(), String> {
        let times = self.arrived.entry(mail.id).or_default();
        *times += 1;
        if *times > 1 {
            if !self.in_doubt.remove(&mail.id) {
                return Err(format!("mail {} arrived twice for no reason", mail.id));
            }
            self.twice += 1;
        }
        let to = (0..)
            .take(64)
            .find(|address| address_text(*address) == letter.to.as_typed());
        let address = to.ok_or("a mail to somebody who does not exist")?;
        if let (Some(link), Some(code), Some(purpose)) = (&letter.link, &letter.code, letter.purpose) {
            let parsed = parse_mail_secret(link.expose_secret()).ok_or("a link that is none")?;
            self.received.push(Received {
                address,
                token: parsed.token(),
                purpose,
                link: link.clone(),
                code: code.clone(),
                not_me: letter.not_me.clone(),
            });
        }
        Ok(())
    }
}

/// A mail may stay behind only for a reason that the oracle knows.
fn may_end(oracle: &Oracle, mail: &Mail, cause: MailEnd, machine: &Machine) -> Result<(), String> {
    let due = oracle.mails.get(&mail.id).ok_or("a mail nobody caused")?;
    let reason = match cause {
        MailEnd::Superseded => due
            .token
            .is_some_and(|token| !oracle.may_be_mailed(token, machine.now())),
        // What waits for its proof is nobody's address any more once that proof is void.
        MailEnd::UserGone => {
            let proof = due.token;
            !oracle.accounts.contains_key(&due.user)
                || proof.is_some_and(|token| !oracle.may_be_mailed(token, machine.now()))
        }
        MailEnd::EpochEnded => due.epoch < oracle.epoch,
        MailEnd::Refused | MailEnd::GaveUp => false,
    };
    if reason {
        Ok(())
    } else {
        Err(format!(
            "mail {} stays behind as {cause:?}, and nothing explains it",
            mail.id
        ))
    }
}
