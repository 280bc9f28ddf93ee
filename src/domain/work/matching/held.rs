//! A set of predicates as bits, in lines of the processor's cache: those that hold for one worker, or those that the
//! items of one lane ask for. Adding and taking out touch one line each, which matters where one predicate is noted for
//! thousands of workers; a compressed bitmap would move half a container every time.

use super::predicate::PredicateId;

/// Words of one line of 64 bytes.
const WORDS: usize = 8;
const LINE_BITS: usize = WORDS * 64;

#[derive(Debug, Clone, Default)]
pub struct PredicateSet {
    /// Lines without any bit take no memory.
    lines: Vec<Option<Box<[u64; WORDS]>>>,
}

/// Line, word and bit of a predicate.
fn place(id: PredicateId) -> (usize, usize, u64) {
    let bit = id.0 as usize;
    (bit / LINE_BITS, bit % LINE_BITS / 64, 1 << (bit % 64))
}

impl PredicateSet {
    pub fn insert(&mut self, id: PredicateId) {
        let (line, word, bit) = place(id);
        if self.lines.len() <= line {
            self.lines.resize(line + 1, None);
        }
        self.lines[line].get_or_insert_default()[word] |= bit;
    }

    pub fn remove(&mut self, id: PredicateId) {
        let (line, word, bit) = place(id);
        let Some(held) = self.lines.get_mut(line) else { return };
        if let Some(words) = held {
            words[word] &= !bit;
            if words.iter().all(|word| *word == 0) {
                *held = None;
            }
        }
    }

    pub fn contains(&self, id: PredicateId) -> bool {
        let (line, word, bit) = place(id);
        self.lines.get(line).and_then(Option::as_deref).is_some_and(|words| words[word] & bit != 0)
    }

    pub fn iter(&self) -> impl Iterator<Item = PredicateId> {
        let numbered = self.lines.iter().enumerate();
        numbered.flat_map(|(line, words)| bits(line, words.as_deref().copied().unwrap_or_default()))
    }

    /// How many predicates are in both sets.
    pub fn common_count(&self, other: &Self) -> u64 {
        let both = self.lines.iter().zip(&other.lines).filter_map(|(left, right)| left.as_ref().zip(right.as_ref()));
        both.map(|(left, right)| {
            left.iter().zip(right.iter()).map(|(left, right)| u64::from((left & right).count_ones())).sum::<u64>()
        })
        .sum()
    }

    pub fn common(&self, other: &Self) -> impl Iterator<Item = PredicateId> {
        let both = self.lines.iter().zip(&other.lines).enumerate();
        both.filter_map(|(line, (left, right))| Some((line, left.as_ref()?, right.as_ref()?)))
            .flat_map(|(line, left, right)| bits(line, std::array::from_fn(|word| left[word] & right[word])))
    }
}

fn bits(line: usize, words: [u64; WORDS]) -> impl Iterator<Item = PredicateId> {
    words.into_iter().enumerate().flat_map(move |(word, mut left)| {
        std::iter::from_fn(move || {
            let bit = (left != 0).then(|| left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some(PredicateId((line * LINE_BITS + word * 64 + bit) as u32))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn holds_what_a_plain_set_holds(acts in prop::collection::vec((0u32..2_000, any::<bool>(), any::<bool>()), 0..200)) {
            let (mut sets, mut plain) = ([PredicateSet::default(), PredicateSet::default()], [BTreeSet::new(), BTreeSet::new()]);
            for (number, first, adds) in acts {
                let (set, plain) = (&mut sets[usize::from(first)], &mut plain[usize::from(first)]);
                if adds {
                    set.insert(PredicateId(number));
                    plain.insert(PredicateId(number));
                } else {
                    set.remove(PredicateId(number));
                    plain.remove(&PredicateId(number));
                }
                prop_assert_eq!(set.contains(PredicateId(number)), adds);
            }
            for (set, plain) in sets.iter().zip(&plain) {
                prop_assert!(set.iter().eq(plain.iter().copied()));
            }
            let common: Vec<_> = plain[0].intersection(&plain[1]).copied().collect();
            prop_assert_eq!(sets[0].common_count(&sets[1]), common.len() as u64);
            prop_assert!(sets[0].common(&sets[1]).eq(common));
        }
    }
}
