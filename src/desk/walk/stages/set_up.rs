//! The stages that set second factors up.

use super::{ASK, Effect, Shown, Verdict, wrong};
use crate::desk::walk::challenge::{Answer, Denial, Mistake};
use crate::desk::walk::execution::Execution;
use crate::desk::walk::facts::{Facts, Place};
use crate::desk::walk::set_up::MAILBOX;
use crate::types::EmailAddress;

pub(super) type SetUp = fn(&Execution, &Facts, Option<&Answer>) -> Verdict;

/// Setting a factor up is for whoever is signed in, and shows once more who they are (M-07).
pub(super) fn set_up(
    place: &Place,
    execution: &Execution,
    facts: &Facts,
    answer: Option<&Answer>,
    kind: SetUp,
) -> Verdict {
    if execution.done == Some(place.order) {
        return Verdict::Pass;
    }
    if facts.caller.is_none() {
        return Verdict::Deny(Denial::Misconfigured);
    }
    kind(execution, facts, answer)
}

fn reproved(facts: &Facts, answer: &Answer) -> Result<Shown, Verdict> {
    let needs = facts.reproofs;
    let (password, factor) = (answer.secret("password"), answer.secret("mfaCode"));
    if needs.password && password.is_none() {
        return Err(wrong("password", Mistake::Missing));
    }
    if needs.factor && factor.is_none() {
        return Err(wrong("mfaCode", Mistake::Missing));
    }
    Ok(Shown {
        password: password.filter(|_| needs.password).cloned(),
        factor: factor.filter(|_| needs.factor).cloned(),
    })
}

pub(super) fn email_set_up(execution: &Execution, facts: &Facts, answer: Option<&Answer>) -> Verdict {
    let Some(answer) = answer else { return ASK };
    if !execution.codes.is_empty() {
        return Verdict::Do(vec![Effect::Answered]);
    }
    if execution.challenge().is_some() && !answer.has("resend") {
        return match answer.secret("code") {
            Some(code) => Verdict::Do(vec![Effect::ConfirmMailbox(code.clone())]),
            None => wrong("code", Mistake::Missing),
        };
    }
    // Who somebody is was asked too long ago for another mail: from the beginning of this stage.
    let needs = facts.reproofs;
    if execution.challenge().is_some() && (needs.password || needs.factor) {
        return Verdict::Do(vec![Effect::DropChallenge]);
    }
    let address = answer.text("email").or_else(|| execution.text(MAILBOX));
    if address.is_some_and(|text| EmailAddress::parse(text).is_err()) {
        return wrong("email", Mistake::Invalid);
    }
    match reproved(facts, answer) {
        Ok(shown) => Verdict::Do(vec![Effect::BeginMailbox(shown, address.map(str::to_owned))]),
        Err(asked) => asked,
    }
}

pub(super) fn totp_set_up(execution: &Execution, facts: &Facts, answer: Option<&Answer>) -> Verdict {
    let Some(answer) = answer else { return ASK };
    if !execution.codes.is_empty() {
        return Verdict::Do(vec![Effect::Answered]);
    }
    if execution.challenge().is_some() {
        return match answer.secret("code") {
            Some(code) => Verdict::Do(vec![Effect::ConfirmTotp(code.clone())]),
            None => wrong("code", Mistake::Missing),
        };
    }
    match reproved(facts, answer) {
        Ok(shown) => Verdict::Do(vec![Effect::BeginTotp(shown)]),
        Err(asked) => asked,
    }
}

pub(super) fn static_set_up(execution: &Execution, facts: &Facts, answer: Option<&Answer>) -> Verdict {
    let Some(answer) = answer else { return ASK };
    if !execution.codes.is_empty() {
        return Verdict::Do(vec![Effect::Answered]);
    }
    match reproved(facts, answer) {
        Ok(shown) => Verdict::Do(vec![Effect::IssueCodes(shown)]),
        Err(asked) => asked,
    }
}
