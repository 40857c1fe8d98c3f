// The injected clock as durations since the start, so that deadlines are plain comparable values.

/// Reads and waits on the clock that was handed in.
struct Timekeeper: Sendable {
    /// Since the reconciler was made.
    let now: @Sendable () -> Duration
    /// Returns when `now` has reached the deadline; throws when cancelled.
    let sleep: @Sendable (_ until: Duration) async throws -> Void

    init<C: Clock>(_ clock: C) where C.Duration == Duration {
        let start = clock.now
        now = { start.duration(to: clock.now) }
        sleep = { try await clock.sleep(until: start.advanced(by: $0), tolerance: nil) }
    }
}
