//! Stories of the REST API: each call, each refusal, and the statements of the security bar that it decides.

#![expect(clippy::unwrap_used, reason = "a story that cannot go on fails")]

mod addresses;
mod auditing;
mod call;
mod changing;
mod clients;
mod codes;
mod confirm_page;
mod confirming;
mod contract;
mod credentials;
mod described;
mod ending;
mod epochs;
mod factors;
mod house;
mod passwords;
mod past;
mod refreshing;
mod registering;
mod remembering;
mod repeating;
mod requesting;
mod rotation;
mod services;
mod sessions;
mod sharing;
mod signing_in;
mod stories;
mod verifying;
