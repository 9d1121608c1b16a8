//! Canaries: values that nobody else has, sought in every file of the data folder.

use std::net::IpAddr;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use keyledger::audit::{AuditSettings, Expected, Notary, Outcome, Range, verify};
use keyledger::crypto::{self, Field, SecretLabel, SharedKeyring, Vault, WrappedKey};
use keyledger::desk::{Desk, Reproof, SignUpAnswer, SignUpForm, Visitor};
use keyledger::domain::Actor;
use keyledger::engine::Snapshots;
use keyledger::ledger::anchor::ANCHOR_FILE;
use keyledger::ledger::erasures::ERASURES_FILE;
use keyledger::ledger::{Anchor, Erasures, Shelf, replay};
use keyledger::types::{DataKeyId, Locale, PersonName, Span, UserId};
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;

use crate::rig::{Rig, block_on, close, email, issue_all};
use crate::support::{House, Storage};

const ADDRESS: &str = "canary.zebra.quokka@birdcage-zq7.example";
const NAME: &str = "Quetzalcoatl Canarybird";
const AGENT: &str = "CanaryBrowser/77.31 (Quokka; Zebra)";
const IP: &str = "2001:db8:ca4a:6b1d:e4a9:77c3:19f2:5d08";
const PASSWORD: &str = "Canary-Secret-Passw0rd-41";
const NEXT_PASSWORD: &str = "Canary-Second-Passw0rd-42";
const WRONG_PASSWORD: &str = "Canary-Wrong-Passw0rd-43";
const NOBODY: &str = "canary.stranger.walrus@birdcage-zq7.example";
/// A further address of the owner.
const FURTHER: &str = "canary.further.ibex@birdcage-zq7.example";

fn visitor() -> Visitor {
    Visitor {
        ip: IP.parse().unwrap(),
        user_agent: AGENT.to_owned(),
        locale: Some(Locale::En),
        exempt: false,
    }
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text.to_owned())
}

/// A life with everything that leaves traces; returns the user and every secret that was ever handed out.
fn live(desk: &Desk) -> (UserId, Vec<String>) {
    let (ada, from) = (email(ADDRESS), visitor());
    let form = SignUpForm {
        address: ada.clone(),
        password: secret(PASSWORD),
        name: PersonName::parse(NAME).unwrap(),
        locale: None,
    };
    let Ok(SignUpAnswer::SignedIn(first)) = block_on(desk.sign_up(form, &from)) else {
        panic!("a session")
    };
    let mut secrets = vec![first.access.clone(), first.refresh.expose_secret().to_owned()];
    block_on(desk.sign_in(&ada, &secret(WRONG_PASSWORD), None, &from))
        .err()
        .unwrap();
    let second = block_on(desk.refresh(&first.refresh, &from)).unwrap();
    secrets.extend([second.access, second.refresh.expose_secret().to_owned()]);
    for address in [ADDRESS, NOBODY] {
        block_on(desk.request_reset(&email(address), &from)).unwrap();
        block_on(desk.request_verification(&email(address), None, &from)).unwrap();
        let wrong = secret("ZEBRA-QUKKA");
        let address = email(address);
        let refused = desk.confirm_reset(&address, &wrong, secret(NEXT_PASSWORD), None, &from);
        block_on(refused).unwrap_err();
    }
    block_on(desk.sign_in(&email(NOBODY), &secret(WRONG_PASSWORD), None, &from))
        .err()
        .unwrap();
    issue_all(desk);
    let tokens = desk.engine().read(|state| state.tokens.clone());
    let mut recovery = None;
    for (&id, token) in &tokens {
        use keyledger::domain::Purpose;
        let label = match token.purpose {
            Purpose::Recovery => SecretLabel::Recovery,
            Purpose::VerifyEmail => SecretLabel::VerifyEmail,
            Purpose::Reopen => SecretLabel::Reopen,
            Purpose::SignInCode => SecretLabel::SignInCode,
            Purpose::EnrolMailbox => SecretLabel::EnrolMailbox,
            Purpose::AddAddress => SecretLabel::AddAddress,
            Purpose::Invitation => SecretLabel::Invitation,
        };
        let link = desk.link_secret(id, token, label).unwrap();
        let code = desk.typed_code(id, token).unwrap();
        secrets.push(link.expose_secret().to_owned());
        let not_me = desk.link_secret(id, token, SecretLabel::NotMe).unwrap();
        secrets.push(not_me.expose_secret().to_owned());
        secrets.push(code.expose_secret().to_owned());
        secrets.push(code.expose_secret().replace('-', ""));
        if token.purpose == Purpose::Recovery {
            recovery = Some(link);
        }
    }
    let link = recovery.expect("a recovery was issued");
    block_on(desk.confirm_reset(&ada, &link, secret(NEXT_PASSWORD), None, &from)).unwrap();
    let third = block_on(desk.sign_in(&ada, &secret(NEXT_PASSWORD), None, &from)).unwrap();
    let caller = desk.authenticate(&third.access).unwrap();
    secrets.extend([third.access, third.refresh.expose_secret().to_owned()]);
    let further = email(FURTHER);
    let named = desk.add_address(caller, Reproof::FreshSession, &further, None, &from);
    block_on(named).unwrap();
    let key = desk.create_api_key(
        keyledger::domain::ApiKeyKind::Secret,
        "backend".to_owned(),
        None,
        Actor::Operator,
    );
    secrets.push(block_on(key).unwrap().text.expose_secret().to_owned());
    (caller.user, secrets)
}

/// Every file below a folder, with its bytes.
fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = vec![];
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                found.push((path, bytes));
            }
        }
    }
    assert!(
        found.iter().any(|(_, bytes)| bytes.len() > 10_000),
        "there is a ledger"
    );
    found
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// Fails for each canary that is found anywhere, in any letter case.
fn assert_nowhere(dir: &Path, canaries: &[Vec<u8>]) {
    for (path, bytes) in files(dir) {
        let lower = bytes.to_ascii_lowercase();
        for canary in canaries {
            assert!(canary.len() >= 8, "too short to be told from chance");
            let there = contains(&lower, &canary.to_ascii_lowercase());
            assert!(
                !there,
                "{} holds {:?}",
                path.display(),
                String::from_utf8_lossy(canary)
            );
        }
    }
}

fn canaries(secrets: &[String]) -> Vec<Vec<u8>> {
    let IpAddr::V6(ip) = IP.parse().unwrap() else {
        panic!("an IPv6 address")
    };
    let clear = [
        ADDRESS,
        "canary.zebra",
        "birdcage-zq7",
        NAME,
        "Quetzalcoatl",
        "Canarybird",
        AGENT,
        "CanaryBrowser",
        IP,
        PASSWORD,
        NEXT_PASSWORD,
        WRONG_PASSWORD,
        NOBODY,
        FURTHER,
        "stranger.walrus",
        "$argon2id$",
    ];
    let mut all: Vec<Vec<u8>> = clear.iter().map(|text| text.as_bytes().to_vec()).collect();
    all.push(ip.octets().to_vec());
    all.push(ip.octets()[..8].to_vec());
    all.extend(secrets.iter().map(|text| text.as_bytes().to_vec()));
    all
}

#[test]
fn r_18_l_11_s_01_a_copy_of_the_data_folder_holds_no_clear_text_and_no_secret() {
    let (rig, dir) = (Rig::new(), TempDir::new().unwrap());
    let desk = rig.open(dir.path());
    let (user, secrets) = live(&desk);
    let mut anchor = Anchor::open(&dir.path().join(ANCHOR_FILE)).unwrap();
    desk.engine().note_anchor(&mut anchor).unwrap();
    let snapshots = Snapshots::new(Shelf::of(dir.path()), NonZeroU64::MIN);
    snapshots
        .take(desk.engine(), &AtomicBool::new(false))
        .unwrap()
        .unwrap();
    let profile = desk.profile(user).unwrap();
    assert_eq!(
        (profile.email.as_str(), profile.name.as_deref()),
        (ADDRESS, Some(NAME))
    );
    close(desk);
    let canaries = canaries(&secrets);
    assert!(canaries.len() > 25, "{}", canaries.len());
    assert_nowhere(dir.path(), &canaries);
    // The search would find what is there.
    let found = files(dir.path())
        .iter()
        .any(|(_, bytes)| contains(bytes, &user.0));
    assert!(found, "ids are in the clear");
}

/// The export of everything, into a folder of its own beside tiles.
fn export(notary: &Notary, to: &Path) -> Vec<u8> {
    let signed = block_on(notary.checkpoint()).unwrap();
    let whole = Range::whole(signed.checkpoint.size);
    notary.export_file(&signed, whole, to).unwrap();
    std::fs::read(to).unwrap()
}

#[test]
fn l_11_audit_exports_and_tiles_hold_no_clear_text_and_no_secret_and_prove_what_was_erased() {
    let (rig, dir, out) = (Rig::new(), TempDir::new().unwrap(), TempDir::new().unwrap());
    let desk = rig.open(dir.path());
    let (user, secrets) = live(&desk);
    let settings = AuditSettings {
        origin: None,
        tiles: Some(out.path().join("tiles")),
        mail_every: None,
        witness: None,
    };
    let notary = Notary::new(desk.clone(), settings);
    let living = export(&notary, &out.path().join("living.tar"));
    block_on(desk.erase_user(user, Actor::Operator)).unwrap();
    rig.clock.advance(Span::seconds(2));
    let erased = export(&notary, &out.path().join("erased.tar"));
    assert_nowhere(out.path(), &canaries(&secrets));
    // What was erased is still proven, and what is told of it in words names nobody.
    for file in [&living, &erased] {
        assert!(contains(file, b"SignedIn") && contains(file, b"PasswordSet"));
        let proven = verify(file.as_slice(), &Expected::default(), &mut |_, _| {});
        assert!(matches!(proven, Outcome::Proven(_)), "{proven:?}");
    }
    assert!(contains(&erased, b"UserErased"));
    let vault = desk.engine().vault();
    assert!(!vault.contains(DataKeyId::User(user)), "nobody can open it again");
    drop(notary);
    close(desk);
}

#[test]
fn the_search_finds_what_is_there() {
    let dir = TempDir::new().unwrap();
    std::fs::write(
        dir.path().join("blob"),
        [vec![0; 20_000], b"xxCANARYBROWSERxx".to_vec()].concat(),
    )
    .unwrap();
    let found = std::panic::catch_unwind(|| assert_nowhere(dir.path(), &[b"CanaryBrowser".to_vec()]));
    assert!(found.is_err());
}

#[test]
fn l_11_after_an_erasure_nothing_of_the_user_opens_and_the_chain_still_holds() {
    let (rig, dir) = (Rig::new(), TempDir::new().unwrap());
    let desk = rig.open(dir.path());
    let (user, _) = live(&desk);
    let key = desk.engine().vault().key(DataKeyId::User(user)).unwrap();
    let (address, origin, credential) = desk.engine().read(|state| {
        let found = &state.users[&user];
        let session = &state.sessions[found.sessions.last().unwrap()];
        (
            found.addresses[0].sealed.clone(),
            session.origin.clone(),
            found.credential.clone().unwrap(),
        )
    });
    let clear = crypto::open(&key, Field::UserAddress, user.0, &address).unwrap();
    assert_eq!(&**clear, ADDRESS.as_bytes());
    assert_eq!(desk.open_origin(Some(user), &origin).unwrap().user_agent, AGENT);
    let copied = rig.sled(dir.path());
    assert!(copied.is_err(), "held");
    block_on(desk.erase_user(user, Actor::Operator)).unwrap();
    assert_eq!(desk.open_origin(Some(user), &origin), None, "at once");
    assert!(desk.profile(user).is_none() && desk.find_user(ADDRESS).is_none());
    close(desk);

    let desk = rig.open(dir.path());
    let vault = desk.engine().vault();
    for id in [DataKeyId::User(user), DataKeyId::Credential(credential.id)] {
        assert!(!vault.contains(id));
        assert_eq!(desk.engine().reader().data_key(id).unwrap(), None);
    }
    assert_eq!(vault.open(Field::UserAddress, user.0, &address), None);
    assert_eq!(
        vault.open(Field::Verifier, credential.id.0, &credential.verifier),
        None
    );
    assert_eq!(desk.open_origin(Some(user), &origin), None);
    assert!(desk.find_user(ADDRESS).is_none());
    let events = desk.engine().head().next.0;
    close(desk);

    let mut store = rig.sled(dir.path()).unwrap();
    let mut seen = 0;
    let report = replay::<std::convert::Infallible>(&mut store, &mut |_, _, _| {
        seen += 1;
        Ok(())
    });
    assert_eq!(
        (report.unwrap().records, seen),
        (events, events),
        "every frame proven"
    );
}

#[test]
fn l_11_after_an_erasure_and_a_new_master_key_no_byte_of_the_disk_leads_back() {
    let (rig, dir) = (Rig::new(), TempDir::new().unwrap());
    let anchor = dir.path().join(ANCHOR_FILE);
    let open = || {
        let store = rig.sled(dir.path()).unwrap();
        rig.boot_anchored(store, Some(&anchor), keyledger::engine::Rollback::Refuse)
            .unwrap()
            .0
    };
    let engine = open();
    crate::rig::found(&engine);
    let desk = rig.desk(engine);
    let (user, secrets) = live(&desk);
    let id = DataKeyId::User(user);
    let wrapped = desk.engine().vault().wrapped(id).unwrap();
    let before = SharedKeyring::new(keyledger::crypto::Keyring::clone(&rig.ring.current()));
    assert!(Vault::new(before).open_wrapped(id, &wrapped).is_some());
    block_on(desk.erase_user(user, Actor::Operator)).unwrap();
    desk.replace_master_key(Actor::Operator).unwrap();
    close(desk);
    let desk = rig.desk(open());
    assert!(desk.profile(user).is_none() && desk.find_user(ADDRESS).is_none());
    close(desk);

    let vault = Vault::new(rig.ring.clone());
    assert!(vault.open_wrapped(id, &wrapped).is_none());
    let mut looked_at = 0;
    for (path, bytes) in files(dir.path()) {
        for window in bytes.windows(WrappedKey::LEN) {
            // Whatever begins like a wrapped key is tried: the scheme, and a number below all that were ever drawn.
            if window[0] == 1 && window[1..4] == [0; 3] {
                let candidate = WrappedKey::from_bytes(window).unwrap();
                looked_at += 1;
                assert!(
                    vault.open_wrapped(id, &candidate).is_none(),
                    "{} still has the key",
                    path.display()
                );
            }
        }
    }
    assert!(looked_at > 0, "keys of others are there");
    assert_nowhere(dir.path(), &canaries(&secrets));
    let mut list = Erasures::open(&dir.path().join(ERASURES_FILE)).unwrap();
    assert!(list.contains(user) && list.len() == 1);
    assert_eq!(list.add([]).unwrap(), 0);
}

#[tokio::test]
async fn l_11_closing_an_account_destroys_its_keys_when_its_time_is_over_and_not_before() {
    let house = House::with(|plan| plan.storage = Storage::Disk).await;
    let tokens = house.sign_up(ADDRESS, PASSWORD).await;
    let user = house.desk().find_user(ADDRESS).unwrap();
    let access = tokens.text("accessToken");
    house
        .delete("/v1/auth/withdraw")
        .bearer(&access)
        .await
        .expect(200);
    let key = DataKeyId::User(user);
    house.advance(Span::hours(71));
    house.settled().await;
    assert!(house.desk().engine().vault().contains(key));
    house.advance(Span::hours(1));
    house
        .until("the user's key is destroyed", |desk| {
            !desk.engine().vault().contains(key)
        })
        .await;
    assert!(
        house
            .desk()
            .engine()
            .read(|state| state.erased.contains_key(&user))
    );
    let gone = house.sign_in(ADDRESS, PASSWORD).await;
    gone.expect_code(401, "auth/invalid-credentials");
    let list = Erasures::open(&house.folder().join(ERASURES_FILE)).unwrap();
    assert!(list.contains(user));
}

#[test]
fn l_11_a_person_who_was_erased_can_come_back_as_somebody_new() {
    let (rig, dir) = (Rig::new(), TempDir::new().unwrap());
    let desk = rig.open(dir.path());
    let (user, _) = live(&desk);
    block_on(desk.erase_user(user, Actor::Operator)).unwrap();
    let form = SignUpForm {
        address: email(ADDRESS),
        password: secret(PASSWORD),
        name: PersonName::parse(NAME).unwrap(),
        locale: None,
    };
    assert!(block_on(desk.sign_up(form, &visitor())).is_ok());
    let again = desk.find_user(ADDRESS).unwrap();
    assert_ne!(again, user);
    close(desk);
}
