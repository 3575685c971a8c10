//! The open-loop schedule: when each request is meant to be sent, whatever the contender does.
//!
//! Owns the arithmetic of intended times. Does not send.
//!
//! Invariants:
//! - intended times are evenly spaced and never depend on answers;
//! - they are computed from the request's number, so no rounding error adds up.

const SECOND_NS: u64 = 1_000_000_000;

/// Hands out intended send times in order, nanoseconds on the caller's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    start_ns: u64,
    rate_per_second: u64,
    /// Number of the next request.
    next: u64,
    /// No request is meant to be sent at or after this time.
    end_ns: u64,
}

impl Schedule {
    /// Starts a schedule without an end; the first request is due at `start_ns`.
    ///
    /// `rate_per_second` must not be zero.
    pub(crate) fn starting(start_ns: u64, rate_per_second: u32) -> Self {
        debug_assert!(rate_per_second > 0, "a rate of zero has no schedule");
        Self { start_ns, rate_per_second: u64::from(rate_per_second), next: 0, end_ns: u64::MAX }
    }

    /// Ends the schedule: requests meant for earlier stay due.
    pub(crate) fn end_at(&mut self, end_ns: u64) {
        self.end_ns = end_ns;
    }

    /// Returns the intended time of the next request if that time has come.
    pub(crate) fn due(&self, now_ns: u64) -> Option<u64> {
        let intended = self.intended(self.next);
        (intended <= now_ns && intended < self.end_ns).then_some(intended)
    }

    /// Counts the next request as sent.
    pub(crate) fn advance(&mut self) {
        self.next += 1;
    }

    /// Returns how many requests were meant for the time from `from_ns` up to but without `to_ns`.
    pub(crate) fn meant_between(&self, from_ns: u64, to_ns: u64) -> u64 {
        self.first_at_or_after(to_ns).saturating_sub(self.first_at_or_after(from_ns))
    }

    /// Returns how many requests meant for before `end_ns` have not been sent.
    pub(crate) fn unsent_before(&self, end_ns: u64) -> u64 {
        self.first_at_or_after(end_ns).saturating_sub(self.next)
    }

    fn intended(&self, number: u64) -> u64 {
        let offset = u128::from(number) * u128::from(SECOND_NS) / u128::from(self.rate_per_second);
        self.start_ns + u64::try_from(offset).unwrap_or(u64::MAX / 2)
    }

    fn first_at_or_after(&self, time_ns: u64) -> u64 {
        let elapsed = u128::from(time_ns.saturating_sub(self.start_ns));
        let number = (elapsed * u128::from(self.rate_per_second)).div_ceil(u128::from(SECOND_NS));
        let mut number = u64::try_from(number).unwrap_or(u64::MAX);
        // Intended times are rounded down, so the one before may still lie at or after the time.
        while number > 0 && self.intended(number - 1) >= time_ns {
            number -= 1;
        }
        number
    }
}

#[cfg(test)]
mod tests;
