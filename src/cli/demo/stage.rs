//! Where the demo is told: numbered steps and ticks for people, one line of JSON for programs.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Ending, Form, Trouble};
use crate::system::{Clock, SystemClock};

pub(super) struct Stage<'o> {
    out: &'o mut dyn Write,
    form: Form,
    clock: SystemClock,
    began: Duration,
    steps: Vec<Value>,
    extras: serde_json::Map<String, Value>,
    /// The first failure to write; the demo goes on to clean up, and reports it at the end.
    broken: Option<io::Error>,
}

impl<'o> Stage<'o> {
    pub(super) fn new(out: &'o mut dyn Write, form: Form) -> Self {
        let clock = SystemClock::start(None);
        Self {
            out,
            form,
            began: clock.monotonic(),
            clock,
            steps: vec![],
            extras: serde_json::Map::new(),
            broken: None,
        }
    }

    /// Begins a step.
    pub(super) fn step(&mut self, title: &str) {
        self.steps
            .push(json!({ "step": self.steps.len() + 1, "title": title, "holds": [] }));
        let number = self.steps.len();
        self.say(&format!("\n{number:2}. {title}"));
    }

    /// Something that holds.
    pub(super) fn holds(&mut self, claim: &str) {
        if let Some(Value::Array(claims)) = self.steps.last_mut().and_then(|step| step.get_mut("holds")) {
            claims.push(claim.into());
        }
        self.say(&format!("    \u{2713} {claim}"));
    }

    /// Something to look at.
    pub(super) fn show(&mut self, text: &str) {
        for line in text.lines() {
            self.say(&format!("      {line}"));
        }
    }

    /// Something for programs.
    pub(super) fn keep(&mut self, name: &str, value: Value) {
        self.extras.insert(name.to_owned(), value);
    }

    /// The last word.
    pub(super) fn end(mut self, outcome: &Result<(), Trouble>) -> io::Result<Ending> {
        let elapsed = self.clock.monotonic().saturating_sub(self.began);
        let ending = match outcome {
            Ok(()) => {
                let steps = self.steps.len();
                let seconds = elapsed.as_secs_f32();
                self.say(&format!(
                    "\nAll {steps} steps hold, in {seconds:.1} s. The folder and everything in it are gone."
                ));
                Ending::Passed
            }
            Err(trouble) => {
                self.say(&format!("    \u{2717} {trouble}"));
                self.say("\nThe demo failed. Please report it, with what stands above.");
                Ending::Failed
            }
        };
        if self.form == Form::Json {
            let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
            let mut whole = serde_json::Map::new();
            whole.insert("ok".to_owned(), (ending == Ending::Passed).into());
            if let Err(trouble) = outcome {
                whole.insert("error".to_owned(), trouble.to_string().into());
            }
            whole.insert("elapsedMs".to_owned(), millis.into());
            whole.insert("steps".to_owned(), self.steps.into());
            whole.extend(self.extras);
            writeln!(self.out, "{}", Value::Object(whole))?;
        }
        match self.broken {
            Some(error) => Err(error),
            None => Ok(ending),
        }
    }

    fn say(&mut self, line: &str) {
        if self.form == Form::Text
            && self.broken.is_none()
            && let Err(error) = writeln!(self.out, "{line}")
        {
            self.broken = Some(error);
        }
    }
}
