//! A few connections to one mail server, kept open between mails.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::connect::Dialer;
use super::fault::{Cause, Kind, SendError, Step};
use super::message::Parcel;
use super::settings::{MailSettings, SettingsFault};
use super::smtp::Session;
use super::transport::Accepted;

/// Mails over one connection; servers end it themselves after some hundreds.
const MAILS_PER_CONNECTION: u16 = 100;
/// An unused connection is looked at this often within its limit, so that no clock has to be read.
const LOOKS: u8 = 4;

/// Sends over at most `connections_max` connections at once; more senders wait for one of them.
///
/// A connection on which anything but a clean refusal happened is dropped. One that the server closed while it lay idle
/// is replaced once, in the same attempt, because nothing had been handed over yet.
pub struct SmtpPool {
    shared: Arc<Shared>,
    slots: Semaphore,
}

struct Shared {
    dialer: Dialer,
    parked: Mutex<Parked>,
}

/// Connections nobody uses, and who looks after them.
struct Parked {
    sessions: Vec<(Session, u8)>,
    reaper: Reaper,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reaper {
    Asleep,
    Awake,
}

impl SmtpPool {
    /// Reads the authorities; connects with the first mail.
    pub fn new(settings: &MailSettings) -> Result<Self, SettingsFault> {
        let parked = Mutex::new(Parked {
            sessions: Vec::new(),
            reaper: Reaper::Asleep,
        });
        Ok(Self {
            shared: Arc::new(Shared {
                dialer: Dialer::new(settings)?,
                parked,
            }),
            slots: Semaphore::new(settings.connections_max),
        })
    }

    pub(super) async fn send(&self, parcel: &Parcel) -> Result<Accepted, SendError> {
        let _slot = self
            .slots
            .acquire()
            .await
            .expect("the pool never closes its slots");
        // A slot's holder opens a connection only if none is parked, so there are never more than slots.
        let parked = self.shared.lock().sessions.pop();
        if let Some((mut session, _)) = parked {
            match session.deliver(parcel, &mut |_, _| {}).await {
                Err(error) if is_stale(&error) => drop(self.shared.take_parked()),
                outcome => return self.settle(session, outcome).await,
            }
        }
        let mut session = Session::open(&self.shared.dialer, &mut |_, _| {}).await?;
        let outcome = session.deliver(parcel, &mut |_, _| {}).await;
        self.settle(session, outcome).await
    }

    /// Says goodbye on every connection that nobody uses.
    pub async fn close(&self) {
        for (session, _) in self.shared.take_parked() {
            session.quit().await;
        }
    }

    /// Parks the connection if it is in order; else it is dropped, which closes it.
    async fn settle(
        &self,
        mut session: Session,
        outcome: Result<Accepted, SendError>,
    ) -> Result<Accepted, SendError> {
        let in_order = match &outcome {
            Ok(_) => true,
            Err(error) => is_clean_refusal(error) && session.reset().await.is_ok(),
        };
        if in_order && session.mails < MAILS_PER_CONNECTION {
            self.shared.park(session);
        } else if in_order {
            session.quit().await;
        }
        outcome
    }
}

/// Whether a connection that had been parked turned out to be gone: nothing of the mail was handed over yet.
fn is_stale(error: &SendError) -> bool {
    error.step == Step::MailFrom && error.kind == Kind::Transient
}

/// Whether the server answered no and stays (421 announces that it leaves, RFC 5321 §3.8).
fn is_clean_refusal(error: &SendError) -> bool {
    error.cause == Cause::Reply && error.status != Some(421)
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Parked> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_parked(&self) -> Vec<(Session, u8)> {
        std::mem::take(&mut self.lock().sessions)
    }

    fn park(self: &Arc<Self>, session: Session) {
        let mut parked = self.lock();
        parked.sessions.push((session, 0));
        if parked.reaper == Reaper::Asleep {
            parked.reaper = Reaper::Awake;
            let beat = self.dialer.settings.idle_limit / u32::from(LOOKS);
            tokio::spawn(reap(Arc::downgrade(self), beat.max(Duration::from_millis(1))));
        }
    }

    /// The connections that were idle at `LOOKS` looks in a row, and whether any are left to look after.
    fn aged(&self) -> (Vec<Session>, Reaper) {
        let mut parked = self.lock();
        let (old, young): (Vec<_>, Vec<_>) = parked
            .sessions
            .drain(..)
            .map(|(session, age)| (session, age + 1))
            .partition(|(_, age)| *age >= LOOKS);
        parked.reaper = if young.is_empty() {
            Reaper::Asleep
        } else {
            Reaper::Awake
        };
        parked.sessions = young;
        (
            old.into_iter().map(|(session, _)| session).collect(),
            parked.reaper,
        )
    }
}

/// Closes connections that lay idle for the limit (at the earliest three quarters of it), until none is left or the pool is gone.
async fn reap(shared: Weak<Shared>, beat: Duration) {
    loop {
        tokio::time::sleep(beat).await;
        let Some(shared) = shared.upgrade() else { return };
        let (old, reaper) = shared.aged();
        for session in old {
            session.quit().await;
        }
        if reaper == Reaper::Asleep {
            return;
        }
    }
}
