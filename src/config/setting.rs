//! One setting, and the macro that turns the table in `spec.rs` into settings and typed structs alike.

use std::path::Path;

use super::kind::Kind;
use super::spec::{ALIASED, SETTINGS};
use super::value::{Raw, Value};

/// One row of the table of settings.
#[derive(Debug)]
pub struct Setting {
    /// The path in TOML, `email.host`, or a bare name at the top.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// The default as text; empty for none; `{data}/…` and `{public_url}/…` are filled in.
    pub default: &'static str,
    doc: &'static str,
}

/// How a name gives its setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Via {
    /// The value itself.
    Value,
    /// The path of a file that holds it (secrets only).
    File,
}

/// Which of the two families an environment variable belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Spelling {
    /// `KEYLEDGER_…`
    Own,
    /// `AUTHENTIK_EMAIL__…`
    Alias,
}

const OWN: &str = "KEYLEDGER_";
const ALIAS: &str = "AUTHENTIK_";
/// Where Authentik finds its own templates: right there, and nothing to us.
const AUTHENTIK_ONLY: &str = "AUTHENTIK_EMAIL__TEMPLATE_DIR";

impl Setting {
    pub(super) const fn new(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        doc: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            default,
            doc,
        }
    }

    /// What it is for, one line.
    pub fn doc(&self) -> &'static str {
        self.doc.trim()
    }

    /// Whether its value is masked wherever it is shown, may come from a file, and may not come from a flag.
    pub fn is_secret(&self) -> bool {
        self.kind == Kind::Secret
    }

    /// Its environment variable: `KEYLEDGER_EMAIL__HOST`.
    pub fn env(&self) -> String {
        env_name(OWN, self.name, Via::Value)
    }

    /// The variable that names a file with its value; secrets only: `KEYLEDGER_EMAIL__PASSWORD_FILE`.
    pub fn env_file(&self) -> Option<String> {
        self.is_secret().then(|| env_name(OWN, self.name, Via::File))
    }

    /// Authentik's variable that is read for it as well: `AUTHENTIK_EMAIL__HOST`.
    pub fn alias(&self) -> Option<String> {
        ALIASED
            .contains(&self.name)
            .then(|| env_name(ALIAS, self.name, Via::Value))
    }

    /// Its command line flag: `--public-url`, `--email-host`.
    pub fn flag(&self) -> String {
        format!("--{}", self.name.replace(['.', '_'], "-"))
    }

    /// A value that it accepts, as it is written outside TOML: its default if that is a plain one.
    pub fn example(&self) -> String {
        let plain = !self.default.is_empty() && !self.default.contains('{');
        if plain {
            self.default.to_owned()
        } else {
            self.kind.example()
        }
    }

    /// Reads a written value. An empty one means none where there need not be one.
    pub(super) fn read(&self, raw: &Raw, base: &Path) -> Result<Value, String> {
        let optional = self.default.is_empty() || self.default.contains('{');
        let blank = raw.text().is_some_and(|text| text.trim().is_empty());
        if blank && optional && !self.kind.is_list() {
            Ok(Value::None)
        } else {
            self.kind.read(raw, base)
        }
    }
}

/// The setting with this TOML path; `…_file` finds the secret whose file it names.
pub(super) fn by_name(name: &str) -> Option<(&'static Setting, Via)> {
    let exact = |wanted: &str| SETTINGS.iter().find(|setting| setting.name == wanted);
    exact(name).map(|setting| (setting, Via::Value)).or_else(|| {
        let secret = exact(name.strip_suffix("_file")?).filter(|setting| setting.is_secret())?;
        Some((secret, Via::File))
    })
}

/// The setting that an environment variable belongs to.
pub(super) fn by_env(variable: &str) -> Option<(&'static Setting, Via, Spelling)> {
    let (spelling, prefix) = match (variable.strip_prefix(OWN), variable.strip_prefix(ALIAS)) {
        (Some(_), _) => (Spelling::Own, OWN),
        (None, Some(_)) => (Spelling::Alias, ALIAS),
        (None, None) => return None,
    };
    let (setting, via) = by_name(&dotted(&variable[prefix.len()..]))?;
    let exists = env_name(prefix, setting.name, via) == variable
        && (spelling == Spelling::Own || ALIASED.contains(&setting.name));
    exists.then_some((setting, via, spelling))
}

/// Whether a variable claims to be ours or an alias, so that it must be a setting.
pub(super) fn concerns_us(variable: &str) -> bool {
    let is_alias = variable.starts_with("AUTHENTIK_EMAIL__") && variable != AUTHENTIK_ONLY;
    variable.starts_with(OWN) || is_alias
}

/// The name that was probably meant by an unknown TOML path or flag, if one is near.
pub(super) fn nearest_name(wrong: &str) -> Option<String> {
    nearest(wrong).map(|(setting, via)| match via {
        Via::Value => setting.name.to_owned(),
        Via::File => format!("{}_file", setting.name),
    })
}

/// The variable that was probably meant by an unknown `KEYLEDGER_…` or alias, if one is near.
pub(super) fn nearest_env(wrong: &str) -> Option<String> {
    let (meant, rest) = match (wrong.strip_prefix(OWN), wrong.strip_prefix(ALIAS)) {
        (Some(rest), _) => (OWN, rest),
        (None, Some(rest)) => (ALIAS, rest),
        (None, None) => (OWN, wrong),
    };
    nearest(&dotted(rest)).map(|(setting, via)| {
        let prefix = if ALIASED.contains(&setting.name) {
            meant
        } else {
            OWN
        };
        env_name(prefix, setting.name, via)
    })
}

fn env_name(prefix: &str, name: &str, via: Via) -> String {
    let suffix = match via {
        Via::Value => "",
        Via::File => "_FILE",
    };
    format!("{prefix}{}{suffix}", name.replace('.', "__").to_ascii_uppercase())
}

fn dotted(variable: &str) -> String {
    variable.to_ascii_lowercase().replace("__", ".")
}

/// A setting counts as near if at most a third of the letters (at least two) differ, or if only its section is missing or wrong.
fn nearest(wrong: &str) -> Option<(&'static Setting, Via)> {
    let wrong: String = wrong
        .to_ascii_lowercase()
        .replace('-', "_")
        .chars()
        .take(80)
        .collect();
    let own_tail = wrong.rsplit('.').next().unwrap_or(&wrong);
    let distance = |name: &str| {
        let tail = name.rsplit('.').next().unwrap_or(name);
        let whole = strsim::damerau_levenshtein(&wrong, name);
        if tail == own_tail { whole.min(1) } else { whole }
    };
    let values = SETTINGS
        .iter()
        .map(|setting| (distance(setting.name), setting, Via::Value));
    let files = SETTINGS
        .iter()
        .filter(|setting| setting.is_secret())
        .map(|setting| (distance(&format!("{}_file", setting.name)), setting, Via::File));
    let (distance, setting, via) = values.chain(files).min_by_key(|(distance, ..)| *distance)?;
    (distance <= 2.max(wrong.len() / 3)).then_some((setting, via))
}

/// Turns the table of settings into structs, rows, and the step from read values to structs.
macro_rules! settings {
    (
        $(#[doc = $about:literal])+
        $config:ident {
            $($(#[doc = $doc:literal])+ $key:ident: $type:ty = $kind:expr, $default:literal;)*
        }
        $(
            $(#[doc = $section_doc:literal])+
            $section:ident: $struct:ident {
                $($(#[doc = $inner_doc:literal])+ $inner:ident: $inner_type:ty = $inner_kind:expr, $inner_default:literal;)*
            }
        )*
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug)]
        pub struct $config {
            $($(#[doc = $doc])+ pub $key: $type,)*
            $($(#[doc = $section_doc])+ pub $section: $struct,)*
            pub(super) shown: Vec<Shown>,
            pub(super) warnings: Vec<Warning>,
        }

        $(
            $(#[doc = $section_doc])+
            #[derive(Clone, Debug)]
            pub struct $struct {
                $($(#[doc = $inner_doc])+ pub $inner: $inner_type,)*
            }
        )*

        /// Every setting there is, in the order in which they are shown.
        pub static SETTINGS: &[Setting] = &[
            $(Setting::new(stringify!($key), $kind, $default, concat!($($doc),+)),)*
            $($(Setting::new(
                concat!(stringify!($section), ".", stringify!($inner)),
                $inner_kind,
                $inner_default,
                concat!($($inner_doc),+),
            ),)*)*
        ];

        /// The sections of the TOML file.
        pub static SECTIONS: &[&str] = &[$(stringify!($section)),*];

        impl $config {
            /// Puts read values, one for every setting, into their fields.
            pub(super) fn build(
                mut values: BTreeMap<&'static str, Value>,
                shown: Vec<Shown>,
                warnings: Vec<Warning>,
            ) -> Self {
                Self {
                    $($key: field(&mut values, stringify!($key)),)*
                    $($section: $struct {
                        $($inner: field(&mut values, concat!(stringify!($section), ".", stringify!($inner))),)*
                    },)*
                    shown,
                    warnings,
                }
            }
        }
    };
}
pub(super) use settings;

/// Turns words into an enum, so that the words stand in one place.
macro_rules! choices {
    ($($(#[doc = $doc:literal])+ $name:ident { $($(#[doc = $variant_doc:literal])+ $variant:ident = $word:literal,)+ })+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $name {
            $($(#[doc = $variant_doc])+ $variant,)+
        }

        impl $name {
            /// The words for it, in the order of the variants.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word for it in configuration.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl FromValue for $name {
            fn from_value(value: Value) -> Option<Self> {
                let word = String::from_value(value)?;
                [$(Self::$variant),+].into_iter().find(|choice| choice.word() == word)
            }
        }
    )+};
}
pub(super) use choices;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_derive_from_one_another() {
        let (setting, _) = by_name("email.use_tls").unwrap();
        assert_eq!(setting.env(), "KEYLEDGER_EMAIL__USE_TLS");
        assert_eq!(setting.alias().as_deref(), Some("AUTHENTIK_EMAIL__USE_TLS"));
        assert_eq!(setting.flag(), "--email-use-tls");
        let (secret, via) = by_name("email.password_file").unwrap();
        assert_eq!((secret.name, via), ("email.password", Via::File));
        assert_eq!(
            secret.env_file().as_deref(),
            Some("KEYLEDGER_EMAIL__PASSWORD_FILE")
        );
        assert!(by_name("email.host_file").is_none());
    }

    #[test]
    fn every_setting_is_found_by_its_own_variable_only() {
        for setting in SETTINGS {
            let (found, via, spelling) = by_env(&setting.env()).unwrap();
            assert_eq!(
                (found.name, via, spelling),
                (setting.name, Via::Value, Spelling::Own)
            );
            assert!(by_env(&setting.env().to_ascii_lowercase()).is_none());
        }
        for foreign in [
            "AUTHENTIK_EMAIL__TRANSPORT",
            "AUTHENTIK_LISTEN",
            "PATH",
            "KEYLEDGER_EMAIL.HOST",
        ] {
            assert!(by_env(foreign).is_none(), "{foreign}");
        }
    }

    #[test]
    fn the_nearest_name_is_the_one_that_was_meant() {
        for (wrong, right) in [
            ("KEYLEDGER_EMAIL__PASSWROD", "KEYLEDGER_EMAIL__PASSWORD"),
            ("KEYLEDGER_EMAIL_HOST", "KEYLEDGER_EMAIL__HOST"),
            ("KEYLEDGER_HOST", "KEYLEDGER_EMAIL__HOST"),
            ("KEYLEDGER_PUBLICURL", "KEYLEDGER_PUBLIC_URL"),
            (
                "KEYLEDGER_LIMITS__EXEMPT_NETWORK",
                "KEYLEDGER_LIMITS__EXEMPT_NETWORKS",
            ),
            ("KEYLEDGER_MASTERKEY_FILE", "KEYLEDGER_MASTER_KEY_FILE"),
            ("AUTHENTIK_EMAIL__HOTS", "AUTHENTIK_EMAIL__HOST"),
            ("AUTHENTIK_EMAIL__TRANSPORT", "KEYLEDGER_EMAIL__TRANSPORT"),
        ] {
            assert_eq!(nearest_env(wrong).as_deref(), Some(right), "{wrong}");
        }
        assert_eq!(nearest_name("emial.host").as_deref(), Some("email.host"));
        assert_eq!(nearest_name("smtp.timeout").as_deref(), Some("email.timeout"));
        assert_eq!(nearest_name("weather"), None);
    }
}
