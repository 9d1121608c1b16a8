//! Flows: all of them, each at a glance, made, edited, removed and given away as a blueprint.

use serde::Serialize;
use warp::http::{HeaderValue, StatusCode, header};

use super::administrator::Administrator;
use super::form::{FORM, Place, Typed, filled, kind_words};
use super::stages::preview_of;
use crate::desk::{Blank, DryRun, DryStep, DryVerdict, ObjectsFault};
use crate::domain::flow::{BoundFlow, Flows, ObjectKey};
use crate::http::pages::member::Outcome;
use crate::http::pages::texts;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;
use crate::types::{Locale, Slug};

const LIST: &str = "/admin/flows";
const CREATE: &str = "/admin/create/flow";

#[derive(Serialize)]
struct FlowsPage {
    create: String,
    blueprint: String,
    flows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    href: String,
    name: String,
    slug: String,
    designation: String,
    stages: usize,
    problems: usize,
}

/// The two faces of a flow's page.
#[derive(Serialize)]
pub(super) struct Tabs {
    overview: String,
    bindings: String,
    /// Whether this is the second.
    on_bindings: bool,
}

#[derive(Serialize)]
struct FlowPage {
    tabs: Tabs,
    facts: Vec<(String, String)>,
    problems: Vec<Problem>,
    named_by: Vec<String>,
    edit: String,
    export: String,
    open: String,
    /// None for a flow that the pages lead to, which stays.
    delete: Option<String>,
    version: u64,
    try_it: String,
    person: String,
    run: Option<Run>,
}

/// Which stages somebody would walk.
#[derive(Serialize)]
struct Run {
    is_known: bool,
    factors: String,
    steps: Vec<DryRow>,
}

#[derive(Serialize)]
struct DryRow {
    order: u16,
    stage: String,
    kind: &'static str,
    preview: String,
    /// The word for what becomes of it, of the section `console`.
    verdict: String,
    is_walked: bool,
    /// The policy that comes to no answer.
    undecided: Option<String>,
}

impl Run {
    fn new(administrator: &Administrator<'_>, run: DryRun) -> Self {
        let viewer = administrator.viewer();
        let row = |step: DryStep| {
            let (verdict, undecided) = match &step.verdict {
                DryVerdict::Walked => ("walked", None),
                DryVerdict::LeftOut => ("left_out", None),
                DryVerdict::Undecided(policy) => ("undecided", Some(policy.as_str().to_owned())),
            };
            DryRow {
                order: step.order,
                kind: kind_words(viewer.locale(), step.kind.word()),
                preview: viewer.href(&preview_of(&step.stage)),
                stage: step.stage.as_str().to_owned(),
                verdict: administrator.say("console", verdict),
                is_walked: step.verdict == DryVerdict::Walked,
                undecided,
            }
        };
        let factors = run.factors.iter().map(|kind| viewer.say("factors", kind));
        Self {
            is_known: run.is_known,
            factors: factors.collect::<Vec<_>>().join(", "),
            steps: run.steps.into_iter().map(row).collect(),
        }
    }
}

/// Why a flow could never finish.
#[derive(Serialize)]
pub(super) struct Problem {
    stage: Option<String>,
    sentence: &'static str,
}

/// Lists them by name.
pub(super) async fn list(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let viewer = administrator.viewer();
    let (flows, mail) = (site.desk.flows(), site.desk.settings().mail);
    let rows = flows.flows().map(|bound| {
        let flow = &bound.flow;
        Row {
            href: viewer.href(&path_of(&flow.slug)),
            name: flow.name.as_str().to_owned(),
            slug: flow.slug.as_str().to_owned(),
            designation: option(viewer.locale(), "designation", flow.designation.word()),
            stages: bound.bindings.len(),
            problems: flows.problems(flow.slug.as_str(), mail).len(),
        }
    });
    let page = FlowsPage {
        create: viewer.href(CREATE),
        blueprint: viewer.href("/admin/blueprint"),
        flows: rows.collect(),
    };
    let title = administrator.say("console", "nav_flows");
    Ok(administrator.page(StatusCode::OK, "console/flows.html", &title, page))
}

/// Shows one.
pub(super) async fn show(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let slug = slug(&administrator, request)?;
    overview(&administrator, &slug, String::new(), None)
}

/// Says which stages somebody would walk, and lets nothing happen.
pub(super) async fn dry_run(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let slug = slug(&administrator, request)?;
    let typed = Typed::of(&administrator, request)?;
    let person = typed.text("person");
    let run = site
        .desk
        .dry_run(&slug, person, &administrator.viewer().visitor());
    overview(&administrator, &slug, person.to_owned(), run)
}

fn overview(administrator: &Administrator<'_>, slug: &Slug, person: String, run: Option<DryRun>) -> Outcome {
    let viewer = administrator.viewer();
    let flows = viewer.site().desk.flows();
    let Some(bound) = flows.flow(slug.as_str()) else {
        return Err(administrator.unknown());
    };
    let flow = &bound.flow;
    let label = |name| administrator.say("label", name);
    let word = |name, word| option(viewer.locale(), name, word);
    let path = path_of(slug);
    let page = FlowPage {
        tabs: tabs(administrator, slug, false),
        facts: vec![
            (label("name"), flow.name.as_str().to_owned()),
            (label("title"), flow.title.as_str().to_owned()),
            (label("slug"), slug.as_str().to_owned()),
            (label("designation"), word("designation", flow.designation.word())),
            (
                label("authentication"),
                word("authentication", flow.authentication.word()),
            ),
            (
                label("denied_action"),
                word("denied_action", flow.denied_action.word()),
            ),
        ],
        problems: problems(administrator, bound),
        named_by: flows
            .stages_that_name(&ObjectKey::Flow(slug.clone()))
            .into_iter()
            .map(|name| name.as_str().to_owned())
            .collect(),
        edit: viewer.href(&format!("{path}/edit")),
        export: viewer.href(&format!("{path}/export")),
        open: viewer.href(&format!("/flow/{}", slug.as_str())),
        delete: (!Flows::LED_TO.contains(&slug.as_str())).then(|| viewer.href(&format!("{path}/delete"))),
        version: bound.changed.0,
        try_it: viewer.href(&format!("{path}/try")),
        person,
        run: run.map(|run| Run::new(administrator, run)),
    };
    Ok(administrator.page(StatusCode::OK, "console/flow.html", flow.name.as_str(), page))
}

/// Shows the form of a new one.
pub(super) async fn begin(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::editing(site, request, LIST).await?;
    Ok(administrator.form(&creating(&administrator), &Blank::Flow.form()))
}

/// Makes one.
pub(super) async fn create(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::editing(site, request, LIST).await?;
    let typed = Typed::of(&administrator, request)?;
    let form = Blank::Flow.form();
    let tree = typed.tree(&form, &site.desk);
    let kind = crate::desk::ObjectKind::Flow;
    let made = site
        .desk
        .make_object(kind, tree.clone(), administrator.by())
        .await;
    Ok(match made {
        Ok(ObjectKey::Flow(slug)) => administrator.lead_to(&path_of(&slug), "created"),
        Ok(ObjectKey::Stage(_) | ObjectKey::Policy(_)) => administrator.lead_to(LIST, "created"),
        Err(fault) => {
            let form = filled(form, &tree);
            administrator.not_taken(&creating(&administrator), &form, None, &fault)
        }
    })
}

fn creating(administrator: &Administrator<'_>) -> Place {
    Place {
        file: FORM,
        title: administrator.say("console", "create_flow"),
        action: CREATE.to_owned(),
        back: LIST.to_owned(),
        submit: "create",
    }
}

/// Shows the form of one that there is.
pub(super) async fn edit(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::editing(site, request, LIST).await?;
    let slug = slug(&administrator, request)?;
    let form = site.desk.object_form(&ObjectKey::Flow(slug.clone()));
    let Some(form) = form else {
        return Err(administrator.unknown());
    };
    Ok(administrator.form(&editing(&administrator, &slug), &form))
}

/// Changes one.
pub(super) async fn update(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::editing(site, request, LIST).await?;
    let typed = Typed::of(&administrator, request)?;
    let slug = slug(&administrator, request)?;
    let key = ObjectKey::Flow(slug.clone());
    let Some(now) = site.desk.object_form(&key) else {
        return Err(administrator.unknown());
    };
    let tree = typed.tree(&now, &site.desk);
    let changed = site
        .desk
        .change_object(&key, tree.clone(), typed.version(), administrator.by())
        .await;
    Ok(match changed {
        Ok(ObjectKey::Flow(slug)) => administrator.lead_to(&path_of(&slug), "updated"),
        Ok(ObjectKey::Stage(_) | ObjectKey::Policy(_)) => administrator.lead_to(LIST, "updated"),
        Err(fault) => {
            let form = filled(now.clone(), &tree);
            administrator.not_taken(&editing(&administrator, &slug), &form, Some(now), &fault)
        }
    })
}

fn editing(administrator: &Administrator<'_>, slug: &Slug) -> Place {
    Place {
        file: FORM,
        title: format!("{}: {}", administrator.say("console", "edit"), slug.as_str()),
        action: format!("{}/edit", path_of(slug)),
        back: path_of(slug),
        submit: "update",
    }
}

/// Removes one, with its bindings.
pub(super) async fn delete(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let slug = slug(&administrator, request)?;
    administrator.freshly(request, &path_of(&slug))?;
    let typed = Typed::of(&administrator, request)?;
    let removed = site
        .desk
        .remove_object(
            &ObjectKey::Flow(slug),
            typed.naming(),
            typed.version(),
            administrator.by(),
        )
        .await;
    Ok(removed_from(&administrator, LIST, removed))
}

/// Where the removal of something leads.
pub(super) fn removed_from(
    administrator: &Administrator<'_>,
    list: &str,
    removed: Result<(), ObjectsFault>,
) -> Response {
    match removed {
        // It is gone; somebody else was faster.
        Ok(()) | Err(ObjectsFault::Unknown) => administrator.lead_to(list, "deleted"),
        Err(fault) => administrator.refusal(&fault),
    }
}

/// Gives one away as a blueprint, with the stages and policies that it needs.
pub(super) async fn export(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let slug = slug(&administrator, request)?;
    let Some(text) = site.desk.blueprint_of(&slug) else {
        return Err(administrator.unknown());
    };
    Ok(file(&format!("{}.toml", slug.as_str()), text))
}

/// Gives all of them away.
pub(super) async fn export_all(site: &Site, request: &Request) -> Outcome {
    let _administrator = Administrator::of(site, request).await?;
    Ok(file("keyledger.toml", site.desk.blueprint()))
}

/// A blueprint to be kept under a plain name.
fn file(name: &str, text: String) -> Response {
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    Response::new(StatusCode::OK, "application/toml", text).with(
        header::CONTENT_DISPOSITION,
        disposition.expect("slugs are letters, digits, dashes and underscores"),
    )
}

/// Which flow a page is about.
pub(super) fn slug(administrator: &Administrator<'_>, request: &Request) -> Result<Slug, Box<Response>> {
    Slug::parse(request.param("slug")).ok_or_else(|| administrator.unknown())
}

/// The page of a flow.
pub(super) fn path_of(slug: &Slug) -> String {
    format!("{LIST}/{}", slug.as_str())
}

pub(super) fn tabs(administrator: &Administrator<'_>, slug: &Slug, on_bindings: bool) -> Tabs {
    let (viewer, path) = (administrator.viewer(), path_of(slug));
    Tabs {
        overview: viewer.href(&path),
        bindings: viewer.href(&format!("{path}/bindings")),
        on_bindings,
    }
}

/// Why a flow could never finish.
pub(super) fn problems(administrator: &Administrator<'_>, bound: &BoundFlow) -> Vec<Problem> {
    let viewer = administrator.viewer();
    let desk = &viewer.site().desk;
    let found = desk
        .flows()
        .problems(bound.flow.slug.as_str(), desk.settings().mail);
    let told = found.into_iter().map(|problem| Problem {
        stage: problem.stage.map(|name| name.as_str().to_owned()),
        sentence: problem.kind.sentence(viewer.locale()),
    });
    told.collect()
}

/// What a word is called.
pub(super) fn option(locale: Locale, field: &str, word: &'static str) -> String {
    let known = texts::find(locale, "option", &format!("{field}_{word}"));
    known.unwrap_or(word).to_owned()
}
