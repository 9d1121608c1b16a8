//! The table of routes: exact, path before method, without trying one route after another.

use std::collections::HashMap;

use warp::http::{HeaderValue, Method};

use super::request::{Plus, decode};
use super::router::Route;

/// Decoded path segments by the names of the pattern.
pub(super) type Params = Vec<(&'static str, String)>;

/// Everything that one path answers.
pub(super) struct Place<S, A> {
    routes: Vec<Route<S, A>>,
    /// The `Allow` field: every method, HEAD and OPTIONS too.
    pub(super) allow: HeaderValue,
}

impl<S, A> Place<S, A> {
    /// The route of a method; HEAD is answered by GET.
    pub(super) fn route(&self, method: &Method) -> Option<&Route<S, A>> {
        let exact = self.routes.iter().find(|route| route.method == *method);
        exact.or_else(|| {
            if *method == Method::HEAD {
                self.routes.iter().find(|r| r.method == Method::GET)
            } else {
                None
            }
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Segment {
    Fixed(&'static str),
    Param(&'static str),
}

struct Pattern {
    segments: Vec<Segment>,
    place: usize,
}

/// The table.
pub(super) struct Table<S, A> {
    places: Vec<Place<S, A>>,
    fixed: HashMap<&'static str, usize>,
    /// Patterns with parameters, by their number of segments.
    patterns: Vec<Vec<Pattern>>,
}

impl<S, A> Table<S, A> {
    /// Builds the table. Two routes of one method and pattern, or two patterns that differ in the names of their
    /// parameters only, are a bug, found when the process starts.
    pub(super) fn new(routes: Vec<Route<S, A>>) -> Self {
        let mut by_pattern: HashMap<&'static str, Vec<Route<S, A>>> = HashMap::new();
        let mut order = Vec::new();
        for route in routes {
            let pattern = route.pattern;
            assert!(
                pattern.starts_with('/'),
                "a pattern starts with a slash: {pattern}"
            );
            let routes = by_pattern.entry(pattern).or_insert_with(|| {
                order.push(pattern);
                Vec::new()
            });
            assert!(
                routes.iter().all(|other| other.method != route.method),
                "one route for each method: {pattern}"
            );
            routes.push(route);
        }
        let mut table = Self {
            places: Vec::new(),
            fixed: HashMap::new(),
            patterns: Vec::new(),
        };
        for pattern in order {
            let routes = by_pattern.remove(pattern).unwrap_or_default();
            table.add(
                pattern,
                Place {
                    allow: allow(&routes),
                    routes,
                },
            );
        }
        table
    }

    fn add(&mut self, pattern: &'static str, place: Place<S, A>) {
        let index = self.places.len();
        self.places.push(place);
        if !pattern.contains('{') {
            self.fixed.insert(pattern, index);
            return;
        }
        let segments: Vec<Segment> = pattern[1..].split('/').map(segment).collect();
        if self.patterns.len() <= segments.len() {
            self.patterns.resize_with(segments.len() + 1, Vec::new);
        }
        let peers = &mut self.patterns[segments.len()];
        let is_new = peers.iter().all(|peer| shape(&peer.segments) != shape(&segments));
        assert!(is_new, "patterns differ in more than names: {pattern}");
        peers.push(Pattern {
            segments,
            place: index,
        });
        // Where two patterns fit, the one that is fixed further to the left wins.
        peers.sort_by_key(|peer| {
            shape(&peer.segments)
                .into_iter()
                .map(|s| s.is_none())
                .collect::<Vec<_>>()
        });
    }

    /// Finds what answers a path, as it was sent. Only parameters are percent-decoded: `/v1/%61dmin` is not
    /// `/v1/admin`, so that a proxy's rules about paths hold here too. A trailing slash is another path.
    pub(super) fn find(&self, path: &str) -> Option<(&Place<S, A>, Params)> {
        if let Some(index) = self.fixed.get(path) {
            return Some((&self.places[*index], Params::new()));
        }
        let count = path.strip_prefix('/')?.split('/').count();
        self.patterns.get(count)?.iter().find_map(|pattern| {
            let params = fit(&pattern.segments, &path[1..])?;
            Some((&self.places[pattern.place], params))
        })
    }

    /// Every route, in no order.
    pub(super) fn routes(&self) -> impl Iterator<Item = &Route<S, A>> {
        self.places.iter().flat_map(|place| &place.routes)
    }
}

fn segment(text: &'static str) -> Segment {
    match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some(name) => Segment::Param(name),
        None => Segment::Fixed(text),
    }
}

/// The pattern without the names of its parameters.
fn shape(segments: &[Segment]) -> Vec<Option<&'static str>> {
    segments
        .iter()
        .map(|segment| match segment {
            Segment::Fixed(text) => Some(*text),
            Segment::Param(_) => None,
        })
        .collect()
}

/// The parameters if the path fits; an empty segment, a broken escape or a control character fits nothing.
fn fit(segments: &[Segment], path: &str) -> Option<Params> {
    let pairs = || segments.iter().zip(path.split('/'));
    let is_fixed_part_equal = pairs().all(|(segment, text)| match segment {
        Segment::Fixed(fixed) => *fixed == text,
        Segment::Param(_) => !text.is_empty(),
    });
    if !is_fixed_part_equal {
        return None;
    }
    let mut params = Params::new();
    for (segment, text) in pairs() {
        if let Segment::Param(name) = segment {
            let value = decode(text, Plus::IsPlus)?;
            if value.chars().any(char::is_control) {
                return None;
            }
            params.push((name, value.into_owned()));
        }
    }
    Some(params)
}

fn allow<S, A>(routes: &[Route<S, A>]) -> HeaderValue {
    let mut methods: Vec<&str> = routes.iter().map(|route| route.method.as_str()).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    methods.sort_unstable();
    methods.dedup();
    HeaderValue::from_str(&methods.join(", ")).expect("method names are tokens")
}
