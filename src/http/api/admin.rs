//! Flows, stages, bindings and policies for administrators: lists, and each object made, shown, changed and removed.
//!
//! `PATCH` changes the fields it has; `If-Match` with the version that was shown keeps two administrators from undoing
//! each other's changes. Every fault names its field.

use serde::Serialize;

use super::gate::administrator as actor;
use super::shapes::{Done, Page, Pagination, if_match};
use crate::desk::{ObjectFault, ObjectKind, ObjectsFault, Tree};
use crate::domain::flow::{Naming, ObjectKey};
use crate::http::json::JsonValue;
use crate::http::remedies::remedy_in;
use crate::http::site::Site;
use crate::http::{ApiError, Code, Detail, HeaderValue, Request, Response, StatusCode, header, refusals};
use crate::types::{Locale, Position, Slug};

/// Objects of an answer, unless asked otherwise.
const LIMIT: usize = 20;
/// Bytes of a body: a flow comes with all of its bindings.
pub(super) const BODY_BYTES_MAX: usize = 128 << 10;

#[derive(Serialize)]
struct Objects {
    items: Vec<Tree>,
    pagination: Pagination,
}

/// The handlers of one kind of objects.
macro_rules! objects {
    ($($(#[$doc:meta])* $room:ident: $kind:ident by $param:literal;)*) => {$(
        $(#[$doc])*
        pub(super) mod $room {
            use super::{
                ApiError, Done, LIMIT, Naming, ObjectKind, Objects, Page, Request, Response, Site, StatusCode, actor,
                fields, key, look, refused, version,
            };

            const KIND: ObjectKind = ObjectKind::$kind;

            /// Lists them by name.
            pub(in crate::http::api) async fn list(site: &Site, request: &Request) -> Result<Response, ApiError> {
                let page = Page::read(request.query_fields()?, LIMIT)?;
                let (items, pagination) = page.of(site.desk.list_objects(KIND, request.voice.locale));
                Ok(request.voice.ok(&Objects { items, pagination }))
            }

            /// Makes one.
            pub(in crate::http::api) async fn make(site: &Site, request: &Request) -> Result<Response, ApiError> {
                let (by, fields) = (actor(request)?, fields(request)?);
                let made = site.desk.make_object(KIND, fields, by).await.map_err(refused(request))?;
                look(site, request, StatusCode::CREATED, &made)
            }

            /// Shows one.
            pub(in crate::http::api) async fn show(site: &Site, request: &Request) -> Result<Response, ApiError> {
                look(site, request, StatusCode::OK, &key(request, KIND, $param)?)
            }

            /// Changes some fields of one.
            pub(in crate::http::api) async fn change(site: &Site, request: &Request) -> Result<Response, ApiError> {
                let (by, version) = (actor(request)?, version(request)?);
                let (key, fields) = (key(request, KIND, $param)?, fields(request)?);
                let changed = site.desk.change_object(&key, fields, version, by).await;
                look(site, request, StatusCode::OK, &changed.map_err(refused(request))?)
            }

            /// Removes one; with `detach=true` it also goes from what names it.
            pub(in crate::http::api) async fn remove(site: &Site, request: &Request) -> Result<Response, ApiError> {
                let mut query = request.query_fields()?;
                let naming = if query.optional_flag("detach").unwrap_or(false) {
                    Naming::Detach
                } else {
                    Naming::Keep
                };
                query.finish_strict()?;
                let (by, version, key) = (actor(request)?, version(request)?, key(request, KIND, $param)?);
                let removed = site.desk.remove_object(&key, naming, version, by).await;
                removed.map_err(refused(request))?;
                Ok(request.voice.ok(&Done { message: "Removed." }))
            }
        }
    )*};
}
objects! {
    /// Flows, named by their slug.
    flows: Flow by "slug";
    /// Stages.
    stages: Stage by "name";
    /// Policies of both kinds.
    policies: Policy by "name";
}

/// The bindings of a flow, each named by its order.
pub(super) mod bindings {
    use super::{
        ApiError, Code, Done, Request, Response, Serialize, Site, Slug, StatusCode, Tree, actor, fields,
        refused, shown, version,
    };

    #[derive(Serialize)]
    struct Bindings {
        items: Vec<Tree>,
    }

    /// Lists them in their order.
    pub(in crate::http::api) async fn list(site: &Site, request: &Request) -> Result<Response, ApiError> {
        let items = site.desk.bindings(&flow(request)?).ok_or(Code::NotFound)?;
        Ok(request.voice.ok(&Bindings { items }))
    }

    /// Binds a stage; a new one if its fields are given instead of a name.
    pub(in crate::http::api) async fn make(site: &Site, request: &Request) -> Result<Response, ApiError> {
        let (by, flow, fields) = (actor(request)?, flow(request)?, fields(request)?);
        let made = site.desk.make_binding(&flow, fields, by).await;
        Ok(shown(
            request,
            StatusCode::CREATED,
            &made.map_err(refused(request))?,
        ))
    }

    /// Shows one.
    pub(in crate::http::api) async fn show(site: &Site, request: &Request) -> Result<Response, ApiError> {
        let binding = site
            .desk
            .binding(&flow(request)?, order(request)?)
            .ok_or(Code::NotFound)?;
        Ok(shown(request, StatusCode::OK, &binding))
    }

    /// Changes some fields of one.
    pub(in crate::http::api) async fn change(site: &Site, request: &Request) -> Result<Response, ApiError> {
        let (by, version, fields) = (actor(request)?, version(request)?, fields(request)?);
        let (flow, order) = (flow(request)?, order(request)?);
        let changed = site.desk.change_binding(&flow, order, fields, version, by).await;
        Ok(shown(
            request,
            StatusCode::OK,
            &changed.map_err(refused(request))?,
        ))
    }

    /// Takes one away; the stage stays.
    pub(in crate::http::api) async fn remove(site: &Site, request: &Request) -> Result<Response, ApiError> {
        let (by, version) = (actor(request)?, version(request)?);
        let (flow, order) = (flow(request)?, order(request)?);
        let removed = site.desk.remove_binding(&flow, order, version, by).await;
        removed.map_err(refused(request))?;
        Ok(request.voice.ok(&Done { message: "Removed." }))
    }

    fn flow(request: &Request) -> Result<Slug, ApiError> {
        Slug::parse(request.param("slug")).ok_or(Code::NotFound.into())
    }

    fn order(request: &Request) -> Result<u16, ApiError> {
        request.param("order").parse().map_err(|_| Code::NotFound.into())
    }
}

fn key(request: &Request, kind: ObjectKind, param: &str) -> Result<ObjectKey, ApiError> {
    kind.key(request.param(param)).ok_or(Code::NotFound.into())
}

/// The version that the caller has seen.
fn version(request: &Request) -> Result<Option<Position>, ApiError> {
    Ok(if_match(request)?.map(Position))
}

/// An object as it is now.
fn look(site: &Site, request: &Request, status: StatusCode, key: &ObjectKey) -> Result<Response, ApiError> {
    let object = site
        .desk
        .show_object(key, request.voice.locale)
        .ok_or(Code::NotFound)?;
    Ok(shown(request, status, &object))
}

/// An object, with its version as `ETag` where it has one.
fn shown(request: &Request, status: StatusCode, object: &Tree) -> Response {
    let response = request.voice.success(status, object);
    let Some(Tree::Whole(version)) = object.field("version") else {
        return response;
    };
    match HeaderValue::from_str(&format!("\"{version}\"")) {
        Ok(tag) => response.with(header::ETAG, tag),
        Err(_) => response,
    }
}

/// The body as the desk reads objects.
fn fields(request: &Request) -> Result<Tree, ApiError> {
    let members = request.json()?.into_members()?;
    Ok(Tree::Table(
        members
            .into_iter()
            .map(|(name, value)| (name, tree(value).into()))
            .collect(),
    ))
}

fn tree(value: JsonValue) -> Tree {
    match value {
        JsonValue::Null => Tree::Null,
        JsonValue::Flag(flag) => Tree::Flag(flag),
        JsonValue::Number(number) => number.as_i64().map_or(Tree::Other, Tree::Whole),
        JsonValue::Text(text) => Tree::Text(text),
        JsonValue::List(items) => Tree::list(items.into_iter().map(tree)),
        JsonValue::Object(object) => {
            let members = object.into_members().into_iter();
            Tree::Table(members.map(|(name, value)| (name, tree(value).into())).collect())
        }
    }
}

/// Words what the desk says.
fn refused(request: &Request) -> impl Fn(ObjectsFault) -> ApiError {
    let locale = request.voice.locale;
    move |fault| match fault {
        ObjectsFault::Unknown => Code::NotFound.into(),
        ObjectsFault::Changed => Code::Changed.into(),
        ObjectsFault::Fields(faults) => {
            let details = faults.iter().map(|fault| detail(fault, locale)).collect();
            ApiError::new(Code::InvalidParameters).with_details(details)
        }
        ObjectsFault::Desk(fault) => refusals::of_fault(&fault, locale, ""),
    }
}

fn detail(fault: &ObjectFault, locale: Locale) -> Detail {
    let remedy = remedy_in(locale, &fault.remedy);
    Detail::new(fault.field.clone(), fault.reason).with_message(remedy.into_owned())
}
