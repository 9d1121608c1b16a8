//! The only room that reads the clock and the entropy: everything else takes them as parameters, so that a test or a
//! simulation decides what time it is and which ids come next. And whom TLS trusts on this machine.

pub mod clock;
pub mod entropy;
pub mod priority;
pub mod trust;

mod course;

pub use clock::{Clock, ClockStatus, SystemClock, TestClock};
pub use entropy::{Entropy, OsEntropy, SeededEntropy, random_array, random_id};
pub use priority::step_back;
pub use trust::{TrustFault, tls_client};
