//! The law in sentences, without HTTP, hashing, keys or a disk.

#![expect(
    unreachable_pub,
    reason = "one binary; what the tests share is public among them"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod addresses;
mod administrators;
mod codes;
mod epochs;
mod factors;
mod flows;
mod lawful;
mod limits;
mod mails;
mod management;
mod newcomers;
mod objections;
mod outlook;
mod profile;
mod properties;
mod recovery;
mod refresh;
mod requests;
mod scene;
mod sessions;
mod sign_in;
mod sign_up;
mod verification;
mod walks;
mod webhooks;
mod withdraw;
