//! Answers about events.

use tokio::task::spawn_blocking;

use super::clerk::{Clerk, bounded};
use super::request::Answer;
use super::told::{EventRow, EventsForm, EventsShown, ExplainForm, StepRow, StoriesShown, StoryRow};
use crate::cli::exit::Failure;
use crate::desk::{
    Cursor, CursorFault, Desk, EventFilter, Line, RecoveryTold, Which, no_events, no_recoveries,
};
use crate::domain::Recorded;
use crate::ledger::StoreError;
use crate::ledger::codec::EVENT_NAMES;
use crate::types::{Locale, Position, Timestamp, TokenId, UserId};

impl Clerk {
    pub(super) async fn events(&self, form: EventsForm) -> Result<Answer, Failure> {
        let locale = language(&form.language)?;
        let (filter, after) = self.filter(form)?;
        let desk = self.desk.clone();
        let told = spawn_blocking(move || -> Result<_, Failure> {
            // Whoever goes on wants what comes first; whoever looks, what came last.
            let (found, next) = if let Some(cursor) = after {
                let after = Some(desk.resume(cursor)?);
                let (found, next) = desk.events_page(&EventFilter { after, ..filter })?;
                (found, next.or(after))
            } else {
                (desk.latest_events(&filter)?, None)
            };
            let last = found.last().map(|last| last.position);
            let next = next.max(last);
            let items = event_rows(&desk, &found, locale)?;
            let next = next.map(|next| desk.cursor(next)).transpose()?;
            Ok(EventsShown {
                total: items.len() as u64,
                nothing: items.is_empty().then(|| no_events(locale).to_owned()),
                items,
                next: next.map(|next| next.to_string()),
            })
        });
        let shown = told
            .await
            .map_err(|_| Failure::later("the events could not be read"))??;
        Ok(Answer::Events(shown))
    }

    /// Recoveries, each as one story.
    pub(super) async fn explain(&self, form: ExplainForm) -> Result<Answer, Failure> {
        let ExplainForm {
            what,
            limit,
            language: tag,
        } = form;
        let (locale, limit) = (language(&tag)?, bounded(limit));
        let desk = self.desk.clone();
        let told = spawn_blocking(move || -> Result<_, Failure> {
            let which = match what {
                None => Which::Latest,
                Some(text) => which(&desk, text.trim())?,
            };
            let found = desk.recoveries(&which, limit)?;
            let items: Result<Vec<_>, StoreError> = found
                .iter()
                .map(|recovery| Ok(story_row(desk.tell_recovery(recovery, locale)?)))
                .collect();
            Ok(items?)
        });
        let items = told
            .await
            .map_err(|_| Failure::later("the events could not be read"))??;
        Ok(Answer::Stories(StoriesShown {
            total: items.len() as u64,
            nothing: items.is_empty().then(|| no_recoveries(locale).to_owned()),
            items,
        }))
    }

    /// What a form asks for, and the cursor that it goes on from.
    pub(super) fn filter(&self, form: EventsForm) -> Result<(EventFilter, Option<Cursor>), Failure> {
        let EventsForm {
            user,
            kind,
            since,
            after,
            limit,
            language: _,
        } = form;
        let user = user.map(|user| self.find(&user)).transpose()?;
        if let Some(name) = &kind {
            known_event(name)?;
        }
        let filter = EventFilter {
            user,
            name: kind,
            since: since.map(|since| since.before(self.now())),
            limit: Some(bounded(limit)),
            ..EventFilter::default()
        };
        let after = after.map(|after| after.parse()).transpose();
        Ok((filter, after.map_err(|fault| Failure::value("--after", fault))?))
    }
}

/// Which recoveries a text means: a place in the ledger, a user, or a proof.
fn which(desk: &Desk, text: &str) -> Result<Which, Failure> {
    if let Ok(cursor) = text.parse::<Cursor>() {
        let position = desk
            .resume(cursor)
            .map_err(|fault| Failure::from(fault).field("--explain"))?;
        let next = desk.engine().head().next;
        if position >= next {
            return Err(
                Failure::value("--explain", format!("the ledger ends before position {next}"))
                    .remedy("name an event that `keyledger events` shows"),
            );
        }
        return Ok(Which::At(position));
    }
    if let Some(user) = desk.find_user(text) {
        return Ok(Which::Of(user));
    }
    // Who was erased is found by id only, as a proof is.
    let id: Option<TokenId> = text.parse().ok();
    let is_erased = |user| desk.engine().read(|state| state.erased.contains_key(&user));
    id.map(|id| {
        let user = UserId(id.0);
        if is_erased(user) {
            Which::Of(user)
        } else {
            Which::With(id)
        }
    })
    .ok_or_else(|| {
        Failure::refused("there is no such user")
            .field("--explain")
            .remedy("name a user by id, address or user name, a proof by its id, or an event by its position")
    })
}

fn story_row(told: RecoveryTold) -> StoryRow {
    let step = |(position, time, text): (Position, Timestamp, String)| StepRow {
        position: position.0,
        time: time.rfc3339(),
        text,
    };
    StoryRow {
        cursor: told.cursor.to_string(),
        began: told.began.rfc3339(),
        user: told.user.map(|user| user.to_string()),
        address: told.who,
        token: told.token.map(|token| token.to_string()),
        ending: told.ending.to_owned(),
        title: told.title,
        steps: told.steps.into_iter().map(step).collect(),
    }
}

/// The language of that tag.
pub(super) fn language(tag: &str) -> Result<Locale, Failure> {
    Locale::parse(tag).ok_or_else(|| Failure::value("--language", "there are en and ko"))
}

pub(super) fn event_row(desk: &Desk, recorded: &Recorded, locale: Locale) -> Result<EventRow, StoreError> {
    let cursor = desk.cursor(recorded.position)?;
    let line: Line = desk.describe(recorded, locale);
    Ok(EventRow {
        position: line.position.0,
        cursor: cursor.to_string(),
        time: line.time.rfc3339(),
        kind: line.name.to_owned(),
        term: line.term.map(str::to_owned),
        user: line.user.map(|user| user.to_string()),
        address: line.who,
        ip: line.ip.map(|ip| ip.to_string()),
        user_agent: line.user_agent,
        text: line.text,
    })
}

pub(super) fn event_rows(
    desk: &Desk,
    found: &[Recorded],
    locale: Locale,
) -> Result<Vec<EventRow>, StoreError> {
    found
        .iter()
        .map(|recorded| event_row(desk, recorded, locale))
        .collect()
}

/// Events are asked for by their own name, or by that of the OWASP logging vocabulary, which has underscores.
fn known_event(name: &str) -> Result<(), Failure> {
    if name.contains('_') || EVENT_NAMES.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return Ok(());
    }
    let distance = |known: &&&str| strsim::damerau_levenshtein(&name.to_lowercase(), &known.to_lowercase());
    let short: String = name.chars().take(40).collect();
    let failure = Failure::value("--type", format!("`{short}` is no type of event"));
    Err(match EVENT_NAMES.iter().min_by_key(distance) {
        Some(nearest) if distance(&nearest) <= 3 => failure.remedy(format!("did you mean `{nearest}`?")),
        Some(_) | None => failure.remedy(format!("there are: {}", EVENT_NAMES.join(", "))),
    })
}

impl From<CursorFault> for Failure {
    fn from(fault: CursorFault) -> Self {
        let message = fault.to_string();
        match fault {
            CursorFault::Forked { resume, .. } => Self::refused(message)
                .field("--after")
                .remedy(format!("`keyledger events --after {resume}` goes on there")),
            CursorFault::Beyond { .. } | CursorFault::NoSuchEpoch { .. } => Self::refused(message)
                .field("--after")
                .remedy("read from the beginning, `--after` left out, and compare with what you have"),
            CursorFault::Store(error) => error.into(),
        }
    }
}
