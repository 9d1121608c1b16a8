//! The REST API.

use super::router::{Hooks, Route};
use super::site::{Access, Site};

/// The API's routes.
pub fn routes() -> Vec<Route<Site, Access>> {
    vec![]
}

/// What happens before and after every handler.
pub fn hooks() -> Hooks<Site, Access> {
    Hooks::default()
}
