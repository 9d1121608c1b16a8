//! Answers, in words for people.

mod newcomers;
mod past;

use std::fmt::Write as _;

use super::control::{
    Answer, BackupRow, CompactedRow, EpochShown, EventRow, EventsShown, FactorRow, KeyRow, MailRow,
    MasterReplacedShown, NewKey, OnlineCheckShown, Page, RecoveryShown, RingKeyRow, RotatedShown, SessionRow,
    StoriesShown, StoryRow, UserRow, Verdict, VerdictWord,
};
use super::output::{sheet, table};

/// What a person reads; `data` is how commands to run next name the data directory.
pub(super) fn words(answer: &Answer, data: &str) -> String {
    match answer {
        Answer::UserCreated(user) => format!(
            "Made {} ({}), id {}.\nThey have no password yet: `keyledger user recovery {}{data}` makes a link to set one.",
            user.email, user.role, user.id, user.id
        ),
        Answer::User(user) => user_sheet(user),
        Answer::Users(page) => users(page),
        Answer::Banned(user) => format!("{} is banned; all their sessions ended.", user.email),
        Answer::Unbanned(user) => format!("{} may sign in again.", user.email),
        Answer::PasswordRevoked(user) => format!(
            "The password of {} is taken away; all their sessions ended. They set a new one by recovery.",
            user.email
        ),
        Answer::Erased { id } => format!("{id} is erased: their data key is destroyed, for good."),
        Answer::Recovery(recovery) => recovery_words(recovery),
        Answer::Imported(shown) => newcomers::imported(shown),
        Answer::Invited(row) => newcomers::invited(row),
        Answer::Invitations(page) => newcomers::invitations(page),
        Answer::InvitationTaken { id } => {
            format!("The invitation is taken back: its link opens nothing, and {id} is erased.")
        }
        Answer::Factors(page) => factors(page),
        Answer::FactorsRemoved(user) => match user.factors.as_slice() {
            [] => format!("{} has no second factor any more.", user.email),
            left => format!("{} still has: {}.", user.email, left.join(", ")),
        },
        Answer::Sessions(page) => sessions(page),
        Answer::SessionsEnded { ended: 1 } => "1 session ended.".to_owned(),
        Answer::SessionsEnded { ended } => format!("{ended} sessions ended."),
        Answer::KeyCreated(NewKey { id, kind, key }) => {
            format!("{key}\n\nThis {kind} key is shown this once; its id is {id}.")
        }
        Answer::Keys(page) => keys(page),
        Answer::KeyOriginsNamed { id, origins } if origins.is_empty() => {
            format!("No web page may call with {id}.")
        }
        Answer::KeyOriginsNamed { id, origins } => {
            format!("Pages of {} may call with {id}.", origins.join(", "))
        }
        Answer::KeyConfirmed { id } => format!("{id} may be used."),
        Answer::KeyRevoked { id } => format!("{id} is revoked: calls with it are refused from now on."),
        Answer::Outbox(page) => outbox(page),
        Answer::Events(shown) => events(shown),
        Answer::Event(row) => event_line(row),
        Answer::Stories(shown) => stories(shown),
        Answer::Past(shown) => past::past_words(shown),
        Answer::Verified(verdict) => verdict_words(verdict),
        Answer::Clock { status: _, was } if was == "suspect" => {
            "The system clock is believed from now on. Lifetimes jumped, so all sessions and tokens ended."
                .to_owned()
        }
        Answer::Clock { .. } => "The system clock was believed already; nothing changed.".to_owned(),
        Answer::Checkpoint(shown) => format!(
            "{}\nSigned by (hand this to auditors once, over another channel):\n{}",
            shown.checkpoint, shown.key
        ),
        Answer::Proof { proof, .. } => proof.clone(),
        Answer::Record(shown) => format!(
            "{}  {}  {}\n{}\nleaf   {}\nrecord {}",
            shown.event.position,
            shown.event.time,
            shown.event.kind,
            shown.event.text,
            shown.leaf,
            shown.record
        ),
        Answer::Exported(shown) => format!(
            "{}: records {} to {} of {}, {} bytes. Check it anywhere:\n  keyledger audit verify {} --key {}",
            shown.file, shown.from, shown.to, shown.size, shown.bytes, shown.file, shown.key
        ),
        Answer::Compacted(compacted) => compacted_words(compacted),
        Answer::BackedUp(backup) => backup_words(backup),
        Answer::Progress(row) => format!("{}: {} of {}", row.doing, row.done, row.of),
        Answer::Epoch(epoch) => epoch_sheet(epoch),
        Answer::EpochStarted(epoch) => epoch_started(epoch),
        Answer::Ring(page) => ring(page),
        Answer::KeyRotated(rotated) => rotated_words(rotated),
        Answer::MasterKeyReplaced(replaced) => replaced_words(*replaced),
        Answer::OnlineCheck(check) => online_check(check),
        // `keyledger blueprint` has words of its own.
        Answer::Blueprint(_) => String::new(),
        Answer::Failed(failure) => failure.message.clone(),
    }
}

fn online_check(check: &OnlineCheckShown) -> String {
    let (policy, allowed) = (&check.policy, check.allowed_count);
    match &check.service {
        Some(service) => format!(
            "From now on the policy `{policy}` asks {service} about new passwords, and takes those that it saw {allowed} \
             times at most. It learns the first 5 of 40 digits of their SHA-1."
        ),
        None => format!("The policy `{policy}` asks no service about new passwords."),
    }
}

fn user_sheet(user: &UserRow) -> String {
    let standing = match &user.closes {
        Some(at) => format!("{}, ends {at}", user.standing),
        None => user.standing.clone(),
    };
    let verified = match &user.email_verified {
        Some(at) => format!("{}, verified {at}", user.email),
        None => format!("{}, not verified", user.email),
    };
    let password = if user.has_password { "set" } else { "none yet" };
    sheet(&[
        ("id", Some(user.id.clone())),
        ("email", Some(verified)),
        ("name", user.name.clone()),
        ("user name", user.username.clone()),
        ("role", Some(user.role.clone())),
        ("standing", Some(standing)),
        ("password", Some(password.to_owned())),
        (
            "factors",
            (!user.factors.is_empty()).then(|| user.factors.join(", ")),
        ),
        ("sessions", Some(user.sessions.to_string())),
        ("locale", Some(user.locale.clone())),
        ("created", Some(user.created.clone())),
        ("updated", Some(user.updated.clone())),
        ("last sign-in", user.last_login.clone()),
    ])
}

/// A table with how much of all it shows.
fn listing<T>(page: &Page<T>, none: &str, head: &[&str], row: impl Fn(&T) -> Vec<String>) -> String {
    if page.items.is_empty() && page.total == 0 {
        return none.to_owned();
    }
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    let mut text = table(head, &rows);
    let shown = rows.len() as u64;
    if shown < page.total {
        let _ = writeln!(text, "{shown} of {} are shown.", page.total);
    }
    text
}

fn some(value: Option<&String>) -> String {
    value.map_or_else(|| "-".to_owned(), Clone::clone)
}

fn users(page: &Page<UserRow>) -> String {
    let head = ["ID", "EMAIL", "ROLE", "STANDING", "SESSIONS", "CREATED"];
    listing(page, "There are no users.", &head, |user| {
        vec![
            user.id.clone(),
            user.email.clone(),
            user.role.clone(),
            user.standing.clone(),
            user.sessions.to_string(),
            user.created.clone(),
        ]
    })
}

fn recovery_words(recovery: &RecoveryShown) -> String {
    let RecoveryShown {
        id: _,
        link,
        token,
        code,
        expires_in_minutes,
    } = recovery;
    let first = match link {
        Some(link) => format!("Link:  {link}"),
        None => format!(
            "Token: {token}\n       (public_url is not set, so that the link is not known: put `#t=` and the token behind \
             the address of the recovery page)"
        ),
    };
    format!(
        "{first}\nCode:  {code}\n\nShown this once, good for one use within {expires_in_minutes} minutes. Whoever has it can set \
         a new password: hand it over in person. The user is told by mail."
    )
}

fn factors(page: &Page<FactorRow>) -> String {
    let head = ["KIND", "SINCE", "ADDRESS", "LEFT"];
    listing(page, "There are no second factors.", &head, |factor| {
        vec![
            factor.kind.clone(),
            factor.since.clone(),
            some(factor.address.as_ref()),
            factor
                .left
                .map_or_else(|| "-".to_owned(), |left| left.to_string()),
        ]
    })
}

fn sessions(page: &Page<SessionRow>) -> String {
    let head = ["ID", "CREATED", "LAST USED", "ADDRESS", "PROGRAM"];
    listing(page, "There are no live sessions.", &head, |session| {
        vec![
            session.id.clone(),
            session.created.clone(),
            session.active.clone(),
            some(session.ip.as_ref()),
            some(session.user_agent.as_ref()),
        ]
    })
}

fn keys(page: &Page<KeyRow>) -> String {
    let head = ["ID", "KIND", "LABEL", "CREATED", "LAST USED", "STATE", "ORIGINS"];
    listing(page, "There are no API keys.", &head, |key| {
        let state = match (&key.revoked, &key.expires) {
            (Some(at), _) => format!("revoked {at}"),
            (None, _) if key.waiting => "waits for `key confirm`".to_owned(),
            (None, Some(at)) => format!("until {at}"),
            (None, None) => "good".to_owned(),
        };
        vec![
            key.id.clone(),
            key.kind.clone(),
            key.label.clone(),
            key.created.clone(),
            some(key.used.as_ref()),
            state,
            key.origins.join(" "),
        ]
    })
}

fn epoch_sheet(epoch: &EpochShown) -> String {
    let keys = (epoch.keys_waiting > 0).then(|| {
        format!(
            "{} secret API keys: `keyledger key list` shows them, `key confirm` lets one in",
            epoch.keys_waiting
        )
    });
    let users = (epoch.users_waiting > 0).then(|| {
        format!(
            "{} users: their first sign-in mails a code, which they type once",
            epoch.users_waiting
        )
    });
    sheet(&[
        ("epoch", Some(epoch.number.to_string())),
        (
            "began",
            Some(format!("{}, at position {}", epoch.began, epoch.position)),
        ),
        ("because", Some(epoch.reason.clone())),
        ("wait", keys),
        ("wait", users),
    ])
}

fn epoch_started(epoch: &EpochShown) -> String {
    let first = format!(
        "Epoch {} began: all sessions and tokens ended, and mails that waited do not leave.",
        epoch.number
    );
    let more = if epoch.reason == "key-theft" {
        "\nThe keys of tokens, codes, API keys and look-ups are new. Next: `keyledger keys rotate-master-key`, and \
         `keyledger key confirm` for each secret API key that is in good hands. Each password works after one mailed code."
    } else {
        ""
    };
    first + more
}

fn ring(page: &Page<RingKeyRow>) -> String {
    let head = ["PURPOSE", "KEY", "CREATED", "STATE"];
    listing(page, "There are no keys.", &head, |key| {
        let state = match &key.retired {
            None => "makes new things".to_owned(),
            Some(at) => format!("kept since {at}"),
        };
        vec![
            key.purpose.clone(),
            key.id.to_string(),
            key.created.clone(),
            state,
        ]
    })
}

fn rotated_words(rotated: &RotatedShown) -> String {
    let RotatedShown {
        purpose,
        old,
        new,
        rewrapped,
    } = rotated;
    let more = if *rewrapped > 0 {
        format!(" {rewrapped} data keys are wrapped anew.")
    } else {
        String::new()
    };
    format!("The {purpose} key {old} made way for key {new}; nothing that is alive ended.{more}")
}

fn replaced_words(replaced: MasterReplacedShown) -> String {
    let first = format!(
        "The master key is replaced, and {} data keys are wrapped anew; nothing that is alive ended.",
        replaced.rewrapped
    );
    if replaced.wants_new_setting {
        first
            + "\nThe settings still give the old one: make the key of master_key_next that of master_key, and drop the \
               old one and master_key_next, before the server starts again."
    } else {
        first + "\nCopies of the old one open nothing any more, also not what backups of the keys hold."
    }
}

fn outbox(page: &Page<MailRow>) -> String {
    let head = ["QUEUED", "MAIL", "TO", "TRIES", "NEXT TRY", "LAST TRY"];
    listing(page, "No mail waits.", &head, |mail| {
        vec![
            mail.queued.clone(),
            mail.kind.clone(),
            some(mail.to.as_ref()),
            mail.attempts.to_string(),
            mail.next.clone(),
            match (&mail.step, &mail.reason) {
                (Some(step), Some(reason)) => format!("{step}: {reason}"),
                (None, reason) => some(reason.as_ref()),
                (Some(step), None) => step.clone(),
            },
        ]
    })
}

fn events(shown: &EventsShown) -> String {
    if let Some(nothing) = &shown.nothing {
        return nothing.clone();
    }
    let rows = shown.items.iter().map(|event| {
        vec![
            event.cursor.clone(),
            event.time.clone(),
            event.kind.clone(),
            event.text.clone(),
        ]
    });
    table(&["CURSOR", "TIME", "TYPE", "WHAT"], &rows.collect::<Vec<_>>())
}

/// An event that is told as it happens.
pub(super) fn event_line(row: &EventRow) -> String {
    let EventRow {
        cursor,
        time,
        kind,
        text,
        ..
    } = row;
    format!("{cursor}  {time}  {kind}  {text}")
}

fn stories(shown: &StoriesShown) -> String {
    if let Some(nothing) = &shown.nothing {
        return nothing.clone();
    }
    let story = |story: &StoryRow| {
        let mut text = format!("{}  {}\n", story.cursor, story.title);
        for step in &story.steps {
            let _ = writeln!(text, "  {}  {}", step.time, step.text);
        }
        text
    };
    shown.items.iter().map(story).collect::<Vec<_>>().join("\n")
}

fn compacted_words(compacted: &CompactedRow) -> String {
    let CompactedRow {
        bytes_before,
        bytes_after,
        events,
        ..
    } = compacted;
    let saved = match bytes_before.checked_sub(*bytes_after) {
        Some(saved) => format!("{saved} bytes saved"),
        None => "nothing to save".to_owned(),
    };
    format!(
        "{bytes_before} bytes before, {bytes_after} now: {saved}. {events} events were proven equal.\nchain {}\ntree  \
         {}\nstate {}\nWrites waited for {} ms.",
        compacted.chain, compacted.tree_root, compacted.state_hash, compacted.paused_milliseconds
    )
}

fn backup_words(backup: &BackupRow) -> String {
    let Some(file) = &backup.file else {
        return format!(
            "Nothing has happened since the newest backup, which ends at position {}: no file was made.",
            backup.next
        );
    };
    let mut text = String::new();
    if let Some(why) = &backup.fresh_start {
        let _ = writeln!(text, "It holds all of the ledger: {why}.");
    }
    let _ = write!(
        text,
        "{file}\n{} events (positions {} to {}), {} data keys, {} bytes; read back and proven.\n\
         BLAKE3 {}\nIt does not hold the keys: `keyledger backup TO --with-keys FILE` makes a sealed file of those.",
        backup.records,
        backup.from,
        backup.next.saturating_sub(1).max(backup.from),
        backup.keys,
        backup.bytes,
        backup.blake3,
    );
    text
}

fn verdict_words(verdict: &Verdict) -> String {
    let first = match verdict.word {
        VerdictWord::Good => format!("good: {} events are what was written", verdict.events),
        VerdictWord::Bad => "NOT good: the ledger is not what was written".to_owned(),
        VerdictWord::Unknown => "could not tell".to_owned(),
    };
    let chain = verdict.chain.iter().map(|chain| format!("chain {chain}"));
    let rest = chain.chain(verdict.findings.iter().cloned());
    std::iter::once(first).chain(rest).collect::<Vec<_>>().join("\n")
}
