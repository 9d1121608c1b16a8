//! Second factors: apps, mailed codes, recovery codes, and the doors that ask for them.

mod apps;

use keyledger::crypto::totp;
use keyledger::domain::{Actor, FactorKind};
use keyledger::types::Span;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::call::together;
use apps::{App, codes};

use super::house::{BO, House, JI, NEW, NOBODY, OLD};

const INVALID: &str = "auth/invalid-mfa-code";
const REQUIRED: &str = "auth/mfa-required";

#[tokio::test(flavor = "multi_thread")]
async fn m_05_a14_an_app_is_added_and_from_then_on_a_password_alone_opens_nothing() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    let enabled = house.mfa(&tokens, "enable", &json!({"password": OLD})).ok().await;
    let uri = enabled.field("otpauth").as_str().unwrap().to_owned();
    assert!(
        uri.starts_with("otpauth://totp/Keyledger:ji%40example.org?secret="),
        "{uri}"
    );
    assert_eq!(enabled.field("qrCodeUrl"), uri);
    assert_eq!(enabled.field("issuer"), "Keyledger");
    // Nothing is asked for before the first code was right.
    house.sign_in(JI, OLD).ok().await;
    let app = App::of(&enabled);
    house
        .mfa(&tokens, "confirm", &json!({"code": "000000"}))
        .refused(401, INVALID)
        .await;
    let right = json!({"code": app.code(&house)});
    house.mfa(&tokens, "confirm", &right).ok().await;
    house
        .mfa(&tokens, "confirm", &right)
        .refused(400, "auth/mfa-not-enabled")
        .await;
    house
        .mfa(&tokens, "enable", &json!({"password": OLD}))
        .refused(409, "auth/mfa-already-enabled")
        .await;
    assert_eq!(house.mfa_of(&tokens).await, json!(["totp", "recovery_codes"]));
    let refused = house.sign_in(JI, OLD).refused(403, REQUIRED).await;
    assert!(!refused.text().contains("accessToken"));
    house
        .sign_in(JI, NEW)
        .refused(401, "auth/invalid-credentials")
        .await;
    house.sign_in_showing(JI, "12345").refused(401, INVALID).await;
    house.wait(Span::seconds(30));
    house.sign_in_showing(JI, &app.code(&house)).ok().await;
    assert_eq!(
        house.mails("factor_changed", JI).await.len(),
        1,
        "M-07: it is told"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn m_01_a20_a_code_opens_once_also_over_a_restart() {
    let mut house = House::open().await;
    let tokens = house.resident(JI).await;
    let app = house.add_app(&tokens).await;
    let code = app.code(&house);
    let at_once = together((0..4).map(|_| house.sign_in_showing(JI, &code).send())).await;
    let opened = at_once.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(opened, 1, "{at_once:?}");
    house.inner.restart().await;
    house.sign_in_showing(JI, &code).refused(401, INVALID).await;
    house.wait(Span::seconds(30));
    house.sign_in_showing(JI, &app.code(&house)).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m_02_a_neighbouring_step_is_taken_and_the_one_after_it_is_not() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    let app = house.add_app(&tokens).await;
    let code = app.code(&house);
    house.wait(Span::seconds(60));
    house.sign_in_showing(JI, &code).refused(401, INVALID).await;
    let code = app.code(&house);
    house.wait(Span::seconds(30));
    house.sign_in_showing(JI, &code).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m_04_a15_a16_wrong_factors_count_over_all_doors_and_over_a_restart() {
    let mut house = House::open().await;
    let tokens = house.resident(JI).await;
    let app = house.add_app(&tokens).await;
    house.wait(Span::minutes(15));
    let recovery = house.recovery(JI).await;
    for _ in 0..2 {
        house.sign_in_showing(JI, "000000").refused(401, INVALID).await;
        house
            .confirm_showing(JI, &recovery.secret, "000000")
            .refused(401, INVALID)
            .await;
    }
    house.inner.restart().await;
    let disable = json!({"password": OLD, "code": "000000"});
    house
        .mfa(&tokens, "disable", &disable)
        .refused(401, INVALID)
        .await;
    let code = app.code(&house);
    let limited = house
        .sign_in_showing(JI, &code)
        .refused(429, "auth/too-many-requests")
        .await;
    assert_ne!(limited.header("retry-after"), "");
    house
        .confirm_showing(JI, &recovery.secret, &code)
        .refused(429, "auth/too-many-requests")
        .await;
    house.wait(Span::minutes(15));
    house.sign_in_showing(JI, &app.code(&house)).ok().await;
    let at_once = together((0..9).map(|_| house.sign_in_showing(JI, "000000").send())).await;
    let wrong = at_once.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(wrong, 5, "{at_once:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r_45_recovery_codes_work_once_wherever_a_code_is_asked_for_and_new_ones_kill_them() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    let app = house.add_app(&tokens).await;
    assert_eq!(app.codes.len(), 10);
    let first = app.codes[0].to_lowercase().replace('-', " ");
    let inside = house.sign_in_showing(JI, &first).ok().await.tokens();
    house
        .sign_in_showing(JI, &app.codes[0])
        .refused(401, INVALID)
        .await;
    let body = json!({"password": OLD, "code": app.codes[1]});
    let fresh = codes(&house.mfa(&inside, "recovery-codes", &body).ok().await);
    assert_eq!(fresh.len(), 10);
    house
        .sign_in_showing(JI, &app.codes[2])
        .refused(401, INVALID)
        .await;
    for code in &fresh {
        house.sign_in_showing(JI, code).ok().await;
    }
    house
        .sign_in_showing(JI, &fresh[0])
        .refused(400, "auth/mfa-backup-codes-exhausted")
        .await;
    // Added, used, made anew (and one used for that), ten used.
    assert_eq!(house.mails("factor_changed", JI).await.len(), 14);
    let told = house.mails("factor_changed", JI).await;
    assert!(told[1].text.contains("A recovery code was used."));
}

#[tokio::test(flavor = "multi_thread")]
async fn r_30_a13_a_recovery_asks_for_the_app_and_spends_nothing_without_it() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    let app = house.add_app(&tokens).await;
    let recovery = house.recovery(JI).await;
    house
        .confirm(JI, &recovery.secret, NEW)
        .refused(403, REQUIRED)
        .await;
    house
        .confirm(JI, &recovery.code, "short")
        .refused(403, REQUIRED)
        .await;
    house
        .confirm_showing(JI, &recovery.secret, "000000")
        .refused(401, INVALID)
        .await;
    let code = app.code(&house);
    let weak = json!({"email": JI, "token": recovery.secret, "newPassword": "short", "mfaCode": code});
    house
        .post("/v1/auth/password/reset/confirm", &weak)
        .refused(400, "auth/invalid-password-format")
        .await;
    house.confirm_showing(JI, &recovery.secret, &code).ok().await;
    let signed_in = json!({"email": JI, "password": NEW});
    house
        .post("/v1/auth/email/signin", &signed_in)
        .refused(403, REQUIRED)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_30_codes_by_mail_to_the_same_mailbox_are_neither_demanded_nor_counted() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    house.add_mailbox(&tokens, JI).await;
    let recovery = house.recovery(JI).await;
    house.confirm(JI, &recovery.secret, NEW).ok().await;
    let bo = house.resident(BO).await;
    let body = json!({"password": OLD, "email": "elsewhere@example.net"});
    let begun = house.mfa(&bo, "email/enable", &body).ok().await;
    let confirm =
        json!({"challengeId": begun.field("challengeId"), "code": house.otp("elsewhere@example.net").await});
    let codes = codes(&house.mfa(&bo, "email/confirm", &confirm).ok().await);
    assert_eq!(codes.len(), 10, "another mailbox brings recovery codes");
    let recovery = house.recovery(BO).await;
    house
        .confirm(BO, &recovery.secret, NEW)
        .refused(403, REQUIRED)
        .await;
    house.confirm_showing(BO, &recovery.secret, &codes[0]).ok().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m_03_m_06_codes_by_mail_finish_a_sign_in_once_and_the_newest_only() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    house.add_mailbox(&tokens, JI).await;
    house.sign_in(JI, OLD).refused(403, REQUIRED).await;
    house.challenge(JI, OLD).ok().await;
    let first = house.otp(JI).await;
    house.challenge(JI, OLD).ok().await;
    let second = house.otp(JI).await;
    assert_ne!(first, second);
    house.sign_in_showing(JI, &first).refused(401, INVALID).await;
    let inside = house.sign_in_showing(JI, &second).ok().await.tokens();
    house.sign_in_showing(JI, &second).refused(401, INVALID).await;
    assert_eq!(house.mfa_of(&inside).await, json!(["email"]));
    house.challenge(JI, OLD).ok().await;
    let late = house.otp(JI).await;
    house.wait(Span::minutes(30));
    house.sign_in_showing(JI, &late).refused(401, INVALID).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_01_p_13_asking_for_a_code_tells_nothing_of_anybody() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    house.add_mailbox(&tokens, JI).await;
    house.sign_up(BO).await;
    let mut faces = vec![];
    for (email, password) in [(JI, OLD), (JI, NEW), (BO, OLD), (NOBODY, OLD)] {
        let answer = house.challenge(email, password).ok().await;
        let id = answer.field("challengeId").as_str().unwrap().to_owned();
        assert_eq!(id.len(), 36);
        faces.push(answer.face().replace(&id, "ID"));
    }
    assert!(faces.iter().all(|face| *face == faces[0]), "{faces:?}");
    assert_eq!(
        house.mails("email_otp", JI).await.len(),
        2,
        "one to enrol, one to sign in"
    );
    assert!(house.mails("email_otp", BO).await.is_empty());
    house
        .challenge("no address", OLD)
        .refused(400, "auth/invalid-email")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m_07_r_44_taking_factors_away_needs_password_and_code_and_is_told() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    house
        .mfa(&tokens, "disable", &json!({"password": OLD}))
        .refused(400, "auth/mfa-not-enabled")
        .await;
    let app = house.add_app(&tokens).await;
    house.wait(Span::minutes(11));
    house
        .mfa(&tokens, "disable", &json!({"password": OLD}))
        .refused(403, REQUIRED)
        .await;
    house
        .mfa(
            &tokens,
            "disable",
            &json!({"password": NEW, "code": app.code(&house)}),
        )
        .refused(401, "auth/invalid-credentials")
        .await;
    house
        .mfa(&tokens, "disable", &json!({"password": OLD, "factor": "thumb"}))
        .refused(400, "common/invalid-parameters")
        .await;
    house
        .mfa(
            &tokens,
            "disable",
            &json!({"password": OLD, "code": app.code(&house)}),
        )
        .ok()
        .await;
    assert_eq!(house.mfa_of(&tokens).await, json!([]));
    house.sign_in(JI, OLD).ok().await;
    let told = house.mails("factor_changed", JI).await;
    assert_eq!(told.len(), 2);
    assert!(
        told[1].text.contains("Two-step sign-in was removed"),
        "{}",
        told[1].text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn m_08_a_right_password_with_a_wrong_or_no_second_factor_is_told() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    house.add_app(&tokens).await;
    house.sign_in(JI, OLD).refused(403, REQUIRED).await;
    house.wait(Span::minutes(9));
    assert!(
        house.mails("second_factor_failed", JI).await.is_empty(),
        "it may yet be finished"
    );
    house.wait(Span::minutes(1));
    house
        .inner
        .until("the user is told", |desk| {
            desk.engine().read(|state| state.unfinished.is_empty())
        })
        .await;
    assert_eq!(house.mails("second_factor_failed", JI).await.len(), 1);
    house.sign_in_showing(JI, "000000").refused(401, INVALID).await;
    assert_eq!(
        house.mails("second_factor_failed", JI).await.len(),
        1,
        "once an hour"
    );
    house.wait(Span::hours(1));
    house.sign_in_showing(JI, "000000").refused(401, INVALID).await;
    assert_eq!(house.mails("second_factor_failed", JI).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn m_09_an_administrator_takes_a_factor_away_and_sees_no_secret() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    house.add_app(&tokens).await;
    let id = house.user_id(JI);
    let shown = house.desk().factors(id);
    let kinds: Vec<_> = shown.iter().map(|factor| (factor.kind, factor.left)).collect();
    assert_eq!(
        kinds,
        [(FactorKind::Totp, None), (FactorKind::RecoveryCodes, Some(10))]
    );
    house
        .desk()
        .revoke_factors(id, None, Actor::Operator)
        .await
        .unwrap();
    house.sign_in(JI, OLD).ok().await;
    let told = house.mails("factor_changed", JI).await;
    assert!(
        told[1].text.contains("An administrator removed"),
        "{}",
        told[1].text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn m_10_r_45_neither_seeds_nor_recovery_codes_are_in_the_ledger() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    let app = house.add_app(&tokens).await;
    let mut records = vec![];
    house
        .desk()
        .engine()
        .reader()
        .scan(keyledger::types::Position(0), &mut |frame| {
            records.extend(frame.records().flatten().copied());
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    let holds = |needle: &[u8]| records.windows(needle.len()).any(|window| window == needle);
    let text = totp::seed_text(app.seed());
    assert!(!holds(app.seed()) && !holds(text.expose_secret().as_bytes()));
    for code in &app.codes {
        assert!(!holds(code.as_bytes()) && !holds(code.replace('-', "").as_bytes()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolment_ends_after_ten_minutes_and_a_wrong_password_begins_none() {
    let house = House::open().await;
    let tokens = house.resident(JI).await;
    let wrong = json!({"password": NEW});
    for path in ["enable", "email/enable"] {
        house
            .mfa(&tokens, path, &wrong)
            .refused(401, "auth/invalid-credentials")
            .await;
    }
    house
        .mfa(&tokens, "confirm", &json!({"code": "123456"}))
        .refused(400, "auth/mfa-not-enabled")
        .await;
    let enabled = house.mfa(&tokens, "enable", &json!({"password": OLD})).ok().await;
    let app = App::of(&enabled);
    house.wait(Span::minutes(10));
    house
        .mfa(&tokens, "confirm", &json!({"code": app.code(&house)}))
        .refused(400, "auth/mfa-setup-expired")
        .await;
    assert_eq!(house.mfa_of(&tokens).await, json!([]));
    let begun = house
        .mfa(&tokens, "email/enable", &json!({"password": OLD}))
        .ok()
        .await;
    let code = house.otp(JI).await;
    let confirm = |id: &Value| json!({"challengeId": id, "code": code});
    house
        .mfa(&tokens, "email/confirm", &confirm(&json!("no id")))
        .refused(400, "common/invalid-parameters")
        .await;
    house.wait(Span::minutes(30));
    house
        .mfa(&tokens, "email/confirm", &confirm(&begun.field("challengeId")))
        .refused(400, "auth/mfa-setup-expired")
        .await;
}
