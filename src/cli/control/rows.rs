//! What the desk shows, as rows of an answer.

use super::request::{BackupRow, CompactedRow, KeyRow, SessionRow, UserRow, Verdict, VerdictWord};
use crate::app::EndOfLedger;
use crate::cli::exit::is_damage;
use crate::desk::{SessionView, UserView, VerifyFault, VerifyReport};
use crate::domain::{ApiKey, ApiKeyKind, Epoch, Standing};
use crate::engine::Compacted;
use crate::ledger::backup::Made;
use crate::system::ClockStatus;
use crate::types::{ApiKeyId, Timestamp};

fn hex(bytes: [u8; 32]) -> String {
    blake3::Hash::from_bytes(bytes).to_hex().to_string()
}

pub(super) fn compacted_row(compacted: &Compacted) -> CompactedRow {
    let proof = &compacted.proof;
    CompactedRow {
        bytes_before: compacted.before,
        bytes_after: compacted.after,
        events: proof.head.map_or(0, |head| head.next.0),
        chain: proof.head.map(|head| hex(head.chain)).unwrap_or_default(),
        tree_root: hex(proof.root),
        state_hash: hex(proof.state_hash),
        paused_milliseconds: u64::try_from(compacted.paused.as_millis()).unwrap_or(u64::MAX),
    }
}

pub(super) fn backup_row(made: &Made) -> BackupRow {
    BackupRow {
        file: made.path.as_ref().map(|path| path.display().to_string()),
        ledger: uuid::Uuid::from_bytes(made.header.ledger).to_string(),
        from: made.header.from.next.0,
        next: made.header.to.next.0,
        records: made.summary.records,
        keys: made.summary.key_entries,
        bytes: made.bytes,
        blake3: hex(made.hash),
        chain: hex(made.header.to.chain),
        fresh_start: made.fresh_start.clone(),
    }
}

pub(super) fn user_row(view: UserView) -> UserRow {
    let UserView {
        profile,
        username,
        standing,
        has_password,
        sessions,
    } = view;
    let (standing, closes) = standing_words(standing);
    UserRow {
        id: profile.id.to_string(),
        email: profile.email,
        email_verified: profile.email_verified.map(Timestamp::rfc3339),
        name: profile.name,
        username,
        role: profile.role.word().to_owned(),
        standing: standing.to_owned(),
        closes,
        locale: profile.locale.tag().to_owned(),
        has_password,
        factors: profile
            .factors
            .iter()
            .map(|kind| kind.name().to_owned())
            .collect(),
        sessions: sessions as u64,
        created: profile.created.rfc3339(),
        updated: profile.updated.rfc3339(),
        last_login: profile.last_login.map(Timestamp::rfc3339),
    }
}

/// The word for a standing, and when a closing account ends.
pub(super) fn standing_words(standing: Standing) -> (&'static str, Option<String>) {
    match standing {
        Standing::Active => ("active", None),
        Standing::Banned => ("banned", None),
        Standing::Closing(at) => ("closing", Some(at.rfc3339())),
    }
}

pub(super) fn kind_word(kind: ApiKeyKind) -> &'static str {
    match kind {
        ApiKeyKind::Publishable => "publishable",
        ApiKeyKind::Secret => "secret",
    }
}

pub(super) fn session_row(session: SessionView) -> SessionRow {
    SessionRow {
        id: session.id.to_string(),
        user: session.user.to_string(),
        ip: session.ip.map(|ip| ip.to_string()),
        user_agent: session.user_agent,
        active: session.active.rfc3339(),
        created: session.created.rfc3339(),
    }
}

pub(super) fn key_row(id: ApiKeyId, key: ApiKey, epoch: Epoch) -> KeyRow {
    let waiting = key.awaits_confirmation(epoch);
    KeyRow {
        waiting,
        origins: key.origins.iter().map(ToString::to_string).collect(),
        id: id.to_string(),
        kind: kind_word(key.kind).to_owned(),
        label: key.label,
        created: key.created.rfc3339(),
        expires: key.expires.map(Timestamp::rfc3339),
        revoked: key.revoked.map(Timestamp::rfc3339),
        used: key.used.map(|at| at.rfc3339()[..10].to_owned()),
    }
}

/// The verdict on a ledger that could not be proven to its end.
pub(super) fn verdict_on(fault: &VerifyFault) -> Verdict {
    let word = match fault {
        VerifyFault::Store(error) if !is_damage(error) => VerdictWord::Unknown,
        VerifyFault::Store(_)
        | VerifyFault::Record { .. }
        | VerifyFault::Event { .. }
        | VerifyFault::Misplaced { .. }
        | VerifyFault::Unfinished { .. }
        | VerifyFault::Unlawful(_) => VerdictWord::Bad,
    };
    Verdict {
        word,
        events: 0,
        chain: None,
        findings: vec![fault.to_string()],
    }
}

pub(super) fn verdict(report: &VerifyReport, end: EndOfLedger) -> Verdict {
    let mut findings = vec![];
    if report.agrees == Some(false) {
        findings.push("the events fold to another state than the one in memory".to_owned());
    }
    if report.unfinished > 0 {
        findings.push(format!(
            "{} events at the end belong to an unfinished command",
            report.unfinished
        ));
    }
    if end == EndOfLedger::Unknown {
        findings.push("no anchor: cannot tell whether the end of the ledger is missing".to_owned());
    }
    Verdict {
        word: match (report.is_sound(), end) {
            (false, _) => VerdictWord::Bad,
            (true, EndOfLedger::Unknown) => VerdictWord::Unknown,
            (true, EndOfLedger::Known) => VerdictWord::Good,
        },
        events: report.events,
        chain: Some(hex(report.head.chain)),
        findings,
    }
}

pub(super) fn clock_word(status: ClockStatus) -> &'static str {
    match status {
        ClockStatus::Trusted => "trusted",
        ClockStatus::Suspect { .. } => "suspect",
    }
}
