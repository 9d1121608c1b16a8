//! A witness elsewhere: what it cosigns, what it refuses, and where its word is kept.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyledger::audit::{Checkpoint, WitnessSettings};
use keyledger::crypto::{KeyName, Note, VerifierKey, WitnessKey};
use keyledger::outgoing::{Neighbours, Outgoing};
use keyledger::system::tls_client;
use keyledger::types::{PublicKey, Span, WebhookUrl};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use sha2::{Digest as _, Sha256};
use tlog_tiles::Hash;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::scene::{key, proven};
use crate::support::House;

const NAME: &str = "witness.example";
const PASSWORD: &str = "Lost-and-forgotten-1";

/// What the witness remembers.
#[derive(Default)]
struct Memory {
    /// The key of the ledger that it knows.
    log: Option<VerifierKey>,
    last: Option<Checkpoint>,
    /// How each question was answered.
    statuses: Vec<u16>,
    /// Signs nonsense.
    lies: bool,
}

/// A small witness of `c2sp.org/tlog-witness`; it stops when it is dropped.
struct Witness {
    memory: Arc<Mutex<Memory>>,
    settings: WitnessSettings,
    running: JoinHandle<()>,
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.running.abort();
    }
}

fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap()
}

impl Witness {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/prefix", listener.local_addr().unwrap());
        let memory = Arc::new(Mutex::new(Memory::default()));
        let shared = Arc::clone(&memory);
        let running = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(socket, Arc::clone(&shared)));
            }
        });
        let public = PublicKey(pair().public_key().as_ref().try_into().unwrap());
        let settings = WitnessSettings {
            url: WebhookUrl::parse(&url).unwrap(),
            key: WitnessKey::new(KeyName::parse(NAME).unwrap(), public),
            outgoing: Outgoing::new(tls_client(None).unwrap(), Neighbours::Allowed),
        };
        Self {
            memory,
            settings,
            running,
        }
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap()
    }
}

async fn serve(mut socket: TcpStream, memory: Arc<Mutex<Memory>>) -> Option<()> {
    let mut bytes = vec![];
    let mut part = [0; 4096];
    let (head, length) = loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some(end) = text.find("\r\n\r\n") {
            assert!(
                text.starts_with("POST /prefix/add-checkpoint HTTP/1.1\r\n"),
                "{text}"
            );
            let length = text
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            break (end + 4, length?.parse::<usize>().ok()?);
        }
        let read = socket.read(&mut part).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&part[..read]);
    };
    while bytes.len() < head + length {
        let read = socket.read(&mut part).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&part[..read]);
    }
    let body = String::from_utf8(bytes[head..].to_vec()).ok()?;
    let (status, said) = {
        let mut memory = memory.lock().unwrap();
        let (status, said) = judge(&mut memory, &body);
        memory.statuses.push(status);
        (status, said)
    };
    let answer = format!(
        "HTTP/1.1 {status} Said\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{said}",
        said.len()
    );
    socket.write_all(answer.as_bytes()).await.ok()
}

/// What a witness answers, as the specification has it.
fn judge(memory: &mut Memory, body: &str) -> (u16, String) {
    let nothing = String::new;
    let Some((proof, note)) = body.split_once("\n\n") else {
        return (400, nothing());
    };
    let mut lines = proof.lines();
    let old = lines.next().and_then(|line| line.strip_prefix("old "));
    let Some(old) = old.and_then(|old| old.parse::<u64>().ok()) else {
        return (400, nothing());
    };
    let hashes: Option<Vec<Hash>> = lines
        .map(|line| Some(Hash(STANDARD.decode(line).ok()?.try_into().ok()?)))
        .collect();
    let (Some(hashes), Ok(read)) = (hashes, Note::parse(note)) else {
        return (400, nothing());
    };
    let Some(log) = &memory.log else {
        return (404, nothing());
    };
    if read.verify(log).is_err() {
        return (403, nothing());
    }
    let new = Checkpoint::of_note(&read).unwrap();
    if old > new.size {
        return (400, nothing());
    }
    let seen = memory.last.as_ref().map_or(0, |last| last.size);
    if old != seen {
        return (409, format!("{seen}\n"));
    }
    if let Some(last) = memory.last.as_ref().filter(|_| old > 0) {
        let grew = if old == new.size {
            hashes.is_empty() && last.root == new.root
        } else {
            tlog_tiles::check_tree(&hashes, new.size, Hash(new.root), old, Hash(last.root)).is_ok()
        };
        if !grew {
            return (422, nothing());
        }
    }
    memory.last = Some(new);
    (200, cosignature(read.text, memory.lies))
}

fn cosignature(text: &str, lies: bool) -> String {
    let seconds = 1_800_000_000_u64;
    let mut signed = format!("cosignature/v1\ntime {seconds}\n{text}");
    if lies {
        signed.push('x');
    }
    let mut id = Sha256::new();
    id.update(NAME);
    id.update([b'\n', 4]);
    id.update(pair().public_key());
    let mut bytes = id.finalize()[..4].to_vec();
    bytes.extend_from_slice(&seconds.to_be_bytes());
    bytes.extend_from_slice(pair().sign(signed.as_bytes()).as_ref());
    format!("\u{2014} {NAME} {}\n", STANDARD.encode(bytes))
}

/// A house with a witness that knows its ledger.
async fn house(witness: &Witness) -> House {
    let settings = witness.settings.clone();
    let house = House::with(|plan| {
        plan.settings = Box::new(move |all| all.audit.witness = Some(settings.clone()));
    })
    .await;
    let signed = house.app().notary().checkpoint().await.unwrap();
    witness.memory().log = Some(signed.key.clone());
    house
}

async fn checkpoint(house: &House, query: &str) -> crate::support::Reply {
    let path = format!("/v1/audit/checkpoint{query}");
    let call = house.get(&path).header("X-API-Key", &house.secret);
    call.await
}

#[tokio::test(flavor = "multi_thread")]
async fn l_03_checkpoints_are_cosigned_as_the_ledger_grows_and_shown_with_it() {
    let witness = Witness::start().await;
    let house = house(&witness).await;
    let mut sizes = vec![];
    for number in 0..4 {
        house.sign_up(&format!("p{number}@example.org"), PASSWORD).await;
        house.settled().await;
        house.advance(Span::seconds(2));
        let reply = checkpoint(&house, "?cosigned=true").await.expect(200);
        let text = String::from_utf8(reply.bytes).unwrap();
        let note = Note::parse(&text).unwrap();
        assert_eq!(note.verify(witness.memory().log.as_ref().unwrap()), Ok(()));
        assert!(witness.settings.key.cosigned(&note).is_some(), "{text}");
        sizes.push(Checkpoint::of_note(&note).unwrap().size);
    }
    assert!(sizes.is_sorted() && sizes[0] < sizes[3], "{sizes:?}");
    assert!(!witness.memory().statuses.contains(&422));
    // What an auditor takes away has it too, and proves as much as before.
    let export = house
        .get("/v1/audit/export")
        .header("X-API-Key", &house.secret)
        .await
        .expect(200);
    let line = format!("\u{2014} {NAME} ");
    let has = export
        .bytes
        .windows(line.len())
        .any(|part| part == line.as_bytes());
    assert!(has, "the cosignature is in the export");
    let log = witness.memory().log.clone().unwrap();
    proven(&export.bytes, &key(&log));
}

#[tokio::test(flavor = "multi_thread")]
async fn l_03_after_a_restart_the_witness_says_how_far_it_is() {
    let witness = Witness::start().await;
    let mut house = house(&witness).await;
    checkpoint(&house, "?cosigned=true").await.expect(200);
    house.restart().await;
    house.sign_up("ada@example.org", PASSWORD).await;
    house.settled().await;
    house.advance(Span::seconds(2));
    checkpoint(&house, "?cosigned=true").await.expect(200);
    let statuses = witness.memory().statuses.clone();
    assert!(statuses.contains(&409), "{statuses:?}");
    assert_eq!(statuses.last(), Some(&200));
}

#[tokio::test(flavor = "multi_thread")]
async fn l_03_who_ask_for_a_cosignature_at_once_wait_for_each_other() {
    let witness = Witness::start().await;
    let mut house = house(&witness).await;
    checkpoint(&house, "?cosigned=true").await.expect(200);
    house.restart().await;
    for number in 0..4 {
        house.sign_up(&format!("p{number}@example.org"), PASSWORD).await;
        house.settled().await;
        house.advance(Span::seconds(2));
        let ask = || checkpoint(&house, "?cosigned=true");
        let (one, another, third, fourth) = tokio::join!(ask(), ask(), ask(), ask());
        for reply in [one, another, third, fourth] {
            reply.expect(200);
        }
    }
    let statuses = witness.memory().statuses.clone();
    let stale = statuses.iter().filter(|status| **status == 409).count();
    assert!(stale <= 1, "only after the restart: {statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn l_03_what_a_witness_does_not_cosign_or_cosigns_wrongly_stays_without() {
    let witness = Witness::start().await;
    let house = house(&witness).await;
    witness.memory().lies = true;
    house.advance(Span::minutes(40));
    checkpoint(&house, "?cosigned=true")
        .await
        .expect_code(503, "common/overloaded");
    let plain = checkpoint(&house, "").await.expect(200);
    assert!(!String::from_utf8(plain.bytes).unwrap().contains(NAME));
    witness.memory().log = None;
    checkpoint(&house, "?cosigned=true")
        .await
        .expect_code(503, "common/overloaded");
    // Evidence goes out all the same.
    let export = house.get("/v1/audit/export").header("X-API-Key", &house.secret);
    export.await.expect(200);
}
