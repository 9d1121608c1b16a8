//! Flows for programs: begin one, and answer until it is done. The same flows as the pages walk, with one effect.

use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::gate::{caller_if_any, is_anonymous};
use super::tokens::TokensShown;
use crate::desk::{
    Answer, ApiCaller, Challenge, Component, Denial, Done, FlowFault, FlowStep, LeadsTo, Mistake, Reproofs,
    Scene, Walker, Wrong,
};
use crate::domain::FactorKind;
use crate::domain::flow::{FieldKind, PromptField, UserField};
use crate::domain::password_policy::Rule;
use crate::http::refusals::of_fault;
use crate::http::site::Site;
use crate::http::{ApiError, Code, Request, Response, StatusCode};
use crate::types::{ClientNet, Locale};

/// Where somebody signs in, as a browser opens it.
const SIGN_IN: &str = "/flow/default-authentication-flow";

/// Begins a flow.
pub(super) async fn begin(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let walker = walker(site, request)?;
    let begun = site.desk.begin_flow(request.param("slug"), &walker).await;
    let step = begun.map_err(|fault| refused(&fault, request))?;
    Ok(answered(site, request, StatusCode::CREATED, &step))
}

/// Takes an answer.
pub(super) async fn go_on(site: &Site, request: &Request) -> Result<Response, ApiError> {
    let walker = walker(site, request)?;
    let answer = answer(request)?;
    let execution = with_caller(site, request, |caller| {
        site.desk.latest_execution(request.param("executionId"), caller)
    });
    let went = site
        .desk
        .answer_flow(execution.expose_secret(), &answer, &walker)
        .await;
    let step = went.map_err(|fault| refused(&fault, request))?;
    Ok(answered(site, request, StatusCode::OK, &step))
}

fn walker(site: &Site, request: &Request) -> Result<Walker, ApiError> {
    Ok(Walker {
        visitor: site.visitor(request),
        caller: caller_if_any(site, request)?,
        shown_factor: None,
    })
}

/// Reads an answer: texts, numbers and flags by their names.
fn answer(request: &Request) -> Result<Answer, ApiError> {
    let mut answer = Answer::default();
    if request.body().is_empty() {
        return Ok(answer);
    }
    for (name, value) in request.json()?.into_texts()? {
        answer.put(&name, value);
    }
    Ok(answer)
}

/// Says which program calls, and from which network.
fn with_caller<T>(site: &Site, request: &Request, use_it: impl FnOnce(&[&[u8]]) -> T) -> T {
    let key = request.found::<ApiCaller>().map(|client| client.key.0);
    let network = ClientNet::of(site.visitor(request).ip).to_bytes();
    use_it(&[&key.unwrap_or_default(), &network])
}

fn answered(site: &Site, request: &Request, status: StatusCode, step: &FlowStep) -> Response {
    with_caller(site, request, |caller| site.desk.note_execution(step, caller));
    let voice = &request.voice;
    let flow = json!({ "slug": step.flow.slug, "title": step.flow.title });
    let mut shown = Map::new();
    shown.insert("executionId".to_owned(), step.execution.expose_secret().into());
    match &step.scene {
        Scene::Ask(challenge) => {
            let mut challenge = challenge_shown(challenge, voice.locale);
            challenge.insert("flow".to_owned(), flow);
            shown.insert("challenge".to_owned(), challenge.into());
        }
        Scene::Done(done) => {
            shown.insert("done".to_owned(), done_shown(site, done));
        }
    }
    if step.restarted {
        shown.insert("restarted".to_owned(), true.into());
    }
    voice.success(status, &shown)
}

fn done_shown(site: &Site, done: &Done) -> Value {
    let url = |path: &str| format!("{}{path}", site.settings.public_url);
    if let Some(session) = &done.session {
        return json!({ "session": TokensShown::from(&session.tokens) });
    }
    let path = match &done.leads_to {
        LeadsTo::SignInAnew | LeadsTo::SignInFirst | LeadsTo::SignIn | LeadsTo::SignedOut => SIGN_IN,
        LeadsTo::Account(next) => next.as_deref().unwrap_or("/account"),
    };
    json!({ "redirect": url(path) })
}

/// Words why a flow is not walked on.
fn refused(fault: &FlowFault, request: &Request) -> ApiError {
    match fault {
        FlowFault::NotFound => Code::FlowNotFound.into(),
        FlowFault::Over => Code::FlowExecutionOver.into(),
        FlowFault::SignInFirst if is_anonymous(request) => Code::Unauthorized.into(),
        FlowFault::SignInFirst => Code::SessionExpired.into(),
        FlowFault::SignedIn => Code::FlowForStrangers.into(),
        FlowFault::Refused(fault) => of_fault(fault, request.voice.locale, "password"),
    }
}

/// A field that an answer may have.
#[derive(Serialize)]
struct Field<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    placeholder: Option<&'a str>,
    #[serde(rename = "initialValue", skip_serializing_if = "Option::is_none")]
    initial_value: Option<&'a str>,
    #[serde(rename = "subText", skip_serializing_if = "Option::is_none")]
    sub_text: Option<&'a str>,
}

const fn field(name: &'static str, kind: FieldKind, required: bool) -> Field<'static> {
    Field {
        name,
        kind: kind_word(kind),
        required,
        label: None,
        placeholder: None,
        initial_value: None,
        sub_text: None,
    }
}

const fn kind_word(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text => "text",
        FieldKind::Email => "email",
        FieldKind::Username => "username",
        FieldKind::Password => "password",
        FieldKind::Checkbox => "checkbox",
        FieldKind::Static => "static",
        FieldKind::Hidden => "hidden",
    }
}

fn prompt_field<'a>(of: &'a PromptField, values: &'a [(String, String)]) -> Field<'a> {
    let filled = |text: &'a str| (!text.is_empty()).then_some(text);
    let value = values.iter().find(|(key, _)| *key == of.field_key);
    Field {
        name: &of.field_key,
        kind: kind_word(of.kind),
        required: of.required,
        label: filled(&of.label),
        placeholder: filled(&of.placeholder),
        initial_value: filled(value.map_or(&of.initial_value, |(_, text)| text)),
        sub_text: filled(&of.sub_text),
    }
}

fn challenge_shown(challenge: &Challenge, locale: Locale) -> Map<String, Value> {
    let (fields, more) = component_shown(&challenge.component, locale);
    let mut shown = Map::new();
    shown.insert("component".to_owned(), challenge.component.name().into());
    shown.insert("fields".to_owned(), json!(fields));
    if let Value::Object(more) = more {
        shown.extend(more);
    }
    if !challenge.errors.is_empty() {
        let errors: Vec<Value> = challenge
            .errors
            .iter()
            .map(|wrong| error_shown(wrong, locale))
            .collect();
        shown.insert("errors".to_owned(), errors.into());
    }
    shown
}

/// The fields of a challenge, and what else it tells.
fn component_shown(component: &Component, locale: Locale) -> (Vec<Field<'_>>, Value) {
    use FieldKind::{Checkbox, Email, Password, Text};
    match component {
        Component::Identification {
            user_fields,
            password,
            remember,
            recovery_flow,
            enrollment_flow,
        } => {
            let mut fields = vec![field("identifier", Text, true)];
            fields.extend(password.then(|| field("password", Password, true)));
            fields.extend(remember.then(|| field("remember", Checkbox, false)));
            let words: Vec<&str> = user_fields.iter().map(|field: &UserField| field.word()).collect();
            let more = json!({
                "userFields": words,
                "recoveryFlow": recovery_flow,
                "enrollmentFlow": enrollment_flow,
            });
            (fields, more)
        }
        Component::Password {
            who,
            remember,
            recovery_flow,
        } => {
            let mut fields = vec![field("password", Password, true)];
            fields.extend(remember.then(|| field("remember", Checkbox, false)));
            (fields, json!({ "who": who, "recoveryFlow": recovery_flow }))
        }
        Component::EmailSent {
            who,
            lifetime,
            recovers: _,
        } => {
            let fields = vec![
                field("code", Text, false),
                field("token", Text, false),
                field("resend", Checkbox, false),
            ];
            (fields, json!({ "who": who, "expiresIn": lifetime.seconds_up() }))
        }
        Component::Prompt {
            fields,
            values,
            rules,
            error_message: _,
            account,
        } => {
            let shown = fields.iter().map(|of| prompt_field(of, values)).collect();
            (
                shown,
                json!({ "rules": rules_shown(rules, locale), "account": account }),
            )
        }
        Component::AuthenticatorValidate {
            device_classes,
            is_mailed,
        } => {
            let mut fields = vec![field("code", Text, true)];
            if device_classes.contains(&FactorKind::Email) {
                fields.push(field("send", Text, false));
            }
            let classes: Vec<&str> = device_classes.iter().copied().map(class_word).collect();
            (fields, json!({ "deviceClasses": classes, "mailed": is_mailed }))
        }
        Component::EmailSetupAddress {
            name,
            suggested,
            reproof,
        } => {
            let mut fields = vec![field("email", Email, suggested.is_none())];
            fields.extend(reproof_fields(*reproof));
            (fields, json!({ "name": name, "suggestedEmail": suggested }))
        }
        Component::EmailSetupCode {
            name,
            address,
            lifetime,
        } => {
            let fields = vec![field("code", Text, true), field("resend", Checkbox, false)];
            let more = json!({
                "name": name,
                "maskedEmail": address,
                "expiresIn": lifetime.seconds_up(),
            });
            (fields, more)
        }
        Component::Reauthenticate { reproof } => (reproof_fields(*reproof), json!({})),
        Component::TotpSetup { secret, uri, issuer } => {
            let more = json!({
                "secret": secret.0.expose_secret(),
                "otpauth": uri.0.expose_secret(),
                "issuer": issuer,
            });
            (vec![field("code", Text, true)], more)
        }
        Component::StaticSetup { codes } => {
            let codes: Vec<&str> = codes.iter().map(|code| code.0.expose_secret()).collect();
            (vec![], json!({ "backupCodes": codes }))
        }
        Component::Choose { stages } => (vec![field("stage", Text, true)], json!({ "stages": stages })),
        Component::Continue | Component::UserLogout => (vec![], json!({})),
        Component::Deny { message, reason } => {
            let reason = match reason {
                Denial::Stage => "stage",
                Denial::TooManyTries => "too-many-tries",
                Denial::NoFactor => "no-factor",
                Denial::Misconfigured => "misconfigured",
            };
            (vec![], json!({ "message": message, "reason": reason }))
        }
    }
}

fn reproof_fields(reproof: Reproofs) -> Vec<Field<'static>> {
    let password = reproof
        .password
        .then(|| field("password", FieldKind::Password, true));
    let factor = reproof.factor.then(|| field("mfaCode", FieldKind::Text, true));
    password.into_iter().chain(factor).collect()
}

/// The word that stages have for a kind of factor.
fn class_word(kind: FactorKind) -> &'static str {
    match kind {
        FactorKind::Totp => "totp",
        FactorKind::Email => "email",
        FactorKind::RecoveryCodes => "static",
    }
}

fn rules_shown(rules: &[Rule], locale: Locale) -> Vec<Value> {
    let shown = |rule: &Rule| json!({ "code": rule.code(), "message": rule.message(locale) });
    rules.iter().map(shown).collect()
}

fn error_shown(wrong: &Wrong, locale: Locale) -> Value {
    let plain = |code: &str| json!({ "field": wrong.field, "code": code });
    match &wrong.what {
        Mistake::Refused(fault) => {
            let error = of_fault(fault, locale, "password");
            let mut shown = json!({
                "field": wrong.field,
                "code": error.code.text(),
                "message": error.message(locale),
            });
            if !error.details.is_empty() {
                shown["details"] = json!(error.details);
            }
            shown
        }
        Mistake::Missing => plain("required"),
        Mistake::Invalid => plain("invalid"),
        Mistake::TooLong => plain("too-long"),
        Mistake::Differs => plain("differs"),
        Mistake::TooOften => plain("too-often"),
    }
}
