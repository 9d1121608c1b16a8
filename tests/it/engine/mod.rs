//! The engine over a disk that fails, stalls and loses.

mod concurrency;
mod faults;
mod gate;
mod replay;
