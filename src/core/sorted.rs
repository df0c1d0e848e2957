//! A map in one piece of memory, for keys that mostly rise, as ids of orders do. What comes and goes at its end asks for no memory.

use std::collections::VecDeque;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Values by rising key. What is put in or taken out elsewhere than at an end moves the shorter side of it: meant for some thousand entries.
#[derive(Clone, Debug, PartialEq)]
pub struct SortedMap<K, V> {
    /// By rising key.
    rows: VecDeque<(K, V)>,
}

impl<K: Ord, V> SortedMap<K, V> {
    /// Nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { rows: VecDeque::new() }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.place(key).ok().map(|place| &self.rows[place].1)
    }

    /// The same, to be changed.
    #[must_use]
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let place = self.place(key).ok()?;
        Some(&mut self.rows[place].1)
    }

    /// Is there a value of this key.
    #[must_use]
    pub fn contains_key(&self, key: &K) -> bool {
        self.place(key).is_ok()
    }

    /// Puts a value in, in the place of the one that was there.
    pub fn insert(&mut self, key: K, value: V) {
        match self.place(&key) {
            Ok(place) => self.rows[place].1 = value,
            Err(place) => self.rows.insert(place, (key, value)),
        }
    }

    /// The value of a key, to be changed; made where there is none.
    pub fn get_or_insert_with(&mut self, key: &K, make: impl FnOnce() -> V) -> &mut V
    where
        K: Clone,
    {
        let place = self.place(key).unwrap_or_else(|place| {
            self.rows.insert(place, (key.clone(), make()));
            place
        });
        &mut self.rows[place].1
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let place = self.place(key).ok()?;
        self.rows.remove(place).map(|(_, value)| value)
    }

    /// Forgets the lowest keys, so that no more than so many are left.
    pub fn keep_last(&mut self, count: usize) {
        let many = self.rows.len().saturating_sub(count);
        self.rows.drain(..many);
    }

    /// Is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All of it, by rising key.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + Clone {
        self.rows.iter().map(|(key, value)| (key, value))
    }

    /// The same, the values to be changed.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (&K, &mut V)> {
        self.rows.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// All keys, rising.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.rows.iter().map(|(key, _)| key)
    }

    /// All values, by rising key.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.rows.iter().map(|(_, value)| value)
    }

    /// The same, to be changed.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> {
        self.rows.iter_mut().map(|(_, value)| value)
    }

    /// Where a key is, or belongs.
    fn place(&self, key: &K) -> Result<usize, usize> {
        match self.rows.back() {
            Some((last, _)) if last >= key => self.rows.binary_search_by(|(known, _)| known.cmp(key)),
            _ => Err(self.rows.len()),
        }
    }
}

impl<K: Ord, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(rows: I) -> Self {
        let mut sorted = Self::new();
        rows.into_iter().for_each(|(key, value)| sorted.insert(key, value));
        sorted
    }
}

impl<K: Ord + Serialize, V: Serialize> Serialize for SortedMap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, K: Ord + Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for SortedMap<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(std::collections::BTreeMap::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is done to it, it is the map it stands for.
        #[test]
        fn it_is_a_map(steps in prop::collection::vec((0_u8..6, 0_u8..40, any::<u16>()), 0..200)) {
            let (mut sorted, mut map) = (SortedMap::new(), BTreeMap::new());
            for (what, key, value) in steps {
                match what {
                    0 => prop_assert_eq!(sorted.remove(&key), map.remove(&key)),
                    1 => {
                        if let (Some(a), Some(b)) = (sorted.get_mut(&key), map.get_mut(&key)) {
                            (*a, *b) = (value, value);
                        }
                    }
                    2 => {
                        let count = usize::from(key / 2);
                        sorted.keep_last(count);
                        while map.len() > count {
                            map.pop_first();
                        }
                    }
                    3 => {
                        let made = *sorted.get_or_insert_with(&key, || value);
                        prop_assert_eq!(made, *map.entry(key).or_insert(value));
                    }
                    _ => {
                        sorted.insert(key, value);
                        map.insert(key, value);
                    }
                }
                prop_assert_eq!((sorted.get(&key), sorted.contains_key(&key)), (map.get(&key), map.contains_key(&key)));
                prop_assert!(sorted.values().eq(map.values()) && sorted.keys().eq(map.keys()));
                prop_assert!(sorted.iter().eq(map.iter()) && sorted.is_empty() == map.is_empty());
            }
            let text = serde_json::to_string(&sorted).unwrap();
            prop_assert_eq!(&text, &serde_json::to_string(&map).unwrap());
            prop_assert_eq!(serde_json::from_str::<SortedMap<u8, u16>>(&text).unwrap(), sorted);
        }
    }
}
