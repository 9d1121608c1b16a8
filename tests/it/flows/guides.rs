//! The set-up guides, step by step with their own names, and what works afterwards.

use keyledger::domain::flow::{
    Binding, BoundPolicy, DeniedAction, Deny, Designation, Edit, EmailAuthenticatorSetup, EmailStage,
    ExpressionPolicy, FieldKind, Flow, Identification, MailServer, Policy, Presence, Prompt, PromptField,
    Requirement, Stage, StageSettings,
};
use keyledger::domain::password_policy::{PasswordPolicy, PasswordPolicySettings};
use keyledger::domain::{Actor, Command};
use keyledger::engine::Lane;
use keyledger::mail::sink::{Sink, SinkBehaviour};
use keyledger::types::{ObjectName, Slug};

use super::*;

pub(super) fn name(text: &str) -> ObjectName {
    ObjectName::parse(text).unwrap()
}

fn slug(text: &str) -> Slug {
    Slug::parse(text).unwrap()
}

pub(super) fn stage(title: &str, settings: StageSettings) -> Edit {
    Edit::SaveStage {
        stage: Box::new(Stage::new(name(title), settings).unwrap()),
        presence: Presence::Either,
    }
}

pub(super) fn flow(title: &str, designation: Designation, authentication: Requirement) -> Edit {
    Edit::SaveFlow {
        flow: Flow {
            slug: slug(title),
            name: name(title),
            title: name(title),
            designation,
            authentication,
            denied_action: DeniedAction::MessageContinue,
        },
        presence: Presence::New,
    }
}

pub(super) fn bind(to: &str, order: u16, stage: &str) -> Edit {
    Edit::SaveBinding {
        flow: slug(to),
        binding: Binding::plain(order, name(stage)),
        presence: Presence::Either,
    }
}

impl House {
    pub(super) async fn configure(&self, edits: Vec<Edit>) {
        let by = Actor::Operator;
        let against = None;
        let command = Command::ChangeFlows { edits, against, by };
        let changed = self.desk().engine().execute(Lane::Proof, command, vec![]).await;
        changed.unwrap();
    }

    /// Whoever makes an account chooses a user name.
    pub(super) async fn asks_usernames(&self) {
        let name = "default-enrollment-prompt";
        let StageSettings::Prompt(mut prompt) = self.stage(name) else {
            panic!("a prompt");
        };
        prompt
            .fields
            .push(PromptField::new("username", FieldKind::Username, 90));
        self.configure(vec![stage(name, StageSettings::Prompt(prompt))])
            .await;
    }

    /// The settings of a stage as they are.
    fn stage(&self, title: &str) -> StageSettings {
        let found = self
            .desk()
            .engine()
            .read(|state| state.flows().stage(title).cloned());
        found.unwrap().settings().clone()
    }
}

/// Guide 000, steps 2 to 8.
pub(super) async fn follow_guide_000(house: &House) {
    let policy = PasswordPolicySettings {
        name: "my password policy".to_owned(),
        length_min: 12,
        amount_symbols: 1,
        ..PasswordPolicy::classic().settings().clone()
    };
    let policy = PasswordPolicy::checked(policy).unwrap();
    let StageSettings::Prompt(prompt) = house.stage("default-password-change-prompt") else {
        panic!("a prompt");
    };
    let StageSettings::Identification(identification) = house.stage("default-authentication-identification")
    else {
        panic!("an identification");
    };
    let recovery = "password-recovery-flow";
    house
        .configure(vec![
            Edit::SavePolicy {
                policy: Box::new(Policy::Password(policy)),
                presence: Presence::New,
            },
            stage(
                "email identification stage",
                StageSettings::Identification(Identification::default()),
            ),
            stage(
                "email recovery stage",
                StageSettings::Email(EmailStage::default()),
            ),
            flow(recovery, Designation::Recovery, Requirement::None),
            bind(recovery, 10, "email identification stage"),
            bind(recovery, 20, "email recovery stage"),
            bind(recovery, 30, "default-password-change-prompt"),
            bind(recovery, 40, "default-password-change-write"),
            stage(
                "default-password-change-prompt",
                StageSettings::Prompt(Prompt {
                    validation_policies: vec![name("my password policy")],
                    ..prompt
                }),
            ),
            stage(
                "default-authentication-identification",
                StageSettings::Identification(Identification {
                    recovery_flow: Some(slug(recovery)),
                    ..identification
                }),
            ),
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guide_000_gives_a_working_recovery() {
    let house = House::start().await;
    house.resident().await;
    follow_guide_000(&house).await;
    let path = "/flow/password-recovery-flow";
    let mut browser = Browser::new(&house);
    let sign_in = browser.open(SIGN_IN).await;
    assert!(sign_in.shows(&format!("href=\"{path}\"")), "{}", sign_in.html);
    // It was given no title: its pages say what it is for.
    browser.open(path).await.expect("<h1>Reset your password</h1>");
    let korean = browser.open(&format!("{path}?lang=ko")).await;
    korean.expect("<h1>비밀번호 재설정</h1>");
    assert_eq!(browser.open("/recover/request").await.at, path);
    browser
        .submit(path, &[("identifier", ADA)])
        .await
        .expect_field("code");
    let (secret, _) = house.mailed_recovery().await;
    // On another device the link leads back into the flow that asked for it.
    let mut phone = Browser::new(&house);
    let choosing = phone.submit("/recover", &[("token", &secret)]).await;
    assert_eq!(choosing.at, path);
    choosing.expect("Use at least 12 characters.");
    let refused = phone.submit(path, &[("password", "Short-1a")]).await;
    assert_eq!(refused.status, 400);
    refused.expect("Use at least 12 characters.");
    let done = phone.submit(path, &[("password", NEW)]).await;
    assert!(done.at.starts_with(SIGN_IN));
    house.sign_in(ADA, NEW).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn guide_001_gives_codes_by_mail_over_a_server_of_the_stages_own() {
    let house = House::start().await;
    house.resident().await;
    let own = Sink::start(SinkBehaviour::accepting().nodelay()).await.unwrap();
    let setup = "email-authenticator-setup";
    house
        .configure(vec![
            flow(
                setup,
                Designation::StageConfiguration,
                Requirement::RequireAuthenticated,
            ),
            stage(
                "Email Authenticator Setup",
                StageSettings::EmailAuthenticatorSetup(EmailAuthenticatorSetup {
                    authenticator_type_name: "Codes to my mailbox".to_owned(),
                    server: MailServer {
                        use_global_settings: false,
                        host: own.addr().ip().to_string(),
                        port: own.addr().port(),
                        from_address: "Codes <codes@example.net>".to_owned(),
                        ..MailServer::default()
                    },
                    subject: "Your code".to_owned(),
                    token_expiry_minutes: 5,
                    configure_flow: Some(slug(setup)),
                }),
            ),
            bind(setup, 10, "Email Authenticator Setup"),
        ])
        .await;
    let path = "/flow/email-authenticator-setup";
    let mut browser = Browser::new(&house);
    browser.open("/account/factors").await;
    browser.submit(SIGN_IN, &[("identifier", ADA)]).await;
    // Whoever sets a factor up from the page of their account is led into the flow that the stage names.
    let offered = browser.submit(SIGN_IN, &[("password", OLD)]).await;
    offered.expect(&format!(
        "<a class=\"button\" href=\"{path}?next=/account/factors\">Codes to my mailbox</a>"
    ));
    let asked = browser.open(&format!("{path}?next=/account/factors")).await;
    asked.expect("Codes to my mailbox");
    browser.submit(path, &[]).await.expect("within 5 minutes");
    let mail = own.next_mail(std::time::Duration::from_mins(1)).await.unwrap();
    assert_eq!(mail.header("Subject").as_deref(), Some("Your code"));
    assert!(mail.header("From").unwrap().contains("codes@example.net"));
    let text = mail.text_part().unwrap();
    let code = text
        .lines()
        .find(|line| line.len() == 6 && line.parse::<u32>().is_ok())
        .unwrap();
    let done = browser.submit(path, &[("code", code)]).await;
    assert_eq!(done.at, "/account/factors");
    house
        .sign_in(ADA, OLD)
        .await
        .expect_code(403, "auth/mfa-required");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_is_changed_in_between_begins_anew_and_says_so() {
    let house = House::start().await;
    house.resident().await;
    let mut browser = Browser::new(&house);
    browser.open(SIGN_IN).await;
    browser
        .submit(SIGN_IN, &[("identifier", ADA)])
        .await
        .expect_field("password");
    let wall = StageSettings::Deny(Deny {
        message: "We are closed today.".to_owned(),
    });
    house
        .configure(vec![
            stage("closed", wall),
            bind("default-authentication-flow", 90, "closed"),
        ])
        .await;
    let anew = browser.submit(SIGN_IN, &[("password", OLD)]).await;
    assert!(
        anew.asks("identifier") && anew.shows("had to begin again"),
        "{}",
        anew.html
    );
    browser.submit(SIGN_IN, &[("identifier", ADA)]).await;
    let denied = browser.submit(SIGN_IN, &[("password", OLD)]).await;
    assert_eq!(denied.status, 403);
    denied.expect("We are closed today.");
    assert!(!browser.is_signed_in());
}

#[tokio::test(flavor = "multi_thread")]
async fn a24_what_was_proven_before_a_later_sign_in_opens_nothing() {
    let house = House::start().await;
    house.resident().await;
    let mut fields = Prompt::default();
    fields.fields.push(keyledger::domain::flow::PromptField::new(
        "terms",
        keyledger::domain::flow::FieldKind::Checkbox,
        10,
    ));
    house
        .configure(vec![
            stage("terms", StageSettings::Prompt(fields)),
            bind("default-authentication-flow", 90, "terms"),
        ])
        .await;
    let mut browser = Browser::new(&house);
    browser.open(SIGN_IN).await;
    browser.submit(SIGN_IN, &[("identifier", ADA)]).await;
    browser
        .submit(SIGN_IN, &[("password", OLD)])
        .await
        .expect_field("terms");
    let before = browser.cookies.clone();
    house.advance(Span::seconds(1));
    let done = browser.submit(SIGN_IN, &[("terms", "true")]).await;
    assert_eq!(done.at, "/account");
    let mut thief = Browser::new(&house);
    thief.cookies = before;
    let refused = thief.submit(SIGN_IN, &[("terms", "true")]).await;
    assert!(
        refused.asks("identifier") && !thief.is_signed_in(),
        "{}",
        refused.html
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_decides_whether_a_stage_is_walked_and_one_that_fails_lets_nobody_past() {
    let house = House::start().await;
    house.resident().await;
    let wall = StageSettings::Deny(Deny {
        message: "Administrators only.".to_owned(),
    });
    let policy = |title: &str, text: &str| Edit::SavePolicy {
        policy: Box::new(Policy::Expression(
            ExpressionPolicy::new(name(title), text.to_owned()).unwrap(),
        )),
        presence: Presence::Either,
    };
    let bound = |negate| Edit::SaveBinding {
        flow: slug("default-authentication-flow"),
        binding: Binding {
            policies: vec![BoundPolicy {
                policy: name("is admin"),
                negate,
                enabled: true,
            }],
            ..Binding::plain(90, name("wall"))
        },
        presence: Presence::Either,
    };
    house
        .configure(vec![
            stage("wall", wall),
            policy("is admin", "user.role == 'admin'"),
            bound(true),
        ])
        .await;
    let sign_in = async || {
        let mut browser = Browser::new(&house);
        browser.open(SIGN_IN).await;
        browser.submit(SIGN_IN, &[("identifier", ADA)]).await;
        browser.submit(SIGN_IN, &[("password", OLD)]).await
    };
    sign_in().await.expect("Administrators only.");
    house.configure(vec![bound(false)]).await;
    assert_eq!(sign_in().await.at, "/account");
    house
        .configure(vec![policy("is admin", "prompt_data.nothing")])
        .await;
    let closed = sign_in().await;
    assert_eq!(closed.status, 403);
    closed.expect("as it is set up");
    // Whatever it came to instead of an answer, and wherever the flow sends those whom it denies.
    for text in [
        "prompt_data.nothing == 1",
        "now",
        "'true'",
        "user.email|int == 1",
        "1 / 0 == 1",
    ] {
        house.configure(vec![policy("is admin", text)]).await;
        let mut program = Program::begin(&house, "default-authentication-flow").await;
        program.answer(json!({ "identifier": ADA })).await;
        program.answer(json!({ "password": OLD })).await.expect("deny");
        assert_eq!(program.last["challenge"]["reason"], "misconfigured", "{text}");
        // Again is no way past.
        program.answer(json!({ "password": OLD })).await.expect("deny");
    }
    let open = house.desk().engine().read(|state| {
        let sign_in = &state.flows().flow("default-authentication-flow").unwrap().flow;
        sign_in.clone()
    });
    let flow = Flow {
        denied_action: DeniedAction::Continue,
        ..open
    };
    let presence = Presence::Either;
    house.configure(vec![Edit::SaveFlow { flow, presence }]).await;
    let mut browser = Browser::new(&house);
    browser.open(SIGN_IN).await;
    browser.submit(SIGN_IN, &[("identifier", ADA)]).await;
    let denied = browser.submit(SIGN_IN, &[("password", OLD)]).await;
    assert!(denied.status == 403 && !browser.is_signed_in(), "{}", denied.html);
    // Nor does a denial lead in circles.
    house
        .configure(vec![bind("default-authentication-flow", 1, "wall")])
        .await;
    Browser::new(&house)
        .open(SIGN_IN)
        .await
        .expect("Administrators only.");
}

#[tokio::test(flavor = "multi_thread")]
async fn s_09_opening_a_page_ends_no_session_whatever_flow_it_is_of() {
    let house = House::start().await;
    house.resident().await;
    let nothing = "nothing-to-do";
    house
        .configure(vec![flow(nothing, Designation::Recovery, Requirement::None)])
        .await;
    let mut browser = Browser::new(&house);
    browser.open(SIGN_IN).await;
    browser.submit(SIGN_IN, &[("identifier", ADA)]).await;
    browser.submit(SIGN_IN, &[("password", OLD)]).await;
    for path in ["/flow/nothing-to-do", "/flow/default-invalidation-flow"] {
        browser.open(path).await;
        assert_eq!(browser.open("/account").await.status, 200, "{path}");
        assert!(browser.is_signed_in(), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_subject_that_ships_is_said_in_the_readers_language_and_a_changed_one_as_it_is() {
    let house = House::start().await;
    let access = house.resident().await;
    let (ada, visitor) = (
        house.desk().authenticate(&access).unwrap(),
        crate::rig::visitor("192.0.2.1"),
    );
    let korean = keyledger::types::Locale::Ko;
    let changed = house.desk().change_profile(ada, None, korean, &visitor).await;
    changed.unwrap();
    let setup = "/flow/default-authenticator-email-setup";
    for (subject, is_own) in [
        (EmailAuthenticatorSetup::SUBJECT_DEFAULT, false),
        ("Your code", true),
    ] {
        house
            .configure(vec![stage(
                "default-authenticator-email-setup",
                StageSettings::EmailAuthenticatorSetup(EmailAuthenticatorSetup {
                    subject: subject.to_owned(),
                    configure_flow: Some(slug("default-authenticator-email-setup")),
                    ..EmailAuthenticatorSetup::default()
                }),
            )])
            .await;
        let mut browser = Browser::new(&house);
        browser.open(SIGN_IN).await;
        browser.submit(SIGN_IN, &[("identifier", ADA)]).await;
        browser.submit(SIGN_IN, &[("password", OLD)]).await;
        browser.open(setup).await;
        browser.submit(setup, &[]).await.expect_field("code");
        let mail = house.next_mail_of("email_otp").await;
        let said = mail.header("Subject").unwrap();
        assert_eq!(said == "Your code", is_own, "{said}");
        assert_ne!(said, EmailAuthenticatorSetup::SUBJECT_DEFAULT);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_name_is_chosen_at_sign_up_and_signs_in_as_the_address_does() {
    let house = House::start().await;
    house.asks_usernames().await;
    let enrol = "/flow/default-enrollment-flow";
    let form = |email: &'static str| {
        [
            ("name", "Ada"),
            ("username", "Ada.Lovelace"),
            ("email", email),
            ("password", NEW),
        ]
    };
    let mut browser = Browser::new(&house);
    browser.open(enrol).await;
    browser.submit(enrol, &form(ADA)).await.expect_field("code");
    let mail = house.next_mail_of("email_verification").await;
    let code = mail.code().unwrap();
    browser.submit(enrol, &[("code", &code)]).await;
    browser.submit(SIGN_IN, &[("identifier", "ada.lovelace")]).await;
    let done = browser.submit(SIGN_IN, &[("password", NEW)]).await;
    assert_eq!(done.at, "/account");
    let mut other = Browser::new(&house);
    other.open(enrol).await;
    let taken = other.submit(enrol, &form("eve@example.org")).await;
    assert_eq!(taken.status, 400);
    taken.expect("Somebody has this name already");
}
