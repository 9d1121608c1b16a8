//! Forms with rows: the fields of a prompt, and the policies of a binding.

use keyledger::domain::flow::{FieldKind, StageSettings};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_is_decided_by_an_expression_that_was_written_in_the_console() {
    let house = House::start().await;
    house.appoint(ADA, PASSWORD).await;
    let seat = house.sit_down(ADA, PASSWORD).await;
    let create = "/admin/create/policy";
    let policy = |text: &'static str| {
        [
            ("kind", "expression"),
            ("name", "at work"),
            ("settings.expression", text),
        ]
    };
    let broken = house
        .form_of(&seat, create, &policy("request.ip =="))
        .await
        .expect(400);
    assert!(broken.markup().contains("id=\"settings-expression-error\""));
    let sound = "user.email_verified\r\nand 'totp' in user.factors";
    house.form_of(&seat, create, &policy(sound)).await.expect(303);
    let page = house
        .page_of(&seat, "/admin/policies/at%20work")
        .await
        .expect(200)
        .markup();
    assert!(page.contains("Expression Policy") && !page.contains("id=\"tester\""));

    let path = "/admin/flows/default-authentication-flow/bindings/30";
    let bound = [
        ("order", "35"),
        ("stage", "default-authentication-mfa-validation"),
        ("invalid_response_action", "restart"),
        ("policies[0].policy", "at work"),
        ("policies[0].negate", "on"),
        ("policies[0].enabled", "on"),
        ("policies[1].policy", ""),
        ("policies[1].enabled", "on"),
    ];
    house.form_of(&seat, path, &bound).await.expect(303);
    let flows = house.desk().flows();
    let bindings = &flows.flow("default-authentication-flow").unwrap().bindings;
    assert!(!bindings.contains_key(&30), "it moved");
    let [policy] = &bindings[&35].policies[..] else {
        panic!("one policy, because an empty row is none");
    };
    assert!(policy.policy.as_str() == "at work" && policy.negate && policy.enabled);
    house.sign_up(BEN, PASSWORD).await;
    house.settled().await;
    let before = house.events().len();
    let run = "/admin/flows/default-authentication-flow/try";
    for (person, becomes) in [(BEN, "walked"), ("nobody@example.org", "no answer of")] {
        let told = house
            .form_of(&seat, run, &[("person", person)])
            .await
            .expect(200)
            .markup();
        let row = told
            .split("<tr>")
            .find(|row| row.contains("mfa-validation"))
            .unwrap();
        assert!(row.contains(becomes), "{person}: {row}");
    }
    assert_eq!(house.events().len(), before, "a dry run leaves nothing");
    let list = house.page_of(&seat, "/admin/policies").await.expect(200).markup();
    assert!(
        list.contains("default-authentication-flow (35)"),
        "who uses it is told"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fields_of_a_prompt_are_rows_and_each_tells_what_is_wrong_with_it() {
    let house = House::start().await;
    house.appoint(ADA, PASSWORD).await;
    let seat = house.sit_down(ADA, PASSWORD).await;
    let row = |nth: usize, key: &str, kind: &str, order: &str| -> Vec<(String, String)> {
        let cell = |name: &str, value: &str| (format!("settings.fields[{nth}].{name}"), value.to_owned());
        vec![
            cell("field_key", key),
            cell("label", "Terms of use"),
            cell("type", kind),
            cell("placeholder", ""),
            cell("initial_value", ""),
            cell("order", order),
            cell("sub_text", ""),
        ]
    };
    let all = |rows: Vec<Vec<(String, String)>>| -> Vec<(String, String)> {
        let head = [("kind", "prompt"), ("name", "terms")];
        let head = head.map(|(name, value)| (name.to_owned(), value.to_owned()));
        head.into_iter().chain(rows.into_iter().flatten()).collect()
    };
    let create = "/admin/create/stage";
    let wrong = all(vec![row(0, "terms", "checkbox", "soon")]);
    let wrong: Vec<_> = wrong
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let refused = house.form_of(&seat, create, &wrong).await.expect(400).markup();
    assert!(
        refused.contains("id=\"settings-fields-0--order-error\""),
        "{refused}"
    );
    assert!(refused.contains("value=\"Terms of use\""), "what was typed stays");

    let right = all(vec![
        row(0, "terms", "checkbox", "10"),
        row(1, "", "text", ""),
        row(2, "nickname", "text", ""),
    ]);
    let right: Vec<_> = right
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    house.form_of(&seat, create, &right).await.expect(303);
    let flows = house.desk().flows();
    let StageSettings::Prompt(prompt) = flows.stage("terms").unwrap().settings() else {
        panic!("a prompt");
    };
    let fields: Vec<_> = prompt
        .fields
        .iter()
        .map(|field| (field.field_key.as_str(), field.kind, field.order))
        .collect();
    let wanted = [
        ("terms", FieldKind::Checkbox, 10),
        ("nickname", FieldKind::Text, 20),
    ];
    assert_eq!(
        fields, wanted,
        "an empty row is none, and an empty order is the place in the list"
    );
    assert!(
        prompt.fields.iter().all(|field| !field.required),
        "no box was ticked"
    );
}
