//! The administration API.

use serde_json::{Value, json};

use super::{details, path};
use crate::support::House;

const FLOWS: &str = "/v1/admin/flows";
const STAGES: &str = "/v1/admin/stages";
const POLICIES: &str = "/v1/admin/policies";

#[tokio::test(flavor = "multi_thread")]
async fn l_03_flows_are_for_administrators() {
    let house = House::start().await;
    let one = format!("{FLOWS}/default-recovery-flow");
    let bindings = format!("{one}/bindings");
    for (method, target) in [
        ("GET", FLOWS),
        ("POST", FLOWS),
        ("PATCH", one.as_str()),
        ("DELETE", one.as_str()),
        ("GET", bindings.as_str()),
        ("GET", STAGES),
        ("POST", STAGES),
        ("GET", POLICIES),
        ("DELETE", "/v1/admin/policies/classic"),
    ] {
        let body = |call: crate::support::Call| {
            if method == "GET" {
                call
            } else {
                call.json(&json!({}))
            }
        };
        body(house.call(method, target))
            .await
            .expect_code(401, "auth/unauthorized");
        let nobody = house.call(method, target).without("x-api-key");
        body(nobody).await.expect_code(401, "auth/invalid-api-key");
    }
    house.admin("GET", FLOWS).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ships_is_listed_under_its_names_and_can_finish() {
    let house = House::start().await;
    let listed = house
        .admin("GET", &format!("{FLOWS}?limit=100"))
        .await
        .expect(200)
        .json;
    assert!(listed["success"].is_null(), "bare");
    let flows = listed["items"].as_array().unwrap();
    assert_eq!(
        (flows.len(), listed["pagination"]["total"].as_u64()),
        (8, Some(8))
    );
    for flow in flows {
        assert_eq!(flow["problems"], json!([]), "{}", flow["slug"]);
    }
    let recovery = house
        .admin("GET", &format!("{FLOWS}/default-recovery-flow"))
        .await
        .expect(200)
        .json;
    assert_eq!(recovery["designation"], "recovery");
    let bound: Vec<_> = recovery["bindings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|binding| {
            (
                binding["order"].as_u64().unwrap(),
                binding["stage"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(bound[0], (10, "default-recovery-identification"));
    assert_eq!(bound.last(), Some(&(40, "default-password-change-write")));
    assert_eq!(
        recovery["named_by_stages"],
        json!(["default-authentication-identification"])
    );
    let stage = house
        .admin("GET", &path("stages", "default-recovery-email"))
        .await
        .expect(200)
        .json;
    assert_eq!(stage["kind"], "email");
    assert_eq!(stage["settings"]["token_expiry_minutes"], 30);
    assert_eq!(
        stage["bound_to"],
        json!([{"flow": "default-recovery-flow", "order": 20}])
    );
    let policy = house
        .admin("GET", &path("policies", "classic"))
        .await
        .expect(200)
        .json;
    assert_eq!(
        (&policy["kind"], &policy["settings"]["length_min"]),
        (&json!("password"), &json!(8))
    );
    house
        .admin("GET", &path("stages", "no such"))
        .await
        .expect_code(404, "common/not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_made_with_defaults_changed_renamed_and_removed() {
    let house = House::start().await;
    let made = json!({"name": "Email recovery", "kind": "email"});
    let made = house.admin_json("POST", STAGES, &made).await.expect(201).json;
    assert_eq!(made["settings"]["template"], "password_reset");
    assert_eq!(made["settings"]["use_global_settings"], true);
    let stage = path("stages", "Email recovery");
    let change = json!({"name": "mail", "settings": {"subject": "복구", "resend_max": 3}});
    let changed = house.admin_json("PATCH", &stage, &change).await.expect(200).json;
    assert_eq!(
        (&changed["name"], &changed["settings"]["subject"]),
        (&json!("mail"), &json!("복구"))
    );
    assert_eq!(
        changed["settings"]["token_expiry_minutes"], 30,
        "what is not given stays"
    );
    house.admin("GET", &stage).await.expect(404);
    let flow = json!({"name": "Way back", "designation": "recovery"});
    let flow = house.admin_json("POST", FLOWS, &flow).await.expect(201).json;
    assert_eq!(
        (&flow["slug"], &flow["title"]),
        (&json!("way-back"), &json!("Way back"))
    );
    let kinds: Vec<_> = flow["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["code"])
        .collect();
    assert_eq!(kinds, ["no-stage"]);
    let bindings = format!("{FLOWS}/way-back/bindings");
    let bound = json!({"order": 20, "stage": "mail"});
    house.admin_json("POST", &bindings, &bound).await.expect(201);
    let new = json!({"order": 10, "stage": {"name": "who", "kind": "identification", "settings": {"user_fields": ["email"]}}});
    house.admin_json("POST", &bindings, &new).await.expect(201);
    let listed = house.admin("GET", &bindings).await.expect(200).json;
    let stages: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["stage"].as_str().unwrap())
        .collect();
    assert_eq!(stages, ["who", "mail"]);
    house
        .admin_json("PATCH", &format!("{bindings}/20"), &json!({"order": 5}))
        .await
        .expect(200);
    house.admin("GET", &format!("{bindings}/20")).await.expect(404);
    let used = house
        .admin("DELETE", &path("stages", "mail"))
        .await
        .expect(400)
        .json;
    assert_eq!(details(&used), ["name:in-use"]);
    house
        .admin("DELETE", &format!("{}?detach=true", path("stages", "mail")))
        .await
        .expect(200);
    let left = house.admin("GET", &bindings).await.expect(200).json;
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
    house
        .admin("DELETE", &format!("{FLOWS}/way-back"))
        .await
        .expect(200);
    house.admin("GET", &bindings).await.expect(404);
    house.admin("DELETE", &path("stages", "who")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a28_every_fault_names_its_field_and_what_to_do() {
    let house = House::start().await;
    let faults = async |method: &str, target: &str, body: Value| {
        let refused = house
            .admin_json(method, target, &body)
            .await
            .expect_code(400, "common/invalid-parameters");
        // What to do is said in the reader's language; what is a word for programs stays one.
        let korean = house
            .admin_json(method, target, &body)
            .header("Accept-Language", "ko")
            .await
            .expect(400);
        assert_eq!(details(&korean.json), details(&refused.json));
        for detail in korean.json["details"].as_array().unwrap() {
            let said = detail["message"].as_str().unwrap();
            assert!(said.contains(|c| ('가'..='힣').contains(&c)), "{detail}");
        }
        details(&refused.json)
    };
    let stage = json!({"name": "x", "kind": "email", "settings": {"subjekt": "a", "port": "25", "timeout": 0, "from_address": "nobody"}, "isAdmin": 1});
    assert_eq!(
        faults("POST", STAGES, stage).await,
        [
            "settings.port:wrong-type",
            "settings.from_address:form",
            "settings.subjekt:unknown",
            "isAdmin:unknown",
            "settings.timeout:out-of-range"
        ]
    );
    assert_eq!(
        faults("POST", STAGES, json!({"name": "x", "kind": "magic"})).await,
        ["kind:form"]
    );
    assert_eq!(
        faults("POST", STAGES, json!({"kind": "email"})).await,
        ["name:required"]
    );
    assert_eq!(
        faults(
            "POST",
            STAGES,
            json!({"name": "default-recovery-email", "kind": "email"})
        )
        .await,
        ["name:taken"]
    );
    let recovery = json!({"settings": {"recovery_flow": "nowhere"}});
    let identification = path("stages", "default-authentication-identification");
    assert_eq!(
        faults("PATCH", &identification, recovery).await,
        ["settings.recovery_flow:not-found"]
    );
    let bindings = "/v1/admin/flows/default-recovery-flow/bindings";
    assert_eq!(
        faults(
            "POST",
            bindings,
            json!({"order": 10, "stage": "default-recovery-email"})
        )
        .await,
        ["order:taken"]
    );
    assert_eq!(
        faults("POST", bindings, json!({"order": 11, "stage": "nothing"})).await,
        ["stage:not-found"]
    );
    let new = json!({"order": 11, "stage": {"name": "y", "kind": "prompt", "settings": {"fields": [{"field_key": "A", "type": "text"}]}}});
    assert_eq!(
        faults("POST", bindings, new).await,
        ["stage.settings.fields[0].field_key:character"]
    );
    let weak = json!({"name": "weak", "kind": "password", "settings": {"length_min": 4}});
    assert_eq!(
        faults("POST", POLICIES, weak).await,
        ["settings.length_min:invalid"]
    );
    let broken = json!({"name": "e", "kind": "expression", "settings": {"expression": "user.role =="}});
    assert_eq!(
        faults("POST", POLICIES, broken).await,
        ["settings.expression:syntax"]
    );
    let much =
        json!({"name": "e", "kind": "expression", "settings": {"expression": "[now] * 100000 == [now]"}});
    assert_eq!(
        faults("POST", POLICIES, much).await,
        ["settings.expression:syntax"]
    );
    let long = format!("now > 1{}", " or now > 1".repeat(200));
    let long = json!({"name": "e", "kind": "expression", "settings": {"expression": long}});
    assert_eq!(
        faults("POST", POLICIES, long).await,
        ["settings.expression:too-long"]
    );
    let exact = json!({"settings": {"case_insensitive": false}});
    assert_eq!(
        faults(
            "PATCH",
            &path("stages", "default-authentication-identification"),
            exact
        )
        .await,
        ["settings.case_insensitive:unsupported"]
    );
    assert_eq!(
        faults("DELETE", &path("policies", "classic"), json!({})).await,
        ["name:in-use"]
    );
    let twice = house
        .admin("POST", STAGES)
        .header("content-type", "application/json");
    let twice = twice
        .body(br#"{"name":"a","name":"b","kind":"email"}"#.to_vec())
        .await
        .expect(400)
        .json;
    assert_eq!(twice["details"][0]["reason"], "duplicate");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_changes_what_another_has_changed_meanwhile_is_told() {
    let house = House::start().await;
    let stage = path("stages", "default-recovery-email");
    let seen = house.admin("GET", &stage).await.expect(200);
    let tag = seen.header("etag").unwrap().to_owned();
    let subject = |text: &str| json!({"settings": {"subject": text}});
    let changed = house
        .admin_json("PATCH", &stage, &subject("one"))
        .header("If-Match", &tag)
        .await
        .expect(200);
    let next = changed.header("etag").unwrap().to_owned();
    assert_ne!(tag, next);
    let late = house
        .admin_json("PATCH", &stage, &subject("two"))
        .header("If-Match", &tag)
        .await;
    late.expect_code(412, "common/changed");
    house
        .admin_json("PATCH", &stage, &subject("two"))
        .header("If-Match", &next)
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn l_01_every_change_is_an_event_that_says_who_and_a_restart_keeps_it() {
    let mut house = House::start().await;
    let before = house.changes().len();
    house.admin_json("POST", POLICIES, &json!({"name": "outside", "kind": "expression", "settings": {"expression": "request.ip is not startingwith('10.')"}})).await.expect(201);
    let deny = json!({"order": 1, "stage": {"name": "no entry", "kind": "deny"}, "policies": [{"policy": "outside"}]});
    house
        .admin_json("POST", "/v1/admin/flows/default-recovery-flow/bindings", &deny)
        .await
        .expect(201);
    house
        .admin_json(
            "PATCH",
            &path("stages", "no entry"),
            &json!({"settings": {"message": ""}}),
        )
        .await
        .expect(200);
    assert_eq!(
        house.changes()[before..],
        ["ExpressionSaved", "StageSaved", "BindingSaved"],
        "what changes nothing is no event"
    );
    let told = house
        .admin("GET", "/v1/audit/events?limit=1000")
        .await
        .expect(200)
        .json;
    let told: Vec<_> = told["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["text"].as_str().unwrap())
        .collect();
    let bound = told
        .iter()
        .find(|text| text.contains("bound to flow default-recovery-flow at 1"))
        .unwrap();
    assert!(bound.contains("no entry") && bound.contains("API key"), "{bound}");
    house.restart().await;
    let flow = house
        .admin("GET", "/v1/admin/flows/default-recovery-flow")
        .await
        .expect(200)
        .json;
    assert_eq!(flow["bindings"][0]["policies"][0]["policy"], "outside");
    assert_eq!(flow["problems"], json!([]), "the policy may say no");
}
