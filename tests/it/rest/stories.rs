//! Recoveries told as stories, in both languages.

use keyledger::desk::{RecoveryTold, Which};
use keyledger::domain::Actor;
use keyledger::types::{Locale, Position, Span};
use secrecy::ExposeSecret;

use super::house::{BO, House, JI, NEW, OLD};

impl House {
    fn told(&self, which: &Which, locale: Locale) -> Vec<RecoveryTold> {
        let desk = self.desk();
        let found = desk.recoveries(which, 100).unwrap();
        found
            .iter()
            .map(|recovery| desk.tell_recovery(recovery, locale).unwrap())
            .collect()
    }
}

fn steps(told: &RecoveryTold) -> Vec<&str> {
    told.steps.iter().map(|(_, _, text)| text.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn l_01_a_recovery_is_one_story_from_the_asking_to_the_notice_in_english_and_korean() {
    let house = House::open().await;
    house.resident(JI).await;
    house.sign_in(JI, OLD).ok().await;
    house.sign_in(JI, OLD).ok().await;
    house.wait(Span::minutes(1));
    let mail = house.recovery(JI).await;
    for _ in 0..2 {
        let wrong = house.confirm(JI, "00000-00000", NEW).from("192.0.2.7");
        wrong.refused(404, "auth/verification-token-not-found").await;
    }
    house.confirm(JI, &mail.secret, NEW).ok().await;
    house.mail("password_changed", JI).await;
    let user = house.user_id(JI);
    let [told] = &house.told(&Which::Of(user), Locale::En)[..] else {
        panic!("one story");
    };
    assert_eq!(told.title, "recovery of j…@e…e.org: completed");
    assert_eq!(
        steps(told),
        [
            "asked for (from 192.0.2.1)",
            "mailed",
            "refused: a wrong code, twice (from 192.0.2.7)",
            "completed by the mailed link (from 192.0.2.1)",
            "new password set, everything issued before is void (from 192.0.2.1)",
            "3 sessions ended (from 192.0.2.1)",
            "notice password_changed delivered",
        ]
    );
    let [told] = &house.told(&Which::Of(user), Locale::Ko)[..] else {
        panic!("one story");
    };
    assert_eq!(told.title, "j…@e…e.org 님의 계정 복구: 완료되었습니다");
    assert_eq!(
        steps(told),
        [
            "요청함 (192.0.2.1에서)",
            "메일 전달됨",
            "거절됨: 틀린 코드, 2번 (192.0.2.7에서)",
            "메일의 링크로 완료됨 (192.0.2.1에서)",
            "새 비밀번호 설정됨, 이전에 발급된 것은 모두 무효 (192.0.2.1에서)",
            "세션 3개 종료됨 (192.0.2.1에서)",
            "안내 메일 password_changed 전달됨",
        ]
    );
    // The same one by its proof, and by any of its events.
    let token = told.token.unwrap();
    assert_eq!(
        &house.told(&Which::With(token), Locale::Ko),
        std::slice::from_ref(told)
    );
    for (position, _, _) in &told.steps {
        let by_event = house.told(&Which::At(*position), Locale::Ko);
        assert_eq!(&by_event, std::slice::from_ref(told), "{position}");
    }
    assert_eq!(house.told(&Which::At(Position(0)), Locale::En), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn l_01_each_way_a_recovery_can_end_is_told() {
    let house = House::open().await;
    house.resident(JI).await;
    house.resident(BO).await;
    house.recovery(JI).await;
    house.wait(Span::minutes(1));
    house.recovery(JI).await;
    house.recovery(BO).await;
    let endings = || -> Vec<&str> {
        let told = house.told(&Which::Latest, Locale::En);
        told.iter().map(|told| told.ending).collect()
    };
    assert_eq!(endings(), ["superseded", "open", "open"]);
    house
        .desk()
        .erase_user(house.user_id(BO), keyledger::domain::Actor::Operator)
        .await
        .unwrap();
    assert_eq!(endings(), ["superseded", "open", "void"]);
    house.wait(Span::days(2));
    assert_eq!(endings()[..2], ["superseded", "expired"]);
    for _ in 0..10 {
        house.request(JI).ok().await;
    }
    house.mails("password_reset", JI).await;
    assert_eq!(endings().last(), Some(&"no-mail"), "over the limit");
}

#[tokio::test(flavor = "multi_thread")]
async fn l_01_a_recovery_by_a_code_that_was_handed_over_is_not_told_as_one_by_mail() {
    let house = House::open().await;
    house.resident(JI).await;
    let user = house.user_id(JI);
    let made = house
        .desk()
        .admin_recovery(user, Span::hours(1), Actor::Operator)
        .await
        .unwrap();
    house.confirm(JI, made.code.expose_secret(), NEW).ok().await;
    for (locale, words) in [
        (Locale::En, "the code that was handed over"),
        (Locale::Ko, "직접 전달받은 코드로"),
    ] {
        let told = house.told(&Which::Of(user), locale);
        let texts = steps(&told[0]).join("; ");
        assert!(texts.contains(words), "{texts}");
    }
}
