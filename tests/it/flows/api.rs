//! Flows through the API.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_program_signs_somebody_in_stage_by_stage() {
    let house = House::start().await;
    house.resident().await;
    let mut program = Program::begin(&house, "default-authentication-flow").await;
    program.expect("identification");
    assert_eq!(program.last["challenge"]["flow"]["title"], "Sign in");
    assert_eq!(program.last["challenge"]["recoveryFlow"], "default-recovery-flow");
    program
        .answer(json!({ "identifier": ADA }))
        .await
        .expect("password");
    program
        .answer(json!({ "password": NEW }))
        .await
        .expect("password");
    assert_eq!(
        program.error(),
        ("password".to_owned(), "auth/invalid-credentials".to_owned())
    );
    program.answer(json!({ "password": OLD })).await;
    let session = &program.last["done"]["session"];
    assert_eq!(session["tokenType"], "Bearer");
    let access = session["accessToken"].as_str().unwrap();
    house.me(access).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_may_keep_the_first_id_for_a_whole_execution() {
    let house = House::start().await;
    house.resident().await;
    let mut program = Program::begin(&house, "default-authentication-flow").await;
    let first = program.id.clone();
    for answer in [json!({ "identifier": ADA }), json!({ "password": OLD })] {
        program.id = first.clone();
        program.answer(answer).await;
    }
    assert!(program.last["done"]["session"]["accessToken"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a24_an_execution_that_came_to_its_end_hands_its_session_over_once() {
    let house = House::start().await;
    house.resident().await;
    let mut program = Program::begin(&house, "default-authentication-flow").await;
    let first = program.id.clone();
    program.answer(json!({ "identifier": ADA })).await;
    program.answer(json!({ "password": OLD })).await;
    assert!(program.last["done"]["session"]["accessToken"].is_string());
    // Whoever finds one of its ids in a log of addresses, and calls from the same network.
    for id in [program.id.clone(), first] {
        program.id = id;
        program.answer(json!({ "password": OLD })).await;
        assert!(program.last["done"]["session"].is_null(), "{}", program.last);
        assert!(program.last["done"]["redirect"].is_string(), "{}", program.last);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a24_an_execution_laid_out_for_somebody_cannot_be_taken_over_from_elsewhere() {
    let house = House::start().await;
    house.resident().await;
    let mut program = Program::begin(&house, "default-authentication-flow").await;
    let first = program.id.clone();
    program
        .answer(json!({ "identifier": ADA }))
        .await
        .expect("password");
    let thief = house
        .post(
            &format!("/v1/flows/executions/{first}"),
            json!({ "password": OLD }),
        )
        .from_ip("203.0.113.9")
        .await
        .expect(200);
    // For anybody else it is what it was: the first stage.
    assert_eq!(thief.json["challenge"]["component"], "identification");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_recovers_an_account_and_gets_no_session() {
    let house = House::start().await;
    house.resident().await;
    let mut program = Program::begin(&house, "default-recovery-flow").await;
    program.answer(json!({ "email": ADA })).await.expect("email_sent");
    assert_eq!(program.last["challenge"]["expiresIn"], 1_800);
    let (secret, _) = house.mailed_recovery().await;
    program
        .answer(json!({ "code": "AAAAA-AAAAA" }))
        .await
        .expect("email_sent");
    assert_eq!(program.error().1, "auth/verification-token-not-found");
    program.answer(json!({ "token": secret })).await.expect("prompt");
    let rules = program.last["challenge"]["rules"].as_array().unwrap();
    assert!(rules.iter().any(|rule| rule["code"] == "length_min"));
    program
        .answer(json!({ "password": "short" }))
        .await
        .expect("prompt");
    assert_eq!(program.error().1, "auth/invalid-password-format");
    let answer = json!({ "password": NEW, "password_repeat": NEW });
    program.answer(answer).await;
    let redirect = program.last["done"]["redirect"].as_str().unwrap();
    assert!(redirect.ends_with(SIGN_IN) && program.last["done"]["session"].is_null());
    house.sign_in(ADA, NEW).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn r_01_no_answer_tells_whether_somebody_has_an_account() {
    let house = House::start().await;
    house.resident().await;
    let mut seen = vec![];
    for who in [ADA, NOBODY] {
        let mut answers = vec![];
        for (flow, wrong) in [
            ("default-authentication-flow", json!({ "password": NEW })),
            ("default-recovery-flow", json!({ "code": "AAAAA-AAAAA" })),
        ] {
            let mut program = Program::begin(&house, flow).await;
            program.answer(json!({ "identifier": who })).await;
            answers.push(program.last["challenge"].to_string().replace(who, "?"));
            program.answer(wrong).await;
            answers.push(program.last["challenge"].to_string().replace(who, "?"));
        }
        seen.push(answers);
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a14_a_half_finished_sign_in_opens_nothing_but_its_next_stage() {
    let house = House::start().await;
    let access = house.resident().await;
    house.add_mailbox(&access).await;
    let mut program = Program::begin(&house, "default-authentication-flow").await;
    program.answer(json!({ "identifier": ADA })).await;
    program
        .answer(json!({ "password": OLD }))
        .await
        .expect("authenticator_validate");
    assert!(program.last["done"].is_null());
    for path in ["/v1/auth/me", "/v1/auth/sessions"] {
        house
            .get(path)
            .bearer(&program.id)
            .await
            .expect_code(401, "auth/invalid-token");
    }
    for answer in [json!({}), json!({ "password": OLD }), json!({ "code": "000000" })] {
        program.answer(answer).await.expect("authenticator_validate");
    }
    let code = house.mailed_factor_code().await;
    program.answer(json!({ "code": code })).await;
    assert!(program.last["done"]["session"]["accessToken"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn m_04_of_many_guesses_at_once_none_gets_past_the_limit() {
    let house = House::start().await;
    let access = house.resident().await;
    house.add_mailbox(&access).await;
    let mut program = Program::begin(&house, "default-authentication-flow").await;
    program.answer(json!({ "identifier": ADA })).await;
    program.answer(json!({ "password": OLD })).await;
    let code = house.mailed_factor_code().await;
    for _ in 0..5 {
        program
            .answer(json!({ "code": "000000" }))
            .await
            .expect("authenticator_validate");
    }
    program
        .try_answer(json!({ "code": code }))
        .await
        .expect_code(429, "auth/too-many-requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn flows_for_people_who_are_signed_in_ask_for_their_token() {
    let house = House::start().await;
    let access = house.resident().await;
    let begin = |flow: &str| house.post(&format!("/v1/flows/{flow}/executions"), json!({}));
    begin("default-password-change")
        .await
        .expect_code(401, "auth/unauthorized");
    let begun = begin("default-password-change").bearer(&access).await.expect(201);
    assert_eq!(begun.json["challenge"]["component"], "password");
    begin("default-enrollment-flow")
        .bearer(&access)
        .await
        .expect_code(409, "flow/signed-in-already");
    begin("no-such-flow").await.expect_code(404, "flow/not-found");
    house
        .post("/v1/flows/executions/nonsense", json!({}))
        .await
        .expect_code(404, "flow/execution-not-found");
    let wrong = house
        .post(
            &format!("/v1/flows/executions/{}", begun.text("executionId")),
            json!({ "password": ["x"] }),
        )
        .bearer(&access)
        .await;
    wrong.expect_code(400, "common/invalid-parameters");
}

#[tokio::test(flavor = "multi_thread")]
async fn r_03_user_names_are_asked_about_so_often_and_no_more_whether_they_are_taken_or_free() {
    let house = House::start().await;
    house.resident().await;
    house.asks_usernames().await;
    let mut program = Program::begin(&house, "default-enrollment-flow").await;
    let form = |username: &str, password: &str| {
        let email = "bob@example.org";
        json!({ "name": "Bob", "email": email, "username": username, "password": password })
    };
    // A name that was free is not asked about again with another password.
    for _ in 0..30 {
        program.answer(form("bob", "short")).await.expect("prompt");
        assert_eq!(program.error().1, "auth/invalid-password-format");
    }
    for number in 1..20 {
        program.answer(form(&format!("bob-{number}"), "short")).await;
    }
    let limited = program.try_answer(form("bob-20", "short")).await;
    limited.expect_code(429, "auth/too-many-requests");
    // After an hour there is room again; then names that are taken count as well.
    house.advance(Span::hours(1));
    let mut made = Program::begin(&house, "default-enrollment-flow").await;
    made.answer(form("bob", NEW)).await.expect("email_sent");
    let mut again = Program::begin(&house, "default-enrollment-flow").await;
    for _ in 0..19 {
        again.answer(form("bob", NEW)).await.expect("prompt");
        assert_eq!(again.error().0, "username");
    }
    let limited = again.try_answer(form("bob", NEW)).await;
    limited.expect_code(429, "auth/too-many-requests");
}
