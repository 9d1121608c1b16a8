//! Signing in, and being kept from it.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use keyledger::desk::NewPerson;
use keyledger::domain::{Actor, Role};
use keyledger::system::Entropy;
use keyledger::types::{EmailAddress, Lane, Locale, Span};
use serde_json::json;
use tokio::task::yield_now;

use super::house::{House, JI, NEW, NOBODY, OLD};

const WRONG: &str = "Wrong-Harbor-19";
const INVALID: &str = "auth/invalid-credentials";

#[tokio::test(flavor = "multi_thread")]
async fn a11_nobody_and_a_wrong_password_are_answered_alike() {
    let house = House::open().await;
    house.sign_up(JI).await;
    let known = house.sign_in(JI, WRONG).refused(401, INVALID).await.face();
    let unknown = house.sign_in(NOBODY, WRONG).refused(401, INVALID).await.face();
    assert_eq!(known, unknown);
    let answer = house.sign_in("JI@EXAMPLE.org", OLD).ok().await;
    assert_eq!(answer.field("expiresIn"), 3600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a12_a18_after_five_wrong_ones_in_any_spelling_comes_a_wait_that_doubles() {
    let house = House::open().await;
    house.sign_up(JI).await;
    let mut seen = vec![];
    for (spellings, ip) in [
        ([JI, "JI@example.org", " ji@EXAMPLE.org"], "198.51.100.1"),
        (
            [NOBODY, "NOBODY@example.org", " nobody@EXAMPLE.org"],
            "198.51.100.2",
        ),
    ] {
        let mut faces = vec![];
        for n in 0..6 {
            let call = house.sign_in(spellings[n % 3], WRONG).from(ip);
            faces.push(call.send().await.face());
        }
        let last = faces.last().unwrap();
        assert!(last.starts_with("429") && last.contains("auth/too-many-login-attempts"));
        assert!(last.contains("retry-after: 10\n"), "{last}");
        house.wait(Span::seconds(10));
        faces.push(house.sign_in(spellings[0], WRONG).from(ip).send().await.face());
        faces.push(house.sign_in(spellings[1], WRONG).from(ip).send().await.face());
        assert!(faces[7].contains("retry-after: 20\n"), "{}", faces[7]);
        seen.push(faces);
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a19_a_stranger_who_guesses_keeps_nobody_out() {
    let house = House::open_with(|plan| plan.limits.signin_per_user_hour = 6).await;
    house.resident(JI).await;
    for n in 0..6 {
        let call = house.sign_in(JI, WRONG).from(&format!("198.51.100.{n}"));
        call.refused(401, INVALID).await;
    }
    house
        .sign_in(JI, OLD)
        .from("198.51.100.77")
        .refused(429, "auth/too-many-login-attempts")
        .await;
    house.sign_in(JI, OLD).ok().await;
    assert_ne!(house.recovery(JI).await.secret, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a22_s_03_a_banned_user_is_out_at_once_and_stays_out() {
    let house = House::open().await;
    let tokens = house.sign_up(JI).await;
    let id = house.user_id(JI);
    house.desk().ban_user(id, Actor::Operator).await.unwrap();
    let me = || house.get("/v1/auth/me").bearer(&tokens.access);
    me().refused(401, "auth/session-expired").await;
    house
        .refresh(&tokens.refresh)
        .refused(401, "auth/invalid-refresh-token")
        .await;
    house.sign_in(JI, OLD).refused(403, "auth/account-banned").await;
    house.sign_in(JI, WRONG).refused(401, INVALID).await;
    house.desk().unban_user(id, Actor::Operator).await.unwrap();
    house.sign_in(JI, OLD).ok().await;
    me().refused(401, "auth/session-expired").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_must_be_verified_first_where_that_is_asked_for() {
    let house = House::open_with(|plan| plan.desk.require_verified_email = true).await;
    house.sign_up(JI).await;
    house
        .sign_in(JI, OLD)
        .refused(403, "auth/email-not-verified")
        .await;
    house.sign_in(JI, WRONG).refused(401, INVALID).await;
    house.resident("bo@example.org").await;
    house.sign_in("bo@example.org", OLD).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p_11_when_hashing_is_full_everybody_is_told_to_come_back() {
    let house = House::open_with(|plan| plan.pool.waiting_max = 0).await;
    let person = NewPerson {
        address: EmailAddress::parse(JI).unwrap(),
        name: None,
        username: None,
        role: Role::User,
        locale: Locale::En,
    };
    house.desk().create_user(person, Actor::Operator).await.unwrap();
    let known = house.sign_in(JI, OLD).refused(503, "common/overloaded").await;
    let unknown = house.sign_in(NOBODY, OLD).refused(503, "common/overloaded").await;
    assert_eq!(known.face(), unknown.face());
    assert_eq!(known.header("retry-after"), "1");
    assert_eq!(known.header("x-ratelimit-limit"), "");
}

/// Entropy that can keep a hashing thread waiting for its salt.
struct Gate {
    source: Arc<dyn Entropy>,
    hands: Arc<Hands>,
}

#[derive(Default)]
struct Hands {
    is_shut: Mutex<bool>,
    told: Condvar,
    held: AtomicUsize,
}

impl Hands {
    fn shut(&self, is_shut: bool) {
        *self.is_shut.lock().unwrap() = is_shut;
        self.told.notify_all();
    }
}

impl Entropy for Gate {
    fn fill(&self, out: &mut [u8]) {
        let name = std::thread::current().name().map(str::to_owned);
        if name.is_some_and(|name| name.starts_with("password-")) {
            let is_shut = self.hands.is_shut.lock().unwrap();
            self.hands
                .held
                .fetch_add(usize::from(*is_shut), Ordering::Relaxed);
            drop(self.hands.told.wait_while(is_shut, |is_shut| *is_shut).unwrap());
        }
        self.source.fill(out);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p_11_a_flood_of_strangers_keeps_nobody_with_a_session_from_a_new_password() {
    let hands = Arc::new(Hands::default());
    let house = House::open_with(|plan| {
        plan.pool.workers = NonZeroUsize::MIN;
        plan.pool.waiting_max = 4;
        let hands = Arc::clone(&hands);
        plan.entropy = Box::new(move |source| {
            let hands = Arc::clone(&hands);
            Arc::new(Gate { source, hands })
        });
    })
    .await;
    let tokens = house.resident(JI).await;
    hands.shut(true);
    let desk = house.desk().clone();
    let ask = || {
        let desk = desk.clone();
        tokio::spawn(async move {
            desk.passwords()
                .hash(Lane::Stranger, "flood".into())
                .await
                .is_ok()
        })
    };
    let mut flood = vec![ask()];
    while hands.held.load(Ordering::Relaxed) == 0 {
        yield_now().await;
    }
    flood.extend([ask(), ask()]);
    while desk.passwords().waiting() < 2 {
        yield_now().await;
    }
    let known = house.sign_in(JI, OLD).send().await;
    let unknown = house.sign_in(NOBODY, OLD).refused(503, "common/overloaded").await;
    assert_eq!(
        (known.face(), unknown.header("retry-after")),
        (unknown.face(), "1")
    );
    let body = json!({"currentPassword": OLD, "newPassword": NEW});
    let change = house
        .post("/v1/auth/password/change", &body)
        .bearer(&tokens.access);
    let open = async {
        while desk.passwords().waiting() < 3 {
            yield_now().await;
        }
        hands.shut(false);
    };
    let (changed, ()) = tokio::join!(change.send(), open);
    changed.assert(200);
    for one in flood {
        assert!(one.await.unwrap());
    }
    house.sign_in(JI, NEW).ok().await;
}
