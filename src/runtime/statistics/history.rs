//! Answers about the past: the cells of some groups, added up by intervals, and the time of workers that still goes on.

use super::store::Extract;
use crate::runtime::{Failure, Runtime};
use cordboard_domain::id::AccountId;
use cordboard_domain::statistics::{
    Cell, Count, Group, HOUR_MS, Hour, Presence, QUARTER_MS, Span, UnreadableCell, charge_open,
};
use cordboard_domain::time::Timestamp;
use std::collections::HashMap;

/// Up to where an answer is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComputedTo {
    pub sequence: u64,
    pub time: Timestamp,
    /// Before this time events are missing, because they were forgotten before they were counted.
    pub complete_from: Option<Timestamp>,
}

/// What a question about the past is answered from; [`Self::add_up`] does the rest, which takes a while.
pub struct History {
    pub computed_to: ComputedTo,
    extract: Extract,
}

impl Runtime {
    /// Reads the cells of groups in a span.
    pub async fn history(&self, account: AccountId, groups: &[Group], span: &Span) -> Result<History, Failure> {
        // Asked first: when the cells have everything up to here, nothing else has happened until now.
        let (sequence, now) = self.read(account, |engine, now| (engine.sequence(), now)).await?;
        let hours = span.from().millis().div_euclid(HOUR_MS)..span.to().millis().div_euclid(HOUR_MS) + 1;
        let extract = self.store().statistics_extract(account, groups, hours).await.map_err(|error| {
            tracing::error!(%account, %error, "reading statistics failed");
            Failure::Unavailable
        })?;
        let counted = extract.position;
        let time = if counted.sequence >= sequence { now.max(counted.time) } else { counted.time };
        let computed_to = ComputedTo { sequence: counted.sequence, time, complete_from: counted.complete_from };
        Ok(History { computed_to, extract })
    }
}

impl History {
    /// The cells of each interval, group by group in the order in which they were asked for.
    pub fn add_up(self, groups: &[Group], span: &Span) -> Result<Vec<Vec<Cell>>, UnreadableCell> {
        let mut series = vec![vec![Cell::default(); span.count()]; groups.len()];
        for (cells, hours) in series.iter_mut().zip(&self.extract.hours) {
            for (hour, body) in hours {
                Hour::read(body, |quarter, cell| {
                    let at = Timestamp::from_millis(hour * HOUR_MS + quarter as i64 * QUARTER_MS);
                    if let Some(place) = span.place(at) {
                        cells[place].merge(&cell);
                    }
                })?;
            }
        }
        let places: HashMap<&Group, usize> = groups.iter().enumerate().map(|(place, group)| (group, place)).collect();
        for (worker, presence) in &self.extract.open {
            let own = [Group::All, Group::Worker(*worker)];
            let concerned: Vec<usize> = own.iter().filter_map(|group| places.get(group).copied()).collect();
            self.charge(presence, span, |place, count, lasted| {
                for group in &concerned {
                    series[*group][place].add(count, lasted);
                }
            });
        }
        Ok(series)
    }

    /// Charges what a worker has been doing since it was last written, as far as it lies in the span.
    fn charge(&self, presence: &Presence, span: &Span, mut charge: impl FnMut(usize, Count, u64)) {
        let within = Presence { charged_to: presence.charged_to.max(span.from()), ..presence.clone() };
        charge_open(&within, self.computed_to.time.min(span.to()), |quarter, count, lasted| {
            if let Some(place) = span.place(quarter) {
                charge(place, count, lasted);
            }
        });
    }
}
