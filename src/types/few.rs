//! A list that mostly has none or one: most users have one address, one session and one network.

use std::ops::{Deref, DerefMut};
use std::{fmt, mem, slice, vec};

/// A list that takes no memory of its own for one element, and no spare memory for more.
///
/// Reading is that of a slice. Changing a longer list copies it, which is right for lists of a few dozen at most.
#[derive(Clone)]
pub struct Few<T>(Held<T>);

#[derive(Clone, Default)]
enum Held<T> {
    #[default]
    None,
    One(T),
    /// Two at least.
    More(Box<[T]>),
}

impl<T> Few<T> {
    /// An empty list.
    pub const fn new() -> Self {
        Self(Held::None)
    }

    /// Adds one at the end.
    pub fn push(&mut self, value: T) {
        if let Held::None = self.0 {
            self.0 = Held::One(value);
        } else {
            self.change(|all| {
                all.reserve_exact(1);
                all.push(value);
            });
        }
    }

    /// Changes the list as a vector.
    pub fn change<R>(&mut self, change: impl FnOnce(&mut Vec<T>) -> R) -> R {
        let mut all = Vec::from(mem::take(self));
        let result = change(&mut all);
        *self = Self::from(all);
        result
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        match &self.0 {
            Held::None => &[],
            Held::One(one) => slice::from_ref(one),
            Held::More(all) => all,
        }
    }
}

impl<T> DerefMut for Few<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match &mut self.0 {
            Held::None => &mut [],
            Held::One(one) => slice::from_mut(one),
            Held::More(all) => all,
        }
    }
}

impl<T> From<Vec<T>> for Few<T> {
    fn from(mut all: Vec<T>) -> Self {
        if all.len() > 1 {
            return Self(Held::More(all.into_boxed_slice()));
        }
        Self(all.pop().map_or(Held::None, Held::One))
    }
}

impl<T> From<Few<T>> for Vec<T> {
    fn from(few: Few<T>) -> Self {
        match few.0 {
            Held::None => Self::new(),
            Held::One(one) => Self::from([one]),
            Held::More(all) => all.into_vec(),
        }
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(iter: I) -> Self {
        Self::from(Vec::from_iter(iter))
    }
}

impl<T> IntoIterator for Few<T> {
    type Item = T;
    type IntoIter = vec::IntoIter<T>;
    fn into_iter(self) -> Self::IntoIter {
        Vec::from(self).into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Few<T> {
    type Item = &'a T;
    type IntoIter = slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: PartialEq> PartialEq for Few<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Eq> Eq for Few<T> {}

impl<T: std::hash::Hash> std::hash::Hash for Few<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl<T: fmt::Debug> fmt::Debug for Few<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_few_is_what_a_vector_is(values in prop::collection::vec(any::<u8>(), 0..6), kept: u8) {
            let mut few = Few::new();
            for value in &values {
                few.push(*value);
            }
            prop_assert_eq!(&*few, values.as_slice());
            let reversed: Few<_> = few.clone().into_iter().rev().collect();
            prop_assert_eq!(reversed.first(), values.last());
            let mut vector = values;
            for one in &mut *few {
                *one = one.wrapping_add(1);
            }
            for one in &mut vector {
                *one = one.wrapping_add(1);
            }
            few.change(|all| all.retain(|one| *one > kept));
            vector.retain(|one| *one > kept);
            prop_assert_eq!(Vec::from(few), vector);
        }
    }

    #[test]
    fn one_element_takes_no_memory_of_its_own() {
        assert_eq!(size_of::<Few<[u8; 16]>>(), 24);
    }
}
