//! The door: HTTP in, a typed request out, an envelope back.
//!
//! Floor 4. The only room that knows warp and hyper. [`server`] owns the sockets and their time limits, [`router`] finds
//! the handler, [`request`] and [`json`] make values out of bytes, [`reply`] and [`codes`] are the only place that words
//! an answer. Nothing here looks at `Host`, `X-Forwarded-Host` or the authority of an absolute-form request line.

pub mod api;
mod callback;
pub mod client;
pub mod codes;
mod console;
pub mod device;
pub mod fields;
mod framing;
pub mod idempotency;
pub mod intents;
pub mod json;
pub mod openapi;
pub mod pages;
pub mod post;
pub mod refusals;
pub mod remedies;
pub mod reply;
pub mod request;
pub mod response;
pub mod router;
mod routes;
pub mod server;
pub mod services;
pub mod site;
pub mod throttle;
mod wire;

pub use client::{ClientAddr, NetList};
pub use codes::Code;
pub use fields::Fields;
pub use reply::{ApiError, Detail, Envelope, RateInfo, Voice};
pub use request::{Head, Request};
pub use response::{Body, Response};
pub use router::{Answer, Hooks, Route, Router, RouterSettings};
pub use server::{Peer, ServeReport, ServerLimits, serve};
pub use warp::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
