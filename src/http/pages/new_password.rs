//! A new password on a page: its rules beforehand, and what was wrong with the one that was typed.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::forms::shown;
use super::viewer::Viewer;
use crate::desk::Fault;
use crate::domain::password_policy::Rule;

/// What `password.html` shows.
#[derive(Serialize, Default)]
pub(super) struct NewPassword {
    rules: Vec<RuleShown>,
    error: Option<Unfit>,
    repeat_error: Option<String>,
    /// Whether the field is where the person goes on.
    focus: bool,
}

/// A rule in words; with what a script needs to tick it off while somebody types, where a script can.
#[derive(Serialize)]
pub(super) struct RuleShown {
    words: String,
    code: Option<&'static str>,
    amount: u16,
    charset: String,
}

/// Why a password was not taken: one sentence, and every broken rule if there are some.
#[derive(Serialize)]
pub(super) struct Unfit {
    lead: String,
    faults: Vec<String>,
}

impl NewPassword {
    /// The fields with the rules of the policy that holds.
    pub(super) fn new(viewer: &Viewer<'_>) -> Self {
        let policy = viewer.site().desk.password_policy();
        let rules = policy.rules();
        Self {
            rules: rules.iter().map(|rule| RuleShown::new(viewer, rule)).collect(),
            ..Self::default()
        }
    }

    /// What can be said of two entries before anything is asked; the second is compared whenever it was sent, even if
    /// empty.
    pub(super) fn checked(
        self,
        viewer: &Viewer<'_>,
        password: Option<&SecretString>,
        repeat: Option<&SecretString>,
    ) -> Self {
        let password = shown(password);
        let missing = password.is_empty().then(|| Unfit {
            lead: viewer.say("password", "missing"),
            faults: vec![],
        });
        let differs = repeat.is_some_and(|repeat| repeat.expose_secret() != password);
        Self {
            error: missing,
            repeat_error: differs.then(|| viewer.say("password", "repeat_differs")),
            ..self
        }
    }

    /// The same with what the desk found wrong; `None` if the fault is about something else.
    pub(super) fn refused(viewer: &Viewer<'_>, fault: &Fault) -> Option<Self> {
        let unfit = what_is_unfit(viewer, fault)?;
        Some(Self {
            error: Some(unfit),
            ..Self::new(viewer)
        })
    }

    /// The same, as the place where the person goes on.
    pub(super) fn focused(self) -> Self {
        Self { focus: true, ..self }
    }

    /// Whether something is wrong.
    pub(super) fn is_faulty(&self) -> bool {
        self.error.is_some() || self.repeat_error.is_some()
    }
}

impl RuleShown {
    /// A rule as it is told beforehand.
    pub(super) fn new(viewer: &Viewer<'_>, rule: &Rule) -> Self {
        let (tells, amount, charset) = match rule {
            Rule::LengthMin { min: amount }
            | Rule::LengthMax { max: amount }
            | Rule::AmountUppercase { min: amount }
            | Rule::AmountLowercase { min: amount }
            | Rule::AmountDigits { min: amount } => (true, *amount, String::new()),
            Rule::AmountSymbols { min, charset } => (true, *min, charset.clone()),
            Rule::Breached | Rule::Zxcvbn | Rule::Context | Rule::Mailed | Rule::History { .. } => {
                (false, 0, String::new())
            }
        };
        Self {
            words: beforehand(viewer, rule),
            code: tells.then_some(rule.code()),
            amount,
            charset,
        }
    }
}

impl Unfit {
    /// What the new password did wrong, if that is what the fault is about.
    pub(super) fn of(viewer: &Viewer<'_>, fault: &Fault) -> Option<Self> {
        what_is_unfit(viewer, fault)
    }

    /// The same under the operator's words, if there are rules to tell of.
    pub(super) fn say_instead(&mut self, words: &str) {
        if !self.faults.is_empty() {
            words.clone_into(&mut self.lead);
        }
    }

    /// One sentence about any field.
    pub(super) fn plain(lead: String) -> Self {
        Self { lead, faults: vec![] }
    }
}

fn what_is_unfit(viewer: &Viewer<'_>, fault: &Fault) -> Option<Unfit> {
    let say = |name| viewer.say("password", name);
    let (lead, faults) = match fault {
        Fault::PasswordFormat(rules) => {
            let policy = viewer.site().desk.password_policy();
            let own = &policy.settings().error_message;
            let lead = if own.is_empty() { say("unfit") } else { own.clone() };
            let faults = rules.iter().map(|rule| rule.message(viewer.locale()));
            (lead, faults.collect())
        }
        Fault::SameAsPrevious => (say("unfit"), vec![say("same")]),
        Fault::WeakPassword => (say("unfit"), vec![say("leaked")]),
        Fault::Refused(_) | Fault::Repeated | Fault::Overloaded | Fault::Stopped => return None,
    };
    Some(Unfit { lead, faults })
}

/// A rule as it is told before anything was typed; some sentences of the policy speak of a password that is there.
fn beforehand(viewer: &Viewer<'_>, rule: &Rule) -> String {
    match rule {
        Rule::Breached => viewer.say("password", "rule_leaked"),
        Rule::Zxcvbn => viewer.say("password", "rule_guessable"),
        Rule::LengthMin { .. }
        | Rule::LengthMax { .. }
        | Rule::AmountUppercase { .. }
        | Rule::AmountLowercase { .. }
        | Rule::AmountDigits { .. }
        | Rule::AmountSymbols { .. }
        | Rule::Context
        | Rule::Mailed
        | Rule::History { .. } => rule.message(viewer.locale()),
    }
}
