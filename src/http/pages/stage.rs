//! A stage as a page: fields with their errors beside them, buttons, and the ways that lead elsewhere.

mod fields;
mod titles;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::new_password::{RuleShown, Unfit};
use super::qr::Qr;
use super::texts::span_in_words;
use super::viewer::Viewer;
use crate::desk::{Challenge, Component, Denial, Fault, FlowHead, Mistake, Reproofs, ShownSecret, Wrong};
use crate::domain::FactorKind;
use crate::domain::flow::FieldKind;
use crate::types::Span;

pub(super) use titles::title;

/// What `flow.html` shows.
#[derive(Serialize, Default)]
pub(super) struct StagePage {
    action: String,
    /// Good news from before: a changed password, a finished sign-out.
    notice: Option<String>,
    /// What concerns the form as a whole.
    problem: Option<String>,
    leads: Vec<String>,
    fields: Vec<FieldShown>,
    /// The seed of an app: as a URI, and to be typed.
    seed: Option<SeedShown>,
    codes: Vec<String>,
    choices: Vec<Choice>,
    submit: Option<String>,
    others: Vec<Button>,
    ways: Vec<Way>,
}

#[derive(Serialize, Default)]
struct FieldShown {
    name: String,
    /// `text`, `email`, `password`, `new-password`, `code`, `checkbox` or `static`.
    kind: &'static str,
    label: String,
    help: String,
    value: String,
    placeholder: String,
    autocomplete: &'static str,
    required: bool,
    focus: bool,
    rules: Vec<RuleShown>,
    /// The field that is asked again beside this one.
    twin: Option<String>,
    /// The ids of what describes it.
    described: String,
    error: Option<Unfit>,
}

#[derive(Serialize)]
struct SeedShown {
    qr: Option<Qr>,
    uri: String,
    secret: String,
    issuer: String,
}

#[derive(Serialize)]
struct Choice {
    value: String,
    words: String,
}

/// A second button of a form.
#[derive(Serialize)]
struct Button {
    name: &'static str,
    value: &'static str,
    words: String,
}

/// A way that leads elsewhere.
#[derive(Serialize)]
struct Way {
    before: String,
    href: String,
    words: String,
}

/// What a page shows besides the stage: a word from before, or what was typed.
#[derive(Default)]
pub(super) struct Shown<'a> {
    notice: Option<&'static str>,
    typed: Option<&'a [(String, SecretString)]>,
}

impl<'a> Shown<'a> {
    /// A word from before.
    pub(super) fn of(notice: Option<&'static str>) -> Self {
        Self { notice, typed: None }
    }

    /// What was typed.
    pub(super) fn typed(fields: &'a [(String, SecretString)]) -> Self {
        Self {
            notice: None,
            typed: Some(fields),
        }
    }

    /// Whether this answers a form.
    pub(super) fn is_answer(&self) -> bool {
        self.typed.is_some()
    }

    fn value(&self, name: &str) -> Option<String> {
        let (_, value) = self.typed?.iter().find(|(known, _)| known == name)?;
        Some(value.expose_secret().to_owned())
    }
}

impl StagePage {
    /// The page of a challenge.
    pub(super) fn new(
        viewer: &Viewer<'_>,
        flow: &FlowHead,
        challenge: &Challenge,
        shown: &Shown<'_>,
    ) -> Self {
        let path = format!("/flow/{}", flow.slug);
        let writer = Writer {
            viewer,
            errors: &challenge.errors,
            shown,
        };
        let mut page = Self {
            action: viewer.href(&path),
            notice: shown.notice.map(|name| viewer.say("flow", name)),
            problem: writer.problem(&challenge.component),
            ..writer.component(&challenge.component)
        };
        if matches!(challenge.component, Component::Deny { .. }) {
            page.ways
                .push(writer.way("", &anew(&viewer.href(&path)), "start_again"));
        }
        if challenge.errors.iter().any(is_unverified) {
            let href = viewer.href("/verify/request");
            page.ways.push(writer.way("", &href, "verify"));
        }
        page.focus();
        page.fields.iter_mut().for_each(FieldShown::describe);
        page
    }

    /// The first field that is wrong is where the person goes on; else the first one.
    fn focus(&mut self) {
        let wrong = self.fields.iter().position(|field| field.error.is_some());
        let is_typed = |field: &FieldShown| field.kind != "static" && field.kind != "known";
        let first = self.fields.iter().position(is_typed);
        if let Some(field) = wrong.or(first).and_then(|at| self.fields.get_mut(at)) {
            field.focus = true;
        }
    }
}

impl FieldShown {
    /// Names what describes it, for whoever does not see the page.
    fn describe(&mut self) {
        let parts = [
            (self.error.is_some(), "error"),
            (!self.help.is_empty(), "help"),
            (!self.rules.is_empty(), "rules"),
        ];
        let there = parts.iter().filter(|(is_there, _)| *is_there);
        let ids: Vec<String> = there.map(|(_, part)| format!("{}-{part}", self.name)).collect();
        self.described = ids.join(" ");
    }
}

fn anew(href: &str) -> String {
    let joint = if href.contains('?') { '&' } else { '?' };
    format!("{href}{joint}anew")
}

fn is_unverified(wrong: &Wrong) -> bool {
    use crate::domain::Refusal::{EmailNotVerified, MailboxUnproven};
    matches!(
        &wrong.what,
        Mistake::Refused(Fault::Refused(EmailNotVerified | MailboxUnproven))
    )
}

/// Puts a challenge into words.
struct Writer<'a> {
    viewer: &'a Viewer<'a>,
    errors: &'a [Wrong],
    shown: &'a Shown<'a>,
}

impl Writer<'_> {
    fn say(&self, name: &str) -> String {
        self.viewer.say("flow", name)
    }

    fn way(&self, before: &str, href: &str, words: &str) -> Way {
        Way {
            before: if before.is_empty() {
                String::new()
            } else {
                self.say(before)
            },
            href: href.to_owned(),
            words: self.say(words),
        }
    }

    fn flow_way(&self, before: &str, slug: Option<&String>, words: &str) -> Option<Way> {
        let slug = slug?;
        Some(self.way(before, &self.viewer.href(&format!("/flow/{slug}")), words))
    }

    fn field(&self, name: &str, kind: &'static str, label: String, autocomplete: &'static str) -> FieldShown {
        let keeps = kind != "password" && kind != "new-password" && kind != "code";
        FieldShown {
            name: name.to_owned(),
            kind,
            label,
            autocomplete,
            required: true,
            value: self.shown.value(name).filter(|_| keeps).unwrap_or_default(),
            error: self.error(name),
            ..FieldShown::default()
        }
    }

    fn remember(&self) -> FieldShown {
        FieldShown {
            required: false,
            ..self.field("remember", "checkbox", self.say("remember"), "off")
        }
    }

    fn component(&self, component: &Component) -> StagePage {
        match component {
            Component::Identification {
                user_fields,
                password,
                remember,
                recovery_flow,
                enrollment_flow,
            } => {
                let mut fields = vec![self.identifier(user_fields)];
                if *password {
                    fields.push(self.password());
                }
                if *remember {
                    fields.push(self.remember());
                }
                let forgot = self.flow_way("", recovery_flow.as_ref(), "forgot");
                let enrol = self.flow_way("no_account", enrollment_flow.as_ref(), "enrol");
                StagePage {
                    fields,
                    submit: Some(self.say("next")),
                    ways: forgot.into_iter().chain(enrol).collect(),
                    ..StagePage::default()
                }
            }
            Component::Password {
                who,
                remember,
                recovery_flow,
            } => {
                let mut fields = vec![self.known_as(who), self.password()];
                if *remember {
                    fields.push(self.remember());
                }
                StagePage {
                    leads: vec![self.say("as_who").replace("{who}", who)],
                    fields,
                    submit: Some(self.say("next")),
                    ways: self
                        .flow_way("", recovery_flow.as_ref(), "forgot")
                        .into_iter()
                        .collect(),
                    ..StagePage::default()
                }
            }
            Component::EmailSent {
                who,
                lifetime,
                recovers,
            } => self.email_sent(who, *lifetime, *recovers),
            Component::Prompt {
                fields,
                values,
                rules,
                account,
                error_message,
            } => {
                let lead = account
                    .as_ref()
                    .map(|account| self.say("for_account").replace("{who}", account));
                let asks = |kind| fields.iter().any(|field| field.kind == kind);
                let asks_password = asks(FieldKind::Password);
                let submit = match (asks_password, asks(FieldKind::Email)) {
                    (true, true) => "create",
                    (true, false) => "save",
                    (false, _) => "next",
                };
                let mut shown: Vec<FieldShown> = fields
                    .iter()
                    .map(|field| self.prompt_field(field, values))
                    .collect();
                let mut passwords = shown.iter_mut().filter(|field| field.kind == "new-password");
                if let Some(first) = passwords.next() {
                    if let Some(error) = first.error.as_mut().filter(|_| !error_message.is_empty()) {
                        error.say_instead(error_message);
                    }
                    first.rules = rules
                        .iter()
                        .map(|rule| RuleShown::new(self.viewer, rule))
                        .collect();
                    first.twin = passwords.next().map(|second| {
                        second.label = self.viewer.say("password", "repeat");
                        second.name.clone()
                    });
                }
                let known = account.iter().map(|account| self.known_as(account));
                StagePage {
                    leads: lead.into_iter().collect(),
                    fields: known.chain(shown).collect(),
                    submit: Some(self.say(submit)),
                    ..StagePage::default()
                }
            }
            Component::AuthenticatorValidate {
                device_classes,
                is_mailed,
            } => self.validate(device_classes, *is_mailed),
            Component::EmailSetupAddress {
                name,
                suggested,
                reproof,
            } => self.email_address(name, suggested.as_deref(), *reproof),
            Component::EmailSetupCode {
                name: _,
                address,
                lifetime,
            } => {
                let lifetime = span_in_words(self.viewer.locale(), *lifetime);
                let lead = self.say("code_to").replace("{who}", address);
                StagePage {
                    leads: vec![lead, self.say("code_lifetime").replace("{lifetime}", &lifetime)],
                    fields: vec![self.six_digits()],
                    submit: Some(self.say("confirm")),
                    others: vec![self.button("resend", "true", "resend_code")],
                    ..StagePage::default()
                }
            }
            Component::Reauthenticate { reproof } => StagePage {
                leads: vec![self.say("reproof_lead")],
                fields: self.reproofs(*reproof),
                submit: Some(self.say("next")),
                ..StagePage::default()
            },
            Component::TotpSetup { secret, uri, issuer } => StagePage {
                leads: vec![self.say("totp_lead")],
                seed: Some(SeedShown {
                    qr: Qr::of(uri.0.expose_secret()),
                    uri: exposed(uri),
                    secret: exposed(secret),
                    issuer: issuer.clone(),
                }),
                fields: vec![self.six_digits()],
                submit: Some(self.say("confirm")),
                ..StagePage::default()
            },
            Component::StaticSetup { codes } => StagePage {
                leads: vec![self.say("codes_lead"), self.say("codes_once")],
                codes: codes.iter().map(exposed).collect(),
                submit: Some(self.say("codes_kept")),
                ..StagePage::default()
            },
            Component::Choose { stages } => StagePage {
                leads: vec![self.say("choose_lead")],
                choices: stages
                    .iter()
                    .map(|stage| Choice {
                        value: stage.clone(),
                        words: self.stage_name(stage),
                    })
                    .collect(),
                ..StagePage::default()
            },
            Component::Continue => StagePage {
                leads: vec![self.say("continue_lead")],
                submit: Some(self.say("next")),
                ..StagePage::default()
            },
            Component::UserLogout => StagePage {
                leads: vec![self.say("logout_lead")],
                submit: Some(self.say("title_sign_out")),
                ..StagePage::default()
            },
            Component::Deny { .. } => StagePage::default(),
        }
    }

    fn problem(&self, component: &Component) -> Option<String> {
        let Component::Deny { message, reason } = component else {
            let resend = self.errors.iter().find(|wrong| wrong.field == "resend")?;
            return Some(self.sentence(resend));
        };
        if !message.is_empty() {
            return Some(message.clone());
        }
        Some(self.say(match reason {
            Denial::Stage => "denied",
            Denial::TooManyTries => "denied_tries",
            Denial::NoFactor => "denied_factor",
            Denial::Misconfigured => "denied_setup",
        }))
    }

    fn email_sent(&self, who: &str, lifetime: Span, recovers: bool) -> StagePage {
        let common = |name| self.viewer.say("common", name);
        let lifetime = span_in_words(self.viewer.locale(), lifetime);
        let lead = self.say(if recovers {
            "mail_sent"
        } else {
            "mail_sent_confirm"
        });
        let lives = self
            .viewer
            .say("ask", "sent_lifetime")
            .replace("{lifetime}", &lifetime);
        StagePage {
            leads: vec![
                lead.replace("{who}", who),
                lives,
                self.viewer.say("ask", "sent_spam"),
            ],
            fields: vec![FieldShown {
                help: common("code_help"),
                placeholder: "XXXXX-XXXXX".to_owned(),
                ..self.field("code", "code", common("code"), "one-time-code")
            }],
            submit: Some(self.say("next")),
            others: vec![self.button("resend", "true", "resend")],
            ..StagePage::default()
        }
    }

    fn validate(&self, device_classes: &[FactorKind], is_mailed: bool) -> StagePage {
        let has = |kind| device_classes.contains(&kind);
        let lead = match (has(FactorKind::Totp), has(FactorKind::Email)) {
            (true, true) => "factor_any",
            (true, false) => "factor_app",
            (false, _) => "factor_mail",
        };
        let mailed = is_mailed.then(|| self.say("factor_mailed"));
        let resend = if is_mailed { "resend_code" } else { "send_code" };
        let send = has(FactorKind::Email).then(|| self.button("send", "email", resend));
        StagePage {
            leads: std::iter::once(self.say(lead)).chain(mailed).collect(),
            fields: vec![FieldShown {
                help: if has(FactorKind::RecoveryCodes) {
                    self.say("factor_paper")
                } else {
                    String::new()
                },
                ..self.field(
                    "code",
                    "code",
                    self.viewer.say("recover", "factor"),
                    "one-time-code",
                )
            }],
            submit: Some(self.say("next")),
            others: send.into_iter().collect(),
            ..StagePage::default()
        }
    }

    fn email_address(&self, name: &str, suggested: Option<&str>, reproof: Reproofs) -> StagePage {
        let help = suggested.map(|own| self.say("mailbox_own").replace("{who}", own));
        let mut fields = vec![FieldShown {
            required: suggested.is_none(),
            help: help.unwrap_or_default(),
            ..self.field("email", "email", self.viewer.say("common", "email"), "email")
        }];
        fields.extend(self.reproofs(reproof));
        let name = (!name.is_empty()).then(|| name.to_owned());
        StagePage {
            leads: name.into_iter().chain([self.say("mailbox_lead")]).collect(),
            fields,
            submit: Some(self.say("send_code")),
            ..StagePage::default()
        }
    }
}

fn exposed(secret: &ShownSecret) -> String {
    secret.0.expose_secret().to_owned()
}
