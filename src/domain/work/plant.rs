//! Deliberate bugs that the simulator must catch. Without the feature `planted-bugs` nothing can be planted and every
//! question is answered `false` at compile time; the server never enables the feature.

/// One deliberate bug. Each names the rule that it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    /// A declined item waits from anew: `waiting_since` becomes now when an offer is declined.
    DeclineRestartsAge,
    /// The worker that declined an item is offered it again at once.
    DeclineForgotten,
    /// Accepted work does not count towards the load of its channel.
    LoadForgotten,
    /// The account's exclusions between channels are not applied.
    ExclusionForgotten,
    /// After-call work gives the capacity back.
    WrapUpFreesCapacity,
    /// The first accept of a broadcast leaves the other offers open.
    BroadcastNotRescinded,
    /// A LIFO queue takes the oldest first at equal score.
    LifoAsFifo,
    /// Heads of different queues are compared by priority alone, without their ageing.
    AgeingForgotten,
    /// Among eligible workers the one that became idle last comes first.
    IdleReversed,
    /// A step's `order_by` is not looked at.
    OrderByForgotten,
    /// A step's `prefer` is not looked at.
    PreferForgotten,
    /// A worker moves to the miss activity one miss too late.
    MissLimitOffByOne,
    /// A worker that completes its work is not matched.
    FreedWorkerForgotten,
    /// A worker's changed attributes are not re-evaluated against the predicates of waiting items.
    AttributesNotReindexed,
    /// A step's timeout cancels the live offers of the item.
    StepTimeoutCutsOffer,
    /// A worker that lost its connection stays eligible after the grace period.
    PresenceForgotten,
    /// When nobody accepts a warm transfer the first worker's reservation is not restored.
    TransferNotRestored,
    /// Recovery does not arm the timers of live offers.
    OfferTimerLostAtRecovery,
    /// Recovery starts the sequence one too high.
    SequenceGapAtRecovery,
    /// Recovery forgets the unique keys of open items.
    UniqueKeyLostAtRecovery,
    /// The answer to an earlier `request` step of an item is taken for that to the present one.
    LateAnswerTaken,
    /// Recovery forgets the callouts that were under way.
    CalloutLostAtRecovery,
    /// An assignment callback that fails counts as a miss of the worker.
    CallbackFailureMissed,
}

impl Plant {
    pub const ALL: &[Plant] = &[
        Self::DeclineRestartsAge,
        Self::DeclineForgotten,
        Self::LoadForgotten,
        Self::ExclusionForgotten,
        Self::WrapUpFreesCapacity,
        Self::BroadcastNotRescinded,
        Self::LifoAsFifo,
        Self::AgeingForgotten,
        Self::IdleReversed,
        Self::OrderByForgotten,
        Self::PreferForgotten,
        Self::MissLimitOffByOne,
        Self::FreedWorkerForgotten,
        Self::AttributesNotReindexed,
        Self::StepTimeoutCutsOffer,
        Self::PresenceForgotten,
        Self::TransferNotRestored,
        Self::OfferTimerLostAtRecovery,
        Self::SequenceGapAtRecovery,
        Self::UniqueKeyLostAtRecovery,
        Self::LateAnswerTaken,
        Self::CalloutLostAtRecovery,
        Self::CallbackFailureMissed,
    ];
}

/// The bug planted in one engine, if any.
#[derive(Debug, Clone, Copy, Default)]
pub struct Planted {
    #[cfg(feature = "planted-bugs")]
    plant: Option<Plant>,
}

impl Planted {
    #[cfg(feature = "planted-bugs")]
    pub fn with(plant: Option<Plant>) -> Self {
        Self { plant }
    }

    /// Whether `plant` is to misbehave here.
    #[inline(always)]
    pub fn has(self, plant: Plant) -> bool {
        #[cfg(feature = "planted-bugs")]
        return self.plant == Some(plant);
        #[cfg(not(feature = "planted-bugs"))]
        {
            let _ = plant;
            false
        }
    }
}
