//! A bounded memory of what came last, by a key that mostly rises: ids of orders do, as they begin with the time.

use std::collections::VecDeque;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A map that is mostly written at its end. What comes late finds its place by moving those behind it, which are few: nobody keeps more
/// than some thousand.
#[derive(Clone, Debug, PartialEq)]
pub struct Recent<K, V> {
    /// By rising key.
    rows: VecDeque<(K, V)>,
}

impl<K: Ord, V> Recent<K, V> {
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
            Err(place) if place == self.rows.len() => self.rows.push_back((key, value)),
            Err(place) => self.rows.insert(place, (key, value)),
        }
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

    /// All values, by rising key.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.rows.iter().map(|(_, value)| value)
    }

    /// Where a key is, or belongs.
    fn place(&self, key: &K) -> Result<usize, usize> {
        match self.rows.back() {
            Some((last, _)) if last >= key => self.rows.binary_search_by(|(known, _)| known.cmp(key)),
            _ => Err(self.rows.len()),
        }
    }
}

impl<K: Ord, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Recent<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(rows: I) -> Self {
        let mut recent = Self::new();
        rows.into_iter().for_each(|(key, value)| recent.insert(key, value));
        recent
    }
}

impl<K: Serialize, V: Serialize> Serialize for Recent<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.rows.iter().map(|(key, value)| (key, value)))
    }
}

impl<'de, K: Ord + Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for Recent<K, V> {
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
        fn it_is_a_map(steps in prop::collection::vec((0_u8..5, 0_u8..40, any::<u16>()), 0..200)) {
            let (mut recent, mut map) = (Recent::new(), BTreeMap::new());
            for (what, key, value) in steps {
                match what {
                    0 => prop_assert_eq!(recent.remove(&key), map.remove(&key)),
                    1 => {
                        if let (Some(a), Some(b)) = (recent.get_mut(&key), map.get_mut(&key)) {
                            (*a, *b) = (value, value);
                        }
                    }
                    2 => {
                        let count = usize::from(key / 2);
                        recent.keep_last(count);
                        while map.len() > count {
                            map.pop_first();
                        }
                    }
                    _ => {
                        recent.insert(key, value);
                        map.insert(key, value);
                    }
                }
                prop_assert_eq!((recent.get(&key), recent.contains_key(&key)), (map.get(&key), map.contains_key(&key)));
                prop_assert!(recent.values().eq(map.values()));
            }
            let text = serde_json::to_string(&recent).unwrap();
            prop_assert_eq!(&text, &serde_json::to_string(&map).unwrap());
            prop_assert_eq!(serde_json::from_str::<Recent<u8, u16>>(&text).unwrap(), recent);
        }
    }
}
