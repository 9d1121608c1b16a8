//! The past over REST: for administrators, page by page, one look at a time, and never of what has been forgotten.

use keyledger::desk::{Desk, NotThere, PastView};
use keyledger::domain::{Actor, Obstacle};
use keyledger::engine::{Moment, PastFault};
use keyledger::types::{Position, Span, Timestamp};
use serde_json::Value;

use super::house::{BEGINNING, BO, House, JI, NEW, OLD};

const ASKED: &str = "/v1/audit/state";

/// The state of a moment, from the desk.
async fn past(desk: &Desk, moment: Moment) -> PastView {
    desk.look_back(moment, Box::new(|_, _| {})).await.unwrap()
}

fn now(house: &House) -> Timestamp {
    house.desk().now()
}

async fn asked(house: &House, query: &str) -> Value {
    house.secret(&format!("{ASKED}?{query}")).await.ok().await.value()
}

fn emails(shown: &Value) -> Vec<&str> {
    let items = shown["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["email"].as_str().unwrap_or("-"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn l_03_users_and_sessions_are_shown_as_they_were() {
    let house = House::open().await;
    house.resident(JI).await;
    let one = now(&house);
    house.wait(Span::hours(1));
    house.sign_up(BO).await;
    house.sign_in(BO, OLD).ok().await;
    let two = now(&house);
    house.wait(Span::hours(1));
    let bo = house.user_id(BO);
    house.desk().ban_user(bo, Actor::Operator).await.unwrap();
    house
        .desk()
        .erase_user(house.user_id(JI), Actor::Operator)
        .await
        .unwrap();
    let three = now(&house);

    let then = asked(&house, &format!("at={one}")).await;
    assert_eq!(
        emails(&then),
        ["-"],
        "whoever was erased since is unreadable in every past"
    );
    assert_eq!(
        (then["pagination"]["total"].as_u64(), then["at"].as_str()),
        (Some(1), Some(&*one.rfc3339()))
    );
    assert!(then["success"].is_null(), "bare");
    let then = asked(&house, &format!("at={two}&limit=1&page=2")).await;
    assert_eq!(emails(&then), [BO]);
    assert_eq!(
        (
            then["items"][0]["standing"].as_str(),
            then["items"][0]["sessions"].as_u64()
        ),
        (Some("active"), Some(2))
    );
    assert_eq!(then["pagination"]["hasPrev"], true);
    let sessions = asked(&house, &format!("at={two}&of=sessions&user={bo}")).await;
    assert_eq!(sessions["pagination"]["total"], 2);
    assert_eq!(sessions["items"][0]["userId"], bo.to_string());
    assert_eq!(
        asked(&house, &format!("at={two}&of=sessions")).await["pagination"]["total"],
        3
    );

    let last = asked(&house, &format!("at={three}")).await;
    assert_eq!(
        (emails(&last), last["items"][0]["standing"].as_str()),
        (vec![BO], Some("banned"))
    );
    assert_eq!(last["items"][0]["sessions"], 0);
    // The same moment by its place; the root is that of the checkpoints.
    let cursor = last["cursor"].as_str().unwrap();
    let same = asked(&house, &format!("at={cursor}")).await;
    assert_eq!((&same["items"], &same["root"]), (&last["items"], &last["root"]));
    let durable = house.desk().engine().durable();
    let end = Moment::Position(Position(durable.head.next.0 - 1));
    assert_eq!(past(house.desk(), end).await.moment().root, durable.tree.root());
    // What had expired by then is not alive: weeks later nobody had come back.
    house.wait(Span::days(40));
    let late = asked(&house, &format!("at={}&of=sessions", now(&house))).await;
    assert_eq!(late["pagination"]["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn l_03_a_moment_that_is_none_is_refused_with_what_is_wrong_about_it() {
    let house = House::open().await;
    house.resident(JI).await;
    let later = (now(&house) + Span::days(1)).rfc3339();
    let zero = asked(&house, "at=0").await;
    assert_eq!(
        (zero["position"].as_u64(), zero["pagination"]["total"].as_u64()),
        (Some(0), Some(0))
    );
    assert_eq!(zero["at"], BEGINNING);
    for (query, reason) in [
        ("", "required"),
        ("at=yesterday", "not-a-moment"),
        (&*format!("at={later}"), "in-the-future"),
        ("at=2020-01-01T00:00:00Z", "before-the-first-event"),
        ("at=999999", "beyond-the-end"),
        ("at=1:999999", "beyond-the-end"),
        ("at=2:0", "no-such-epoch"),
        ("at=0&of=flowers", "unsupported"),
        ("at=0&user=x", "unsupported"),
        ("at=0&limit=101", "out-of-range"),
    ] {
        let call = house.secret(&format!("{ASKED}?{query}")).await;
        let refused = call.refused(400, "common/invalid-parameters").await;
        let said = refused.text();
        assert!(said.contains(&format!("\"{reason}\"")), "{query}: {said}");
    }
    let before = house
        .secret(&format!("{ASKED}?at=0&of=sessions&user={}", house.user_id(JI)))
        .await;
    let before = before.refused(404, "user/not-found").await;
    assert!(before.text().contains("\"not-yet\""), "{}", before.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_look_at_the_past_at_a_time_and_the_writer_goes_on_meanwhile() {
    let house = House::open().await;
    house.resident(JI).await;
    let held = past(house.desk(), Moment::Position(Position(0))).await;
    let busy = house.secret(&format!("{ASKED}?at=0")).await;
    let busy = busy.refused(503, "common/overloaded").await;
    assert!(busy.header("retry-after").parse::<u32>().unwrap() > 0);
    let second = house
        .desk()
        .look_back(Moment::Position(Position(0)), Box::new(|_, _| {}))
        .await;
    assert!(matches!(second, Err(PastFault::Busy)));
    house.sign_up(BO).await;
    drop(held);
    asked(&house, "at=0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_could_sign_in_is_told_with_what_was_in_the_way() {
    let house = House::open().await;
    house.resident(JI).await;
    let (id, by) = (house.user_id(JI), Actor::Operator);
    let desk = house.desk();
    let mut moments = vec![];
    let mut next = || {
        house.wait(Span::minutes(10));
        moments.push(now(&house));
        house.wait(Span::minutes(10));
    };
    next();
    desk.ban_user(id, by).await.unwrap();
    next();
    desk.unban_user(id, by).await.unwrap();
    desk.revoke_password(id, by).await.unwrap();
    next();
    let mail = house.recovery(JI).await;
    house.confirm(JI, &mail.secret, NEW).ok().await;
    for _ in 0..6 {
        house.sign_in(JI, "wrong").from("198.51.100.9").send().await;
    }
    let tried = now(&house);
    let told = |moment: Timestamp| async move {
        let view = past(desk, Moment::Time(moment)).await;
        view.sign_in(id).unwrap().unwrap()
    };
    assert!(told(moments[0]).await.outlook.is_open());
    assert_eq!(told(moments[1]).await.outlook.obstacles, [Obstacle::Banned]);
    let revoked = told(moments[2]).await;
    assert_eq!(revoked.outlook.obstacles, [Obstacle::NoPassword]);
    assert!(
        revoked.password_revoked.is_some_and(|at| at <= moments[2]),
        "{revoked:?} {moments:?}"
    );
    let guessed = told(tried).await.outlook;
    assert!(guessed.is_open(), "a stranger's guesses keep nobody else out");
    let (networks, until) = guessed.waiting_networks.unwrap();
    assert!(networks == 1 && until > tried, "{guessed:?}");
    assert_eq!(past(desk, Moment::Position(Position(0))).await.find_user(JI), {
        Err(NotThere::NotYet(desk.profile(id).unwrap().created))
    });
}
