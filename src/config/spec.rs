//! The table of all settings: the one place where a setting's name, type, bounds, default and purpose are written.
//! Structs, parsing, environment names, hints, `config show` and the reference all derive from it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::SecretString;

use super::kind::Kind;
use super::problem::Warning;
use super::sender::Sender;
use super::setting::{Setting, choices, settings};
use super::show::Shown;
use super::url::{Shape, WebUrl};
use super::value::{FromValue, Value};
use crate::types::{Colour, WebOrigin};

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;
const MIB: u64 = 1 << 20;

/// Settings that are read from `AUTHENTIK_…` variables too, so that a set-up written for that product works unchanged.
pub(super) const ALIASED: &[&str] = &[
    "email.host",
    "email.port",
    "email.username",
    "email.password",
    "email.use_tls",
    "email.use_ssl",
    "email.timeout",
    "email.from",
];

choices! {
    /// The form of log lines.
    LogFormat {
        /// For people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
    /// The form of successful REST answers.
    Envelope {
        /// Fields both bare and inside `data`.
        Hybrid = "hybrid",
        /// Fields bare.
        Bare = "bare",
        /// Fields inside `data`.
        Wrapped = "wrapped",
    }
    /// What sign-up tells about existing accounts.
    Enumeration {
        /// Sign-up says that an address is taken.
        Default = "default",
        /// Sign-up answers alike for all and mails the owner instead.
        Strict = "strict",
    }
    /// How mails leave.
    Transport {
        /// To a mail server.
        Smtp = "smtp",
        /// Into files of a folder.
        File = "file",
        /// Onto the terminal.
        Console = "console",
    }
}

settings! {
    /// The checked configuration: what the process runs with.
    Config {
        /// Folder that holds the ledger, and by default its keys.
        data: PathBuf = Kind::Path, "keyledger-data";
        /// Address that HTTP is served on; beyond loopback only behind a proxy named in `http.trusted_proxies`.
        listen: SocketAddr = Kind::Address, "127.0.0.1:8080";
        /// Address that the console, the admin API and the audit API are served on; set equal to `listen`, that serves all.
        admin_listen: SocketAddr = Kind::Address, "127.0.0.1:8081";
        /// Address under which administrators reach the console; needed where `admin_listen` is beyond loopback.
        admin_url: Option<WebUrl> = Kind::Url(Shape::Base), "";
        /// Whether the console is only for administrators with a second factor, which every sign-in then asks for.
        admin_second_factor: bool = Kind::Flag, "false";
        /// Address under which people reach this service; links in mails start with it; needed to serve.
        public_url: Option<WebUrl> = Kind::Url(Shape::Base), "";
        /// Page that recovery mails link to; the token follows as its fragment.
        recovery_url: Option<WebUrl> = Kind::Url(Shape::Page), "{public_url}/recover";
        /// Name of this service on pages and in mails.
        brand_name: String = Kind::Text, "Keyledger";
        /// Colour of buttons and links on pages; where it could not be read, its nearest shade that can.
        brand_color: Option<Colour> = Kind::Colour, "";
        /// Logo beside the name on pages: an SVG, PNG or WebP picture of at most 256 KiB.
        brand_logo: Option<PathBuf> = Kind::Path, "";
        /// Log filter: a level, and levels of single targets, as in `info,keyledger::mail=debug`.
        log: String = Kind::Filter, "info";
        /// Form of log lines.
        log_format: LogFormat = Kind::OneOf(LogFormat::WORDS), "text";
        /// Form of successful REST answers.
        envelope: Envelope = Kind::OneOf(Envelope::WORDS), "hybrid";
        /// Whether sign-up tells that an address is taken; `strict` answers alike and mails the owner.
        enumeration: Enumeration = Kind::OneOf(Enumeration::WORDS), "default";
        /// Whether signing in needs a verified address.
        require_verified_email: bool = Kind::Flag, "false";
        /// Whether opening a verification link verifies at once, without a button; mail scanners then verify too.
        verify_on_get: bool = Kind::Flag, "false";
        /// Pages that `callbackUrl` may name, compared exactly.
        callback_urls: Vec<WebUrl> = Kind::Urls, "";
        /// Key that wraps all other keys; without it a file in `keys_dir` holds one.
        master_key: Option<SecretString> = Kind::Secret, "";
        /// Key that takes the place of `master_key`, while `keyledger keys rotate-master-key` replaces it.
        master_key_next: Option<SecretString> = Kind::Secret, "";
        /// How long copies of a changed keyring are kept, two at most.
        keys_backups_kept: Duration = Kind::Time(0, 90 * DAY), "14d";
        /// Folder for the master key, the keyring, the anchor and the erasure list; keep it out of backups of the ledger.
        keys_dir: PathBuf = Kind::Path, "{data}/keys";
    }

    /// The HTTP server.
    http: Http {
        /// Proxies that end TLS and whose `X-Forwarded-For` is believed.
        trusted_proxies: Vec<IpNet> = Kind::Networks, "";
        /// Open connections, all clients together.
        connections_max: usize = Kind::Count(1, 65_536), "1024";
        /// Open connections of one client.
        connections_per_client_max: usize = Kind::Count(1, 65_536), "64";
        /// Time for a request's header to arrive.
        header_timeout: Duration = Kind::Time(1, 5 * MINUTE), "10s";
        /// Time for a request's body to arrive.
        body_timeout: Duration = Kind::Time(1, 5 * MINUTE), "10s";
        /// Time that a connection may wait for its next request.
        idle_timeout: Duration = Kind::Time(1, HOUR), "60s";
        /// Time for an answer to be made.
        handler_timeout: Duration = Kind::Time(1, 5 * MINUTE), "30s";
        /// Time that running requests get when the service stops.
        shutdown_timeout: Duration = Kind::Time(0, 10 * MINUTE), "10s";
    }

    /// Snapshots of state, which a start goes on from instead of folding every event.
    snapshots: Snapshots {
        /// Events after which the next snapshot is taken; 0 takes none and uses none.
        every: u32 = Kind::Count(0, 1_000_000_000), "250000";
    }

    /// The REST API.
    rest: Rest {
        /// Name of the password policy that the REST routes use; flows use those of their prompt stage.
        password_policy: String = Kind::Text, "classic";
    }

    /// Services behind this server, whose proxies ask it who is there.
    services: Services {
        /// Origins of services that the sign-in may lead back to.
        origins: Vec<WebOrigin> = Kind::Origins, "";
        /// Domain that `public_url` and the services have in common, which browsers send the cookie for services to.
        cookie_domain: Option<String> = Kind::Host, "";
    }

    /// Evidence for auditors.
    audit: Audit {
        /// Name of this ledger in signed checkpoints, such as `auth.example.org`; by default host and path of `public_url`.
        origin: Option<String> = Kind::Text, "";
        /// How often administrators are mailed a signed checkpoint, which they keep elsewhere; never if it is not set.
        mail_checkpoint_every: Option<Duration> = Kind::Time(HOUR, 365 * DAY), "";
        /// Submission prefix of a witness (`c2sp.org/tlog-witness`) that cosigns checkpoints; with `witness_key`.
        witness_url: Option<WebUrl> = Kind::Url(Shape::Base), "";
        /// Key of that witness: `NAME+ID+KEY`.
        witness_key: Option<String> = Kind::Text, "";
        /// Whether the witness may be on this machine (then without TLS, too) or in a private network.
        witness_allow_private: bool = Kind::Flag, "false";
    }

    /// Outgoing mail.
    email: Email {
        /// Mail server.
        host: String = Kind::Host, "localhost";
        /// Port of the mail server.
        port: u16 = Kind::Count(1, 65_535), "25";
        /// User name for the mail server; with `password`.
        username: Option<String> = Kind::Text, "";
        /// Password for the mail server; with `username`.
        password: Option<SecretString> = Kind::Secret, "";
        /// Whether to require STARTTLS.
        use_tls: bool = Kind::Flag, "false";
        /// Whether to speak TLS from the first byte.
        use_ssl: bool = Kind::Flag, "false";
        /// Time for connecting and for every read and write of the conversation.
        timeout: Duration = Kind::Time(1, 5 * MINUTE), "10s";
        /// Sender of mails.
        from: Sender = Kind::Sender, "keyledger@localhost";
        /// Whether clear-text SMTP may leave this machine.
        allow_plaintext: bool = Kind::Flag, "false";
        /// How mails leave: to a server, into files, or onto the terminal.
        transport: Transport = Kind::OneOf(Transport::WORDS), "smtp";
        /// Folder for mails when `transport` is `file`.
        file_dir: PathBuf = Kind::Path, "{data}/mail";
        /// Certificates (PEM) that the mail server's is checked against instead of the public ones.
        ca_file: Option<PathBuf> = Kind::Path, "";
        /// Connections to the mail server, at most.
        connections: usize = Kind::Count(1, 64), "4";
    }

    /// Lifetimes of tokens and sessions.
    tokens: Tokens {
        /// Life of a recovery link and code; never above 24h.
        recovery_lifetime: Duration = Kind::Time(MINUTE, DAY), "24h";
        /// Life of a verification link and code; never above 24h.
        verification_lifetime: Duration = Kind::Time(MINUTE, DAY), "24h";
        /// Life of a code that is mailed as second factor; never above 24h.
        factor_code_lifetime: Duration = Kind::Time(MINUTE, DAY), "30m";
        /// Life of an access token.
        access_lifetime: Duration = Kind::Time(MINUTE, DAY), "1h";
        /// Time without use after which a session ends.
        session_idle: Duration = Kind::Time(MINUTE, 365 * DAY), "7d";
        /// Time after which a session ends in any case.
        session_absolute: Duration = Kind::Time(MINUTE, 365 * DAY), "30d";
        /// Time in which a refresh token whose answer was lost may be sent once more.
        refresh_grace: Duration = Kind::Time(0, MINUTE), "10s";
        /// Time between closing an account and destroying its keys.
        withdraw_delay: Duration = Kind::Time(0, 90 * DAY), "72h";
        /// Sessions of one user; the oldest ends when there would be more.
        sessions_per_user_max: u32 = Kind::Count(1, 1_000), "50";
    }

    /// Password hashing (Argon2id, RFC 9106).
    passwords: Passwords {
        /// Memory of one hash in KiB.
        memory_kib: u32 = Kind::Count(19_456, 4 * MIB), "19456";
        /// Passes of one hash over its memory.
        time: u32 = Kind::Count(2, 64), "2";
        /// Lanes of one hash.
        parallelism: u32 = Kind::Count(1, 16), "1";
        /// Threads that hash; 0 is one for each core.
        workers: usize = Kind::Count(0, 1_024), "0";
        /// Passwords that may wait for hashing before callers are told to come back.
        queue_max: usize = Kind::Count(1, 65_536), "256";
    }

    /// Leaked passwords beyond the built-in list.
    breach: Breach {
        /// Folder for imported sets of leaked passwords.
        directory: PathBuf = Kind::Path, "{data}/breached";
        /// Whether a range service of leaked passwords may be on this machine or in a private network.
        allow_private: bool = Kind::Flag, "false";
        /// Certificates (PEM) of authorities that such a service's is checked against, beside the public ones.
        ca_file: Option<PathBuf> = Kind::Path, "";
    }

    /// Receivers of chosen events.
    webhooks: Webhooks {
        /// Whether receivers may be on this machine (then without TLS, too) or in a private network.
        allow_private: bool = Kind::Flag, "false";
        /// Certificates (PEM) of authorities that a receiver's is checked against, beside the public ones.
        ca_file: Option<PathBuf> = Kind::Path, "";
        /// Time for one delivery: the name, the connection, TLS and the answer.
        timeout: Duration = Kind::Time(1, MINUTE), "10s";
        /// Time after which an event that a receiver does not take is given up; those behind it wait until then.
        give_up_after: Duration = Kind::Time(MINUTE, 30 * DAY), "24h";
    }

    /// Scheduled backups.
    backup: Backup {
        /// Folder that the server writes backups into by itself; none: it makes none. Best on another disk than the ledger.
        directory: Option<PathBuf> = Kind::Path, "";
        /// Time between two backups.
        every: Duration = Kind::Time(MINUTE, 365 * DAY), "24h";
        /// Backups after which a new chain begins with all of the ledger; those in between hold what was added.
        full_every: usize = Kind::Count(1, 1_000), "7";
        /// Chains that are kept; older ones are removed after a newer backup was proven.
        keep: usize = Kind::Count(1, 1_000), "4";
        /// Passphrase of key backups (`backup --with-keys`, `restore --keys`); asked for on the terminal if it is not set.
        passphrase: Option<SecretString> = Kind::Secret, "";
    }

    /// Limits on what strangers can cause.
    limits: Limits {
        /// Mails that strangers can cause to one address in an hour.
        mails_per_address_hour: u32 = Kind::Count(1, 1_000), "5";
        /// Mails that strangers can cause to one address in a day.
        mails_per_address_day: u32 = Kind::Count(1, 10_000), "10";
        /// Mails that one client can cause in 10 minutes.
        mails_per_client: u32 = Kind::Count(1, 100_000), "30";
        /// Wrong sign-ins of one user and client before they have to wait.
        signin_free: u32 = Kind::Count(1, 100), "5";
        /// The first such wait; it doubles.
        signin_wait_first: Duration = Kind::Time(1, HOUR), "10s";
        /// The longest such wait.
        signin_wait_max: Duration = Kind::Time(1, DAY), "15m";
        /// Wrong sign-ins of one user in an hour, all strange clients together.
        signin_per_user_hour: u32 = Kind::Count(1, 1_000), "100";
        /// Wrong codes on one challenge.
        code_tries_per_challenge: u32 = Kind::Count(1, 5), "5";
        /// Wrong codes for one address in a day, all challenges together.
        code_tries_per_address_day: u32 = Kind::Count(1, 100), "20";
        /// Mails in a day kept for clients that signed in as this user lately.
        reserve_mails_day: u32 = Kind::Count(1, 100), "3";
        /// Code tries in a day kept for clients that signed in as this user lately.
        reserve_codes_day: u32 = Kind::Count(1, 100), "5";
        /// Wrong second factors of one user in 15 minutes.
        mfa_tries: u32 = Kind::Count(1, 100), "5";
        /// Wrong current passwords of one session in 15 minutes.
        current_password_tries: u32 = Kind::Count(1, 100), "5";
        /// Sign-ups of one client in an hour; it may ask about as many user names.
        signups_per_client_hour: u32 = Kind::Count(1, 100_000), "20";
        /// Calls of one client with one key in a minute.
        calls_per_client_minute: u32 = Kind::Count(1, 10_000_000), "600";
        /// Networks that limits per client do not apply to; those per address and user always do.
        exempt_networks: Vec<IpNet> = Kind::Networks, "";
        /// Bytes that strangers can add to the ledger in a day.
        stranger_bytes_day: u64 = Kind::Size(MIB, 1_024 * 1_024 * MIB), "64MiB";
        /// Bytes that strangers can add to the ledger at once.
        stranger_bytes_burst: u64 = Kind::Size(64 * 1_024, 1_024 * MIB), "16MiB";
        /// Days for which a client that signed in counts as known.
        known_client_days: u32 = Kind::Count(1, 365), "30";
    }
}

fn field<T: FromValue>(values: &mut BTreeMap<&'static str, Value>, name: &'static str) -> T {
    let value = values.remove(name).unwrap_or(Value::None);
    T::from_value(value)
        .unwrap_or_else(|| panic!("the kind of the setting {name} makes what its field holds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_well_formed() {
        let mut names: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
        for name in &names {
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b"._".contains(&b)),
                "{name}"
            );
            assert!(!name.contains("__"), "{name} could not be told from a section");
        }
        let flags: std::collections::BTreeSet<String> = SETTINGS.iter().map(Setting::flag).collect();
        assert_eq!(flags.len(), names.len(), "two settings have one flag");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SETTINGS.len());
        for alias in ALIASED {
            assert!(names.contains(alias), "{alias}");
        }
    }

    #[test]
    fn every_row_is_documented_and_takes_its_own_example() {
        for setting in SETTINGS {
            let doc = setting.doc();
            assert!(
                doc.len() > 10 && doc.ends_with('.') && !doc.contains('\n'),
                "{}: {doc}",
                setting.name
            );
            assert!(!doc.contains('|'), "{}: the reference is a table", setting.name);
            let raw = super::super::value::Raw::Plain(setting.example());
            assert!(
                setting.read(&raw, std::path::Path::new("/")).is_ok(),
                "{}",
                setting.name
            );
        }
    }
}
