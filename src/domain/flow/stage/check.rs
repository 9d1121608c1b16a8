//! What settings must hold, each fault with the field and the remedy.

use std::collections::BTreeSet;

use super::super::super::factor::RECOVERY_CODES;
use super::super::fault::Faults;
use super::{
    AuthenticatorValidation, EmailAuthenticatorSetup, EmailStage, FieldKind, MailServer, Prompt, StageSecret,
    StageSettings, UserLogin,
};
use crate::types::{SealedConfig, Span};

/// Bytes that all texts of one stage may have together: its event must fit in one record.
const TEXT_BYTES_MAX: usize = 2_800;
const DAY_MINUTES: u16 = 1_440;
const LONGEST: Span = Span::days(30);

const MINUTES: &str = "set 1 to 1440 minutes";
const UP_TO_100: &str = "use at most 100 characters";
const UP_TO_200: &str = "use at most 200 characters";
const UP_TO_500: &str = "use at most 500 characters";
const SPAN: &str = "set a whole number of seconds, at most 30 days (30d)";

pub(super) fn faults(settings: &StageSettings) -> Faults {
    let mut faults = Faults::default();
    let f = &mut faults;
    match settings {
        StageSettings::Identification(s) => {
            f.ensure(
                !s.user_fields.is_empty(),
                "settings.user_fields",
                "required",
                "name at least one of username and email",
            );
            f.ensure(
                is_distinct(&s.user_fields),
                "settings.user_fields",
                "duplicate",
                "name each field once",
            );
        }
        StageSettings::Password(s) => f.ensure(
            (1..=100).contains(&s.failed_attempts_before_cancel),
            "settings.failed_attempts_before_cancel",
            "out-of-range",
            "set 1 to 100",
        ),
        StageSettings::Email(s) => email(s, f),
        StageSettings::Prompt(s) => prompt(s, f),
        StageSettings::UserLogin(s) => user_login(s, f),
        StageSettings::EmailAuthenticatorSetup(s) => email_authenticator(s, f),
        StageSettings::TotpAuthenticatorSetup(s) => f.ensure(
            s.digits == 6,
            "settings.digits",
            "out-of-range",
            "set 6: the number that every authenticator app speaks",
        ),
        StageSettings::StaticAuthenticatorSetup(s) => f.ensure(
            s.token_count == RECOVERY_CODES,
            "settings.token_count",
            "out-of-range",
            "set 10: a set of recovery codes has that many",
        ),
        StageSettings::AuthenticatorValidation(s) => validation(s, f),
        StageSettings::Deny(s) => f.line(&s.message, (0, 500), "settings.message", UP_TO_500),
        StageSettings::UserWrite(_) | StageSettings::UserLogout => {}
    }
    faults
}

fn email(s: &EmailStage, f: &mut Faults) {
    server(&s.server, f);
    f.line(&s.subject, (0, 200), "settings.subject", UP_TO_200);
    minutes(s.token_expiry_minutes, "settings.token_expiry_minutes", f);
    f.ensure(
        (1..=100).contains(&s.resend_max),
        "settings.resend_max",
        "out-of-range",
        "set 1 to 100",
    );
    minutes(s.resend_window_minutes, "settings.resend_window_minutes", f);
}

fn email_authenticator(s: &EmailAuthenticatorSetup, f: &mut Faults) {
    server(&s.server, f);
    let name = "settings.authenticator_type_name";
    f.line(&s.authenticator_type_name, (0, 100), name, UP_TO_100);
    f.line(
        &s.subject,
        (1, 200),
        "settings.subject",
        "write 1 to 200 characters",
    );
    minutes(s.token_expiry_minutes, "settings.token_expiry_minutes", f);
}

fn minutes(number: u16, field: &'static str, f: &mut Faults) {
    f.ensure(
        (1..=DAY_MINUTES).contains(&number),
        field,
        "out-of-range",
        MINUTES,
    );
}

fn server(s: &MailServer, f: &mut Faults) {
    let bytes = s.host.len() + s.username.len() + s.from_address.len();
    f.ensure(
        bytes <= 1_200,
        "settings.from_address",
        "too-long",
        "shorten it: host, username and from_address together may have 1200 bytes",
    );
    f.line(
        &s.host,
        (1, 253),
        "settings.host",
        "name the mail server, such as smtp.example.org",
    );
    f.ensure(
        !s.host.contains(char::is_whitespace),
        "settings.host",
        "character",
        "remove the spaces",
    );
    f.ensure(s.port > 0, "settings.port", "out-of-range", "set 1 to 65535");
    let up_to_320 = "use at most 320 characters";
    f.line(&s.username, (0, 320), "settings.username", up_to_320);
    let fits = s
        .password
        .as_ref()
        .is_none_or(|secret| secret.sealed.0.len() <= StageSecret::CLEAR_BYTES_MAX + SealedConfig::OVERHEAD);
    f.ensure(fits, "settings.password", "too-long", "use at most 500 bytes");
    f.ensure(
        !(s.use_tls && s.use_ssl),
        "settings.use_ssl",
        "conflict",
        "choose one: use_tls asks for TLS in the conversation (STARTTLS), use_ssl speaks it from the first byte",
    );
    f.ensure(
        (1..=300).contains(&s.timeout),
        "settings.timeout",
        "out-of-range",
        "set 1 to 300 seconds",
    );
    f.line(
        &s.from_address,
        (3, 384),
        "settings.from_address",
        "write local@domain or Name <local@domain>",
    );
}

fn prompt(s: &Prompt, f: &mut Faults) {
    f.ensure(
        s.fields.len() <= Prompt::FIELDS_MAX,
        "settings.fields",
        "too-many",
        "use at most 20 fields; a second prompt stage can ask for more",
    );
    f.ensure(
        s.validation_policies.len() <= Prompt::POLICIES_MAX,
        "settings.validation_policies",
        "too-many",
        "name at most 8 policies",
    );
    f.ensure(
        is_distinct(&s.validation_policies),
        "settings.validation_policies",
        "duplicate",
        "name each policy once",
    );
    let mut bytes: usize = s.validation_policies.iter().map(|name| name.as_str().len()).sum();
    for (number, field) in s.fields.iter().enumerate() {
        let path = |name: &str| format!("settings.fields[{number}].{name}");
        f.ensure(
            field.has_key(),
            path("field_key"),
            "character",
            "use 1 to 64 of a-z, 0-9 and _, the first a letter",
        );
        let earlier = &s.fields[..number];
        f.ensure(
            earlier.iter().all(|other| other.field_key != field.field_key),
            path("field_key"),
            "duplicate",
            "give each field a key of its own",
        );
        f.ensure(
            earlier.iter().all(|other| other.order != field.order),
            path("order"),
            "duplicate",
            "give each field a place of its own",
        );
        f.line(&field.label, (0, 100), path("label"), UP_TO_100);
        f.line(&field.placeholder, (0, 200), path("placeholder"), UP_TO_200);
        f.line(&field.initial_value, (0, 500), path("initial_value"), UP_TO_500);
        f.line(&field.sub_text, (0, 500), path("sub_text"), UP_TO_500);
        f.ensure(
            field.kind != FieldKind::Password || field.initial_value.is_empty(),
            path("initial_value"),
            "conflict",
            "leave it empty: a password has no initial value",
        );
        let texts = [
            &field.field_key,
            &field.label,
            &field.placeholder,
            &field.initial_value,
            &field.sub_text,
        ];
        bytes += texts.into_iter().map(|text| text.len() + 3).sum::<usize>();
    }
    f.ensure(
        bytes <= TEXT_BYTES_MAX,
        "settings.fields",
        "too-long",
        "shorten the texts: together they may have 2800 bytes; a second prompt stage can take some fields",
    );
}

fn user_login(s: &UserLogin, f: &mut Faults) {
    span(s.session_duration, "settings.session_duration", f);
    span(s.remember_me_offset, "settings.remember_me_offset", f);
}

fn validation(s: &AuthenticatorValidation, f: &mut Faults) {
    f.ensure(
        !s.device_classes.is_empty(),
        "settings.device_classes",
        "required",
        "name at least one of email, totp and static",
    );
    f.ensure(
        is_distinct(&s.device_classes),
        "settings.device_classes",
        "duplicate",
        "name each class once",
    );
    f.ensure(
        s.configuration_stages.len() <= AuthenticatorValidation::STAGES_MAX
            && is_distinct(&s.configuration_stages),
        "settings.configuration_stages",
        "too-many",
        "name at most 6 stages, each once",
    );
    span(s.last_auth_threshold, "settings.last_auth_threshold", f);
}

fn span(length: Span, field: &'static str, f: &mut Faults) {
    let holds = (Span(0)..=LONGEST).contains(&length) && length.0 % Span::seconds(1).0 == 0;
    f.ensure(holds, field, "out-of-range", SPAN);
}

fn is_distinct<T: Ord>(list: &[T]) -> bool {
    list.iter().collect::<BTreeSet<_>>().len() == list.len()
}
