//! E-mail addresses in one canonical form.

/// An address.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct EmailAddress {
    typed: String,
}
