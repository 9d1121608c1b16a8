//! Commands with the server stopped: they open the ledger themselves.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use super::{founded, run};

#[test]
fn init_makes_keys_that_only_the_owner_reads_and_a_second_one_loses_nothing() {
    let (_folder, data, keys) = founded();
    let text = |name: &str| keys[name].as_str().unwrap().to_owned();
    assert!(text("publishableKey").starts_with("pk_") && text("secretKey").starts_with("sk_"));
    let master = data.join("keys/master.key");
    let mode = std::fs::metadata(&master).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = std::fs::read(&master).unwrap();
    let again = run(&data, "init --json");
    assert_eq!(again.code, 1);
    assert_eq!(again.json()["error"]["code"], "refused");
    assert!(!again.out.contains("sk_"));
    assert_eq!(std::fs::read(&master).unwrap(), before);
    let listed = run(&data, "key list --json").json();
    assert_eq!(listed["total"], 2);
}

#[test]
fn a_data_directory_that_was_never_made_says_how_to_make_one() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("none");
    let ran = run(&data, "user list");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("keyledger init --data"), "{}", ran.err);
    assert!(!data.exists(), "asking makes nothing");
}

#[test]
fn r_46_an_administrator_is_made_and_let_in_without_anybody_naming_a_password() {
    let (_folder, data, _) = founded();
    let made = run(
        &data,
        "user create Ann@Example.org --role admin --name Ann --username ann.b --json",
    );
    assert_eq!(made.code, 0, "{}", made.out);
    let made = made.json();
    assert_eq!(
        (made["role"].as_str(), made["hasPassword"].as_bool()),
        (Some("admin"), Some(false))
    );
    let recovery = run(&data, "user recovery ann.b --expires-in-minutes 10 --json").json();
    assert!(
        recovery["link"].is_null(),
        "nobody said where the service is reached"
    );
    assert!(!recovery["token"].as_str().unwrap().is_empty());
    assert_eq!(recovery["code"].as_str().unwrap().len(), 11);
    let with_link = run(&data, "user recovery ann@example.org").out;
    assert!(with_link.contains("public_url is not set"), "{with_link}");
    let words = run(&data, "events").out;
    assert!(!words.contains(recovery["token"].as_str().unwrap()));
}

#[test]
fn users_are_found_by_id_address_and_name_and_banned_and_erased() {
    let (_folder, data, _) = founded();
    let made = run(&data, "user create ann@example.org --username ann.b --json").json();
    let id = made["id"].as_str().unwrap();
    for name in [id, "ANN@example.org", "Ann.B"] {
        assert_eq!(run(&data, &format!("user show {name} --json")).json()["id"], *id);
    }
    assert_eq!(run(&data, "user create ann@example.org").code, 1);
    assert_eq!(run(&data, "user ban ann.b --json").json()["standing"], "banned");
    assert_eq!(run(&data, "user unban ann.b --json").json()["standing"], "active");
    let unasked = run(&data, "user erase ann.b");
    assert_eq!(unasked.code, 2);
    assert!(unasked.err.contains("--yes"), "{}", unasked.err);
    assert_eq!(run(&data, "user erase ann.b --yes").code, 0);
    let gone = run(&data, "user show ann.b --json");
    assert_eq!(gone.code, 1);
    assert_eq!(gone.json()["error"]["field"], "user");
    assert_eq!(run(&data, "user list --json").json()["total"], 0);
}

#[test]
fn p_05_a_password_is_revoked_by_name_and_the_account_stays() {
    let (_folder, data, _) = founded();
    run(&data, "user create ann@example.org --username ann.b");
    let revoked = run(&data, "user revoke-password ann.b --json");
    assert_eq!(revoked.code, 0, "{}{}", revoked.out, revoked.err);
    let user = revoked.json();
    assert_eq!(
        (user["hasPassword"].as_bool(), user["standing"].as_str()),
        (Some(false), Some("active"))
    );
    assert_eq!(run(&data, "user revoke-password nobody@example.org").code, 1);
}

#[test]
fn m_09_second_factors_are_listed_and_removed_by_name_and_a_wrong_kind_is_told() {
    let (_folder, data, _) = founded();
    assert_eq!(run(&data, "user create ann@example.org").code, 0);
    let listed = run(&data, "user factor list ann@example.org --json");
    assert_eq!((listed.code, listed.json()["total"].as_u64()), (0, Some(0)));
    let shown = run(&data, "user show ann@example.org --json").json();
    assert_eq!(shown["factors"], serde_json::json!([]));
    let none = run(&data, "user factor remove ann@example.org");
    assert_eq!(none.code, 1, "{}", none.err);
    assert!(none.err.contains("no such second factor"), "{}", none.err);
    let wrong = run(&data, "user factor remove ann@example.org --kind thumb");
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.err.contains("--kind") && wrong.err.contains("recovery_codes"),
        "{}",
        wrong.err
    );
}

#[test]
fn an_address_is_given_by_place_or_by_flag_and_the_next_command_names_the_same_ledger() {
    let (_folder, data, _) = founded();
    let made = run(&data, "user create --email ann@example.org");
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(
        made.out.contains(&format!("--data {}`", data.display())),
        "{}",
        made.out
    );
    let both = run(&data, "user create bob@example.org --email bob@example.org");
    assert_eq!(both.code, 2);
    assert_eq!(run(&data, "user create").code, 2);
}

#[test]
fn verify_without_an_anchor_could_not_tell_and_the_next_start_writes_a_new_one() {
    let (_folder, data, _) = founded();
    let anchor = data.join("keys/anchor");
    std::fs::remove_file(&anchor).unwrap();
    assert_eq!(run(&data, "verify").code, 0, "there was nothing to lose");
    assert_eq!(run(&data, "user create ann@example.org").code, 0);
    std::fs::remove_file(&anchor).unwrap();
    for _ in 0..2 {
        let checked = run(&data, "verify");
        assert_eq!(checked.code, 2, "{}", checked.out);
        assert!(
            checked
                .out
                .contains("no anchor: cannot tell whether the end of the ledger is missing"),
            "{}",
            checked.out
        );
    }
    let listed = run(&data, "user list");
    assert_eq!(listed.code, 0);
    assert!(listed.err.contains("no anchor"), "{}", listed.err);
    assert!(anchor.exists());
    assert_eq!(run(&data, "verify").code, 0);
}

#[test]
fn a_missing_key_is_not_made_anew_where_the_ledger_is() {
    let (_folder, data, _) = founded();
    std::fs::remove_file(data.join("keys/master.key")).unwrap();
    let ran = run(&data, "user list");
    assert!(
        ran.err.contains("`keyledger init` in another folder"),
        "{}",
        ran.err
    );
}

#[test]
fn a_wrong_value_names_its_field_and_ends_with_2() {
    let (_folder, data, _) = founded();
    let ran = run(&data, "user create nobody --json");
    assert_eq!(ran.code, 2);
    assert_eq!(ran.json()["error"]["field"], "email");
    let ran = run(&data, "session end not-an-id");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("session"), "{}", ran.err);
}

#[test]
fn api_keys_are_shown_once_and_revoked() {
    let (_folder, data, _) = founded();
    let made = run(
        &data,
        "key create --kind secret --label backend --expires-in-days 30 --json",
    )
    .json();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert!(key.starts_with("sk_"));
    let listed = run(&data, "key list --json");
    assert!(!listed.out.contains(key) && listed.out.contains("backend"));
    assert_eq!(run(&data, &format!("key revoke {id}")).code, 0);
    assert!(run(&data, "key list").out.contains("revoked"));
}

#[test]
fn the_web_pages_that_may_call_with_a_key_are_named_and_every_fault_is_told() {
    let (_folder, data, _) = founded();
    let made = |kind| run(&data, &format!("key create --kind {kind} --json")).json();
    let id = |made: Value| made["id"].as_str().unwrap().to_owned();
    let (open, secret) = (id(made("publishable")), id(made("secret")));
    let named = run(
        &data,
        &format!("key origins {open} https://App.example.org http://localhost:5173"),
    );
    let words = format!("Pages of http://localhost:5173, https://app.example.org may call with {open}.");
    assert_eq!((named.code, named.out.trim()), (0, &*words));
    let listed = run(&data, "key list").out;
    assert!(
        listed.contains("http://localhost:5173 https://app.example.org"),
        "{listed}"
    );
    let story = run(&data, "events --json").out;
    assert!(story.contains("may be used by pages of http://localhost:5173, https://app.example.org"));
    for (origin, remedy) in [
        ("*", "no wildcard"),
        ("https://app.example.org/", "leave out the path"),
    ] {
        let refused = run(&data, &format!("key origins {open} {origin}"));
        assert_eq!(refused.code, 2, "{}", refused.err);
        assert!(
            refused.err.contains("ORIGIN") && refused.err.contains(remedy),
            "{}",
            refused.err
        );
    }
    let refused = run(&data, &format!("key origins {secret} https://app.example.org"));
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("use a publishable key"), "{}", refused.err);
    let none = run(&data, &format!("key origins {open}"));
    assert_eq!(
        (none.code, none.out.trim()),
        (0, &*format!("No web page may call with {open}."))
    );
}

#[test]
fn the_ledger_is_verified_told_and_its_clock_accepted() {
    let (_folder, data, _) = founded();
    assert_eq!(run(&data, "user create ann@example.org").code, 0);
    let good = run(&data, "verify --json");
    assert_eq!(good.code, 0, "{}{}", good.out, good.err);
    assert_eq!(good.json()["verdict"], "good");
    let told = run(&data, "events --type UserRegistered --json").json();
    assert_eq!(told["items"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(run(&data, "events --type Nonsense").code, 2);
    let clock = run(&data, "clock accept --json").json();
    assert_eq!(clock["was"], "trusted");
    assert_eq!(run(&data, "mail outbox --json").json()["total"], 0);
}

#[test]
fn verify_says_when_it_could_not_tell_and_when_the_ledger_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let none = run(&folder.path().join("none"), "verify --json");
    assert_eq!((none.code, none.json()["verdict"].as_str()), (2, Some("unknown")));

    let (_folder, data, _) = founded();
    std::fs::remove_dir_all(data.join("ledger")).unwrap();
    assert_eq!(run(&data, "verify --json").code, 1, "keys without their ledger");
}

#[test]
fn a_stale_socket_is_no_obstacle_and_a_long_path_is_none_either() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("d".repeat(120)).join("data");
    std::fs::create_dir(data.parent().unwrap()).unwrap();
    assert_eq!(run(&data, "init").code, 0);
    let stale = folder.path().join("s");
    drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
    std::fs::rename(&stale, data.join("keyledger.sock")).unwrap();
    assert_eq!(run(&data, "user list").code, 0);
}

#[test]
fn mail_test_walks_to_where_it_fails_and_says_what_to_do() {
    let (_folder, data, _) = founded();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let words = format!("mail test --to ann@example.org --email-host 127.0.0.1 --email-port {port} --json");
    let ran = run(&data, &words);
    assert_eq!(ran.code, 1);
    let steps = ran.json()["steps"].clone();
    let last = steps.as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (last["step"].as_str(), last["ok"].as_bool()),
        (Some("connect"), Some(false))
    );
    assert!(last["hint"].as_str().unwrap().contains("EMAIL__PORT"));
    let folder = run(
        &data,
        "mail test --to ann@example.org --email-transport file --json",
    );
    assert_eq!(folder.code, 0, "{}", folder.out);
}
