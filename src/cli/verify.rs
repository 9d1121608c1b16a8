//! `keyledger verify`: is the ledger what was written?

use clap::Args;

use super::answers;
use super::context::Context;
use super::control::{Answer, Request, Verdict, VerdictWord, ask};
use super::exit::{Exit, Failure};
use super::logs;
use super::output::body;
use super::setting_flags::SettingFlags;

/// Its arguments: none of its own.
#[derive(Args, Debug)]
pub struct Arguments {}

pub(super) fn run(_: Arguments, context: &Context) -> Result<Exit, Failure> {
    logs::open_quiet()?;
    let config = context.config(SettingFlags::default())?;
    let answer = match ask(&config, "keyledger verify", Request::Verify) {
        Ok(Answer::Failed(failure)) => could_not_tell(&failure),
        Ok(answer) => answer,
        Err(unanswered) if unanswered.is_damage => told(VerdictWord::Bad, &unanswered.failure()),
        Err(unanswered) => could_not_tell(&unanswered.failure()),
    };
    context
        .output
        .result(&body(&answer), &answers::words(&answer, &context.data_words()));
    let Answer::Verified(Verdict { word, .. }) = answer else {
        return Ok(Exit::Usage);
    };
    Ok(match word {
        VerdictWord::Good => Exit::Done,
        VerdictWord::Bad => Exit::No,
        VerdictWord::Unknown => Exit::Usage,
    })
}

fn could_not_tell(failure: &Failure) -> Answer {
    told(VerdictWord::Unknown, failure)
}

fn told(word: VerdictWord, failure: &Failure) -> Answer {
    let mut findings = vec![failure.message.clone()];
    findings.extend(failure.problems.iter().cloned());
    findings.extend(failure.remedy.clone());
    Answer::Verified(Verdict {
        word,
        events: 0,
        chain: None,
        findings,
    })
}
