//! What administrators configure.

use serde_json::json;

use super::super::schema::Field;
use super::{
    Call, Schema, Topic, anything, count, delete, flag, get, id, list, may, must, named, object, page_limit,
    page_number, paged, patch, post, put, text, whole, word,
};
use crate::domain::flow::{DeniedAction, Designation, InvalidResponse, Requirement, StageKind};
use crate::http::codes::Code;

pub(super) fn calls() -> Vec<Call> {
    let objects = KINDS.iter().flat_map(Objects::calls);
    objects.chain(bindings()).chain([origins()]).collect()
}

fn words<T: Copy>(all: &[T], word: impl Fn(T) -> &'static str) -> Schema {
    let words: Vec<&str> = all.iter().map(|one| word(*one)).collect();
    super::word(&words)
}

/// What is known of one kind of objects.
struct Objects {
    all: &'static str,
    one: &'static str,
    many: &'static str,
    a: &'static str,
    shape: &'static str,
    fields: fn() -> Vec<Field>,
    /// Those that must be there when one is made.
    needed: &'static [&'static str],
}

const KINDS: [Objects; 3] = [
    Objects {
        all: "/v1/admin/flows",
        one: "/v1/admin/flows/{slug}",
        many: "flows",
        a: "a flow",
        shape: "Flow",
        fields: flow_fields,
        needed: &["name", "designation"],
    },
    Objects {
        all: "/v1/admin/stages",
        one: "/v1/admin/stages/{name}",
        many: "stages",
        a: "a stage",
        shape: "Stage",
        fields: stage_fields,
        needed: &["name", "kind"],
    },
    Objects {
        all: "/v1/admin/policies",
        one: "/v1/admin/policies/{name}",
        many: "policies",
        a: "a policy",
        shape: "Policy",
        fields: policy_fields,
        needed: &["name", "kind"],
    },
];

impl Objects {
    fn calls(&self) -> [Call; 5] {
        let Self {
            all,
            one,
            many,
            a,
            shape,
            ..
        } = *self;
        let topic = Topic::Configuration;
        let now = |about| move |call: Call| call.answer(200, about, named(shape));
        let made = object((self.fields)()).requiring(self.needed).strict();
        [
            get(all, topic, format!("List {many}"))
                .about("By name.")
                .query("page", page_number())
                .query("limit", page_limit(20))
                .answer(200, "A page of them.", paged(shape)),
            post(all, topic, format!("Make {a}"))
                .about("Members that are left out have a default.")
                .body_as_is(made)
                .answer(201, "Made.", named(shape))
                .versioned(),
            now("As it is.")(get(one, topic, format!("Show {a}"))).versioned(),
            now("As it is now.")(patch(one, topic, format!("Change {a}")))
                .about("Members that are left out stay. A new name is followed by whatever names the object.")
                .body_as_is(object((self.fields)()).strict())
                .versioned(),
            delete(one, topic, format!("Remove {a}"))
                .query(
                    "detach",
                    flag(true).about("Takes it out of whatever names it, which otherwise keeps it."),
                )
                .says("Removed.")
                .versioned(),
        ]
    }
}

fn flow_fields() -> Vec<Field> {
    vec![
        may("name", text("password recovery flow")),
        may(
            "slug",
            text("password-recovery-flow").about("Made out of the name where it is missing."),
        ),
        may(
            "title",
            text("Reset your password").about("What its pages are headed with."),
        ),
        may("designation", words(Designation::ALL, Designation::word)),
        may("authentication", words(Requirement::ALL, Requirement::word)),
        may("denied_action", words(DeniedAction::ALL, DeniedAction::word)),
        may(
            "bindings",
            list(object(binding_fields()).requiring(&["order", "stage"]).strict()),
        ),
    ]
}

fn stage_fields() -> Vec<Field> {
    vec![
        may("name", text("email recovery stage")),
        may(
            "kind",
            words(StageKind::ALL, StageKind::word).with_example("email"),
        ),
        may(
            "settings",
            anything(json!({"subject": "Reset your password"})).about("Depend on the kind."),
        ),
    ]
}

fn policy_fields() -> Vec<Field> {
    vec![
        may("name", text("password policy")),
        may("kind", word(&["password", "expression"])),
        may(
            "settings",
            anything(json!({"length_min": 12})).about("Depend on the kind."),
        ),
    ]
}

fn binding_fields() -> Vec<Field> {
    let policy = object([
        must("policy", text("from outside")),
        may("negate", flag(false)),
        may("enabled", flag(true)),
    ]);
    vec![
        may(
            "order",
            whole(0, 65_535, 10).about("Stages are walked from the lowest number up."),
        ),
        may("stage", text("default-recovery-email")),
        may("policies", list(policy.strict()).without_example()),
        may(
            "invalid_response_action",
            words(InvalidResponse::ALL, InvalidResponse::word),
        ),
    ]
}

fn bindings() -> [Call; 5] {
    let topic = Topic::Configuration;
    let (all, one) = (
        "/v1/admin/flows/{slug}/bindings",
        "/v1/admin/flows/{slug}/bindings/{order}",
    );
    let made = object(
        binding_fields()
            .into_iter()
            .filter(|field| !field.is("stage"))
            .chain([may(
                "stage",
                Schema::any_of([
                    text("default-recovery-email").about("The name of one that there is."),
                    object(stage_fields())
                        .requiring(&["name", "kind"])
                        .strict()
                        .about("The fields of a new one."),
                ]),
            )]),
    );
    let made = made.requiring(&["order", "stage"]).strict();
    [
        get(all, topic, "List the bindings of a flow")
            .about("In their order.")
            .answer(
                200,
                "All of them.",
                object([must("items", list(named("Binding")))]),
            ),
        post(all, topic, "Bind a stage to a flow")
            .body_as_is(made)
            .answer(201, "Bound.", named("Binding")),
        get(one, topic, "Show a binding").answer(200, "As it is.", named("Binding")),
        patch(one, topic, "Change a binding")
            .about("A new order moves it.")
            .body_as_is(object(binding_fields()).strict())
            .answer(200, "As it is now.", named("Binding"))
            .refuses(&[Code::Changed]),
        delete(one, topic, "Take a binding away")
            .about("The stage stays.")
            .says("Removed.")
            .refuses(&[Code::Changed]),
    ]
}

/// What every object tells beside its fields.
fn told(fields: Vec<Field>, others: impl IntoIterator<Item = Field>) -> Schema {
    let names: Vec<&'static str> = fields.iter().map(Field::name).collect();
    let more = [
        must(
            "version",
            count(42).about("Where it was last changed; the `ETag`."),
        ),
        must(
            "named_by_stages",
            list(text("default-authentication-identification")),
        ),
    ];
    object(fields.into_iter().chain(more).chain(others)).requiring(&names)
}

pub(super) fn flow() -> Schema {
    let problem = object([
        must("code", text("no-email-stage")),
        must("stage", text("default-recovery-email").or_null()),
        must("message", text("…")),
    ]);
    told(flow_fields(), [must("problems", list(problem).without_example())])
}

pub(super) fn stage() -> Schema {
    told(stage_fields(), [bound_to()])
}

pub(super) fn policy() -> Schema {
    told(policy_fields(), [bound_to()])
}

pub(super) fn binding() -> Schema {
    let fields = binding_fields();
    let names: Vec<&'static str> = fields.iter().map(Field::name).collect();
    object(fields).requiring(&names)
}

fn bound_to() -> Field {
    let place = object([
        must("flow", text("default-recovery-flow")),
        must("order", count(10)),
    ]);
    must("bound_to", list(place))
}

fn origins() -> Call {
    let origin = || text("https://app.example.com").about("As browsers send it in `Origin`; no wildcard.");
    put(
        "/v1/admin/api-keys/{id}/origins",
        Topic::Configuration,
        "Say which web pages may call with a publishable key",
    )
    .about("These take the place of those before; without any, no page of another origin can read answers.")
    .body_as_is(object([must("origins", list(origin()).at_most(10))]).strict())
    .answer(
        200,
        "As it is now.",
        object([must("id", id()), must("origins", list(origin()))]),
    )
}
