//! A map by instrument that knows where it last looked. Bars and quotes come again and again for the same thing, or for one after another in
//! the order in which they first came: whichever it is, no search is needed.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use crate::domain::instrument::Instrument;

/// Values by instrument, gone through in instrument order.
#[derive(Clone)]
pub struct Table<V> {
    /// The place of each row.
    places: BTreeMap<Instrument, usize>,
    /// In the order of coming.
    rows: Vec<(Instrument, V)>,
    /// The row looked up last: a guess of the next, and nothing that anybody sees.
    last: Cell<usize>,
}

impl<V> Table<V> {
    /// One value.
    #[must_use]
    #[inline]
    pub fn get(&self, instrument: &Instrument) -> Option<&V> {
        self.place(instrument).map(|place| &self.rows[place].1)
    }

    /// One value, to be changed.
    #[must_use]
    #[inline]
    pub fn get_mut(&mut self, instrument: &Instrument) -> Option<&mut V> {
        self.place(instrument).map(|place| &mut self.rows[place].1)
    }

    /// Is there one.
    #[must_use]
    pub fn contains_key(&self, instrument: &Instrument) -> bool {
        self.place(instrument).is_some()
    }

    /// Puts a value in; what it takes the place of comes back.
    pub fn insert(&mut self, instrument: Instrument, value: V) -> Option<V> {
        if let Some(known) = self.get_mut(&instrument) {
            return Some(std::mem::replace(known, value));
        }
        self.append(instrument, value);
        None
    }

    /// The value, made where there is none.
    pub fn get_or_insert_with(&mut self, instrument: &Instrument, make: impl FnOnce() -> V) -> &mut V {
        let place = match self.place(instrument) {
            Some(place) => place,
            None => self.append(instrument.clone(), make()),
        };
        &mut self.rows[place].1
    }

    /// Takes a value out.
    pub fn remove(&mut self, instrument: &Instrument) -> Option<V> {
        let place = self.places.remove(instrument)?;
        let (_, value) = self.rows.swap_remove(place);
        // The last row has moved into the gap.
        if let Some((moved, _)) = self.rows.get(place)
            && let Some(its_place) = self.places.get_mut(moved)
        {
            *its_place = place;
        }
        Some(value)
    }

    /// All of it, in instrument order.
    pub fn iter(&self) -> impl Iterator<Item = (&Instrument, &V)> {
        self.places.iter().map(|(instrument, place)| (instrument, &self.rows[*place].1))
    }

    /// All values, in instrument order.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.places.values().map(|place| &self.rows[*place].1)
    }

    /// All values, to be changed, in the order of coming.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.rows.iter_mut().map(|(_, value)| value)
    }

    fn append(&mut self, instrument: Instrument, value: V) -> usize {
        let place = self.rows.len();
        self.places.insert(instrument.clone(), place);
        self.rows.push((instrument, value));
        self.last.set(place);
        place
    }

    #[inline]
    fn place(&self, instrument: &Instrument) -> Option<usize> {
        if self.rows.is_empty() {
            return None;
        }
        let last = self.last.get();
        for guess in [last, last + 1] {
            if self.rows.get(guess).is_some_and(|(known, _)| known == instrument) {
                self.last.set(guess);
                return Some(guess);
            }
        }
        self.search(instrument)
    }

    #[inline(never)]
    fn search(&self, instrument: &Instrument) -> Option<usize> {
        let place = *self.places.get(instrument)?;
        self.last.set(place);
        Some(place)
    }
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self { places: BTreeMap::new(), rows: Vec::new(), last: Cell::new(0) }
    }
}

impl<V: fmt::Debug> fmt::Debug for Table<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<V: PartialEq> PartialEq for Table<V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<V> FromIterator<(Instrument, V)> for Table<V> {
    fn from_iter<I: IntoIterator<Item = (Instrument, V)>>(rows: I) -> Self {
        let mut table = Self::default();
        for (instrument, value) in rows {
            table.insert(instrument, value);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(number: u8) -> Instrument {
        Instrument::equity(&format!("S{number}")).unwrap()
    }

    proptest! {
        /// Whatever is done with it, it is the map it stands for.
        #[test]
        fn it_is_a_map(steps in prop::collection::vec((0_u8..4, 0_u8..6, 0_u32..99), 0..80)) {
            let (mut table, mut map) = (Table::default(), BTreeMap::new());
            for (step, which, value) in steps {
                let instrument = share(which);
                match step {
                    0 => prop_assert_eq!(
                        table.insert(instrument.clone(), value),
                        map.insert(instrument, value)
                    ),
                    1 => prop_assert_eq!(table.remove(&instrument), map.remove(&instrument)),
                    2 => prop_assert_eq!(
                        *table.get_or_insert_with(&instrument, || value),
                        *map.entry(instrument).or_insert(value)
                    ),
                    _ => {
                        if let Some(known) = table.get_mut(&instrument) {
                            *known += 1;
                        }
                        if let Some(known) = map.get_mut(&instrument) {
                            *known += 1;
                        }
                        prop_assert_eq!(table.get(&instrument), map.get(&instrument));
                        prop_assert_eq!(table.contains_key(&instrument), map.contains_key(&instrument));
                    }
                }
                prop_assert!(table.iter().eq(map.iter()));
                prop_assert!(table.values().eq(map.values()));
            }
        }
    }
}
