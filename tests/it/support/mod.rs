//! A whole house for a story: the real server on loopback, a clock and an entropy that the story owns, and a mail server
//! that shows what arrived. Nothing sleeps: time passes when the story says so.

#![allow(
    dead_code,
    unused_imports,
    reason = "not every story uses every part of the house"
)]

mod administrators;
mod authenticator;
mod call;
mod house;
mod shared_memory;
mod workers;

pub(crate) use administrators::Seat;
pub(crate) use authenticator::Authenticator;
pub(crate) use call::{Call, Reply};
pub(crate) use house::{Doors, House, Plan, Storage};
