//! The house keeps its own rules: each test names the rule, and each failure the place and what to do instead.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A source file: its place under the root, and its text.
struct Source {
    path: String,
    text: String,
}

/// Rooms from the ground up; a room imports only rooms below its own floor.
const FLOORS: &[&[&str]] = &[
    &["types"],
    &["domain"],
    &["system"],
    &["outgoing"],
    &["breach", "crypto", "ledger", "mail"],
    &["engine"],
    &["desk"],
    &["audit"],
    &["http", "workers"],
    &["config"],
    &["app"],
    &["cli"],
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder of the project.
fn sources(folder: &str) -> Vec<Source> {
    let mut found = vec![];
    let mut folders: Vec<PathBuf> = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(!found.is_empty(), "no sources in {folder}");
    found
}

impl Source {
    /// The top module: `domain` of `src/domain/event.rs`.
    fn room(&self) -> &str {
        let inner = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let room = inner.split('/').next().unwrap_or(inner);
        room.strip_suffix(".rs").unwrap_or(room)
    }

    /// Lines of code with their numbers: without comments and strings' contents.
    fn code(&self) -> impl Iterator<Item = (usize, String)> + '_ {
        (1..).zip(self.text.lines().map(code_of))
    }

    /// The code before the unit tests.
    fn without_tests(&self) -> impl Iterator<Item = (usize, String)> + '_ {
        let is_test_file = self.is_test();
        self.code()
            .take_while(move |(_, line)| !is_test_file && line.trim() != "#[cfg(test)]")
    }

    fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.contains("/tests/")
            || self.path.ends_with("tests.rs")
            || self.path.ends_with("conformance.rs")
    }
}

/// A line without its comment and without what stands in its strings; good enough for rules.
fn code_of(line: &str) -> String {
    let mut out = String::new();
    let mut letters = line.chars().peekable();
    let mut in_string = false;
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if in_string => {
                letters.next();
            }
            '"' => {
                in_string = !in_string;
                out.push('"');
            }
            '/' if !in_string && letters.peek() == Some(&'/') => break,
            _ if in_string => {}
            other => out.push(other),
        }
    }
    out
}

/// Fails with every place that breaks a rule.
fn assert_none(rule: &str, places: &[String]) {
    assert!(places.is_empty(), "{rule}:\n  {}", places.join("\n  "));
}

fn place(source: &Source, line: usize, text: &str) -> String {
    format!("{}:{line}: {}", source.path, text.trim())
}

/// Whether a word stands by itself in a line.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        !line[..at].chars().next_back().is_some_and(is_part)
            && !line[at + word.len()..].chars().next().is_some_and(is_part)
    })
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

#[test]
fn every_room_has_a_floor() {
    let rooms: BTreeSet<String> = sources("src")
        .iter()
        .map(|source| source.room().to_owned())
        .collect();
    for room in &rooms {
        let is_entrance = ["lib", "main"].contains(&room.as_str());
        assert!(is_entrance || floor(room).is_some(), "give {room} a floor");
    }
}

#[test]
fn a_room_imports_only_rooms_on_lower_floors() {
    let mut places = vec![];
    for source in sources("src") {
        let Some(own) = floor(source.room()) else { continue };
        for (line, code) in source.code() {
            for named in code.split("crate::").skip(1) {
                let rooms: Vec<String> = match named.strip_prefix('{') {
                    None => vec![word_at(named)],
                    Some(several) => several.split(',').map(|one| word_at(one.trim())).collect(),
                };
                for room in rooms {
                    let above = floor(&room).is_some_and(|other| other >= own && room != source.room());
                    if above {
                        places.push(place(&source, line, &code));
                    }
                }
            }
        }
    }
    assert_none("import downwards only", &places);
}

fn word_at(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// Words that only some places may use; `allowed` are beginnings of paths. Tests beside the code are free.
fn only_in(words: &[&str], allowed: &[&str], rule: &str) {
    let mut places = vec![];
    for source in sources("src") {
        if allowed.iter().any(|allowed| source.path.starts_with(allowed)) {
            continue;
        }
        for (line, code) in source.without_tests() {
            if words.iter().any(|word| has_word(&code, word)) {
                places.push(place(&source, line, &code));
            }
        }
    }
    assert_none(rule, &places);
}

#[test]
fn only_http_knows_warp_and_only_it_and_the_outgoing_room_know_hyper() {
    only_in(&["warp"], &["src/http/"], "say it to http/ instead");
    only_in(
        &["hyper", "hyper_util"],
        &["src/http/", "src/outgoing/"],
        "say it to http/ or outgoing/ instead",
    );
}

#[test]
fn only_the_sled_store_knows_sled() {
    let allowed = ["src/ledger/sled.rs", "src/ledger/sled/"];
    only_in(
        &["::sled::Db", "::sled::Config", "sled::Tree", "IVec"],
        &allowed,
        "say it to the store",
    );
    let mut places = vec![];
    for source in sources("src") {
        if allowed.iter().any(|allowed| source.path.starts_with(allowed)) {
            continue;
        }
        for (line, code) in source.code() {
            let own = [
                "ledger::sled",
                "super::sled",
                "mod sled",
                "pub use sled",
                "self::sled",
            ];
            if has_word(&code, "sled") && !own.iter().any(|own| code.contains(own)) {
                places.push(place(&source, line, &code));
            }
        }
    }
    assert_none("only ledger/sled* names sled", &places);
}

#[test]
fn only_mail_speaks_smtp() {
    only_in(&["lettre"], &["src/mail/"], "hand the mail to mail/");
}

#[test]
fn only_config_reads_the_environment() {
    let allowed = ["src/config/", "src/main.rs"];
    only_in(
        &[
            "env::var",
            "env::vars",
            "env::var_os",
            "env::vars_os",
            "option_env",
        ],
        &allowed,
        "read it in config/",
    );
}

#[test]
fn only_system_reads_clock_and_entropy() {
    // Instants measure waits within a process; what is decided or stored never comes from one.
    let words = [
        "SystemTime::now",
        "OffsetDateTime::now_utc",
        "UtcDateTime::now",
        "clock_gettime",
        "getrandom",
        "OsRng",
        "thread_rng",
        "rand",
    ];
    only_in(&words, &["src/system/"], "take it as a parameter");
}

#[test]
fn only_the_durable_file_has_unsafe_code() {
    only_in(
        &["unsafe"],
        &["src/ledger/durable.rs"],
        "there is one exception, and it is taken",
    );
}

#[test]
fn types_and_domain_know_no_serde_no_async_no_disk_and_no_keys() {
    let words = [
        "serde",
        "async",
        "tokio",
        "std::fs",
        "std::net::Tcp",
        "argon2",
        "tracing",
        "bincode",
    ];
    let mut places = vec![];
    for source in sources("src") {
        if ["types", "domain"].contains(&source.room()) {
            for (line, code) in source.without_tests() {
                if words.iter().any(|word| has_word(&code, word)) {
                    places.push(place(&source, line, &code));
                }
            }
        }
    }
    assert_none(
        "keep the core pure; stored forms live in ledger/stored.rs",
        &places,
    );
}

#[test]
fn nothing_has_a_name_that_says_nothing() {
    let banned = [
        ("util", "the thing it is about"),
        ("utils", "the thing it is about"),
        ("common", "the thing that is common"),
        ("helpers", "what they help with"),
        ("helper", "what it helps with"),
        ("misc", "what it is"),
        ("manager", "what it does"),
        ("service", "what it does"),
        ("prelude", "nothing: import by name"),
    ];
    let mut places = vec![];
    for source in [sources("src"), sources("tests")].concat_all() {
        for part in source.path.trim_end_matches(".rs").split('/') {
            for (name, instead) in banned {
                if part == name {
                    places.push(format!("{}: call it after {instead}", source.path));
                }
            }
        }
        for (line, code) in source.code() {
            for (name, instead) in banned {
                if code.contains(&format!("mod {name} ")) || code.contains(&format!("mod {name};")) {
                    places.push(format!(
                        "{}; call it after {instead}",
                        place(&source, line, &code)
                    ));
                }
            }
        }
    }
    assert_none("names say what a thing is", &places);
}

trait ConcatAll {
    fn concat_all(self) -> Vec<Source>;
}

impl ConcatAll for [Vec<Source>; 2] {
    fn concat_all(self) -> Vec<Source> {
        self.into_iter().flatten().collect()
    }
}

#[test]
fn no_file_is_much_longer_than_five_hundred_lines() {
    const LINES_MAX: usize = 520;
    let mut places = vec![];
    for source in [sources("src"), sources("tests")].concat_all() {
        let lines = source.text.lines().count();
        if lines > LINES_MAX {
            places.push(format!("{}: {lines} lines", source.path));
        }
    }
    assert_none("split by subject", &places);
}

#[test]
fn nothing_is_left_for_later() {
    // In pieces, so that this file keeps the rule too.
    let words = [
        concat!("to", "do!"),
        concat!("unimpl", "emented!"),
        concat!("FIX", "ME"),
        concat!("TO", "DO"),
        concat!("XX", "X:"),
        concat!("#[ign", "ore"),
        concat!("dbg", "!("),
    ];
    let mut places = vec![];
    for source in [sources("src"), sources("tests")].concat_all() {
        for (line, text) in (1..).zip(source.text.lines()) {
            if words.iter().any(|word| text.contains(word)) {
                places.push(place(&source, line, text));
            }
        }
    }
    assert_none("finish it, or say in words what holds", &places);
}

#[test]
fn no_test_sleeps() {
    let words = [concat!("thread::", "sleep"), concat!("time::", "sleep")];
    let mut places = vec![];
    for source in [sources("src"), sources("tests")].concat_all() {
        if !source.is_test() {
            continue;
        }
        for (line, code) in source.code() {
            if words.iter().any(|word| code.contains(word)) {
                places.push(place(&source, line, &code));
            }
        }
    }
    assert_none("wait for what you wait for", &places);
}

#[test]
fn the_project_stands_alone() {
    let words = [
        concat!("/wo", "rk/"),
        concat!("sha", "red/design"),
        concat!("/tmp", "/brief"),
    ];
    let mut places = vec![];
    let texts = [
        "README.md",
        "Cargo.toml",
        "clippy.toml",
        "src/ARCHITECTURE.md",
        "tests/run",
    ];
    let mut all = [sources("src"), sources("tests")].concat_all();
    all.extend(texts.iter().filter_map(|path| {
        let text = std::fs::read_to_string(root().join(path)).ok()?;
        let path = (*path).to_owned();
        Some(Source { path, text })
    }));
    for source in all {
        for (line, text) in (1..).zip(source.text.lines()) {
            if words.iter().any(|word| text.contains(word)) {
                places.push(place(&source, line, text));
            }
        }
    }
    assert_none("name nothing outside the project", &places);
}

#[test]
fn every_dependency_says_why_it_is_here() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut in_dependencies = false;
    let mut places = vec![];
    let mut count = 0;
    for (number, line) in (1..).zip(text.lines()) {
        if line.starts_with('[') {
            in_dependencies = line.contains("dependencies]");
        } else if in_dependencies && line.contains(" = ") && !line.starts_with('#') {
            count += 1;
            let reason = line.split_once(" # ").map_or("", |(_, reason)| reason.trim());
            if reason.len() < 10 {
                places.push(format!("Cargo.toml:{number}: {line}"));
            }
        }
    }
    assert!(count > 30, "{count} dependencies found");
    assert_none("say beside it what it is for", &places);
}

#[test]
fn every_lint_that_gives_way_says_why() {
    let mut places = vec![];
    for source in [sources("src"), sources("tests")].concat_all() {
        let text = &source.text;
        for word in ["#[allow(", "#![allow(", "#[expect(", "#![expect("] {
            for (at, _) in text.match_indices(word) {
                let line = text[..at].lines().count().max(1);
                let starts_line = text[..at]
                    .rsplit('\n')
                    .next()
                    .is_none_or(|before| before.trim().is_empty());
                let end = text[at..].find(")]").map_or(text.len(), |end| at + end);
                if starts_line && !text[at..end].contains("reason") {
                    places.push(place(&source, line, word));
                }
            }
        }
    }
    assert_none("give a reason", &places);
}

#[test]
fn r_48_there_are_no_hints_and_no_secret_questions() {
    let words = [
        "password_hint",
        "passwordHint",
        "security_question",
        "secret_question",
    ];
    only_in(&words, &[], "recover by a mailed proof");
}

#[test]
fn the_readme_lists_every_setting() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    let reference = keyledger::config::reference();
    assert!(
        readme.contains(reference.trim()),
        "put `keyledger config reference` into README.md"
    );
}
