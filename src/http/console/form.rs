//! Forms of objects: the fields that the desk describes become inputs, and what was typed becomes what the desk reads.
//! Inputs are named by the paths of the API, so that its faults find them.

mod shown;
mod typed;

use serde::Serialize;
use warp::http::StatusCode;

use super::administrator::Administrator;
use crate::desk::{ObjectFault, ObjectForm, ObjectsFault, Tree};
use crate::http::codes::Code;
use crate::http::reply::ApiError;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::types::{ObjectName, percent_encode};

use shown::Group;
pub(super) use shown::kind_words;
pub(super) use typed::Typed;

/// The template of forms without anything besides.
pub(super) const FORM: &str = "console/form.html";

/// The list of policies.
pub(super) const POLICIES: &str = "/admin/policies";

/// The object that a path names.
pub(super) fn object_name(
    administrator: &Administrator<'_>,
    request: &Request,
) -> Result<ObjectName, Box<Response>> {
    ObjectName::parse(request.param("name")).ok_or_else(|| administrator.unknown())
}

/// The path of an object below that of its list.
pub(super) fn object_path(list: &str, name: &ObjectName) -> String {
    let mut path = format!("{list}/");
    percent_encode(name.as_str(), &mut path);
    path
}

/// Where a form stands, and what sends it.
pub(super) struct Place {
    /// The template: [`FORM`] or one that extends it.
    pub(super) file: &'static str,
    /// The title of the page.
    pub(super) title: String,
    /// The path that takes the form.
    pub(super) action: String,
    /// The path that it is left for.
    pub(super) back: String,
    /// The word on the button, of the section `console`.
    pub(super) submit: &'static str,
}

impl Place {
    /// The word for the kind of what stands here; policies have kinds of the same words as stages.
    fn kind_of(&self, word: &'static str) -> &'static str {
        match (self.back.as_str(), word) {
            (POLICIES, "password") => "password_policy",
            (POLICIES, "expression") => "expression_policy",
            (_, word) => word,
        }
    }
}

/// What `console/form.html` shows.
#[derive(Serialize)]
struct FormPage<T> {
    action: String,
    back: String,
    submit: String,
    /// What kind of object it is: the word for programs, and the one for people.
    kind: Option<&'static str>,
    kind_words: Option<&'static str>,
    version: Option<u64>,
    /// Whether somebody else changed the object while this form was filled in.
    changed: bool,
    /// What is wrong and is about no field.
    problems: Vec<String>,
    groups: Vec<Group>,
    besides: T,
}

/// What is wrong with a form.
#[derive(Default)]
pub(super) struct Trouble<'f> {
    pub(super) faults: &'f [ObjectFault],
    /// The object as somebody else has changed it meanwhile.
    pub(super) meanwhile: Option<ObjectForm>,
}

impl Administrator<'_> {
    /// A form with what its fields hold.
    pub(super) fn form(&self, place: &Place, form: &ObjectForm) -> Response {
        self.form_with(StatusCode::OK, place, form, &Trouble::default(), ())
    }

    /// The same with what is wrong, and with what the template shows besides.
    pub(super) fn form_with(
        &self,
        status: StatusCode,
        place: &Place,
        form: &ObjectForm,
        trouble: &Trouble<'_>,
        besides: impl Serialize,
    ) -> Response {
        let viewer = self.viewer();
        let (groups, problems) = shown::groups(self, form, trouble);
        let version = match &trouble.meanwhile {
            Some(now) => now.version,
            None => form.version,
        };
        let page = FormPage {
            action: viewer.href(&place.action),
            back: viewer.href(&place.back),
            submit: self.say("console", place.submit),
            kind: form.kind,
            kind_words: form
                .kind
                .map(|word| kind_words(viewer.locale(), place.kind_of(word))),
            version: version.map(|position| position.0),
            changed: trouble.meanwhile.is_some(),
            problems,
            groups,
            besides,
        };
        self.page(status, place.file, &place.title, page)
    }

    /// What a form that was not taken is answered with: itself, with what was typed and what is wrong. `now` is the object
    /// as it is by now, for whoever lost a race.
    pub(super) fn not_taken(
        &self,
        place: &Place,
        typed: &ObjectForm,
        now: Option<ObjectForm>,
        fault: &ObjectsFault,
    ) -> Response {
        self.not_taken_with(place, typed, now, fault, ())
    }

    /// The same with what the template shows besides.
    pub(super) fn not_taken_with(
        &self,
        place: &Place,
        typed: &ObjectForm,
        now: Option<ObjectForm>,
        fault: &ObjectsFault,
        besides: impl Serialize,
    ) -> Response {
        match (fault, now) {
            (ObjectsFault::Fields(faults), _) => {
                let trouble = Trouble {
                    faults,
                    meanwhile: None,
                };
                self.form_with(StatusCode::BAD_REQUEST, place, typed, &trouble, besides)
            }
            (ObjectsFault::Changed, Some(now)) => {
                let trouble = Trouble {
                    faults: &[],
                    meanwhile: Some(now),
                };
                self.form_with(StatusCode::PRECONDITION_FAILED, place, typed, &trouble, besides)
            }
            (fault, _) => self.refusal(fault),
        }
    }

    /// A page for what is about no form.
    pub(super) fn refusal(&self, fault: &ObjectsFault) -> Response {
        let code = match fault {
            ObjectsFault::Unknown => Code::NotFound,
            ObjectsFault::Changed => Code::Changed,
            ObjectsFault::Fields(faults) => {
                let said = faults.iter().map(|fault| shown::sentence(self, fault));
                let said: Vec<String> = said.collect();
                return self.cannot(StatusCode::CONFLICT, &said.join(" "));
            }
            ObjectsFault::Desk(fault) => return self.trouble(fault),
        };
        let error = ApiError::new(code);
        self.cannot(error.status(), error.message(self.viewer().locale()))
    }

    /// There is no such page.
    pub(super) fn unknown(&self) -> Box<Response> {
        Box::new(self.refusal(&ObjectsFault::Unknown))
    }
}

/// The same form with what is in a tree.
pub(super) fn filled(mut form: ObjectForm, tree: &Tree) -> ObjectForm {
    for field in &mut form.fields {
        let found = field.path.split('.').try_fold(tree, Tree::field);
        if let Some(value) = found {
            field.value = value.clone();
        }
    }
    form
}
