//! P9: what the ledger takes on the disk, against the bytes of its records.

use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keyledger::crypto::{self, Field};
use keyledger::domain::{
    Actor, AddressProof, Command, FactorShown, FactorVerdict, NewMail, NewSession, NewUser, Outcome,
    PasswordVerdict, Purpose, Role,
};
use keyledger::engine::{Directory, Engine, Lane};
use keyledger::system::random_id;
use keyledger::types::{
    AddressId, DataKeyId, EmailAddress, Locale, MailId, Position, SessionId, Tag, TokenId, UserId,
};

use crate::crowd::{Crowd, person};
use crate::report::{Figure, Goal, Line, mebibytes};
use crate::{Size, disk, house};

pub(crate) const FIGURE: Figure = Figure {
    name: "P9",
    about: "bytes on disk of a mixed workload",
    measure,
};

fn measure(size: Size) -> Vec<Line> {
    let turns = size.pick(4_000, 500);
    vec![
        run("one command a commit", 1, turns, Goal::AtMost(3.2)),
        run("64 callers, grouped", 64, 4 * turns, Goal::AtMost(2.5)),
    ]
}

/// So many turns of: recovery asked and mailed, signed in, refreshed, and now and then a new user.
fn run(how: &str, callers: u64, turns: u64, goal: Goal) -> Line {
    let crowd = Arc::new(Crowd::new());
    let directory = disk::directory();
    let mut store = house::on_disk(directory.path());
    crowd.settle(&mut *store, callers);
    let engine = house::start_engine(store, crowd.ring.clone());
    let runtime = house::runtime();
    let next = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (engine, crowd, next) = (engine.clone(), Arc::clone(&crowd), Arc::clone(&next));
            runtime.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= turns {
                        break;
                    }
                    turn(&engine, &crowd, caller, number).await;
                }
            })
        })
        .collect();
    for task in tasks {
        runtime.block_on(task).expect("callers do not panic");
    }
    let (mut events, mut bytes) = (0_u64, 0_u64);
    let scanned = engine.reader().scan(Position(0), &mut |frame| {
        for record in frame.records() {
            events += 1;
            bytes += record.len() as u64;
        }
        ControlFlow::Continue(())
    });
    scanned.expect("the ledger is whole");
    engine.stop(Duration::from_secs(5));
    let taken = on_disk(directory.path());
    Line::ratio(
        format!("P9 on disk, {how}"),
        format!("{} ({} B an event)", mebibytes(taken as f64), taken / events),
        format!(
            "{} ({} B an event, {events} events)",
            mebibytes(bytes as f64),
            bytes / events
        ),
        taken as f64 / bytes as f64,
        goal,
    )
}

/// Bytes that the files below a directory take, as the file system counts them.
fn on_disk(directory: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => on_disk(&entry.path()),
            Ok(metadata) => metadata.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}

async fn turn(engine: &Engine, crowd: &Crowd, caller: u64, number: u64) {
    let who = person(caller);
    let entropy = engine.entropy();
    let do_it = async |lane, command, keys| {
        engine
            .execute(lane, command, keys)
            .await
            .expect("nothing refuses these")
    };
    let ask = crowd.ask(caller);
    let origin = ask.client.origin.clone();
    let request = Command::RequestProof {
        ask: ask.clone(),
        purpose: Purpose::Recovery,
        callback: None,
    };
    do_it(Lane::Stranger, request, vec![]).await;
    let due = engine.read(|state| {
        let mut mine = state
            .requests
            .iter()
            .filter(|(_, due)| due.address == who.address);
        mine.next().map(|(position, _)| *position)
    });
    // The address has had its mails of the day after the first turns; the request is written down all the same.
    if let Some(request) = due {
        let mail = MailId(random_id(entropy));
        let issue = Command::IssueProof {
            request,
            proof: AddressProof {
                token: TokenId(random_id(entropy)),
                link_key: 1,
                code_key: 1,
            },
            mail: NewMail {
                mail,
                details: origin.clone(),
            },
            lifetime: None,
        };
        do_it(Lane::Proof, issue, vec![]).await;
        let queued = engine.read(|state| {
            let mut mine = state.outbox.iter().filter(|(_, waiting)| waiting.id == mail);
            mine.next().map(|(position, _)| *position)
        });
        let delivered = Command::MailDelivered {
            queued: queued.expect("the mail waits"),
            attempt: 1,
            status: 250,
        };
        do_it(Lane::Proof, delivered, vec![]).await;
    }
    let session = NewSession {
        session: SessionId(random_id(entropy)),
        refresh_key: 1,
    };
    let id = session.session;
    let sign_in = Command::SignIn {
        ask,
        verdict: PasswordVerdict::Right(who.credential),
        factor: FactorShown {
            verdict: FactorVerdict::Absent,
            mails: vec![],
        },
        session,
        require_verified: false,
    };
    do_it(Lane::Proof, sign_in, vec![]).await;
    let refresh = Command::Refresh {
        session: id,
        counter: 0,
        refresh_key: 1,
        mail: None,
        origin: origin.clone(),
    };
    let refreshed = do_it(Lane::Proof, refresh, vec![]).await;
    assert!(matches!(refreshed, Outcome::Refreshed { .. }));
    if number.is_multiple_of(4) {
        let (command, keys) = newcomer(engine, number);
        do_it(Lane::Proof, command, keys).await;
    }
}

fn newcomer(engine: &Engine, number: u64) -> (Command, Vec<(DataKeyId, crypto::WrappedKey)>) {
    let entropy = engine.entropy();
    let user = UserId(random_id(entropy));
    let (key, wrapped) = engine.vault().make(DataKeyId::User(user), entropy);
    let seal = |field, clear: &[u8]| crypto::seal(&key, field, user.0, clear, entropy);
    let email = EmailAddress::parse(&format!("new.{number}@example.org")).expect("an address");
    let command = Command::CreateUser {
        lookup: Directory::address_tag(&engine.keyring().current(), &email),
        username: None::<Tag>,
        new: NewUser {
            user,
            role: Role::User,
            address: AddressId(random_id(entropy)),
            sealed_address: seal(Field::UserAddress, email.as_typed().as_bytes()),
            name: Some(seal(Field::UserName, b"Ada Lovelace")),
            username: None,
            locale: Locale::En,
        },
        origin: seal(Field::EventClient, &[0; 112]),
        by: Actor::Operator,
    };
    (command, vec![(DataKeyId::User(user), wrapped)])
}
