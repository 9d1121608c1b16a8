//! What the workers do while nobody waits: stories about mail, time and order.

use keyledger::domain::{Actor, Event, MailEnd};
use keyledger::mail::sink::{Fault, SinkBehaviour, Step};
use keyledger::types::{Locale, Span};
use serde_json::json;

use super::{House, Storage};

const ADA: &str = "ada@example.org";
const OLD: &str = "Lost-and-forgotten-1";
const NEW: &str = "Found-and-remembered-2";

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_goes_from_request_to_a_new_password_on_a_real_disk() {
    let mut house = House::with(|plan| plan.storage = Storage::Disk).await;
    let access = house.sign_up(ADA, OLD).await.text("accessToken");
    house.me(&access).await.expect(200);
    let verification = house.next_mail().await;
    let link = verification.link().unwrap();
    assert!(
        link.contains("/verify#t=") && link.ends_with("&e=ada%40example.org"),
        "{link}"
    );
    assert!(verification.not_me_link().unwrap().contains("/not-me#n="));
    let id = verification.header("Message-ID").unwrap();
    assert!(id.ends_with("@keyledger.example>"), "{id}");

    house.request_reset(ADA).await.expect(200);
    let mail = house.next_mail().await;
    assert_eq!(mail.header("X-Keyledger-Mail").unwrap(), "password_reset");
    house
        .confirm_reset(ADA, &mail.token().unwrap(), NEW)
        .await
        .expect(200);
    house.me(&access).await.expect_code(401, "auth/session-expired");
    let notice = house.next_mail().await;
    assert_eq!(notice.header("X-Keyledger-Mail").unwrap(), "password_changed");
    assert_eq!(notice.token(), None);

    house.restart().await;
    house
        .sign_in(ADA, OLD)
        .await
        .expect_code(401, "auth/invalid-credentials");
    house.sign_in(ADA, NEW).await.expect(200);
    let report = house.desk().verify().unwrap();
    assert_eq!(report.agrees, Some(true));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p_05_a_revoked_password_opens_nothing_and_its_owner_recovers_by_mail() {
    let house = House::start().await;
    let access = house.sign_up(ADA, OLD).await.text("accessToken");
    house.next_mail().await;
    let ada = house.desk().find_user(ADA).unwrap();
    house.desk().revoke_password(ada, Actor::Operator).await.unwrap();
    house.me(&access).await.expect_code(401, "auth/session-expired");
    house
        .sign_in(ADA, OLD)
        .await
        .expect_code(401, "auth/invalid-credentials");
    house.request_reset(ADA).await.expect(200);
    let token = house.next_mail_of("password_reset").await.token().unwrap();
    house.confirm_reset(ADA, &token, NEW).await.expect(200);
    house.sign_in(ADA, NEW).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_the_server_puts_off_goes_again_under_the_same_message_id_after_a_restart() {
    let mut house = House::with(|plan| {
        plan.sink = SinkBehaviour::accepting().fault(Fault::answer(Step::RcptTo, 451, "later"));
    })
    .await;
    house.sign_up(ADA, OLD).await;
    house
        .until("the mail is put off", |desk| {
            desk.engine()
                .read(|state| state.outbox.values().any(|mail| mail.attempts == 1))
        })
        .await;
    let id = house
        .desk()
        .engine()
        .read(|state| state.outbox.values().next().unwrap().id);
    house.restart().await;
    house.sink.clear_faults();
    house.advance(Span::seconds(40));
    let mail = house.next_mail().await;
    assert_eq!(
        mail.header("Message-ID").unwrap(),
        format!("<{id}@keyledger.example>")
    );
    house.settled().await;
    assert!(house.desk().engine().read(|state| state.outbox.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superseded_mail_that_has_not_left_does_not_leave_and_the_younger_one_does_at_once() {
    let house = House::start().await;
    house.sign_up(ADA, OLD).await;
    house.next_mail().await;
    house.sink.add_fault(Fault::answer(Step::MailFrom, 451, "later"));
    house.request_reset(ADA).await.expect(200);
    house
        .until("the mail is put off", |desk| {
            desk.engine()
                .read(|state| state.outbox.values().any(|mail| mail.attempts == 1))
        })
        .await;
    house.sink.clear_faults();
    house.request_reset(ADA).await.expect(200);
    let mail = house.next_mail().await;
    house.settled().await;
    assert_eq!(house.sink.received(), 2);
    house
        .confirm_reset(ADA, &mail.token().unwrap(), NEW)
        .await
        .expect(200);
    let superseded = |event: &Event| {
        matches!(
            event,
            Event::MailEnded {
                cause: MailEnd::Superseded,
                ..
            }
        )
    };
    assert_eq!(house.events().iter().filter(|event| superseded(event)).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_mail_server_comes_back_everything_leaves_in_order() {
    let house = House::start().await;
    house.sign_up(ADA, OLD).await;
    house.next_mail().await;
    // The second is for the connection that the first mail left open.
    house.sink.add_fault(Fault::disconnect(Step::Connect));
    house.sink.add_fault(Fault::disconnect(Step::MailFrom));
    house.request_reset(ADA).await.expect(200);
    house.sign_up("bob@example.org", OLD).await;
    house
        .until("both mails are put off", |desk| {
            desk.engine()
                .read(|state| state.outbox.len() == 2 && state.outbox.values().all(|mail| mail.attempts > 0))
        })
        .await;
    house.request_reset("nobody@example.org").await.expect(200);
    house.sink.clear_faults();
    house.advance(Span::seconds(40));
    let kinds = [house.next_mail().await, house.next_mail().await].map(|mail| mail.to.join(","));
    assert!(kinds.contains(&ADA.to_owned()) && kinds.contains(&"bob@example.org".to_owned()));
    house.settled().await;
    assert_eq!(house.sink.received(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_account_is_erased_when_its_time_has_come() {
    let house = House::start().await;
    let access = house.sign_up(ADA, OLD).await.text("accessToken");
    house.next_mail().await;
    house
        .delete("/v1/auth/withdraw")
        .bearer(&access)
        .await
        .expect(200);
    let mail = house.next_mail_of("account_closing").await;
    assert!(mail.link().unwrap().contains("/reopen#t="));
    house.settled().await;
    house.advance(Span::hours(71));
    assert_eq!(house.desk().engine().read(|state| state.users.len()), 1);
    house.advance(Span::hours(1));
    house
        .until("the account is erased", |desk| {
            desk.engine().read(|state| state.users.is_empty())
        })
        .await;
    let events = house
        .desk()
        .events(&keyledger::desk::EventFilter::default())
        .unwrap();
    let told: Vec<String> = events
        .iter()
        .map(|event| house.desk().describe(event, Locale::En).text)
        .collect();
    assert!(told.iter().all(|text| !text.contains("ada")), "{told:#?}");
    assert_eq!(house.desk().verify().unwrap().agrees, Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_over_a_limit_are_counted_once_a_minute_and_keys_of_old_days_are_destroyed() {
    let house = House::with(|plan| plan.limits.mails_per_client = 1).await;
    house.request_reset("x@example.org").await.expect(200);
    house.request_reset("x@example.org").await.expect(429);
    house.request_reset("x@example.org").await.expect(429);
    house.advance(Span::seconds(61));
    house
        .until("the count is written", |desk| {
            let events = desk.events(&keyledger::desk::EventFilter::default()).unwrap();
            events
                .iter()
                .any(|recorded| matches!(recorded.event, Event::Suppressed { count: 2, .. }))
        })
        .await;
    let day = keyledger::types::DataKeyId::Day(house.clock_day());
    assert!(house.desk().engine().vault().contains(day));
    house.advance(Span::days(91));
    house.request_reset("y@example.org").await.expect(200);
    house
        .until("the writer destroyed the key", |desk| {
            !desk.engine().vault().contains(day)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_02_a_mail_server_that_hangs_holds_nobody_up() {
    let house = House::with(|plan| {
        plan.sink = SinkBehaviour::accepting().fault(Fault::silence(Step::Data).for_recipient(ADA));
    })
    .await;
    house.sign_up(ADA, OLD).await;
    house.sign_up("bob@example.org", OLD).await;
    let mail = house.next_mail().await;
    assert_eq!(mail.to, ["bob@example.org"]);
    house
        .post("/v1/auth/password/reset/request", json!({ "email": ADA }))
        .await
        .expect(200);
}

impl House {
    fn clock_day(&self) -> u32 {
        use keyledger::system::Clock;
        self.clock.now().day()
    }
}
