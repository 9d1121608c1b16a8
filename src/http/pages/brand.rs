//! The operator's colour and logo: read and checked at start, served like every other file of the pages.

use std::io;
use std::path::{Path, PathBuf};

use crate::types::Colour;

/// Bytes of a logo.
const LOGO_BYTES_MAX: u64 = 256 * 1024;
/// Our own colour.
const OURS: &str = "#1d4ed8";
/// What pages lie on in `app.css`: card and ground, light and dark.
const LIGHT: [Colour; 2] = [Colour([0xff, 0xff, 0xff]), Colour([0xf3, 0xf4, 0xf6])];
const DARK: [Colour; 2] = [Colour([0x1e, 0x23, 0x2b]), Colour([0x14, 0x17, 0x1c])];
/// What is written on a button in the dark.
const DARK_INK: Colour = Colour([0x0d, 0x11, 0x17]);
/// Parts of 64 by which a colour changes under the pointer.
const STRONGER: u16 = 12;

/// Why a logo cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogoFault {
    /// The file system refused.
    #[error("brand_logo: cannot read {}: {source}; make it readable, or take the setting away", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Nothing that browsers show.
    #[error("brand_logo: {} is {what}; a logo is an SVG, PNG or WebP picture of at most 256 KiB", file.display())]
    NotALogo {
        /// The file.
        file: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
}

/// A picture that stands beside the name.
pub(super) struct Logo {
    pub(super) name: &'static str,
    pub(super) content_type: &'static str,
    pub(super) bytes: Vec<u8>,
}

impl Logo {
    /// Reads a picture; what it is, its first bytes say, not its name.
    pub(super) fn read(file: &Path) -> Result<Self, LogoFault> {
        let unreadable = |source| LogoFault::Unreadable {
            file: file.to_owned(),
            source,
        };
        let not_a_logo = |what| LogoFault::NotALogo {
            file: file.to_owned(),
            what,
        };
        let about = std::fs::metadata(file).map_err(unreadable)?;
        if !about.is_file() {
            return Err(not_a_logo("no file"));
        }
        if about.len() > LOGO_BYTES_MAX {
            return Err(not_a_logo("too large"));
        }
        let bytes = std::fs::read(file).map_err(unreadable)?;
        let (name, content_type) = kind_of(&bytes).ok_or_else(|| not_a_logo("none of these"))?;
        Ok(Self {
            name,
            content_type,
            bytes,
        })
    }
}

fn kind_of(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some(("logo.png", "image/png"));
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some(("logo.webp", "image/webp"));
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let is_svg = (text.starts_with('<') && text.contains("<svg")) && text.contains("</svg>");
    is_svg.then_some(("logo.svg", "image/svg+xml"))
}

/// What is written on a colour.
fn ink_on(colour: Colour) -> Colour {
    let inks = [Colour::WHITE, DARK_INK];
    let better = colour.contrast(inks[0]) >= colour.contrast(inks[1]);
    if better { inks[0] } else { inks[1] }
}

/// Our icon in another colour.
pub(super) fn icon_of(icon: &str, colour: Colour) -> String {
    let ink = ink_on(colour).to_string();
    icon.replace("#fff", &ink).replace(OURS, &colour.to_string())
}

/// The style sheet that puts a colour in the place of ours. The colour itself stands in the mark alone: what is read or
/// pressed has the nearest shade of it that can be read, by day and by night (WCAG 2.2 AA).
pub(super) fn style_of(colour: Colour) -> String {
    let day = colour.shade(Colour::BLACK, &LIGHT, Colour::TEXT);
    let night = colour.shade(Colour::WHITE, &DARK, Colour::TEXT);
    let sign = ink_on(colour);
    let theme = |accent: Colour, strong: Colour, on: Colour| {
        format!(
            "--accent: {accent}; --accent-strong: {strong}; --on-accent: {on}; --mark: {colour}; --on-mark: {sign};"
        )
    };
    let by_day = theme(day, day.mixed(Colour::BLACK, STRONGER), Colour::WHITE);
    let by_night = theme(night, night.mixed(Colour::WHITE, STRONGER), DARK_INK);
    format!(":root {{ {by_day} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {by_night} }} }}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grounds_are_those_of_the_style_sheet() {
        let css = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/web/app.css"));
        for ground in LIGHT.iter().chain(&DARK) {
            assert!(css.contains(&format!(": {ground};")), "{ground}");
        }
    }

    #[test]
    fn any_colour_of_an_operator_can_be_read_by_day_and_by_night() {
        for colour in ["#ffff00", "#000000", "#ffffff", "#1d4ed8", "#ff6600", "#7f7f7f"] {
            let style = style_of(Colour::parse(colour).unwrap());
            let value = |theme: &str, name: &str| {
                let rest = theme.split(&format!("--{name}: ")).nth(1).unwrap();
                Colour::parse(rest.split(';').next().unwrap()).unwrap()
            };
            let (day, night) = style.split_once("@media").unwrap();
            for (theme, grounds) in [(day, LIGHT), (night, DARK)] {
                for name in ["accent", "accent-strong"] {
                    let accent = value(theme, name);
                    assert!(
                        grounds.iter().all(|ground| accent.contrast(*ground) >= 4.5),
                        "{colour} {name}"
                    );
                    assert!(
                        accent.contrast(value(theme, "on-accent")) >= 4.5,
                        "{colour} {name}"
                    );
                }
                assert!(
                    value(theme, "on-mark").contrast(value(theme, "mark")) >= 3.0,
                    "{colour}"
                );
            }
        }
    }

    #[test]
    fn the_icon_has_the_colour_too() {
        let icon = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/web/icon.svg"));
        assert!(icon.contains(OURS) && icon.contains("#fff"));
        let yellow = icon_of(icon, Colour::parse("#ffff00").unwrap());
        assert!(yellow.contains("#ffff00") && !yellow.contains(OURS) && yellow.contains("#0d1117"));
    }

    #[test]
    fn a_logo_is_known_by_its_content() {
        let svg = b"\xef\xbb\xbf <?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"></svg>";
        assert_eq!(kind_of(svg), Some(("logo.svg", "image/svg+xml")));
        assert_eq!(kind_of(b"\x89PNG\r\n\x1a\n...").unwrap().1, "image/png");
        assert_eq!(kind_of(b"RIFF\0\0\0\0WEBPVP8 ").unwrap().1, "image/webp");
        for bad in [&b""[..], b"GIF89a", b"<html></html>", b"<svg", b"\xff\xd8\xff"] {
            assert_eq!(kind_of(bad), None);
        }
        let folder = tempfile::tempdir().unwrap();
        let fault = |path: &Path| Logo::read(path).err().unwrap().to_string();
        assert!(fault(folder.path()).contains("is no file"));
        assert!(fault(&folder.path().join("none")).contains("cannot read"));
    }
}
