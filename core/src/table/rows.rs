//! Rows that tables share: a table that differs from another in one row has the others in common with it.
//!
//! Owns the list and its archived form, which is that of a plain list: who reads an archive cannot tell.
//!
//! Invariant: a row that is changed through one list is changed in no other.

use std::{
    ops::{Index, IndexMut, Range, RangeFrom},
    slice,
    sync::Arc,
};

use rkyv::{
    Archive, Deserialize, Place, Serialize,
    rancor::Fallible,
    ser::{Allocator, Writer},
    vec::{ArchivedVec, VecResolver},
};

/// A list of rows; a copy of it shares them.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows<T>(Vec<Arc<T>>);

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Rows<T> {
    /// Makes an empty list with room for so many.
    #[must_use]
    pub fn with_capacity(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    /// Returns how many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the row at a place; nothing beyond the last.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&T> {
        self.0.get(at).map(|row| &**row)
    }

    /// Returns the rows, to be shared.
    #[must_use]
    pub fn shared(&self) -> &[Arc<T>] {
        &self.0
    }

    /// Adds a row.
    pub fn push(&mut self, row: impl Into<Arc<T>>) {
        self.0.push(row.into());
    }

    /// Puts a row in the place of another.
    ///
    /// # Panics
    /// There is no such place.
    pub fn put(&mut self, at: usize, row: impl Into<Arc<T>>) {
        self.0[at] = row.into();
    }

    /// Exchanges two rows.
    ///
    /// # Panics
    /// There is no such place.
    pub fn swap(&mut self, a: usize, b: usize) {
        self.0.swap(a, b);
    }

    /// Returns the rows in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &T> + DoubleEndedIterator + Clone {
        self.0.iter().map(|row| &**row)
    }
}

impl<T> Extend<Arc<T>> for Rows<T> {
    fn extend<I: IntoIterator<Item = Arc<T>>>(&mut self, rows: I) {
        self.0.extend(rows);
    }
}

impl<'a, T> IntoIterator for &'a Rows<T> {
    type Item = &'a T;
    type IntoIter = std::iter::Map<slice::Iter<'a, Arc<T>>, fn(&'a Arc<T>) -> &'a T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|row| &**row)
    }
}

impl<T> From<Vec<T>> for Rows<T> {
    fn from(rows: Vec<T>) -> Self {
        Self(rows.into_iter().map(Arc::new).collect())
    }
}

impl<T> Index<usize> for Rows<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        &self.0[at]
    }
}

impl<T> Index<Range<usize>> for Rows<T> {
    type Output = [Arc<T>];

    fn index(&self, range: Range<usize>) -> &[Arc<T>] {
        &self.0[range]
    }
}

impl<T> Index<RangeFrom<usize>> for Rows<T> {
    type Output = [Arc<T>];

    fn index(&self, range: RangeFrom<usize>) -> &[Arc<T>] {
        &self.0[range]
    }
}

impl<T: Clone> IndexMut<usize> for Rows<T> {
    fn index_mut(&mut self, at: usize) -> &mut T {
        Arc::make_mut(&mut self.0[at])
    }
}

impl<T: Archive> Archive for Rows<T> {
    type Archived = ArchivedVec<T::Archived>;
    type Resolver = VecResolver;

    fn resolve(&self, resolver: VecResolver, out: Place<Self::Archived>) {
        ArchivedVec::resolve_from_len(self.len(), resolver, out);
    }
}

impl<T, S> Serialize<S> for Rows<T>
where
    T: Serialize<S>,
    S: Fallible + Allocator + Writer + ?Sized,
{
    fn serialize(&self, serializer: &mut S) -> Result<VecResolver, S::Error> {
        ArchivedVec::serialize_from_iter::<T, _, S>(self.iter(), serializer)
    }
}

impl<T, D> Deserialize<Rows<T>, D> for ArchivedVec<T::Archived>
where
    T: Archive,
    T::Archived: Deserialize<T, D>,
    D: Fallible + ?Sized,
{
    fn deserialize(&self, deserializer: &mut D) -> Result<Rows<T>, D::Error> {
        let rows = self.iter().map(|row| row.deserialize(deserializer).map(Arc::new));
        rows.collect::<Result<_, _>>().map(Rows)
    }
}

#[cfg(test)]
mod tests {
    use rkyv::rancor::Error;

    use super::*;

    #[test]
    fn an_archive_of_shared_rows_is_that_of_a_list() {
        let list = vec!["a".to_owned(), "longer than what lies inline".to_owned(), String::new()];
        let rows = Rows::from(list.clone());
        let bytes = rkyv::to_bytes::<Error>(&rows).expect("archived");
        assert_eq!(bytes.as_slice(), rkyv::to_bytes::<Error>(&list).expect("archived").as_slice());
        let archived = rkyv::access::<ArchivedVec<rkyv::string::ArchivedString>, Error>(&bytes);
        let read: Rows<String> =
            rkyv::deserialize::<_, Error>(archived.expect("good")).expect("read");
        assert_eq!(read, rows);
    }

    #[test]
    fn a_change_is_nobody_elses() {
        let mut rows = Rows::from(vec![1, 2, 3]);
        let before = rows.clone();
        rows[1] = 7;
        rows.put(2, 8);
        assert_eq!(
            (&rows[0..3], &before[0..3]),
            (&Rows::from(vec![1, 7, 8])[0..3], &Rows::from(vec![1, 2, 3])[0..3])
        );
        assert!(Arc::ptr_eq(&rows.shared()[0], &before.shared()[0]));
    }
}
