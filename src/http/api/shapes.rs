//! What answers are made of.

use std::fmt::Display;

use serde::{Serialize, Serializer};

use crate::http::{ApiError, Fields, Request, header};
use crate::types::Timestamp;

/// An answer that only says that it worked.
#[derive(Serialize)]
pub(super) struct Done {
    pub(super) message: &'static str,
}

/// The same, repeating the address that was sent.
#[derive(Serialize)]
pub(super) struct DoneFor<'a> {
    pub(super) message: &'static str,
    pub(super) email: &'a str,
}

/// Writes ids and the like as their text.
pub(super) fn as_text<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Writes a moment as RFC 3339.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
pub(super) fn as_time<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&at.rfc3339())
}

/// Writes a moment or `null`.
#[expect(clippy::ref_option, reason = "serde passes fields by reference")]
pub(super) fn as_time_or_null<S: Serializer>(
    at: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => as_time(at, serializer),
        None => serializer.serialize_none(),
    }
}

/// The version that the caller has seen: `If-Match: "42"`; none for `*`, which is any (RFC 9110 §13.1.1).
pub(super) fn if_match(request: &Request) -> Result<Option<u64>, ApiError> {
    let Some(field) = request.headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    let text = field.to_str().unwrap_or_default();
    if text == "*" {
        return Ok(None);
    }
    let number = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let version = number.and_then(|number| number.parse().ok());
    version
        .map(Some)
        .ok_or_else(|| ApiError::invalid("If-Match", "not-a-version"))
}

/// Which part of a list is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Page {
    number: usize,
    limit: usize,
}

impl Page {
    const NUMBER_MAX: i64 = 1_000_000;
    const LIMIT_MAX: i64 = 100;

    /// Reads `page` and `limit` from a query and ends the reading.
    pub(super) fn read(mut query: Fields, limit: usize) -> Result<Self, ApiError> {
        let number = query.optional_whole("page", &(1..=Self::NUMBER_MAX));
        let asked = query.optional_whole("limit", &(1..=Self::LIMIT_MAX));
        query.finish()?;
        let size =
            |value: Option<i64>, default| value.and_then(|n| usize::try_from(n).ok()).unwrap_or(default);
        Ok(Self {
            number: size(number, 1),
            limit: size(asked, limit),
        })
    }

    /// The part of a whole list.
    pub(super) fn of<T>(self, all: Vec<T>) -> (Vec<T>, Pagination) {
        let total = all.len();
        let (skip, take) = self.part();
        let items = all.into_iter().skip(skip).take(take).collect();
        (items, self.pagination(total))
    }

    /// How many items come before it, and how many it has at most.
    pub(super) fn part(self) -> (usize, usize) {
        ((self.number - 1).saturating_mul(self.limit), self.limit)
    }

    pub(super) fn pagination(self, total: usize) -> Pagination {
        let total_pages = total.div_ceil(self.limit);
        Pagination {
            total,
            page: self.number,
            limit: self.limit,
            total_pages,
            has_next: self.number < total_pages,
            has_prev: self.number > 1 && total > 0,
        }
    }
}

/// Where in a list the items are.
#[derive(Serialize, PartialEq, Eq, Debug)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pagination {
    total: usize,
    page: usize,
    limit: usize,
    total_pages: usize,
    has_next: bool,
    has_prev: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(number: usize, limit: usize, total: usize) -> (Vec<usize>, usize, bool, bool) {
        let (items, place) = Page { number, limit }.of((0..total).collect());
        (items, place.total_pages, place.has_next, place.has_prev)
    }

    #[test]
    fn a_page_knows_its_neighbours() {
        assert_eq!(shown(1, 10, 0), (vec![], 0, false, false));
        assert_eq!(shown(1, 2, 5), (vec![0, 1], 3, true, false));
        assert_eq!(shown(3, 2, 5), (vec![4], 3, false, true));
        assert_eq!(shown(9, 2, 5), (vec![], 3, false, true));
        assert_eq!(shown(usize::MAX, 100, 5).0, Vec::<usize>::new());
    }
}
