//! Takes mails out of the outbox and to the transport, several at a time, one to an address.
//!
//! Delivery is at least once: a crash between the server's word and the ledger's note sends a mail again, under the same
//! Message-ID. A mail whose proof died meanwhile does not leave.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{self, JoinError, JoinSet};
use tokio::time::{sleep, timeout};

use crate::desk::{Desk, LetterFault};
use crate::domain::{Command, Mail, MailEnd, MailStanding};
use crate::engine::{Lane, Trouble};
use crate::mail::backoff::{gives_up, next_attempt};
use crate::mail::{Accepted, Kind, SendError, Step};
use crate::system::random_array;
use crate::types::{AddressId, Position, Span, Timestamp};

use super::beat::{Beat, Next};
use super::letters::{MailTools, WriteFault, Written};
use super::lineup::{Entry, Lineup, Turn};

/// How long to wait before the writer is asked again, when its queue was full.
const OVERLOAD_PAUSE: Duration = Duration::from_millis(50);

/// Runs until the beat says stop, and then until the mails under way have an outcome.
pub(super) async fn run(desk: Desk, tools: Arc<MailTools>, mut beat: Beat) {
    let mut round = Round {
        desk,
        tools,
        lineup: Lineup::default(),
        running: JoinSet::new(),
        whose: HashMap::new(),
    };
    loop {
        round.take_in();
        round.send_out();
        tokio::select! {
            next = beat.next() => if next == Next::Stop { break },
            Some(joined) = round.running.join_next_with_id(), if !round.running.is_empty() => {
                round.note(joined);
            }
        }
    }
    while round.running.join_next().await.is_some() {}
    round.tools.transport.close().await;
    round.tools.routes.close().await;
}

/// A mail that was tried.
struct Tried {
    turn: Turn,
    /// Whether the server took it.
    delivered: bool,
}

struct Round {
    desk: Desk,
    tools: Arc<MailTools>,
    lineup: Lineup,
    running: JoinSet<Tried>,
    /// Which mail a task carries.
    whose: HashMap<task::Id, (Position, AddressId)>,
}

impl Round {
    fn take_in(&mut self) {
        let seen = self.lineup.seen;
        let (fresh, next) = self.desk.engine().read(|state| {
            let fresh = state.outbox.range(seen..);
            let fresh: Vec<Entry> = fresh
                .map(|(queued, mail)| Entry {
                    queued: *queued,
                    address: mail.address,
                    next: mail.next,
                })
                .collect();
            (fresh, state.next())
        });
        let now = self.desk.now();
        self.lineup.seen = next;
        for entry in fresh {
            self.lineup.push(entry, now);
        }
        for address in self.desk.take_hastened() {
            self.lineup.hasten(address, now);
        }
    }

    fn send_out(&mut self) {
        let now = self.desk.now();
        while self.running.len() < self.tools.parallel_max
            && let Some((queued, address)) = self.lineup.next(now)
        {
            let carried = carry(self.desk.clone(), Arc::clone(&self.tools), queued);
            let handle = self.running.spawn(carried);
            self.whose.insert(handle.id(), (queued, address));
        }
    }

    fn note(&mut self, joined: Result<(task::Id, Tried), JoinError>) {
        let (id, tried) = match joined {
            Ok((id, tried)) => (id, Some(tried)),
            Err(error) => (error.id(), None),
        };
        let Some((queued, address)) = self.whose.remove(&id) else {
            return;
        };
        let Some(Tried { turn, delivered }) = tried else {
            tracing::error!(%queued, "sending a mail broke down; it is put off");
            let handle = self.running.spawn(put_off(self.desk.clone(), queued));
            self.whose.insert(handle.id(), (queued, address));
            return;
        };
        self.lineup.done(address, turn);
        if delivered && self.lineup.has_unreached() {
            self.lineup.server_is_back(self.desk.now());
        }
    }
}

/// Gives one mail its turn.
async fn carry(desk: Desk, tools: Arc<MailTools>, queued: Position) -> Tried {
    let Some((mail, standing)) = desk.queued_mail(queued) else {
        return Tried::not_sent(Turn::Over);
    };
    if let MailStanding::Over(cause) = standing {
        return end(&desk, queued, &mail, cause).await;
    }
    let written = match tools.write(&desk, &mail) {
        Ok(written) => written,
        Err(WriteFault::Letter(LetterFault::UserGone)) => {
            return end(&desk, queued, &mail, MailEnd::UserGone).await;
        }
        Err(WriteFault::Letter(fault @ LetterFault::KeyGone)) => {
            tracing::error!(mail = %mail.id, %fault, "a mail cannot be written any more");
            return end(&desk, queued, &mail, MailEnd::GaveUp).await;
        }
        Err(WriteFault::Template(fault)) => {
            tracing::error!(mail = %mail.id, %fault, "a mail cannot be written");
            return fail(&desk, queued, &mail, &Failure::in_house()).await;
        }
        Err(WriteFault::Route(fault)) => {
            tracing::error!(mail = %mail.id, %fault, "the mail server of a stage cannot be used");
            return fail(&desk, queued, &mail, &Failure::in_house()).await;
        }
    };
    // Asked again with the words at hand: what was superseded meanwhile does not leave.
    match desk.queued_mail(queued) {
        None => return Tried::not_sent(Turn::Over),
        Some((_, MailStanding::Over(cause))) => return end(&desk, queued, &mail, cause).await,
        Some((_, MailStanding::Due | MailStanding::Waiting(_))) => {}
    }
    match send(&tools, &written).await {
        Ok(Accepted { status }) => {
            tracing::debug!(mail = %mail.id, kind = mail.kind.name(), status, "mail delivered");
            let attempt = mail.attempts.saturating_add(1);
            let command = Command::MailDelivered {
                queued,
                attempt,
                status,
            };
            settle(&desk, command).await;
            Tried {
                turn: Turn::Over,
                delivered: true,
            }
        }
        Err(failure) => fail(&desk, queued, &mail, &failure).await,
    }
}

/// A panic counts as a try that failed, so that a mail that causes one is given up in the end.
async fn put_off(desk: Desk, queued: Position) -> Tried {
    match desk.queued_mail(queued) {
        Some((mail, _)) => fail(&desk, queued, &mail, &Failure::in_house()).await,
        None => Tried::not_sent(Turn::Over),
    }
}

impl Tried {
    fn not_sent(turn: Turn) -> Self {
        Self {
            turn,
            delivered: false,
        }
    }
}

/// Whose server a mail goes to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    /// That of the settings, which nearly all mails go to.
    OfSettings,
    /// That of one stage: that it cannot be reached says nothing about the others.
    OfStage,
}

/// A try that failed.
struct Failure {
    step: Step,
    kind: Kind,
    status: u16,
    server: Server,
}

impl Failure {
    /// The mail could not be written.
    fn in_house() -> Self {
        Self {
            step: Step::Compose,
            kind: Kind::Transient,
            status: 0,
            server: Server::OfSettings,
        }
    }
}

async fn send(tools: &MailTools, written: &Written) -> Result<Accepted, Failure> {
    let Written { mail, route } = written;
    let (transport, time_max) = match route {
        Some(route) => (&route.transport, route.timeout * MailTools::STEPS_MAX),
        None => (&tools.transport, tools.send_time_max),
    };
    let server = if route.is_some() {
        Server::OfStage
    } else {
        Server::OfSettings
    };
    match timeout(time_max, transport.send(mail)).await {
        Ok(sent) => sent.map_err(
            |SendError {
                 step, kind, status, ..
             }| Failure {
                step,
                kind,
                status: status.unwrap_or(0),
                server,
            },
        ),
        // Nobody knows how far it came; the server may have it.
        Err(_) => Err(Failure {
            step: Step::Data,
            kind: Kind::Transient,
            status: 0,
            server,
        }),
    }
}

async fn fail(desk: &Desk, queued: Position, mail: &Mail, failure: &Failure) -> Tried {
    let Failure {
        step,
        kind,
        status,
        server,
    } = *failure;
    let attempt = mail.attempts.saturating_add(1);
    let now = desk.now();
    tracing::warn!(mail = %mail.id, kind = mail.kind.name(), attempt, step = step.code(), status, "mail not delivered");
    let cause = match kind {
        Kind::Permanent => Some(MailEnd::Refused),
        Kind::Transient if gives_up(attempt, now.since(mail.queued)) => Some(MailEnd::GaveUp),
        Kind::Transient => None,
    };
    let step_number = step.number();
    if let Some(cause) = cause {
        let command = Command::MailEnded {
            queued,
            attempt,
            status,
            step: step_number,
            cause,
        };
        return settled(desk, command, now, Turn::Over).await;
    }
    let jitter = u32::from_be_bytes(random_array(desk.engine().entropy()));
    let next = now + next_attempt(attempt, jitter);
    let command = Command::MailDeferred {
        queued,
        attempt,
        status,
        step: step_number,
        next,
    };
    let turn = match step {
        _ if server == Server::OfStage => Turn::Again(next),
        Step::Resolve | Step::Connect | Step::Greeting | Step::Hello | Step::Tls | Step::Auth => {
            Turn::Unreached(next)
        }
        Step::Compose | Step::MailFrom | Step::RcptTo | Step::Data => Turn::Again(next),
    };
    settled(desk, command, now, turn).await
}

async fn end(desk: &Desk, queued: Position, mail: &Mail, cause: MailEnd) -> Tried {
    let command = Command::MailEnded {
        queued,
        attempt: mail.attempts,
        status: 0,
        step: 0,
        cause,
    };
    settled(desk, command, desk.now(), Turn::Over).await
}

async fn settled(desk: &Desk, command: Command, now: Timestamp, turn: Turn) -> Tried {
    match settle(desk, command).await {
        Settled::Durable => Tried::not_sent(turn),
        // The engine has stopped: nothing can be noted any more, and the next start goes on with this mail.
        Settled::Stopped => Tried::not_sent(Turn::Again(now + Span::minutes(1))),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Settled {
    Durable,
    Stopped,
}

async fn settle(desk: &Desk, command: Command) -> Settled {
    loop {
        match desk.engine().execute(Lane::Proof, command.clone(), vec![]).await {
            // Refused: the mail was ended otherwise meanwhile.
            Ok(_) | Err(Trouble::Refused(_)) => return Settled::Durable,
            Err(Trouble::Overloaded) => sleep(OVERLOAD_PAUSE).await,
            Err(Trouble::Stopped) => return Settled::Stopped,
        }
    }
}
