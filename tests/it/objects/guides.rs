//! The set-up guides, step by step, with the names that they use.

use serde_json::{Value, json};

use super::path;
use crate::support::House;

const FLOWS: &str = "/v1/admin/flows";
const STAGES: &str = "/v1/admin/stages";

/// Recovery by mail: the guide's steps 2 to 8.
#[tokio::test(flavor = "multi_thread")]
async fn the_recovery_guide_works_step_by_step_over_the_api() {
    let house = House::start().await;
    let make =
        async |target: &str, body: Value| house.admin_json("POST", target, &body).await.expect(201).json;
    // 2. Password policy.
    let policy = json!({"name": "password policy", "kind": "password", "settings": {"length_min": 10, "amount_symbols": 1}});
    make("/v1/admin/policies", policy).await;
    // 3. Identification stage. 4. E-mail stage.
    let fields = json!({"user_fields": ["username", "email"]});
    make(
        STAGES,
        json!({"name": "email identification stage", "kind": "identification", "settings": fields}),
    )
    .await;
    let template = json!({"template": "password_reset"});
    make(
        STAGES,
        json!({"name": "email recovery stage", "kind": "email", "settings": template}),
    )
    .await;
    // 5. Flow. 6. Bindings.
    make(
        FLOWS,
        json!({"name": "password-recovery-flow", "designation": "recovery"}),
    )
    .await;
    let bindings = format!("{FLOWS}/password-recovery-flow/bindings");
    for (order, stage) in [
        (10, "email identification stage"),
        (20, "email recovery stage"),
        (30, "default-password-change-prompt"),
        (40, "default-password-change-write"),
    ] {
        make(&bindings, json!({"order": order, "stage": stage})).await;
    }
    // 7. The policy on the prompt. 8. The flow on the identification stage of the sign-in.
    let change = async |stage: &str, settings: Value| {
        let body = json!({"settings": settings});
        house
            .admin_json("PATCH", &path("stages", stage), &body)
            .await
            .expect(200);
    };
    change(
        "default-password-change-prompt",
        json!({"validation_policies": ["password policy"]}),
    )
    .await;
    change(
        "default-authentication-identification",
        json!({"recovery_flow": "password-recovery-flow"}),
    )
    .await;

    let flow = house
        .admin("GET", &format!("{FLOWS}/password-recovery-flow"))
        .await
        .expect(200)
        .json;
    assert_eq!(flow["problems"], json!([]));
    assert_eq!(
        flow["named_by_stages"],
        json!(["default-authentication-identification"])
    );
    let flows = house.desk().flows();
    let plan: Vec<_> = flows
        .plan("password-recovery-flow")
        .unwrap()
        .iter()
        .map(|step| (step.binding.order, step.stage.kind().word()))
        .collect();
    assert_eq!(
        plan,
        [
            (10, "identification"),
            (20, "email"),
            (30, "prompt"),
            (40, "user_write")
        ]
    );
}

/// One-time codes by mail: a stage with a mail server of its own, made and bound in one step.
#[tokio::test(flavor = "multi_thread")]
async fn the_email_authenticator_guide_works_over_the_api() {
    let house = House::start().await;
    let flow = json!({"name": "email-codes", "designation": "stage_configuration", "authentication": "require_authenticated"});
    house.admin_json("POST", FLOWS, &flow).await.expect(201);
    let stage = json!({
        "name": "Email Authenticator Setup",
        "kind": "email_authenticator_setup",
        "settings": {
            "authenticator_type_name": "Mail",
            "use_global_settings": false,
            "host": "smtp.example.org", "port": 587, "username": "apikey", "password": "a secret", "use_tls": true,
            "from_address": "system@example.org",
            "configure_flow": "email-codes",
        },
    });
    let bindings = format!("{FLOWS}/email-codes/bindings");
    house
        .admin_json("POST", &bindings, &json!({"order": 10, "stage": stage}))
        .await
        .expect(201);
    let stage = house
        .admin("GET", &path("stages", "Email Authenticator Setup"))
        .await
        .expect(200)
        .json;
    let settings = &stage["settings"];
    assert_eq!(settings["subject"], "Keyledger sign-in code");
    assert_eq!(
        (&settings["timeout"], &settings["token_expiry_minutes"]),
        (&json!(10), &json!(30))
    );
    assert_eq!(settings["password"], "********");
    let flow = house
        .admin("GET", &format!("{FLOWS}/email-codes"))
        .await
        .expect(200)
        .json;
    assert_eq!(flow["problems"], json!([]));
}
