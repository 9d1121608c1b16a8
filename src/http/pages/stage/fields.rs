//! The fields of a stage, and what is wrong with them.

use super::{Button, FieldShown, Writer};
use crate::desk::{Fault, Mistake, Reproofs, Wrong};
use crate::domain::Refusal;
use crate::domain::flow::{FieldKind, PromptField, UserField};
use crate::http::codes::Code;
use crate::http::pages::new_password::Unfit;
use crate::http::refusals::of_fault;

impl Writer<'_> {
    pub(super) fn identifier(&self, user_fields: &[UserField]) -> FieldShown {
        let (label, kind) = match user_fields {
            [UserField::Email] => (self.viewer.say("common", "email"), "email"),
            [UserField::Username] => (self.say("username"), "text"),
            _both => (self.say("email_or_username"), "text"),
        };
        let field = self.field("identifier", kind, label, "username");
        // Other pages of ours call it by what it is.
        let value = self.shown.value("email").filter(|_| field.value.is_empty());
        FieldShown {
            value: value.unwrap_or_else(|| field.value.clone()),
            ..field
        }
    }

    pub(super) fn password(&self) -> FieldShown {
        self.field(
            "password",
            "password",
            self.viewer.say("confirm", "password"),
            "current-password",
        )
    }

    /// Nobody types it here, but password managers look for it.
    pub(super) fn known_as(&self, who: &str) -> FieldShown {
        FieldShown {
            value: who.to_owned(),
            kind: "known",
            ..self.field("identifier", "known", self.say("email_or_username"), "username")
        }
    }

    pub(super) fn six_digits(&self) -> FieldShown {
        FieldShown {
            help: self.say("six_digits"),
            ..self.field("code", "code", self.say("code"), "one-time-code")
        }
    }

    pub(super) fn reproofs(&self, reproof: Reproofs) -> Vec<FieldShown> {
        let password = reproof.password.then(|| self.password());
        let factor = reproof.factor.then(|| FieldShown {
            help: self.viewer.say("confirm", "factor_help"),
            ..self.field(
                "mfaCode",
                "code",
                self.viewer.say("recover", "factor"),
                "one-time-code",
            )
        });
        password.into_iter().chain(factor).collect()
    }

    pub(super) fn button(&self, name: &'static str, value: &'static str, words: &str) -> Button {
        Button {
            name,
            value,
            words: self.say(words),
        }
    }

    pub(super) fn stage_name(&self, stage: &str) -> String {
        match stage {
            "default-authenticator-email-setup" => self.say("title_email"),
            "default-authenticator-totp-setup" => self.say("title_totp"),
            "default-authenticator-static-setup" => self.say("title_codes"),
            other => other.to_owned(),
        }
    }

    pub(super) fn prompt_field(&self, of: &PromptField, values: &[(String, String)]) -> FieldShown {
        let (kind, autocomplete) = match (of.kind, of.field_key.as_str()) {
            (FieldKind::Text, "name") => ("text", "name"),
            (FieldKind::Text, _) => ("text", "off"),
            (FieldKind::Email, _) => ("email", "email"),
            (FieldKind::Username, _) => ("text", "username"),
            (FieldKind::Password, _) => ("new-password", "new-password"),
            (FieldKind::Checkbox, _) => ("checkbox", "off"),
            (FieldKind::Static | FieldKind::Hidden, _) => ("static", "off"),
        };
        let label = if of.label.is_empty() {
            self.own_label(of)
        } else {
            of.label.clone()
        };
        let field = self.field(&of.field_key, kind, label, autocomplete);
        let before = values.iter().find(|(key, _)| *key == of.field_key);
        let initial = before.map_or(&of.initial_value, |(_, text)| text);
        let value = if field.value.is_empty() {
            initial.clone()
        } else {
            field.value.clone()
        };
        FieldShown {
            value,
            required: of.required,
            placeholder: of.placeholder.clone(),
            help: of.sub_text.clone(),
            ..field
        }
    }

    /// The pages' own word for a field that the operator gave none.
    pub(super) fn own_label(&self, of: &PromptField) -> String {
        match (of.kind, of.field_key.as_str()) {
            (FieldKind::Password, _) => self.viewer.say("password", "new"),
            (FieldKind::Email, _) => self.viewer.say("common", "email"),
            (FieldKind::Username, _) => self.say("username"),
            (_, "name") => self.viewer.say("account", "name"),
            (_, key) => key.to_owned(),
        }
    }

    pub(super) fn error(&self, name: &str) -> Option<Unfit> {
        let wrong = self.errors.iter().find(|wrong| wrong.field == name)?;
        if let Mistake::Refused(fault) = &wrong.what
            && let Some(unfit) = Unfit::of(self.viewer, fault)
        {
            return Some(unfit);
        }
        Some(Unfit::plain(self.sentence(wrong)))
    }

    /// What is wrong with a field.
    pub(super) fn sentence(&self, wrong: &Wrong) -> String {
        match (&wrong.what, wrong.field.as_str()) {
            (Mistake::Missing | Mistake::Invalid, "identifier") => self.say("wrong_identifier"),
            (Mistake::Invalid, "email") => self.viewer.say("common", "email_invalid"),
            (Mistake::Missing, "password") => self.viewer.say("confirm", "password_missing"),
            (Mistake::Missing, "code" | "mfaCode") => self.say("missing_code"),
            (Mistake::Missing, _) => self.say("missing"),
            (Mistake::Invalid, _) => self.say("invalid"),
            (Mistake::TooLong, _) => self.say("too_long"),
            (Mistake::Differs, _) => self.viewer.say("password", "repeat_differs"),
            (Mistake::TooOften, _) => self.say("too_often"),
            (Mistake::Refused(Fault::Refused(Refusal::UsernameTaken)), _) => self.say("username_taken"),
            (Mistake::Refused(fault), _) => {
                let error = of_fault(fault, self.viewer.locale(), "password");
                let about = [
                    (Code::InvalidCredentials, "wrong_password"),
                    (Code::VerificationTokenNotFound, "wrong_code"),
                    (Code::VerificationTokenExpired, "old_code"),
                    (Code::InvalidMfaCode, "wrong_factor"),
                    (Code::MfaBackupCodesExhausted, "no_codes_left"),
                    (Code::EmailNotVerified, "unverified"),
                    (Code::AccountNotFound, "nobody"),
                ];
                let name = about.iter().find(|(code, _)| *code == error.code);
                name.map_or_else(
                    || error.message(self.viewer.locale()).to_owned(),
                    |(_, name)| self.say(name),
                )
            }
        }
    }
}
