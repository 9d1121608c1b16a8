//! Colours, and whether one can be read on another (WCAG 2.2).

use std::fmt;

/// An opaque sRGB colour: red, green, blue.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Colour(pub [u8; 3]);

impl Colour {
    /// Black.
    pub const BLACK: Self = Self([0; 3]);
    /// White.
    pub const WHITE: Self = Self([255; 3]);
    /// Contrast that text needs (success criterion 1.4.3, level AA).
    pub const TEXT: f64 = 4.5;

    /// Steps from a colour to black or white.
    const STEPS: u16 = 64;

    /// Reads `#1d4ed8` or `#14d`, as CSS writes it.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        let nibbles: Vec<u8> = digits
            .chars()
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()?;
        let channels: Vec<u8> = match nibbles.len() {
            3 => nibbles.iter().map(|nibble| nibble * 17).collect(),
            6 => nibbles.chunks_exact(2).map(|two| two[0] * 16 + two[1]).collect(),
            _ => return None,
        };
        Some(Self(channels.try_into().ok()?))
    }

    /// Contrast with another: from 1, the same, to 21, black on white.
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// The nearest shade of it, on the way to black or white, that has a contrast on all of these grounds. `towards` must
    /// have it.
    #[must_use]
    pub fn shade(self, towards: Self, grounds: &[Self], contrast: f64) -> Self {
        let stands_out = |shade: &Self| grounds.iter().all(|ground| shade.contrast(*ground) >= contrast);
        let mut shades = (0..=Self::STEPS).map(|step| self.mixed(towards, step));
        shades.find(stands_out).unwrap_or(towards)
    }

    /// So many of 64 parts on the way to another colour.
    #[must_use]
    pub fn mixed(self, other: Self, parts: u16) -> Self {
        let parts = parts.min(Self::STEPS);
        let mut mixed = self.0;
        for (from, to) in mixed.iter_mut().zip(other.0) {
            let sum = u16::from(*from) * (Self::STEPS - parts) + u16::from(to) * parts;
            *from = u8::try_from(sum / Self::STEPS).unwrap_or(u8::MAX);
        }
        Self(mixed)
    }

    /// Relative luminance, 0 to 1.
    fn luminance(self) -> f64 {
        let [r, g, b] = self.0.map(|value| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_read_as_css_writes_it() {
        assert_eq!(Colour::parse("#1D4ed8").unwrap().to_string(), "#1d4ed8");
        assert_eq!(Colour::parse("#fa0").unwrap().to_string(), "#ffaa00");
        for bad in [
            "",
            "#",
            "1d4ed8",
            "#1d4ed",
            "#1d4ed8ff",
            "#gggggg",
            "red",
            "#１d4",
        ] {
            assert_eq!(Colour::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn contrast_is_that_of_wcag() {
        assert!((Colour::BLACK.contrast(Colour::WHITE) - 21.0).abs() < 1e-9);
        let grey = Colour::parse("#767676").unwrap();
        assert!(grey.contrast(Colour::WHITE) >= 4.5 && grey.contrast(Colour::WHITE) < 4.6);
    }

    #[test]
    fn every_colour_has_a_shade_that_can_be_read() {
        let grounds = [
            Colour::parse("#1e232b").unwrap(),
            Colour::parse("#14171c").unwrap(),
        ];
        for red in (0..=255).step_by(51) {
            for green in (0..=255).step_by(51) {
                for blue in (0..=255).step_by(51) {
                    let colour = Colour([red, green, blue]);
                    let light = colour.shade(Colour::BLACK, &[Colour::WHITE], 4.5);
                    assert!(light.contrast(Colour::WHITE) >= 4.5);
                    let dark = colour.shade(Colour::WHITE, &grounds, 4.5);
                    assert!(grounds.iter().all(|ground| dark.contrast(*ground) >= 4.5));
                    assert!(
                        colour.contrast(Colour::WHITE) < 4.5 || light == colour,
                        "left alone"
                    );
                }
            }
        }
    }
}
