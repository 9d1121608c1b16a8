//! The document against the routes, and against itself.

use std::collections::BTreeSet;

use super::*;

fn reference() -> Reference {
    Reference::new(Envelope::Hybrid)
}

#[test]
fn every_route_for_programs_has_an_entry_and_every_entry_a_route() {
    let routes: BTreeSet<String> = told()
        .map(|route| format!("{} {}", route.method, route.pattern))
        .collect();
    let mut entries = BTreeSet::new();
    for call in calls::all() {
        let entry = format!("{} {}", call.method, call.pattern);
        assert!(entries.insert(entry.clone()), "two entries for {entry}");
    }
    let missing: Vec<_> = routes.difference(&entries).collect();
    assert!(
        missing.is_empty(),
        "describe in src/http/openapi/calls/: {missing:?}"
    );
    let gone: Vec<_> = entries.difference(&routes).collect();
    assert!(gone.is_empty(), "there are no such routes: {gone:?}");
}

#[test]
fn every_entry_says_what_it_is_and_what_it_answers() {
    for one in reference().described {
        let call = &one.call;
        let entry = format!("{} {}", call.method, call.pattern);
        assert!(
            !call.summary.is_empty() && !call.summary.ends_with('.'),
            "{entry}"
        );
        assert!(call.about.is_empty() || call.about.ends_with('.'), "{entry}");
        assert!(call.answers.iter().any(|answer| answer.status < 400), "{entry}");
        for answer in &call.answers {
            assert!(answer.about.ends_with('.'), "{entry}: {}", answer.about);
        }
    }
}

#[test]
fn every_reference_within_the_document_leads_somewhere_and_every_name_is_used() {
    let document = reference().document("https://id.example.com", "https://admin.example.com");
    let text = document.to_string();
    let named = text.split("\"#/components/schemas/").skip(1);
    let named: BTreeSet<&str> = named.filter_map(|rest| rest.split('"').next()).collect();
    let known = document["components"]["schemas"].as_object().unwrap();
    let known: BTreeSet<&str> = known.keys().map(String::as_str).collect();
    assert_eq!(named, known);
}

#[test]
fn an_example_shows_every_member_that_must_be_there() {
    let document = reference().document("https://id.example.com", "https://admin.example.com");
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let content = &operation["requestBody"]["content"];
            for body in content.as_object().into_iter().flatten().map(|(_, body)| body) {
                let required = body["schema"]["required"].as_array();
                for name in required.into_iter().flatten() {
                    let name = name.as_str().unwrap();
                    assert!(body["example"].get(name).is_some(), "{method} {path}: {name}");
                }
            }
        }
    }
}

#[test]
fn each_envelope_is_described_as_it_is_answered() {
    let example = |envelope| {
        let document =
            Reference::new(envelope).document("https://id.example.com", "https://admin.example.com");
        let path = &document["paths"]["/v1/auth/password/reset/request"]["post"];
        path["responses"]["200"]["content"]["application/json"]["example"].clone()
    };
    let message = "If an account exists for this address, a password reset email has been sent.";
    let bare = json!({"message": message});
    assert_eq!(example(Envelope::Bare), bare);
    assert_eq!(example(Envelope::Wrapped), json!({"success": true, "data": bare}));
    let hybrid = json!({"message": message, "success": true, "data": bare});
    assert_eq!(example(Envelope::Hybrid), hybrid);
}

#[test]
fn each_refusal_is_told_with_its_sentence_and_when_to_come_back() {
    let document = reference().document("https://id.example.com", "https://admin.example.com");
    let responses = &document["paths"]["/v1/auth/password/reset/confirm"]["post"]["responses"];
    let expired = &responses["401"]["content"]["application/json"]["examples"];
    let value = &expired["auth-verification-token-expired"]["value"];
    assert_eq!(value["statusCode"], 401);
    assert_eq!(value["message"], Code::VerificationTokenExpired.english());
    assert!(responses["429"]["headers"]["Retry-After"].is_object());
    assert!(responses["503"]["headers"]["Retry-After"].is_object());
    assert!(responses["400"]["content"]["application/problem+json"].is_object());
}

#[test]
fn l_07_what_administrators_call_is_told_to_be_on_their_listener() {
    let document = reference().document("https://id.example.com", "https://admin.example.com");
    let servers = |path: &str| document["paths"][path]["get"]["servers"].clone();
    let theirs = json!([{"url": "https://admin.example.com"}]);
    assert_eq!(servers("/v1/admin/flows"), theirs);
    assert_eq!(servers("/openapi.json"), theirs);
    assert_eq!(servers("/v1/auth/me"), Value::Null);
    let one = reference().document("https://id.example.com", "https://id.example.com");
    assert_eq!(one["paths"]["/v1/admin/flows"]["get"]["servers"], Value::Null);
}
