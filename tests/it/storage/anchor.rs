//! The note beside the ledger: a ledger that lost something, or is another one, does not start by itself.

use std::path::PathBuf;

use keyledger::desk::{AccessFault, Desk};
use keyledger::engine::{BootError, Rollback};
use keyledger::ledger::anchor::ANCHOR_FILE;
use keyledger::ledger::{Anchor, AnchorPoint, AnchorVerdict, Head};
use keyledger::types::Position;
use secrecy::SecretString;
use tempfile::TempDir;

use crate::people::HOME;
use crate::rig::{PATIENCE, Rig, block_on, close, email, issue_all, visitor};

const PASSWORD: &str = "Correct-Horse-7-Battery";

/// A ledger with one account, and a note that it is so.
struct Noted {
    rig: Rig,
    dir: TempDir,
    anchor: PathBuf,
    point: AnchorPoint,
    access: String,
}

fn desk(rig: &Rig, dir: &TempDir) -> Desk {
    rig.open(dir.path())
}

impl Noted {
    fn new() -> Self {
        let (rig, dir) = (Rig::new(), TempDir::new().unwrap());
        let desk = desk(&rig, &dir);
        let form = keyledger::desk::SignUpForm {
            address: email("ada@example.org"),
            password: SecretString::from(PASSWORD),
            name: keyledger::types::PersonName::parse("Ada").unwrap(),
            locale: None,
        };
        let answer = block_on(desk.sign_up(form, &visitor("192.0.2.1")));
        let Ok(keyledger::desk::SignUpAnswer::SignedIn(tokens)) = answer else {
            panic!("a session")
        };
        block_on(desk.request_reset(&email("ada@example.org"), &visitor("192.0.2.1"))).unwrap();
        issue_all(&desk);
        let anchor = dir.path().join(ANCHOR_FILE);
        let mut file = Anchor::open(&anchor).unwrap();
        desk.engine().note_anchor(&mut file).unwrap();
        let point = AnchorPoint {
            epoch: 1,
            head: desk.engine().head(),
            ledger_id: desk.engine().reader().ledger_id(),
            at: rig.clock_now(),
        };
        close(desk);
        Self {
            rig,
            dir,
            anchor,
            point,
            access: tokens.access,
        }
    }

    /// Writes another note.
    fn note(&self, point: AnchorPoint) {
        Anchor::open(&self.anchor).unwrap().write(&point).unwrap();
    }

    fn boot(
        &self,
        rollback: Rollback,
    ) -> Result<(keyledger::engine::Engine, keyledger::engine::BootReport), BootError> {
        let store = self.rig.sled(self.dir.path()).unwrap();
        self.rig.boot_anchored(store, Some(&self.anchor), rollback)
    }

    /// Boots without a person's word; the words of the refusal.
    fn refused(&self) -> (AnchorVerdict, String) {
        match self.boot(Rollback::Refuse) {
            Err(error @ BootError::Lost(verdict)) => (verdict, error.to_string()),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("it started"),
        }
    }

    fn further(&self) -> AnchorPoint {
        let head = Head {
            next: Position(self.point.head.next.0 + 5),
            chain: [5; 32],
        };
        AnchorPoint { head, ..self.point }
    }
}

#[test]
fn a_note_that_agrees_and_a_ledger_that_is_ahead_are_sound() {
    let noted = Noted::new();
    let (engine, report) = noted.boot(Rollback::Refuse).unwrap();
    assert_eq!(report.anchor, AnchorVerdict::Agrees);
    crate::rig::run(
        &engine,
        keyledger::engine::Lane::Stranger,
        crate::people::BOB.signs_up(HOME),
    )
    .unwrap();
    assert!(engine.stop(PATIENCE));
    drop(engine);
    let (engine, report) = noted.boot(Rollback::Refuse).unwrap();
    assert!(matches!(report.anchor, AnchorVerdict::LedgerAhead { by } if by > 0));
    assert_eq!(engine.read(|state| state.epoch().number), 1);
    assert!(engine.stop(PATIENCE));
}

#[test]
fn a_ledger_behind_its_note_is_refused_with_words_that_say_what_to_do() {
    let noted = Noted::new();
    noted.note(noted.further());
    let (verdict, words) = noted.refused();
    assert!(matches!(verdict, AnchorVerdict::LedgerBehind { .. }));
    for word in ["missing", "backup", "--accept-rollback"] {
        assert!(words.contains(word), "{words}");
    }
    assert!(
        matches!(noted.refused().0, AnchorVerdict::LedgerBehind { .. }),
        "and again"
    );
}

#[test]
fn a_rewritten_a_foreign_and_a_damaged_note_are_refused() {
    let noted = Noted::new();
    let head = Head {
        chain: [6; 32],
        ..noted.point.head
    };
    noted.note(AnchorPoint { head, ..noted.point });
    let (verdict, words) = noted.refused();
    assert!(matches!(verdict, AnchorVerdict::Differs { .. }), "{words}");

    noted.note(AnchorPoint {
        ledger_id: [77; 16],
        ..noted.point
    });
    let (verdict, words) = noted.refused();
    assert_eq!(verdict, AnchorVerdict::Foreign);
    assert!(words.contains("another ledger"), "{words}");

    std::fs::write(&noted.anchor, [0x55; 8_192]).unwrap();
    assert_eq!(noted.refused().0, AnchorVerdict::Damaged);
}

#[test]
fn law_15_an_accepted_rollback_begins_an_epoch_that_voids_what_was_issued_and_keeps_passwords() {
    let noted = Noted::new();
    let before = desk(&noted.rig, &noted.dir);
    assert!(before.authenticate(&noted.access).is_ok());
    let (id, token) = before.engine().read(|state| {
        let mut tokens = state.tokens.iter();
        let (id, token) = tokens
            .find(|(_, token)| token.purpose == keyledger::domain::Purpose::Recovery)
            .unwrap();
        (*id, token.clone())
    });
    let link = before
        .link_secret(id, &token, keyledger::crypto::SecretLabel::Recovery)
        .unwrap();
    close(before);
    noted.note(noted.further());

    let (engine, report) = noted.boot(Rollback::Accept).unwrap();
    assert!(matches!(report.anchor, AnchorVerdict::LedgerBehind { .. }));
    assert_eq!(engine.read(|state| state.epoch().number), 2);
    let desk = noted.rig.desk(engine);
    assert_eq!(desk.authenticate(&noted.access), Err(AccessFault::SessionOver));
    let (ada, from) = (email("ada@example.org"), visitor("192.0.2.1"));
    let new = SecretString::from("Another-Horse-8-Stable");
    let void = block_on(desk.confirm_reset(&ada, &link, new, &from));
    let not_found = keyledger::desk::Fault::Refused(keyledger::domain::Refusal::TokenNotFound);
    assert_eq!(void, Err(not_found));
    let password = SecretString::from(PASSWORD);
    let held = block_on(desk.sign_in(&ada, &password, &from)).err();
    let unproven = keyledger::desk::Fault::Refused(keyledger::domain::Refusal::MailboxUnproven);
    assert_eq!(held, Some(unproven), "the right password mails a code first");
    issue_all(&desk);
    let mailed = desk.engine().read(|state| {
        let live = |token: &keyledger::domain::Token| token.position > state.epoch().valid_from;
        let mut tokens = state.tokens.iter();
        tokens
            .find(|(_, token)| live(token))
            .map(|(id, token)| (*id, (**token).clone()))
    });
    let (id, token) = mailed.unwrap();
    let code = desk.typed_code(id, &token).unwrap();
    block_on(desk.confirm_verification(&ada, &code, &from)).unwrap();
    let signed_in = block_on(desk.sign_in(&ada, &password, &from));
    assert!(desk.authenticate(&signed_in.unwrap().access).is_ok());
    let mut file = Anchor::open(&noted.anchor).unwrap();
    desk.engine().note_anchor(&mut file).unwrap();
    close(desk);
    assert!(
        noted.boot(Rollback::Refuse).is_ok_and(|(engine, report)| {
            engine.stop(PATIENCE) && report.anchor == AnchorVerdict::Agrees
        })
    );
}
