//! What people call themselves: a person's name, a user name.

/// A person's name.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PersonName(String);

/// A user name.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Username(String);
