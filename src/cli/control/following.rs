//! Events told as they happen: the server's side of `events --follow`, and the client's.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::spawn_blocking;

use super::clerk::Clerk;
use super::client::{ANSWER_BYTES_MAX, connect, runtime};
use super::request::{Answer, Request};
use super::telling::{event_rows, language};
use super::told::{EventRow, EventsForm};
use crate::cli::answers;
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Failure};
use crate::cli::logs;
use crate::cli::setting_flags::SettingFlags;
use crate::desk::{self, Desk};
use crate::types::{Locale, Position};

/// Clients that may follow at one time: each holds one of the places at the socket for as long as it likes.
pub(super) const FOLLOWERS_MAX: usize = 4;

/// A client that is told events as they happen.
pub(super) struct Following {
    desk: Desk,
    events: desk::Following,
    locale: Locale,
    /// What came before, for whoever named no cursor.
    first: Vec<EventRow>,
    _place: OwnedSemaphorePermit,
}

impl Clerk {
    /// Begins to follow: behind the cursor of the form, or with its last events.
    pub(super) async fn follow(&self, form: EventsForm) -> Result<Following, Failure> {
        let place = Arc::clone(&self.followers).try_acquire_owned().map_err(|_| {
            Failure::later(format!("{FOLLOWERS_MAX} others follow the events already"))
                .remedy("end one of them, or read with `keyledger events --after` now and then")
        })?;
        let locale = language(&form.language)?;
        let (filter, after) = self.filter(form)?;
        let desk = self.desk.clone();
        let begun = spawn_blocking(move || -> Result<_, Failure> {
            if let Some(cursor) = after {
                let behind = desk.resume(cursor)?;
                return Ok((vec![], desk.follow(filter, Some(behind))));
            }
            let end = desk.engine().head().next.0.checked_sub(1).map(Position);
            let found = desk.latest_events(&filter)?;
            let last = found.last().map(|last| last.position);
            let first = event_rows(&desk, &found, locale)?;
            Ok((first, desk.follow(filter, last.max(end))))
        });
        let (first, events) = begun
            .await
            .map_err(|_| Failure::later("the events could not be read"))??;
        Ok(Following {
            desk: self.desk.clone(),
            events,
            locale,
            first,
            _place: place,
        })
    }
}

impl Following {
    /// The next events, as soon as there are some; none when the ledger is closed.
    async fn next(&mut self) -> Result<Option<Vec<EventRow>>, Failure> {
        if !self.first.is_empty() {
            return Ok(Some(std::mem::take(&mut self.first)));
        }
        let Some(found) = self.events.next().await? else {
            return Ok(None);
        };
        let (desk, locale) = (self.desk.clone(), self.locale);
        let told = spawn_blocking(move || event_rows(&desk, &found, locale));
        let rows = told
            .await
            .map_err(|_| Failure::later("the events could not be read"))??;
        Ok(Some(rows))
    }

    /// Tells a client until it goes away, or the server stops.
    pub(super) async fn tell(
        mut self,
        reading: &mut (impl tokio::io::AsyncRead + Unpin),
        writing: &mut (impl tokio::io::AsyncWrite + Unpin),
        stopping: &mut watch::Receiver<()>,
    ) -> io::Result<()> {
        let mut nothing = [0; 1];
        loop {
            let rows = tokio::select! {
                rows = self.next() => rows,
                // The client says nothing more: it is gone, or not one of ours.
                _ = reading.read(&mut nothing) => return Ok(()),
                _ = stopping.changed() => Ok(None),
            };
            let answers = match rows {
                Ok(Some(rows)) => rows.into_iter().map(Answer::Event).collect(),
                Ok(None) => vec![Answer::Failed(Failure::later("the server stops"))],
                Err(failure) => vec![Answer::Failed(failure)],
            };
            for answer in answers {
                let mut line = serde_json::to_vec(&answer)?;
                line.push(b'\n');
                // As long as the client likes, who may have stopped its terminal; but not longer than the server runs.
                tokio::select! {
                    written = writing.write_all(&line) => written?,
                    _ = stopping.changed() => return Ok(()),
                }
                if matches!(answer, Answer::Failed(_)) {
                    return Ok(());
                }
            }
        }
    }
}

/// Prints events as they happen, until the person ends it.
pub(in crate::cli) fn follow(context: &Context, form: EventsForm) -> Result<Exit, Failure> {
    logs::open_quiet()?;
    let config = context.config(SettingFlags::default())?;
    let Some(stream) = connect(&config.data)? else {
        return Err(Failure::unavailable(
            "no server runs on this data directory, so nothing happens that could be followed",
        )
        .remedy("`keyledger events` tells what has happened; `keyledger serve` runs the server"));
    };
    let mut last = None;
    let followed = runtime()?.block_on(print_events(context, stream, form, &mut last));
    followed.map_err(|failure| match &last {
        Some(last) => failure.remedy(format!("`keyledger events --follow --after {last}` goes on")),
        None => failure,
    })
}

async fn print_events(
    context: &Context,
    stream: UnixStream,
    form: EventsForm,
    last: &mut Option<String>,
) -> Result<Exit, Failure> {
    let broken = |error: io::Error| Failure::later(format!("the running server cannot be heard: {error}"));
    let watch = |kind| signal(kind).map_err(broken);
    let (mut interrupt, mut terminate) = (watch(SignalKind::interrupt())?, watch(SignalKind::terminate())?);
    stream.set_nonblocking(true).map_err(broken)?;
    let (reading, mut writing) = tokio::net::UnixStream::from_std(stream)
        .map_err(broken)?
        .into_split();
    let mut line =
        serde_json::to_vec(&Request::Follow(form)).expect("requests are plain data, which JSON can hold");
    line.push(b'\n');
    writing.write_all(&line).await.map_err(broken)?;
    let mut lines = BufReader::new(reading);
    loop {
        let mut line = Vec::new();
        let mut one = (&mut lines).take(ANSWER_BYTES_MAX);
        let read = tokio::select! {
            read = one.read_until(b'\n', &mut line) => read,
            _ = interrupt.recv() => return Ok(Exit::Done),
            _ = terminate.recv() => return Ok(Exit::Done),
        };
        if read.map_err(broken)? == 0 {
            return Err(Failure::later("the running server ended"));
        }
        match serde_json::from_slice(&line) {
            Ok(Answer::Event(row)) => {
                // A reader that went away, as `head` does, has seen enough.
                if context.output.line(&row, &answers::event_line(&row)).is_err() {
                    return Ok(Exit::Done);
                }
                *last = Some(row.cursor);
            }
            Ok(Answer::Failed(failure)) => return Err(failure),
            Ok(_) | Err(_) => {
                return Err(Failure::unavailable(
                    "the running server answers in another way than this program knows",
                )
                .remedy("run the program that the server was started from, or start the server again"));
            }
        }
    }
}
