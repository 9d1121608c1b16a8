//! The stages of a flow in their order: bound, made on the spot, edited, moved and taken away.

use serde::Serialize;
use warp::http::StatusCode;

use super::administrator::Administrator;
use super::flows::{Problem, Tabs, path_of, problems, slug, tabs};
use super::form::{FORM, Place, Typed, filled, kind_words};
use super::stages::{self, chosen_kind};
use crate::desk::{Blank, FormField, ObjectForm, Tree, Way};
use crate::domain::flow::{Flows, ObjectKey, StageKind};
use crate::http::pages::member::Outcome;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::http::site::Site;
use crate::types::Slug;

#[derive(Serialize)]
struct BindingsPage {
    tabs: Tabs,
    problems: Vec<Problem>,
    bind: String,
    create_and_bind: String,
    version: u64,
    bindings: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    order: u16,
    stage: String,
    kind: Option<&'static str>,
    policies: Vec<String>,
    edit_stage: String,
    edit_binding: String,
    /// None for the last stage of a flow that the pages lead to.
    delete: Option<String>,
    move_it: String,
    is_first: bool,
    is_last: bool,
}

/// Lists them in their order.
pub(super) async fn list(site: &Site, request: &Request) -> Outcome {
    let administrator = Administrator::of(site, request).await?;
    let viewer = administrator.viewer();
    let slug = slug(&administrator, request)?;
    let flows = site.desk.flows();
    let Some(bound) = flows.flow(slug.as_str()) else {
        return Err(administrator.unknown());
    };
    let path = path_of(&slug);
    let ends = [
        bound.bindings.keys().next().copied(),
        bound.bindings.keys().next_back().copied(),
    ];
    let is_needed = Flows::LED_TO.contains(&slug.as_str()) && bound.bindings.len() == 1;
    let rows = bound.bindings.values().map(|binding| {
        let own = format!("{path}/bindings/{}", binding.order);
        let stage = flows.stage(binding.stage.as_str());
        Row {
            order: binding.order,
            stage: binding.stage.as_str().to_owned(),
            kind: stage.map(|stage| kind_words(viewer.locale(), stage.kind().word())),
            policies: binding
                .policies
                .iter()
                .map(|bound| bound.policy.as_str().to_owned())
                .collect(),
            edit_stage: viewer.href(&format!("{own}/stage")),
            edit_binding: viewer.href(&own),
            delete: (!is_needed).then(|| viewer.href(&format!("{own}/delete"))),
            move_it: viewer.href(&format!("{own}/move")),
            is_first: ends[0] == Some(binding.order),
            is_last: ends[1] == Some(binding.order),
        }
    });
    let page = BindingsPage {
        tabs: tabs(&administrator, &slug, true),
        problems: problems(&administrator, bound),
        bind: viewer.href(&format!("{path}/bind")),
        create_and_bind: viewer.href(&format!("{path}/create-and-bind")),
        version: bound.changed.0,
        bindings: rows.collect(),
    };
    let title = bound.flow.name.as_str();
    Ok(administrator.page(StatusCode::OK, "console/bindings.html", title, page))
}

/// Shows the form that binds a stage that there is.
pub(super) async fn begin(site: &Site, request: &Request) -> Outcome {
    let (administrator, slug) = of_flow(site, request).await?;
    match site.desk.binding_form(&slug, None) {
        Some(form) => Ok(administrator.form(&binding(&administrator, &slug), &form)),
        None => Err(administrator.unknown()),
    }
}

/// Binds one.
pub(super) async fn bind(site: &Site, request: &Request) -> Outcome {
    let (administrator, slug) = of_flow(site, request).await?;
    let typed = Typed::of(&administrator, request)?;
    let Some(form) = site.desk.binding_form(&slug, None) else {
        return Err(administrator.unknown());
    };
    let tree = typed.tree(&form, &site.desk);
    let made = site
        .desk
        .make_binding(&slug, tree.clone(), administrator.by())
        .await;
    Ok(match made {
        Ok(_) => administrator.lead_to(&list_of(&slug), "created"),
        Err(fault) => {
            let form = filled(form, &tree);
            administrator.not_taken(&binding(&administrator, &slug), &form, None, &fault)
        }
    })
}

fn binding(administrator: &Administrator<'_>, slug: &Slug) -> Place {
    Place {
        file: FORM,
        title: administrator.say("console", "bind_existing"),
        action: format!("{}/bind", path_of(slug)),
        back: list_of(slug),
        submit: "create",
    }
}

/// Shows the form of a stage that is made and bound in one; first its type is asked.
pub(super) async fn begin_stage(site: &Site, request: &Request) -> Outcome {
    let (administrator, slug) = of_flow(site, request).await?;
    let place = creating(&administrator, &slug);
    let Some(kind) = chosen_kind(request) else {
        return Ok(stages::choose(&administrator, &place));
    };
    match both(site, &slug, kind) {
        Some(form) => Ok(administrator.form(&place, &form)),
        None => Err(administrator.unknown()),
    }
}

/// Makes and binds one.
pub(super) async fn create_stage(site: &Site, request: &Request) -> Outcome {
    let (administrator, slug) = of_flow(site, request).await?;
    let typed = Typed::of(&administrator, request)?;
    let place = creating(&administrator, &slug);
    let Some(kind) = StageKind::from_word(typed.text("kind")) else {
        return Ok(stages::choose(&administrator, &place));
    };
    let Some(form) = both(site, &slug, kind) else {
        return Err(administrator.unknown());
    };
    let tree = typed.tree(&form, &site.desk);
    let fields = with_kind(tree.clone(), kind);
    let made = site.desk.make_binding(&slug, fields, administrator.by()).await;
    Ok(match made {
        Ok(_) => administrator.lead_to(&list_of(&slug), "created"),
        Err(fault) => administrator.not_taken(&place, &filled(form, &tree), None, &fault),
    })
}

/// A binding's order and the fields of the stage that is made for it.
fn both(site: &Site, slug: &Slug, kind: StageKind) -> Option<ObjectForm> {
    let binding = site.desk.binding_form(slug, None)?;
    let stage = Blank::Stage(kind).form();
    let within = |field: FormField| FormField {
        path: format!("stage.{}", field.path),
        ..field
    };
    let fields = stage.fields.into_iter().map(within);
    let order = binding.fields.into_iter().filter(|field| field.path == "order");
    Some(ObjectForm {
        fields: fields.chain(order).collect(),
        ..stage
    })
}

/// Says of which kind the stage is.
fn with_kind(tree: Tree, kind: StageKind) -> Tree {
    let Tree::Table(fields) = tree else { return tree };
    let fields = fields.into_iter().map(|(name, mut node)| {
        if name == "stage" {
            node.tree = node.tree.with("kind", Tree::text(kind.word()));
        }
        (name, node)
    });
    Tree::Table(fields.collect())
}

fn creating(administrator: &Administrator<'_>, slug: &Slug) -> Place {
    Place {
        file: FORM,
        title: administrator.say("console", "create_and_bind"),
        action: format!("{}/create-and-bind", path_of(slug)),
        back: list_of(slug),
        submit: "update",
    }
}

/// Shows the form of a binding.
pub(super) async fn edit(site: &Site, request: &Request) -> Outcome {
    let (administrator, slug) = of_flow(site, request).await?;
    let order = order(&administrator, request)?;
    match site.desk.binding_form(&slug, Some(order)) {
        Some(form) => Ok(administrator.form(&editing(&administrator, &slug, order), &form)),
        None => Err(administrator.unknown()),
    }
}

/// Changes a binding.
pub(super) async fn update(site: &Site, request: &Request) -> Outcome {
    let (administrator, slug) = of_flow(site, request).await?;
    let order = order(&administrator, request)?;
    let typed = Typed::of(&administrator, request)?;
    let Some(now) = site.desk.binding_form(&slug, Some(order)) else {
        return Err(administrator.unknown());
    };
    let tree = typed.tree(&now, &site.desk);
    let by = administrator.by();
    let changed = site
        .desk
        .change_binding(&slug, order, tree.clone(), typed.version(), by)
        .await;
    Ok(match changed {
        Ok(_) => administrator.lead_to(&list_of(&slug), "updated"),
        Err(fault) => {
            let form = filled(now.clone(), &tree);
            administrator.not_taken(&editing(&administrator, &slug, order), &form, Some(now), &fault)
        }
    })
}

fn editing(administrator: &Administrator<'_>, slug: &Slug, order: u16) -> Place {
    Place {
        file: FORM,
        title: administrator.say("console", "edit_binding"),
        action: format!("{}/{order}", list_of(slug)),
        back: list_of(slug),
        submit: "update",
    }
}

/// Shows the form of the stage that is bound, and comes back here.
pub(super) async fn edit_stage(site: &Site, request: &Request) -> Outcome {
    let (administrator, slug) = of_flow(site, request).await?;
    let (key, place) = bound_stage(&administrator, &slug, request)?;
    stages::show_form(&administrator, &key, &place)
}

/// Changes the stage that is bound.
pub(super) async fn update_stage(site: &Site, request: &Request) -> Outcome {
    let (administrator, slug) = of_flow(site, request).await?;
    let (key, place) = bound_stage(&administrator, &slug, request)?;
    stages::take_form(&administrator, request, &key, &place).await
}

fn bound_stage(
    administrator: &Administrator<'_>,
    slug: &Slug,
    request: &Request,
) -> Result<(ObjectKey, Place), Box<Response>> {
    let order = order(administrator, request)?;
    let flows = administrator.viewer().site().desk.flows();
    let binding = flows
        .flow(slug.as_str())
        .and_then(|bound| bound.bindings.get(&order));
    let Some(binding) = binding else {
        return Err(administrator.unknown());
    };
    let place = Place {
        file: FORM,
        title: stages::title(administrator, &binding.stage),
        action: format!("{}/{order}/stage", list_of(slug)),
        back: list_of(slug),
        submit: "update",
    };
    Ok((ObjectKey::Stage(binding.stage.clone()), place))
}

/// Has a binding change places with its neighbour.
pub(super) async fn move_it(site: &Site, request: &Request) -> Outcome {
    let (administrator, slug) = of_flow(site, request).await?;
    let order = order(&administrator, request)?;
    let typed = Typed::of(&administrator, request)?;
    let way = if typed.has("later") {
        Way::Later
    } else {
        Way::Earlier
    };
    let by = administrator.by();
    let moved = site
        .desk
        .move_binding(&slug, order, way, typed.version(), by)
        .await;
    Ok(match moved {
        Ok(()) => administrator.lead_to(&list_of(&slug), "updated"),
        Err(fault) => administrator.refusal(&fault),
    })
}

/// Takes a binding away; the stage stays.
pub(super) async fn delete(site: &Site, request: &Request) -> Outcome {
    let (administrator, slug) = of_flow(site, request).await?;
    let order = order(&administrator, request)?;
    let typed = Typed::of(&administrator, request)?;
    let by = administrator.by();
    let removed = site.desk.remove_binding(&slug, order, typed.version(), by).await;
    Ok(super::flows::removed_from(
        &administrator,
        &list_of(&slug),
        removed,
    ))
}

/// An administrator who signed in just now, and the flow that the page is about. What changes something and was asked for
/// too late comes back to the list.
async fn of_flow<'a>(
    site: &'a Site,
    request: &'a Request,
) -> Result<(Administrator<'a>, Slug), Box<Response>> {
    let administrator = Administrator::of(site, request).await?;
    let slug = slug(&administrator, request)?;
    administrator.freshly(request, &list_of(&slug))?;
    Ok((administrator, slug))
}

fn list_of(slug: &Slug) -> String {
    format!("{}/bindings", path_of(slug))
}

fn order(administrator: &Administrator<'_>, request: &Request) -> Result<u16, Box<Response>> {
    let order = request.param("order").parse();
    order.map_err(|_| administrator.unknown())
}
