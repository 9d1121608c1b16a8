//! Which threads go first.

/// How far a thread steps back, as `nice(2)` counts: a tenth of the others' share while they want theirs.
#[cfg(target_os = "linux")]
const STEP: i32 = 10;

/// Puts the calling thread behind the others of this process: it gets what they leave, which is all while they wait.
///
/// For threads that compute for long, so that an answer which needs a moment does not wait for them. Elsewhere than on
/// Linux priorities belong to the process, and nothing is done.
pub fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(STEP) {
        tracing::debug!(%error, "a computing thread keeps its priority");
    }
}
