use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use secrecy::ExposeSecret;

use super::*;
use crate::config::{Environment, Sources};

fn config(data: &Path, more: &[(&str, &str)]) -> Config {
    let data = data.display().to_string();
    let flags = [("data", data.as_str())].into_iter().chain(more.iter().copied());
    let flags: BTreeMap<_, _> = flags.map(|(name, value)| (name.into(), value.into())).collect();
    let read = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    Config::load(&Sources {
        flags,
        file: None,
        environment: Environment::new(),
        directory: "/".into(),
        read: &read,
    })
    .unwrap()
}

fn open(config: &Config) -> Result<Premises, AppError> {
    Premises::open(config, "keyledger test", Rollback::Refuse)
}

#[test]
fn a_ledger_is_founded_once_and_opens_with_its_keys() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&folder.path().join("data"), &[]);
    let unfounded = open(&config).err().unwrap().to_string();
    assert!(unfounded.contains("keyledger init --data"), "{unfounded}");

    let keys = Premises::found(&config).unwrap();
    assert!(keys.publishable.expose_secret().starts_with("pk_"));
    assert!(keys.secret.expose_secret().starts_with("sk_"));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&config.keys_dir), 0o700);
    assert_eq!(mode(&keys.master_file.unwrap()), 0o600);

    let again = Premises::found(&config).err().unwrap();
    assert!(matches!(again, AppError::AlreadyFounded { .. }));

    let premises = open(&config).unwrap();
    let held = open(&config).err().unwrap().to_string();
    assert!(held.contains("keyledger test"), "{held}");
    assert_eq!(premises.report.events, 6);
    assert_eq!(premises.desk.verify().unwrap().agrees, Some(true));
    assert_eq!(premises.close(Duration::from_secs(5)), Closing::Complete);
    let premises = open(&config).unwrap();
    assert_eq!(premises.report.anchor, AnchorVerdict::Agrees);
}

#[test]
fn a_policy_that_does_not_exist_is_named_with_those_that_do() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    Premises::found(&config(&data, &[])).unwrap();
    let error = open(&config(&data, &[("rest.password_policy", "clasic")]));
    let error = error.err().unwrap().to_string();
    assert!(
        error.contains("`clasic`") && error.contains("classic, nist"),
        "{error}"
    );
    open(&config(&data, &[("rest.password_policy", "nist")])).unwrap();
}

#[test]
fn keys_without_their_ledger_do_not_make_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&folder.path().join("data"), &[]);
    Premises::found(&config).unwrap();
    std::fs::remove_dir_all(config.data.join(LEDGER_DIR)).unwrap();
    let accept = || Premises::open(&config, "keyledger test", Rollback::Accept);
    for _ in 0..2 {
        let found = Premises::found(&config).map(|_| ());
        for told in [open(&config).map(|_| ()), accept().map(|_| ()), found] {
            let told = told.unwrap_err();
            assert!(matches!(told, AppError::LedgerMissing { .. }), "{told}");
            let told = told.to_string();
            assert!(
                told.contains("from a backup") && told.contains("keyledger init --data"),
                "{told}"
            );
        }
        // The second time there is a ledger, with nothing in it.
    }
    std::fs::remove_dir_all(&config.keys_dir).unwrap();
    std::fs::remove_dir_all(config.data.join(LEDGER_DIR)).unwrap();
    Premises::found(&config).unwrap();
    open(&config).unwrap();
}

#[test]
fn a_ledger_that_was_put_back_is_refused_until_the_loss_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(&folder.path().join("data"), &[]);
    Premises::found(&config).unwrap();
    let copy = folder.path().join("copy");
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .arg(config.data.join(LEDGER_DIR))
        .arg(&copy)
        .status();
    assert!(copied.unwrap().success());
    let premises = open(&config).unwrap();
    let command = crate::domain::Command::RecordSuppressed {
        class: crate::domain::SuppressedClass::Limited,
        count: 1,
        first: None,
    };
    let engine = premises.desk.engine().clone();
    engine
        .execute_blocking(crate::engine::Lane::Proof, command, vec![])
        .unwrap();
    drop(engine);
    assert_eq!(premises.close(Duration::from_secs(5)), Closing::Complete);
    std::fs::remove_dir_all(config.data.join(LEDGER_DIR)).unwrap();
    std::fs::rename(&copy, config.data.join(LEDGER_DIR)).unwrap();

    let refused = open(&config).err().unwrap().to_string();
    assert!(refused.contains("--accept-rollback"), "{refused}");
    let premises = Premises::open(&config, "keyledger test", Rollback::Accept).unwrap();
    assert_eq!(premises.desk.engine().read(|state| state.epoch().number), 2);
    premises.close(Duration::from_secs(5));
    open(&config).unwrap();
}
