//! Checkpoints by mail: what administrators keep elsewhere.

use keyledger::audit::Checkpoint;
use keyledger::crypto::Note;
use keyledger::desk::NewPerson;
use keyledger::domain::{Actor, Role};
use keyledger::types::{EmailAddress, Locale, Span};

use crate::support::House;

/// The signed note within a text.
fn note_in<'t>(text: &'t str, origin: &str) -> &'t str {
    let begin = text.find(origin).unwrap();
    let signature = begin + text[begin..].find("\n\u{2014} ").unwrap() + 1;
    let end = signature + text[signature..].find('\n').unwrap() + 1;
    &text[begin..end]
}

#[tokio::test(flavor = "multi_thread")]
async fn l_03_administrators_are_mailed_a_checkpoint_that_proves_itself_as_often_as_they_want() {
    let house = House::with(|plan| {
        plan.settings = Box::new(|settings| settings.audit.mail_every = Some(Span::days(7)));
    })
    .await;
    for (address, role, locale) in [
        ("root@example.org", Role::Admin, Locale::En),
        ("ann@example.org", Role::User, Locale::En),
    ] {
        let person = NewPerson {
            address: EmailAddress::parse(address).unwrap(),
            name: None,
            username: None,
            role,
            locale,
        };
        house.desk().create_user(person, Actor::Operator).await.unwrap();
    }
    for week in 0..2 {
        // Nobody was an administrator at the start, and that is looked at now and then only.
        house.advance(Span::minutes(11));
        let mail = house.next_mail_of("checkpoint").await;
        assert_eq!(mail.to, ["root@example.org"]);
        let signed = house.app().notary().checkpoint().await.unwrap();
        let text = mail.text_part().unwrap();
        let note = Note::parse(note_in(&text, signed.checkpoint.origin.as_str())).unwrap();
        assert_eq!(note.verify(&signed.key), Ok(()));
        let mailed = Checkpoint::of_note(&note).unwrap();
        assert!(mailed.size > 0 && mailed.size <= signed.checkpoint.size);
        house.settled().await;
        house.advance(Span::days(6));
        house.settled().await;
        assert_eq!(house.sink.mails().len(), week + 1, "once a week");
        house.advance(Span::days(1));
    }
}
