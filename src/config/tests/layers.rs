//! Which source wins, and what each one may say.

use std::path::Path;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::World;
use crate::config::{
    Enumeration, Envelope, LogFormat, SETTINGS, Security, Sources, Transport, Warning, WebUrl,
};

/// A setting of each kind, with a different right value for each of the five layers.
const MATRIX: [(&str, [&str; 5]); 8] = [
    (
        "listen",
        [
            "127.0.0.1:1",
            "127.0.0.1:2",
            "127.0.0.1:3",
            "127.0.0.1:4",
            "127.0.0.1:5",
        ],
    ),
    ("brand_name", ["A", "B", "C", "D", "E"]),
    ("envelope", ["bare", "wrapped", "bare", "wrapped", "bare"]),
    (
        "email.host",
        ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"],
    ),
    ("tokens.access_lifetime", ["61s", "62s", "63s", "64s", "65s"]),
    (
        "limits.stranger_bytes_day",
        ["21MiB", "22MiB", "23MiB", "24MiB", "25MiB"],
    ),
    (
        "email.from",
        ["a@x.org", "b@x.org", "c@x.org", "d@x.org", "e@x.org"],
    ),
    (
        "public_url",
        [
            "https://a.org",
            "https://b.org",
            "https://c.org",
            "https://d.org",
            "https://e.org",
        ],
    ),
];

#[test]
fn every_source_is_stronger_than_the_next() {
    for (name, values) in MATRIX {
        let env = SETTINGS
            .iter()
            .find(|setting| setting.name == name)
            .unwrap()
            .env();
        let flag = format!("flag --{}", name.replace(['.', '_'], "-"));
        let origins = [
            flag,
            format!("env {env}"),
            ".env /data/.env:2".into(),
            ".env /here/.env:2".into(),
            "/data/keyledger.toml:1".into(),
        ];
        for strongest in 0..values.len() {
            let mut world = World::new();
            for (layer, value) in values.iter().enumerate().skip(strongest) {
                world = match layer {
                    0 => world.flag(name, value),
                    1 => world.env(&env, value),
                    2 => world.file("/data/.env", format!("# x\n{env}={value}\n")),
                    3 => world.file("/here/.env", format!("# x\n{env}={value}\n")),
                    _ => world.toml(&format!("{name} = {value:?}\n")),
                };
            }
            let expected = (values[strongest].to_owned(), origins[strongest].clone());
            assert_eq!(world.shown(name), expected, "{name}, layer {strongest}");
        }
    }
}

#[test]
fn without_any_source_the_defaults_hold() {
    let config = World::new().load();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert!(config.public_url.is_none() && config.recovery_url.is_none() && config.master_key.is_none());
    assert_eq!(
        (config.brand_name.as_str(), config.log.as_str()),
        ("Keyledger", "info")
    );
    assert_eq!(
        (config.log_format, config.envelope),
        (LogFormat::Text, Envelope::Hybrid)
    );
    assert_eq!(config.enumeration, Enumeration::Default);
    assert!(!config.require_verified_email && !config.verify_on_get && config.callback_urls.is_empty());
    assert_eq!(config.keys_dir, Path::new("/data/keys"));
    assert_eq!(config.rest.password_policy, "classic");
    let email = &config.email;
    assert_eq!(
        (email.host.as_str(), email.port, email.timeout),
        ("localhost", 25, Duration::from_secs(10))
    );
    assert_eq!(
        (email.from.to_string(), email.security()),
        ("keyledger@localhost".to_owned(), Security::Clear)
    );
    assert_eq!((email.transport, email.connections), (Transport::Smtp, 4));
    let tokens = &config.tokens;
    assert_eq!(tokens.recovery_lifetime, Duration::from_hours(24));
    assert_eq!(tokens.session_absolute, Duration::from_hours(24 * 30));
    assert_eq!(tokens.withdraw_delay, Duration::from_hours(72));
    let passwords = &config.passwords;
    assert_eq!(
        (passwords.memory_kib, passwords.time, passwords.parallelism),
        (19_456, 2, 1)
    );
    let limits = &config.limits;
    assert_eq!(
        (
            limits.mails_per_address_hour,
            limits.mails_per_address_day,
            limits.mails_per_client
        ),
        (5, 10, 30)
    );
    assert_eq!(limits.signin_wait_max, Duration::from_mins(15));
    assert_eq!(
        (limits.stranger_bytes_day, limits.stranger_bytes_burst),
        (64 << 20, 16 << 20)
    );
    assert_eq!(config.http.connections_max, 1024);
    assert!(config.warnings().is_empty());
    assert_eq!(World::default().load().data, Path::new("/here/keyledger-data"));
}

#[test]
fn every_setting_fits_its_field() {
    for setting in SETTINGS {
        let base = World::default().env("KEYLEDGER_EMAIL__ALLOW_PLAINTEXT", "true");
        let base = match setting.name {
            "email.username" => base.env("KEYLEDGER_EMAIL__PASSWORD", "x"),
            "email.password" => base.env("KEYLEDGER_EMAIL__USERNAME", "x"),
            _ => base,
        };
        let example = setting.kind.example();
        let found = base.env(&setting.env(), &example).problems();
        let crossed = found
            .iter()
            .all(|problem| matches!(problem, crate::config::Problem::Together { .. }));
        assert!(crossed, "{}: {found:?}", setting.name);
    }
}

#[test]
fn a_toml_file_holds_all_types() {
    let config = World::new()
        .toml(
            r#"
            public_url = "https://id.example.com/"
            callback_urls = ["https://app.example.com/done", "https://app.example.com/a,b"]
            verify_on_get = true
            [email]
            host = "smtp.example.com"
            port = 587
            use_tls = true
            timeout = 5
            ca_file = "ca.pem"
            [http]
            trusted_proxies = ["10.0.0.0/8"]
            [limits]
            stranger_bytes_day = 67_108_864
            signin_wait_first = "20s"
            "#,
        )
        .load();
    assert_eq!(
        config.public_url.as_ref().map(WebUrl::as_str),
        Some("https://id.example.com")
    );
    assert_eq!(
        config.recovery_url.as_ref().map(WebUrl::as_str),
        Some("https://id.example.com/recover")
    );
    assert_eq!(config.callback_urls[1].as_str(), "https://app.example.com/a,b");
    assert_eq!(
        (config.email.port, config.email.security()),
        (587, Security::StartTls)
    );
    assert_eq!(config.email.timeout, Duration::from_secs(5));
    assert_eq!(
        config.email.ca_file.as_deref(),
        Some(Path::new("/data/ca.pem")),
        "relative to the file"
    );
    assert_eq!(config.limits.stranger_bytes_day, 64 << 20);
}

#[test]
fn another_config_file_replaces_that_of_the_data_folder_and_may_name_the_folder() {
    let world = World::default()
        .config_file("etc/k.toml")
        .file("/here/etc/k.toml", "data = \"store\"\nbrand_name = \"Two\"")
        .file("/here/etc/store/keyledger.toml", "brand_name = \"One\"")
        .file("/here/etc/store/.env", "KEYLEDGER_LOG=debug");
    assert_eq!(
        world.shown("brand_name"),
        ("Two".to_owned(), "/here/etc/k.toml:2".to_owned())
    );
    assert_eq!(world.shown("data").0, "/here/etc/store");
    assert_eq!(
        world.shown("log"),
        ("debug".to_owned(), ".env /here/etc/store/.env:1".to_owned())
    );
    let missing = World::new().config_file("/etc/none.toml").problem();
    assert!(missing.starts_with("cannot read /etc/none.toml"), "{missing}");
}

#[test]
fn the_data_folder_cannot_point_elsewhere() {
    let world = World::new()
        .toml("data = \"/other\"")
        .file("/data/.env", "KEYLEDGER_DATA=/other");
    let problems: Vec<String> = world.problems().iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems
            .iter()
            .all(|problem| problem.starts_with("data cannot be set in a file of the data folder"))
    );
    assert_eq!(
        World::new().toml("data = \"/data\"").shown("data").1,
        "env KEYLEDGER_DATA"
    );
    let here = World::default().file("/here/.env", "KEYLEDGER_DATA=.\nKEYLEDGER_LOG=warn");
    assert_eq!(here.shown("log").1, ".env /here/.env:2");
}

#[test]
fn a_mail_set_up_written_for_authentik_works_unchanged() {
    let block = "AUTHENTIK_EMAIL__HOST=smtp.sendgrid.net\nAUTHENTIK_EMAIL__PORT=587\nAUTHENTIK_EMAIL__USERNAME=apikey\n\
                 AUTHENTIK_EMAIL__PASSWORD=SG.비밀번호-내용\nAUTHENTIK_EMAIL__USE_TLS=true\nAUTHENTIK_EMAIL__USE_SSL=false\n\
                 AUTHENTIK_EMAIL__FROM=키레저 <no-reply@example.com>\n";
    let more = "PG_PASS=abc\nAUTHENTIK_SECRET_KEY=abc\nAUTHENTIK_EMAIL__TIMEOUT=7\nAUTHENTIK_EMAIL__TEMPLATE_DIR=/x\n";
    for (folder, text) in [
        ("/here/.env", format!("{block}{more}")),
        ("/data/.env", block.replace('\n', "\r\n")),
    ] {
        let world = World::new().file(folder, &text);
        let config = world.load();
        let email = &config.email;
        assert_eq!((email.host.as_str(), email.port), ("smtp.sendgrid.net", 587));
        assert_eq!(
            (email.username.as_deref(), email.security()),
            (Some("apikey"), Security::StartTls)
        );
        assert_eq!(
            email.password.as_ref().unwrap().expose_secret(),
            "SG.비밀번호-내용"
        );
        assert_eq!(email.from.address, "no-reply@example.com");
        assert_eq!(email.from.name.as_deref(), Some("키레저"));
        assert!(config.warnings().is_empty());
        assert_eq!(world.shown("email.port").1, format!(".env {folder}:2"));
    }
}

#[test]
fn a_misspelt_alias_is_refused_with_the_name_that_was_meant() {
    for world in [
        World::new().env("AUTHENTIK_EMAIL__HOTS", "mx.example.org"),
        World::new().file("/data/.env", "AUTHENTIK_EMAIL__HOTS=mx.example.org"),
    ] {
        let problem = world.problem();
        assert!(
            problem.starts_with("AUTHENTIK_EMAIL__HOTS is not a setting")
                && problem.contains("did you mean `AUTHENTIK_EMAIL__HOST`?"),
            "{problem}"
        );
    }
}

#[test]
fn an_alias_is_weaker_than_our_name_wherever_it_stands() {
    let world = World::new()
        .env("AUTHENTIK_EMAIL__PORT", "2525")
        .file("/data/.env", "KEYLEDGER_EMAIL__PORT=1025")
        .toml("email.port = 25");
    assert_eq!(
        world.shown("email.port"),
        ("1025".to_owned(), ".env /data/.env:1".to_owned())
    );
    let warnings = world.load().warnings().to_vec();
    assert!(
        matches!(&warnings[..], [Warning::AliasIgnored { name, alias, .. }]
        if name == "KEYLEDGER_EMAIL__PORT" && alias == "AUTHENTIK_EMAIL__PORT")
    );
    assert!(warnings[0].to_string().contains("KEYLEDGER_EMAIL__PORT wins"));
    let alone = World::new()
        .env("AUTHENTIK_EMAIL__PORT", "2525")
        .toml("email.port = 25");
    assert_eq!(
        alone.shown("email.port"),
        ("2525".to_owned(), "env AUTHENTIK_EMAIL__PORT".to_owned())
    );
    assert!(alone.load().warnings().is_empty());
}

#[test]
fn a_secret_comes_from_a_file_without_its_line_end() {
    for (text, secret) in [
        ("s3cret\n", "s3cret"),
        ("s3cret\r\n", "s3cret"),
        (" s3cret ", " s3cret "),
        ("a\n\n", "a\n"),
    ] {
        let world = World::new()
            .env("KEYLEDGER_MASTER_KEY_FILE", "/run/secrets/k")
            .file("/run/secrets/k", text);
        assert_eq!(world.load().master_key.unwrap().expose_secret(), secret);
    }
    let world = World::new()
        .toml("[email]\nusername = \"u\"\npassword_file = \"pw\"")
        .file("/data/pw", "geheim");
    assert_eq!(world.load().email.password.unwrap().expose_secret(), "geheim");
    assert_eq!(
        world.shown("email.password"),
        ("••••••".to_owned(), "/data/keyledger.toml:3".to_owned())
    );
}

#[test]
fn a_secret_and_its_file_in_one_source_are_an_error() {
    let world = World::new()
        .env("KEYLEDGER_EMAIL__PASSWORD", "abcdefgh")
        .env("KEYLEDGER_EMAIL__PASSWORD_FILE", "/run/secrets/k")
        .env("KEYLEDGER_EMAIL__USERNAME", "u")
        .file("/run/secrets/k", "ijklmnop");
    assert_eq!(
        world.problem(),
        "email.password is given twice, as a value and as a file (from env KEYLEDGER_EMAIL__PASSWORD and \
         env KEYLEDGER_EMAIL__PASSWORD_FILE); keep one of the two"
    );
}

#[test]
fn a_secret_file_that_is_of_no_use_is_named() {
    let world = |text: &[u8]| {
        World::new()
            .env("KEYLEDGER_MASTER_KEY_FILE", "/k")
            .file("/k", text)
    };
    for (text, part) in [
        (&b""[..], "empty"),
        (b"\n", "empty"),
        (b"\xff", "not UTF-8"),
        (b"a\0b", "NUL"),
    ] {
        let problem = world(text).problem();
        assert!(problem.contains(part) && problem.contains("/k"), "{problem}");
    }
    let missing = World::new().env("KEYLEDGER_MASTER_KEY_FILE", "/none").problem();
    assert!(
        missing.contains("cannot be read") && missing.contains("env KEYLEDGER_MASTER_KEY_FILE"),
        "{missing}"
    );
}

#[test]
fn an_empty_value_means_none() {
    let world = World::new()
        .env("KEYLEDGER_EMAIL__USERNAME", "")
        .env("KEYLEDGER_PUBLIC_URL", " ")
        .env("KEYLEDGER_LIMITS__EXEMPT_NETWORKS", "")
        .toml("public_url = \"https://x.org\"\n[email]\nusername = \"u\"\n[limits]\nexempt_networks = [\"::1\"]");
    let config = world.load();
    assert!(config.email.username.is_none() && config.public_url.is_none());
    assert!(config.limits.exempt_networks.is_empty());
    assert!(
        World::new()
            .env("KEYLEDGER_LISTEN", "")
            .problem()
            .contains("it is empty")
    );
}

#[test]
fn the_sources_of_this_process_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("keyledger.toml"), "brand_name = \"On disk\"").unwrap();
    let sources = Sources::of_process(
        [("data".to_owned(), folder.path().display().to_string())].into(),
        None,
    );
    assert!(sources.directory.is_absolute());
    let sources = Sources {
        environment: [].into(),
        directory: folder.path().join("elsewhere"),
        ..sources
    };
    assert_eq!(
        crate::config::Config::load(&sources).unwrap().brand_name,
        "On disk"
    );
}
