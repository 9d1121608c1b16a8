//! The house from outside, room by room: the law in sentences, the engine under faults, the ledger over restarts,
//! what a copy of the disk gives away, and the rules that the source itself keeps.

mod law;
mod people;
