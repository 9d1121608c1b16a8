//! Policies: all of them, made by their type, edited, removed; and a tester for those of passwords.

use serde::Serialize;
use warp::http::StatusCode;

use super::administrator::Administrator;
use super::flows::removed_from;
use super::form::{FORM, POLICIES, Place, Trouble, Typed, filled, kind_words, object_name, object_path};
use super::stages::{Kind, TypePage};
use crate::desk::{Blank, ObjectKind, Tree};
use crate::domain::flow::{ObjectKey, Policy};
use crate::http::pages::member::Outcome;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;
use crate::types::ObjectName;

const LIST: &str = POLICIES;
const CREATE: &str = "/admin/create/policy";
/// The kinds, by their words.
const KINDS: [(&str, Blank); 2] = [
    ("password", Blank::PasswordPolicy),
    ("expression", Blank::ExpressionPolicy),
];

#[derive(Serialize)]
struct PoliciesPage {
    create: String,
    policies: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    kind: &'static str,
    /// The stages and flows that name it.
    named_by: Vec<String>,
    edit: String,
    delete: String,
    version: u64,
}

/// The tester of a password policy.
#[derive(Serialize)]
struct Tester {
    action: String,
    /// What the last sample broke; none before there was one.
    verdict: Option<Verdict>,
}

#[derive(Serialize)]
struct Verdict {
    rules: Vec<Tried>,
    passes: bool,
}

/// A rule, and whether the sample keeps it.
#[derive(Serialize)]
struct Tried {
    words: String,
    kept: bool,
}

/// Lists them by name.
pub(super) async fn list(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let viewer = administrator.viewer();
    let flows = site.desk.flows();
    let rows = flows.policies().map(|placed| {
        let name = placed.value.name();
        let key = ObjectKey::Policy(name.clone());
        let path = object_path(LIST, &name);
        let stages = flows.stages_that_name(&key).into_iter();
        let stages = stages.map(|name| name.as_str().to_owned());
        let bindings = flows.bindings_that_name(&key).into_iter();
        let bindings = bindings.map(|(slug, order)| format!("{} ({order})", slug.as_str()));
        Row {
            kind: words_of(&administrator, placed.value.kind()),
            named_by: stages.chain(bindings).collect(),
            edit: viewer.href(&path),
            delete: viewer.href(&format!("{path}/delete")),
            version: placed.changed.0,
            name: name.as_str().to_owned(),
        }
    });
    let page = PoliciesPage {
        create: viewer.href(CREATE),
        policies: rows.collect(),
    };
    let title = administrator.say("console", "nav_policies");
    Ok(administrator.page(StatusCode::OK, "console/policies.html", &title, page))
}

/// What the kind of a policy is called; stages have kinds of the same words.
fn words_of(administrator: &Administrator<'_>, kind: &'static str) -> &'static str {
    let word = if kind == "password" {
        "password_policy"
    } else {
        "expression_policy"
    };
    kind_words(administrator.viewer().locale(), word)
}

/// Asks for the type of a new one, then shows its form.
pub(super) async fn begin(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::editing(site, request, LIST).await?;
    let query = request.query_fields().ok();
    let word = query.and_then(|mut query| query.optional_text("kind"));
    let place = creating(&administrator);
    Ok(match word.as_deref().and_then(blank_of) {
        Some(blank) => administrator.form(&place, &blank.form()),
        None => choose(&administrator, &place),
    })
}

/// Makes one.
pub(super) async fn create(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::editing(site, request, LIST).await?;
    let typed = Typed::of(&administrator, request)?;
    let place = creating(&administrator);
    let word = typed.text("kind");
    let Some(blank) = blank_of(word) else {
        return Ok(choose(&administrator, &place));
    };
    let form = blank.form();
    let tree = typed.tree(&form, &site.desk);
    let fields = tree.clone().with("kind", Tree::text(word));
    let made = site
        .desk
        .make_object(ObjectKind::Policy, fields, administrator.by())
        .await;
    Ok(match made {
        Ok(_) => administrator.lead_to(LIST, "created"),
        Err(fault) => administrator.not_taken(&place, &filled(form, &tree), None, &fault),
    })
}

fn blank_of(word: &str) -> Option<Blank> {
    let found = KINDS.into_iter().find(|(known, _)| *known == word);
    found.map(|(_, blank)| blank)
}

fn creating(administrator: &Administrator<'_>) -> Place {
    Place {
        file: FORM,
        title: administrator.say("console", "create_policy"),
        action: CREATE.to_owned(),
        back: LIST.to_owned(),
        submit: "create",
    }
}

fn choose(administrator: &Administrator<'_>, place: &Place) -> Response {
    let viewer = administrator.viewer();
    let kinds = KINDS.map(|(word, _)| Kind {
        word,
        words: words_of(administrator, word),
    });
    let page = TypePage {
        action: viewer.href(&place.action),
        back: viewer.href(&place.back),
        kinds: kinds.into(),
    };
    administrator.page(StatusCode::OK, "console/type.html", &place.title, page)
}

/// Shows the form of one that there is, and the tester beside it.
pub(super) async fn edit(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::editing(site, request, LIST).await?;
    let name = object_name(&administrator, request)?;
    with_tester(&administrator, &name, None)
}

/// Changes one.
pub(super) async fn update(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::editing(site, request, LIST).await?;
    let name = object_name(&administrator, request)?;
    let typed = Typed::of(&administrator, request)?;
    let key = ObjectKey::Policy(name.clone());
    let Some(now) = site.desk.object_form(&key) else {
        return Err(administrator.unknown());
    };
    let tree = typed.tree(&now, &site.desk);
    let (version, by) = (typed.version(), administrator.by());
    let changed = site.desk.change_object(&key, tree.clone(), version, by).await;
    Ok(match changed {
        Ok(_) => administrator.lead_to(LIST, "updated"),
        Err(fault) => {
            let form = filled(now.clone(), &tree);
            let place = editing(&administrator, &name, now.kind);
            let tester = tester(&administrator, &name, now.kind, None);
            administrator.not_taken_with(&place, &form, Some(now), &fault, tester)
        }
    })
}

/// Says which rules a sample breaks. The sample is nobody's password; it goes nowhere, and is not shown again.
pub(super) async fn test(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::editing(site, request, LIST).await?;
    let name = object_name(&administrator, request)?;
    let typed = Typed::of(&administrator, request)?;
    let broken = site.desk.try_policy(&name, &typed.secret("sample")).await;
    let flows = site.desk.flows();
    let policy = flows.policy(name.as_str());
    let (Some(broken), Some(Policy::Password(policy))) = (broken, policy) else {
        return Err(administrator.unknown());
    };
    let locale = administrator.viewer().locale();
    let tried = policy.rules().into_iter().map(|rule| Tried {
        kept: !broken.contains(&rule),
        words: rule.message(locale),
    });
    let verdict = Verdict {
        rules: tried.collect(),
        passes: broken.is_empty(),
    };
    with_tester(&administrator, &name, Some(verdict))
}

fn with_tester(administrator: &Administrator<'_>, name: &ObjectName, verdict: Option<Verdict>) -> Outcome {
    let desk = &administrator.viewer().site().desk;
    let Some(form) = desk.object_form(&ObjectKey::Policy(name.clone())) else {
        return Err(administrator.unknown());
    };
    let place = editing(administrator, name, form.kind);
    let tester = tester(administrator, name, form.kind, verdict);
    let none = Trouble::default();
    Ok(administrator.form_with(StatusCode::OK, &place, &form, &none, tester))
}

/// Expressions have none.
fn tester(
    administrator: &Administrator<'_>,
    name: &ObjectName,
    kind: Option<&'static str>,
    verdict: Option<Verdict>,
) -> Option<Tester> {
    let path = format!("{}/test", object_path(LIST, name));
    (kind == Some("password")).then(|| Tester {
        action: administrator.viewer().href(&path),
        verdict,
    })
}

fn editing(administrator: &Administrator<'_>, name: &ObjectName, kind: Option<&'static str>) -> Place {
    Place {
        file: if kind == Some("password") {
            "console/policy.html"
        } else {
            FORM
        },
        title: format!("{}: {}", administrator.say("console", "edit"), name.as_str()),
        action: object_path(LIST, name),
        back: LIST.to_owned(),
        submit: "update",
    }
}

/// Removes one that nothing names.
pub(super) async fn delete(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::fresh(site, request, LIST).await?;
    let name = object_name(&administrator, request)?;
    let typed = Typed::of(&administrator, request)?;
    let (key, by) = (ObjectKey::Policy(name), administrator.by());
    let removed = site
        .desk
        .remove_object(&key, typed.naming(), typed.version(), by)
        .await;
    Ok(removed_from(&administrator, LIST, removed))
}
