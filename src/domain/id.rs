//! Typed identifiers: a prefix, `_`, and 26 characters that sort by creation time (48 bits of milliseconds, 80 of
//! randomness, Crockford base 32). Inside the program an id is a `u128`; text exists only at the edges.

use crate::time::Timestamp;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Characters after the prefix and its underscore.
pub const ID_TEXT_CHARS: usize = 26;

/// Why a text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an id like `{prefix}_` followed by {ID_TEXT_CHARS} characters")]
pub struct IdError {
    pub prefix: &'static str,
}

/// Makes fresh ids: sortable by the time given, random in the rest. Randomness enters as the seed.
#[derive(Debug, Clone)]
pub struct IdSource {
    state: u64,
}

impl IdSource {
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The 128 bits of a new id made at `now`.
    pub fn next(&mut self, now: Timestamp) -> u128 {
        let random = (u128::from(self.next_word()) << 64) | u128::from(self.next_word());
        let millis = (now.millis().max(0) as u128) & 0xffff_ffff_ffff;
        (millis << 80) | (random >> 48)
    }

    /// SplitMix64 (Steele, Lea and Flood, 2014).
    fn next_word(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// The longest text of an id: a prefix of four letters, its underscore, and the rest.
const TEXT_BYTES_MAX: usize = 4 + 1 + ID_TEXT_CHARS;

/// The text of an id, without a place on the heap: ids are written several times in each event.
#[derive(Clone, Copy)]
pub struct IdText {
    bytes: [u8; TEXT_BYTES_MAX],
    length: usize,
}

impl IdText {
    fn new(prefix: &str, bits: u128) -> Self {
        let mut text = Self { bytes: [b'_'; TEXT_BYTES_MAX], length: prefix.len() + 1 + ID_TEXT_CHARS };
        text.bytes[..prefix.len()].copy_from_slice(prefix.as_bytes());
        // 128 bits in words that a register holds: 8 for the first two characters, then twice 60 for twelve each.
        let digits = &mut text.bytes[prefix.len() + 1..];
        for (places, mut word) in [(0..2, (bits >> 120) as u64), (2..14, (bits >> 60) as u64), (14..26, bits as u64)] {
            for digit in digits[places].iter_mut().rev() {
                *digit = ALPHABET[(word & 31) as usize];
                word >>= 5;
            }
        }
        text
    }

    pub fn as_str(&self) -> &str {
        // The prefix and the alphabet are ASCII.
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

/// Marks what is not a digit in [`DIGITS`].
const NO_DIGIT: u8 = 0xff;

/// The value of each character of the alphabet.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        digits[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

fn decode(text: &str) -> Option<u128> {
    if text.len() != ID_TEXT_CHARS {
        return None;
    }
    let mut bits: u128 = 0;
    for (place, byte) in text.bytes().enumerate() {
        let digit = DIGITS[byte as usize];
        // 26 × 5 = 130 bits: the first character carries three.
        if digit == NO_DIGIT || (place == 0 && digit > 7) {
            return None;
        }
        bits = (bits << 5) | u128::from(digit);
    }
    Some(bits)
}

/// Reads an id from a text where it lies.
struct Parsed<T>(fn(&str) -> Result<T, IdError>);

impl<T> Visitor<'_> for Parsed<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u128);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            pub fn parse(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(decode)
                    .map(Self)
                    .ok_or(IdError { prefix: $prefix })
            }

            pub fn text(self) -> IdText {
                IdText::new($prefix, self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.text().as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.text().as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Parsed(Self::parse))
            }
        }
    )*};
}

ids! {
    /// A tenant.
    AccountId = "acc";
    WorkerId = "wkr";
    ActivityId = "act";
    ChannelId = "chn";
    QueueId = "que";
    WorkflowId = "wfl";
    ScheduleId = "sch";
    ItemId = "itm";
    ReservationId = "res";
    EventId = "evt";
    EventChannelId = "ech";
    SubscriptionId = "sub";
    KeyId = "key";
    /// One entering of a `request` step by one item.
    RequestId = "req";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bits_round_trip() {
        let mut ids = IdSource::new(7);
        for millis in [0, 1, 1_700_000_000_000] {
            let id = ItemId(ids.next(Timestamp::from_millis(millis)));
            assert_eq!(ItemId::parse(&id.to_string()), Ok(id));
            assert_eq!(id.to_string().len(), 30);
        }
    }

    #[test]
    fn later_ids_sort_later_as_bits_and_as_text() {
        let mut ids = IdSource::new(1);
        let early = WorkerId(ids.next(Timestamp::from_millis(1_000)));
        let late = WorkerId(ids.next(Timestamp::from_millis(1_001)));
        assert!(early < late && early.to_string() < late.to_string());
    }

    #[test]
    fn another_prefix_or_alphabet_is_refused() {
        let id = QueueId(42).to_string();
        assert!(WorkerId::parse(&id).is_err());
        assert!(QueueId::parse(&id.to_uppercase()).is_err());
        assert!(QueueId::parse("que_zzzzzzzzzzzzzzzzzzzzzzzzzz").is_err(), "130 bits do not fit");
        assert!(QueueId::parse("que_").is_err());
    }
}
