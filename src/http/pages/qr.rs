//! A QR code as SVG, drawn on the server: no script, no picture, no other host.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

/// Modules of light around the code, which scanners need (ISO/IEC 18004 §6.3.8).
const QUIET: i32 = 4;

/// What an SVG needs to show a code.
#[derive(serde::Serialize)]
pub(super) struct Qr {
    /// Modules of a side, with the quiet ones.
    size: i32,
    /// The dark modules, as path data: a line for every run of them.
    path: String,
}

impl Qr {
    /// The code of a text; `None` if it does not fit in one.
    pub(super) fn of(text: &str) -> Option<Self> {
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
        let mut path = String::new();
        for y in 0..code.size() {
            let mut x = 0;
            while x < code.size() {
                let run = (x..code.size()).take_while(|x| code.get_module(*x, y)).count();
                let run = i32::try_from(run).unwrap_or(0);
                if run > 0 {
                    // Writing to a string does not fail.
                    let _ = write!(path, "M{} {}h{run}v1h-{run}z", x + QUIET, y + QUIET);
                }
                x += run + 1;
            }
        }
        Some(Self {
            size: code.size() + 2 * QUIET,
            path,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dark_module_is_drawn_once_and_no_light_one() {
        let text = "otpauth://totp/Acme:ada@example.org?secret=JBSWY3DPEHPK3PXP&issuer=Acme";
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).unwrap();
        let qr = Qr::of(text).unwrap();
        assert_eq!(qr.size, code.size() + 8);
        let mut drawn = 0;
        for line in qr.path.split('M').skip(1) {
            let (at, run) = line.split_once('h').unwrap();
            let (x, y) = at.split_once(' ').unwrap();
            let run: i32 = run.split('v').next().unwrap().parse().unwrap();
            let (x, y): (i32, i32) = (x.parse().unwrap(), y.parse().unwrap());
            for x in x..x + run {
                assert!(code.get_module(x - QUIET, y - QUIET));
                drawn += 1;
            }
        }
        let all = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
        let dark = all.filter(|(x, y)| code.get_module(*x, *y)).count();
        assert_eq!(drawn, dark);
        assert!(Qr::of(&"x".repeat(5_000)).is_none());
    }
}
