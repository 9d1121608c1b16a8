//! The pages behind mailed links.

use super::router::Route;
use super::site::{Access, Site};

/// The pages' routes.
pub fn routes() -> Vec<Route<Site, Access>> {
    vec![]
}
