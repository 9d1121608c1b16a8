//! Stages: all of them, made by their type, edited and removed.

use serde::Serialize;
use warp::http::StatusCode;

use super::administrator::Administrator;
use super::flows::removed_from;
use super::form::{FORM, Place, Typed, filled, kind_words, object_name, object_path};
use crate::desk::{Blank, FlowHead, ObjectKind, ObjectsFault, Tree};
use crate::domain::flow::{ObjectKey, StageKind};
use crate::http::pages::flow;
use crate::http::pages::member::Outcome;
use crate::http::pages::viewer::{Preview, Viewer};
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;
use crate::types::ObjectName;

const LIST: &str = "/admin/stages";
const CREATE: &str = "/admin/create/stage";

#[derive(Serialize)]
struct StagesPage {
    create: String,
    stages: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    kind: &'static str,
    flows: Vec<String>,
    edit: String,
    preview: String,
    delete: String,
    version: u64,
    /// Whether something names it, which keeps it from being removed.
    in_use: bool,
}

/// Which type a new object is of.
#[derive(Serialize)]
pub(super) struct TypePage {
    pub(super) action: String,
    pub(super) back: String,
    pub(super) kinds: Vec<Kind>,
}

#[derive(Serialize)]
pub(super) struct Kind {
    pub(super) word: &'static str,
    pub(super) words: &'static str,
}

/// Lists them by name.
pub(super) async fn list(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let viewer = administrator.viewer();
    let flows = site.desk.flows();
    let rows = flows.stages().map(|placed| {
        let stage = &placed.value;
        let key = ObjectKey::Stage(stage.name().clone());
        let bound = flows.bindings_that_name(&key);
        let path = object_path(LIST, stage.name());
        Row {
            name: stage.name().as_str().to_owned(),
            kind: kind_words(viewer.locale(), stage.kind().word()),
            in_use: !bound.is_empty() || !flows.stages_that_name(&key).is_empty(),
            flows: bound
                .into_iter()
                .map(|(slug, _)| slug.as_str().to_owned())
                .collect(),
            edit: viewer.href(&path),
            preview: viewer.href(&preview_of(stage.name())),
            delete: viewer.href(&format!("{path}/delete")),
            version: placed.changed.0,
        }
    });
    let page = StagesPage {
        create: viewer.href(CREATE),
        stages: rows.collect(),
    };
    let title = administrator.say("console", "nav_stages");
    Ok(administrator.page(StatusCode::OK, "console/stages.html", &title, page))
}

/// Asks for the type of a new one, then shows its form.
pub(super) async fn begin(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::editing(site, request, LIST).await?;
    let place = creating(&administrator);
    Ok(match chosen_kind(request) {
        Some(kind) => administrator.form(&place, &Blank::Stage(kind).form()),
        None => choose(&administrator, &place),
    })
}

/// Makes one.
pub(super) async fn create(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::editing(site, request, LIST).await?;
    let typed = Typed::of(&administrator, request)?;
    let place = creating(&administrator);
    let Some(kind) = StageKind::from_word(typed.text("kind")) else {
        return Ok(choose(&administrator, &place));
    };
    let form = Blank::Stage(kind).form();
    let tree = typed.tree(&form, &site.desk);
    let fields = tree.clone().with("kind", Tree::text(kind.word()));
    let made = site
        .desk
        .make_object(ObjectKind::Stage, fields, administrator.by())
        .await;
    Ok(match made {
        Ok(_) => administrator.lead_to(LIST, "created"),
        Err(fault) => administrator.not_taken(&place, &filled(form, &tree), None, &fault),
    })
}

fn creating(administrator: &Administrator<'_>) -> Place {
    Place {
        file: FORM,
        title: administrator.say("console", "create_stage"),
        action: CREATE.to_owned(),
        back: LIST.to_owned(),
        submit: "create",
    }
}

/// The type that was chosen for a new stage.
pub(super) fn chosen_kind(request: &Request) -> Option<StageKind> {
    let kind = request.query_fields().ok()?.optional_text("kind")?;
    StageKind::from_word(&kind)
}

/// A page that asks for the type of a new stage.
pub(super) fn choose(administrator: &Administrator<'_>, place: &Place) -> Response {
    let viewer = administrator.viewer();
    let kind = |kind: &StageKind| Kind {
        word: kind.word(),
        words: kind_words(viewer.locale(), kind.word()),
    };
    let page = TypePage {
        action: viewer.href(&place.action),
        back: viewer.href(&place.back),
        kinds: StageKind::ALL.iter().map(kind).collect(),
    };
    administrator.page(StatusCode::OK, "console/type.html", &place.title, page)
}

/// Shows the form of one that there is.
pub(super) async fn edit(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::editing(site, request, LIST).await?;
    let name = object_name(&administrator, request)?;
    let place = editing(&administrator, &name);
    show_form(&administrator, &ObjectKey::Stage(name), &place)
}

/// Changes one.
pub(super) async fn update(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::editing(site, request, LIST).await?;
    let name = object_name(&administrator, request)?;
    let place = editing(&administrator, &name);
    take_form(&administrator, request, &ObjectKey::Stage(name), &place).await
}

/// Shows the page that people see, with samples and nothing behind it.
pub(super) async fn preview(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let name = object_name(&administrator, request)?;
    let Some(challenge) = site.desk.preview_stage(&name) else {
        let sentence = administrator.say("console", "no_page");
        return Ok(administrator.cannot(StatusCode::NOT_FOUND, &sentence));
    };
    let viewer = Viewer::of(site, request);
    let viewer = viewer.previewing(Preview {
        words: administrator.say("console", "preview_lead"),
        href: administrator.viewer().href(&object_path(LIST, &name)),
        back: administrator.say("console", "back"),
    });
    let head = FlowHead {
        slug: String::new(),
        title: name.as_str().to_owned(),
        untitled: None,
    };
    Ok(flow::preview(&viewer, &head, &challenge))
}

fn editing(administrator: &Administrator<'_>, name: &ObjectName) -> Place {
    Place {
        file: FORM,
        title: title(administrator, name),
        action: object_path(LIST, name),
        back: LIST.to_owned(),
        submit: "update",
    }
}

/// What the page of a stage's form is headed with.
pub(super) fn title(administrator: &Administrator<'_>, name: &ObjectName) -> String {
    format!(
        "{}: {}",
        administrator.say("console", "edit_stage"),
        name.as_str()
    )
}

/// The form of an object that there is.
pub(super) fn show_form(administrator: &Administrator<'_>, key: &ObjectKey, place: &Place) -> Outcome {
    match administrator.viewer().site().desk.object_form(key) {
        Some(form) => Ok(administrator.form(place, &form)),
        None => Err(administrator.unknown()),
    }
}

/// Changes an object as its form says, and goes back to where the form was opened.
pub(super) async fn take_form(
    administrator: &Administrator<'_>,
    request: &Request,
    key: &ObjectKey,
    place: &Place,
) -> Outcome {
    let desk = &administrator.viewer().site().desk;
    let typed = Typed::of(administrator, request)?;
    let Some(now) = desk.object_form(key) else {
        return Err(administrator.unknown());
    };
    let tree = typed.tree(&now, desk);
    let by = administrator.by();
    let changed = desk.change_object(key, tree.clone(), typed.version(), by).await;
    Ok(match changed {
        Ok(_) => administrator.lead_to(&place.back, "updated"),
        Err(fault) => {
            let form = filled(now.clone(), &tree);
            administrator.not_taken(place, &form, Some(now), &fault)
        }
    })
}

/// Removes one that nothing names.
pub(super) async fn delete(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::fresh(site, request, LIST).await?;
    let name = object_name(&administrator, request)?;
    let typed = Typed::of(&administrator, request)?;
    let (key, by) = (ObjectKey::Stage(name), administrator.by());
    let removed: Result<(), ObjectsFault> = site
        .desk
        .remove_object(&key, typed.naming(), typed.version(), by)
        .await;
    Ok(removed_from(&administrator, LIST, removed))
}

/// Where the page of a stage is looked at.
pub(super) fn preview_of(name: &ObjectName) -> String {
    format!("{}/preview", object_path(LIST, name))
}
