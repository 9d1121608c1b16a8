//! What can be wrong with a configuration, and where a value came from.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A command line flag, `--public-url`.
    Flag(String),
    /// An environment variable.
    Environment(String),
    /// A line of a `.env` file.
    DotEnv {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A line of the TOML file.
    File {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// Nobody set it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Environment(variable) => write!(f, "env {variable}"),
            Self::DotEnv { file, line } => write!(f, ".env {}:{line}", file.display()),
            Self::File { file, line } => write!(f, "{}:{line}", file.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One thing that is wrong with the configuration; its text says what to write instead and never holds a secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Problem {
    /// A value of the wrong type, form or size.
    #[error("{name}: {fault} (from {origin}); expected {expected}, for example `{example}`")]
    Wrong {
        /// The setting.
        name: &'static str,
        /// What is wrong with the value.
        fault: String,
        /// Where it came from.
        origin: Origin,
        /// What the setting takes.
        expected: String,
        /// A right one, in the notation of the origin.
        example: String,
    },
    /// A name that is no setting.
    #[error("{name} is not a setting (from {origin}); {}", hint(.nearest.as_deref()))]
    Unknown {
        /// The name.
        name: String,
        /// Where it stands.
        origin: Origin,
        /// The name that was probably meant.
        nearest: Option<String>,
    },
    /// A section's name that holds a value.
    #[error("{name} is a section, not a setting (from {origin}); write `[{name}]` and its settings below it")]
    Section {
        /// The section.
        name: String,
        /// Where it stands.
        origin: Origin,
    },
    /// A secret and the file that should hold it, both given.
    #[error("{name} is given twice, as a value and as a file (from {value} and {file}); keep one of the two")]
    Twice {
        /// The setting.
        name: &'static str,
        /// Where the value stands.
        value: Origin,
        /// Where the file's path stands.
        file: Origin,
    },
    /// The same name on two lines of a `.env` file.
    #[error("{name} is set twice in {}, lines {first} and {second}; keep one of the two", .file.display())]
    Repeated {
        /// The variable.
        name: String,
        /// The file.
        file: PathBuf,
        /// The first line.
        first: usize,
        /// The second line.
        second: usize,
    },
    /// The file that should hold a secret cannot be used.
    #[error("{name}: the file {} {reason} (from {origin}); put the secret there, followed by at most one line end", .file.display())]
    SecretFile {
        /// The setting.
        name: &'static str,
        /// The file.
        file: PathBuf,
        /// Why it cannot be used.
        reason: String,
        /// Where its path came from.
        origin: Origin,
    },
    /// A secret on the command line.
    #[error("{name} is a secret and other users can read command lines; set {env} or {env}_FILE instead")]
    SecretFlag {
        /// The setting.
        name: &'static str,
        /// Its environment variable.
        env: String,
    },
    /// A variable that is not UTF-8.
    #[error("the environment variable {name} is not UTF-8; write its value in UTF-8")]
    NotText {
        /// The variable.
        name: String,
    },
    /// A configuration file that cannot be read.
    #[error("cannot read {}: {reason}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// A configuration file that is not what it should be.
    #[error("{}:{line}: {reason}", .file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A file of the data folder that says that the data folder is elsewhere.
    #[error(
        "data cannot be set in a file of the data folder (from {origin}); use --data, KEYLEDGER_DATA or --config"
    )]
    DataElsewhere {
        /// Where it stands.
        origin: Origin,
    },
    /// Settings that do not go together.
    #[error("{reason}")]
    Together {
        /// What does not go together, and what to do.
        reason: String,
    },
    /// No address for the links in mails.
    #[error(
        "public_url is not set; set KEYLEDGER_PUBLIC_URL to the https address under which people reach this service, \
         for example `https://id.example.com`: links in mails start with it and are never taken from a request"
    )]
    NoPublicUrl,
    /// Plain HTTP beyond this machine without a proxy that ends TLS.
    #[error(
        "{name} is {listen}, which is plain http beyond this machine; listen on a loopback address, or name the \
         proxy that ends TLS in http.trusted_proxies, for example `10.0.0.5`"
    )]
    OpenListener {
        /// The setting, `listen` or `admin_listen`.
        name: &'static str,
        /// The address.
        listen: std::net::SocketAddr,
    },
    /// A console behind a proxy whose address nobody told (L-07).
    #[error(
        "admin_url is not set, and admin_listen is {listen}, where no browser finds the console by itself; set \
         KEYLEDGER_ADMIN_URL to the https address under which administrators reach it, for example \
         `https://admin.id.example.com`"
    )]
    NoAdminUrl {
        /// The address.
        listen: std::net::SocketAddr,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(
        || "`keyledger config reference` lists all settings".to_owned(),
        |nearest| format!("did you mean `{nearest}`?"),
    )
}

/// Everything that is wrong with the configuration, at once; one problem a line.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", .0.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Problems(pub Vec<Problem>);

/// Something that works but should be looked at; the caller logs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Warning {
    /// A setting under both its own name and its alias.
    AliasIgnored {
        /// The variable that counts.
        name: String,
        /// The alias that does not.
        alias: String,
        /// Where the alias stands.
        origin: Origin,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AliasIgnored { name, alias, origin } => {
                write!(
                    f,
                    "{name} and {alias} are both set: {name} wins (ignored: {origin}); remove one of the two"
                )
            }
        }
    }
}
