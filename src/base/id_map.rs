//! Values by id, where every id is new. Owns the counter of the ids; must not know the purpose of a value.

use super::numbered::Numbered;

/// A map that gives each value an id. Ids only grow, so the order of ids is the order of insertion, and the id of a
/// removed value never finds another one.
#[derive(Debug)]
pub(crate) struct IdMap<T> {
    values: Numbered<T>,
    last_id: u64,
}

impl<T> Default for IdMap<T> {
    fn default() -> Self {
        Self { values: Numbered::default(), last_id: 0 }
    }
}

impl<T> IdMap<T> {
    pub(crate) fn insert(&mut self, value: T) -> u64 {
        self.insert_with(|_| value)
    }

    /// Inserts a value that contains its own id.
    pub(crate) fn insert_with(&mut self, value: impl FnOnce(u64) -> T) -> u64 {
        self.last_id += 1;
        self.values.push(self.last_id, value(self.last_id));
        self.last_id
    }

    pub(crate) fn remove(&mut self, id: u64) -> Option<T> {
        self.values.remove(id)
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values in the order in which they were inserted.
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.values.values()
    }

    /// Removes all values and returns them in the order in which they were inserted. The ids go on growing.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = T> + use<T> {
        std::mem::take(&mut self.values).into_members().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_in_the_order_of_insertion() {
        let mut map = IdMap::default();
        let ids = ['a', 'b', 'c'].map(|value| map.insert(value));
        assert!(ids.is_sorted());
        assert_eq!((map.remove(ids[1]), map.remove(ids[1]), map.len()), (Some('b'), None, 2));
        assert_eq!(map.values().collect::<String>(), "ac");
    }

    #[test]
    fn an_id_is_never_given_twice() {
        let mut map = IdMap::default();
        let first = map.insert(1);
        map.remove(first);
        let second = map.insert(2);
        assert_eq!(map.take_all().collect::<Vec<_>>(), [2]);
        let third = map.insert(3);
        assert!(first < second && second < third && map.remove(first).is_none());
        assert!(!map.is_empty());
    }

    #[test]
    fn a_value_may_contain_its_own_id() {
        let mut map = IdMap::default();
        let id = map.insert_with(|id| id);
        assert_eq!(map.remove(id), Some(id));
    }
}
