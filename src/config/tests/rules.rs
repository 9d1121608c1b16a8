//! What is refused, and how it is said.

use super::World;
use crate::config::{Config, Problem, SETTINGS, Sources};

const SECRET: &str = "hunter2-Zq9-never-show-me";

#[test]
fn an_unknown_variable_is_refused_with_the_nearest_name() {
    let world = World::new().env("KEYLEDGER_EMAIL__PASSWROD", SECRET);
    assert_eq!(
        world.problem(),
        "KEYLEDGER_EMAIL__PASSWROD is not a setting (from env KEYLEDGER_EMAIL__PASSWROD); \
         did you mean `KEYLEDGER_EMAIL__PASSWORD`?"
    );
    let world = World::new().file("/here/.env", "OTHER=1\nnot.ours=2\nKEYLEDGER_PUBLIC_URI=x\n");
    assert_eq!(
        world.problem(),
        "KEYLEDGER_PUBLIC_URI is not a setting (from .env /here/.env:3); did you mean `KEYLEDGER_PUBLIC_URL`?"
    );
    let far = World::new().env("KEYLEDGER_WEATHER", "x").problem();
    assert!(
        far.ends_with("`keyledger config reference` lists all settings"),
        "{far}"
    );
}

#[test]
fn an_unknown_toml_key_is_refused_with_line_and_nearest_name() {
    let world = World::new().toml("brand_name = \"x\"\n\n[limits]\nsignin_fre = 5\n");
    assert_eq!(
        world.problem(),
        "limits.signin_fre is not a setting (from /data/keyledger.toml:4); did you mean `limits.signin_free`?"
    );
    let world = World::new().toml("[emial]\nhost = \"x\"\n");
    assert!(world.problem().contains("/data/keyledger.toml:2") && world.problem().contains("`email.host`"));
    let world = World::new().toml("email = 3\n");
    assert!(
        world.problem().starts_with("email is a section"),
        "{}",
        world.problem()
    );
    assert!(
        World::new()
            .toml("[weather]\n")
            .problem()
            .starts_with("weather is not a setting")
    );
    assert!(
        World::new()
            .toml("\"email.host\" = \"x\"\n")
            .problem()
            .contains("is not a setting")
    );
    assert!(World::new().toml("[email]\n[http]\n").problems().is_empty());
}

#[test]
fn an_unknown_flag_is_refused_with_the_nearest_name() {
    let problem = World::new().flag("public_uri", "x").problem();
    assert_eq!(
        problem,
        "public_uri is not a setting (from flag --public-uri); did you mean `public_url`?"
    );
}

#[test]
fn a_wrong_value_names_key_origin_expectation_and_example() {
    for (world, text) in [
        (
            World::new().env("KEYLEDGER_EMAIL__PORT", "smtp"),
            "email.port: `smtp` is not a whole number (from env KEYLEDGER_EMAIL__PORT); expected a whole number from \
             1 to 65535, for example `KEYLEDGER_EMAIL__PORT=25`",
        ),
        (
            World::new().toml("[email]\nport = \"25\""),
            "email.port: it is a string (from /data/keyledger.toml:2); expected a whole number from 1 to 65535, for \
             example `port = 25`",
        ),
        (
            World::new().flag("envelope", "naked"),
            "envelope: `naked` is none of its words (from flag --envelope); expected `hybrid` or `bare` or `wrapped`, \
             for example `--envelope hybrid`",
        ),
        (
            World::new().file("/data/.env", "AUTHENTIK_EMAIL__FROM=이메일주소"),
            "email.from: `이메일주소` is not an address (from .env /data/.env:1); expected an e-mail address, or \
             `Name <address>`, for example `KEYLEDGER_EMAIL__FROM=keyledger@localhost`",
        ),
        (
            World::new().toml("[http]\ntrusted_proxies = \"10.0.0.0/8\""),
            "http.trusted_proxies: it is a string (from /data/keyledger.toml:2); expected a list of IP addresses or \
             networks, none of them the whole Internet, for example `trusted_proxies = [\"10.0.0.0/8\", \
             \"2001:db8::/32\"]`",
        ),
    ] {
        assert_eq!(world.problem(), text);
    }
}

#[test]
fn files_that_cannot_be_read_as_such_name_file_and_line() {
    let toml = World::new().toml("brand_name = \"x\"\nlog = = 3\n").problems();
    assert!(
        toml[0].to_string().starts_with("/data/keyledger.toml:2: "),
        "{toml:?}"
    );
    let toml = World::new().toml("log = \"info\"\nlog = \"warn\"\n").problem();
    assert!(toml.starts_with("/data/keyledger.toml:2: "), "{toml}");
    let line = World::new().file("/here/.env", "A=1\nnonsense\n").problem();
    assert!(line.starts_with("/here/.env:2: "), "{line}");
    let value = World::new()
        .file("/here/.env", format!("KEYLEDGER_MASTER_KEY=\"{SECRET}\\d\"\n"))
        .problem();
    assert!(
        value.starts_with("/here/.env:1: KEYLEDGER_MASTER_KEY: an unknown escape"),
        "{value}"
    );
    assert!(
        World::new()
            .file("/here/.env", "FOREIGN=\"\\d\"\n")
            .problems()
            .is_empty()
    );
    let twice = World::new()
        .file("/here/.env", "KEYLEDGER_LOG=info\nA=1\nA=2\nKEYLEDGER_LOG=warn")
        .problem();
    assert_eq!(
        twice,
        "KEYLEDGER_LOG is set twice in /here/.env, lines 1 and 4; keep one of the two"
    );
    assert!(
        World::new()
            .file("/data/.env", b"A=\xff")
            .problem()
            .contains("cannot read /data/.env: it is not UTF-8")
    );
}

#[test]
fn all_problems_are_found_at_once() {
    let world = World::new()
        .env("KEYLEDGER_LISTEN", "here")
        .env("KEYLEDGER_WEATHER", "x")
        .env("KEYLEDGER_EMAIL__USE_TLS", "true")
        .env("KEYLEDGER_EMAIL__USE_SSL", "true")
        .file("/here/.env", "nonsense\nKEYLEDGER_TOKENS__RECOVERY_LIFETIME=25h")
        .toml("[limits]\nmfa_tries = 0\n[email]\nprot = 1\n");
    let problems = world.check();
    assert_eq!(problems.len(), 8, "{problems:#?}");
    assert!(problems.contains(&Problem::NoPublicUrl));
    assert!(
        !problems
            .iter()
            .any(|problem| matches!(problem, Problem::OpenListener { .. }))
    );
}

#[test]
fn variables_that_container_platforms_set_are_not_errors() {
    let world = World::new()
        .env("KEYLEDGER_SERVICE_HOST", "10.0.0.1")
        .env("KEYLEDGER_SERVICE_PORT_HTTP", "80")
        .env("KEYLEDGER_PORT", "tcp://10.0.0.1:80")
        .env("KEYLEDGER_PORT_80_TCP_ADDR", "10.0.0.1");
    assert!(world.problems().is_empty());
    assert!(
        World::new()
            .env("KEYLEDGER_PORT", "80")
            .problem()
            .contains("is not a setting")
    );
    assert!(
        World::new()
            .file("/here/.env", "KEYLEDGER_SERVICE_HOST=x")
            .problem()
            .contains("is not a setting")
    );
}

#[test]
fn r_12_serving_needs_a_public_address() {
    let problems = World::new().load().for_serve().unwrap_err();
    assert_eq!(problems.0, [Problem::NoPublicUrl]);
    assert!(problems.to_string().contains("KEYLEDGER_PUBLIC_URL"));
    let serving = World::new()
        .env("KEYLEDGER_PUBLIC_URL", "https://id.example.com/auth/")
        .load()
        .for_serve()
        .unwrap();
    assert_eq!(serving.public_url.as_str(), "https://id.example.com/auth");
    assert_eq!(
        serving.recovery_url.as_str(),
        "https://id.example.com/auth/recover"
    );
    let own = World::new()
        .env("KEYLEDGER_PUBLIC_URL", "https://id.example.com")
        .env(
            "KEYLEDGER_RECOVERY_URL",
            "https://app.example.com/reset?from=mail",
        );
    assert_eq!(
        own.load().for_serve().unwrap().recovery_url.as_str(),
        "https://app.example.com/reset?from=mail"
    );
}

#[test]
fn r_12_a_public_address_is_https_unless_it_is_this_machine() {
    let with = |url: &str| {
        World::new()
            .env("KEYLEDGER_PUBLIC_URL", url)
            .env("KEYLEDGER_HTTP__TRUSTED_PROXIES", "10.0.0.5")
    };
    for url in [
        "http://localhost:8080",
        "http://127.0.0.1:8080",
        "http://[::1]",
        "https://id.example.com",
    ] {
        assert!(with(url).load().for_serve().is_ok(), "{url}");
    }
    for url in [
        "http://id.example.com",
        "https://id.example.com/?a",
        "https://id.example.com#a",
        "https://u:p@id.example.com",
    ] {
        let problem = with(url).problem();
        assert!(
            problem.starts_with("public_url: it ") && !problem.contains("u:p"),
            "{problem}"
        );
    }
}

#[test]
fn r_12_plain_http_beyond_this_machine_needs_a_named_proxy() {
    let open = World::new()
        .env("KEYLEDGER_PUBLIC_URL", "https://id.example.com")
        .env("KEYLEDGER_LISTEN", "0.0.0.0:8080");
    assert!(open.problems().is_empty(), "other commands do not listen");
    assert!(matches!(
        open.load().for_serve().unwrap_err().0[..],
        [Problem::OpenListener { .. }]
    ));
    assert_eq!(open.check().len(), 1);
    let behind = open.env("KEYLEDGER_HTTP__TRUSTED_PROXIES", "10.0.0.5");
    assert!(behind.load().for_serve().is_ok());
    assert!(
        World::new()
            .env("KEYLEDGER_HTTP__TRUSTED_PROXIES", "0.0.0.0/0")
            .problem()
            .contains("whole Internet")
    );
}

#[test]
fn l_07_administrators_have_a_listener_of_their_own_unless_both_are_set_equal() {
    let world = || World::new().env("KEYLEDGER_PUBLIC_URL", "https://id.example.com");
    let own = world().load().for_serve().unwrap().admin_listen.unwrap();
    assert!(own.ip().is_loopback(), "as it comes");
    let equal = world().env("KEYLEDGER_ADMIN_LISTEN", "127.0.0.1:8080");
    assert_eq!(equal.load().for_serve().unwrap().admin_listen, None);
    let open = world().env("KEYLEDGER_ADMIN_LISTEN", "10.0.0.1:8081");
    assert!(matches!(
        open.load().for_serve().unwrap_err().0[..],
        [
            Problem::OpenListener {
                name: "admin_listen",
                ..
            },
            Problem::NoAdminUrl { .. }
        ]
    ));
    let behind = open
        .env("KEYLEDGER_HTTP__TRUSTED_PROXIES", "10.0.0.5")
        .env("KEYLEDGER_ADMIN_URL", "https://admin.example.com/");
    let url = behind.load().for_serve().unwrap().admin_url.unwrap();
    assert_eq!(url.as_str(), "https://admin.example.com");
}

#[test]
fn r_21_a_link_that_lives_longer_than_a_day_is_refused() {
    for name in ["RECOVERY_LIFETIME", "VERIFICATION_LIFETIME"] {
        let with = |life: &str| World::new().env(&format!("KEYLEDGER_TOKENS__{name}"), life);
        for life in ["24h", "1d", "86400", "30m"] {
            assert!(with(life).problems().is_empty(), "{life}");
        }
        for life in ["25h", "86401", "2d", "0", "99999999999999999999d"] {
            let problem = with(life).problem();
            assert!(
                problem.contains("expected a length of time from 1m to 24h"),
                "{problem}"
            );
        }
    }
}

#[test]
fn no_limit_can_be_switched_off() {
    for setting in SETTINGS
        .iter()
        .filter(|setting| setting.name.starts_with("limits."))
    {
        if setting.name != "limits.exempt_networks" {
            let problem = World::new().env(&setting.env(), "0").problem();
            assert!(problem.contains("`0` is too little"), "{problem}");
            let problem = World::new().env(&setting.env(), "99999999999999").problem();
            assert!(problem.contains("is too much"), "{problem}");
        }
    }
}

#[test]
fn p_09_weaker_hashing_is_refused() {
    for (name, value) in [("MEMORY_KIB", "19455"), ("TIME", "1"), ("PARALLELISM", "0")] {
        assert!(
            World::new()
                .env(&format!("KEYLEDGER_PASSWORDS__{name}"), value)
                .problem()
                .contains("is too little")
        );
    }
}

#[test]
fn l_04_mail_does_not_leave_in_clear_text_unless_told_to() {
    let far = || World::new().env("KEYLEDGER_EMAIL__HOST", "smtp.example.com");
    assert!(far().problem().contains("clear text"));
    for (name, value) in [
        ("USE_TLS", "true"),
        ("USE_SSL", "true"),
        ("ALLOW_PLAINTEXT", "true"),
        ("TRANSPORT", "file"),
    ] {
        assert!(
            far()
                .env(&format!("KEYLEDGER_EMAIL__{name}"), value)
                .problems()
                .is_empty(),
            "{name}"
        );
    }
    for host in ["localhost", "127.0.0.1", "::1", "[::1]", "mail.localhost"] {
        assert!(
            World::new()
                .env("KEYLEDGER_EMAIL__HOST", host)
                .problems()
                .is_empty(),
            "{host}"
        );
    }
    let both = World::new()
        .env("KEYLEDGER_EMAIL__USE_TLS", "true")
        .env("AUTHENTIK_EMAIL__USE_SSL", "true");
    assert!(
        both.problem()
            .starts_with("email.use_tls and email.use_ssl are both true")
    );
    assert!(
        World::new()
            .env("KEYLEDGER_EMAIL__HOST", "smtp://x")
            .problem()
            .contains("is not a host")
    );
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    for (world, part) in [
        (
            World::new().env("KEYLEDGER_EMAIL__USERNAME", "u"),
            "belong together",
        ),
        (
            World::new().env("KEYLEDGER_TOKENS__SESSION_IDLE", "31d"),
            "session_idle",
        ),
        (
            World::new()
                .env("KEYLEDGER_TOKENS__SESSION_ABSOLUTE", "30m")
                .env("KEYLEDGER_TOKENS__SESSION_IDLE", "5m"),
            "outlive",
        ),
        (
            World::new().env("KEYLEDGER_LIMITS__SIGNIN_WAIT_FIRST", "1h"),
            "signin_wait_first",
        ),
        (
            World::new().env("KEYLEDGER_LIMITS__STRANGER_BYTES_DAY", "8MiB"),
            "stranger_bytes_burst",
        ),
        (
            World::new().env("KEYLEDGER_KEYS_DIR", "/data/ledger/keys"),
            "keys_dir",
        ),
        (
            World::new()
                .env("KEYLEDGER_EMAIL__USERNAME", "u")
                .file("/here/.env", "KEYLEDGER_EMAIL__PASSWORD=\"a\\nb\""),
            "line end",
        ),
    ] {
        let problem = world.problem();
        assert!(problem.contains(part), "{problem}");
    }
}

#[test]
fn r_32_secrets_do_not_show_in_any_output() {
    let right = World::new()
        .env("KEYLEDGER_MASTER_KEY", SECRET)
        .env("KEYLEDGER_EMAIL__USERNAME", "u")
        .env("KEYLEDGER_EMAIL__PASSWORD_FILE", "/pw")
        .env("AUTHENTIK_EMAIL__PASSWORD", SECRET)
        .file("/pw", SECRET);
    let config = right.load();
    let masked = config
        .resolved()
        .iter()
        .filter(|shown| shown.value == "••••••")
        .count();
    assert_eq!(masked, 2);
    let warnings: String = config.warnings().iter().map(ToString::to_string).collect();
    let said = format!("{config:?} {:#?} {:?} {warnings}", config, config.resolved());
    assert!(!said.contains(SECRET) && said.contains("REDACTED"));

    let hidden = [
        World::new().env("KEYLEDGER_MASTER_KEYS", SECRET),
        World::new().env("KEYLEDGER_MASTER_KEY", &format!("{SECRET}\0")),
        World::new().env("KEYLEDGER_MASTER_KEY", &SECRET.repeat(200)),
        World::new()
            .env("KEYLEDGER_MASTER_KEY", SECRET)
            .env("KEYLEDGER_MASTER_KEY_FILE", "/pw")
            .file("/pw", SECRET),
        World::new().env(
            "KEYLEDGER_PUBLIC_URL",
            &format!("https://admin:{SECRET}@id.example.com"),
        ),
        World::new().env("KEYLEDGER_EMAIL__PASSWORD", SECRET),
        World::new().flag("master_key", SECRET),
        World::new()
            .env("KEYLEDGER_MASTER_KEY_FILE", "/pw")
            .file("/pw", format!("{SECRET}\0")),
        World::new().file("/here/.env", format!("KEYLEDGER_MASTER_KEY={SECRET}\n{SECRET}\n")),
        World::new().file("/here/.env", format!("KEYLEDGER_MASTER_KEY='{SECRET}\n")),
        World::new().file("/here/.env", format!("{SECRET} x=1\n")),
        World::new().toml(&format!("master_key = {SECRET}\n")),
        World::new().toml(&format!("master_key = \"{SECRET}\n")),
        World::new().toml(&format!("master_key = [\"{SECRET}\"]\n")),
        World::new().toml(&format!("callback_urls = [\"https://u:{SECRET}@x.org\"]\n")),
    ];
    for world in hidden {
        let problems = world.problems();
        assert!(!problems.is_empty());
        for problem in problems {
            let said = format!("{problem} {problem:?}");
            assert!(!said.contains(SECRET), "{said}");
        }
    }
}

#[test]
fn a_secret_is_not_taken_from_the_command_line() {
    let problem = World::new().flag("email.password", "x").problem();
    assert!(problem.contains("KEYLEDGER_EMAIL__PASSWORD_FILE"), "{problem}");
    let world = World::new().flag("master_key_file", "k").file("/here/k", "abc");
    assert_eq!(world.shown("master_key").1, "flag --master-key-file");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf_8_is_refused_only_if_it_is_ours() {
    use std::os::unix::ffi::OsStringExt as _;

    let bytes = std::ffi::OsString::from_vec(vec![b'x', 0xff]);
    let variables = ["KEYLEDGER_BRAND_NAME", "AUTHENTIK_EMAIL__HOST", "PATH"];
    let problems = World::new().with(|sources| {
        let environment = variables
            .into_iter()
            .map(|name| (name.into(), bytes.clone()))
            .collect();
        let sources = Sources {
            environment,
            flags: sources.flags.clone(),
            file: None,
            directory: sources.directory.clone(),
            read: sources.read,
        };
        Config::load(&sources).unwrap_err().0
    });
    let named = |name: &str| {
        problems.contains(&Problem::NotText {
            name: name.to_owned(),
        })
    };
    assert!(
        problems.len() == 2 && named(variables[0]) && named(variables[1]),
        "{problems:?}"
    );
}

#[test]
fn a_service_that_the_cookie_does_not_reach_is_told() {
    let world = |origins: &str, domain: Option<&str>| {
        let world = World::new()
            .env("KEYLEDGER_PUBLIC_URL", "https://id.example.org")
            .env("KEYLEDGER_SERVICES__ORIGINS", origins);
        match domain {
            Some(domain) => world.env("KEYLEDGER_SERVICES__COOKIE_DOMAIN", domain),
            None => world,
        }
    };
    let wiki = "https://wiki.example.org,https://id.example.org:8443";
    assert!(world(wiki, Some("example.org")).problems().is_empty());
    assert!(world("https://id.example.org", None).problems().is_empty());
    for (origins, domain) in [
        (wiki, None),
        ("https://wiki.example.com", Some("example.org")),
        ("https://notexample.org", Some("example.org")),
        ("https://wiki.example.com", Some("example.com")),
    ] {
        assert!(
            world(origins, domain)
                .problem()
                .contains("services.cookie_domain")
        );
    }
    let wrong = world("https://wiki.example.org/", None).problem();
    assert!(
        wrong.contains("item 1") && wrong.contains("leave out the path"),
        "{wrong}"
    );
}
