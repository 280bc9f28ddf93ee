//! When a delivery is tried again.

use std::time::Duration;

const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;

/// Pauses before the second attempt and those after it; the first is made at once. As Standard Webhooks recommends.
const PAUSES_MS: [u64; 7] =
    [5 * SECOND_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 5 * HOUR_MS, 10 * HOUR_MS, 10 * HOUR_MS];
/// Attempts after which a delivery is given up.
pub const ATTEMPTS_MAX: u32 = PAUSES_MS.len() as u32 + 1;
/// A pause is longer by up to this part of it, so that receivers that failed together are not tried together.
const JITTER_PART: u64 = 10;

/// A subscription that has failed for so long is switched off.
pub const FAILING_LONGEST: Duration = Duration::from_secs(5 * 24 * 3_600);

/// The pause after so many attempts, drawn with a random number; none when there is no further attempt.
pub fn pause_after(tries: u32, random: u64) -> Option<Duration> {
    let pause = *PAUSES_MS.get(tries.checked_sub(1)? as usize)?;
    Some(Duration::from_millis(pause + random % (pause / JITTER_PART + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_as_specified_and_up_to_a_tenth_longer() {
        let seconds = |tries, random| pause_after(tries, random).map(|pause| pause.as_millis() as u64);
        for (tries, wanted_s) in [(1, 5), (2, 300), (3, 1_800), (4, 7_200), (5, 18_000), (6, 36_000), (7, 36_000)] {
            assert_eq!(seconds(tries, 0), Some(wanted_s * 1_000));
            assert_eq!(seconds(tries, wanted_s * 100), Some(wanted_s * 1_100));
            assert_eq!(seconds(tries, wanted_s * 100 + 1), Some(wanted_s * 1_000));
        }
        assert_eq!(pause_after(ATTEMPTS_MAX, 3), None);
    }
}
