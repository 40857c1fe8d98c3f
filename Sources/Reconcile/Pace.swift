// Every duration and number that decides when something happens, in one place and by name.

/// How fast the reconciler works. Tests shorten what they do not look at.
package struct Pace: Sendable {
    /// Passes are at least this far apart, and a service waits this long after its first change, so
    /// that a Service and its slices, told one after the other, are programmed as one. Network
    /// changes do not wait: a filter on a pod's veth must take effect within 10 ms.
    package var gap: Duration = .milliseconds(5)
    /// A failed unit is tried again after this, then after twice as long, and so on.
    package var firstRetry: Duration = .milliseconds(100)
    package var longestRetry: Duration = .seconds(30)
    /// A unit that failed so often at the first programming holds nobody else back: the datapath
    /// acts without it.
    package var triesBeforeActing = 3
    /// At most so many units a pass, so that a full pass does not keep a pod waiting.
    package var unitsPerPass = 1024
    /// Between a pod's route and its from-rule the pod looks like one of the primary ENI. The CNI
    /// writes the rule within milliseconds; so long we do not believe in its absence.
    package var settling: Duration = .milliseconds(1500)
    /// ipamd's restart deletes and re-adds from-rules: so long a vanished rule is still believed.
    package var ruleLapse: Duration = .seconds(1)
    /// An unresolved neighbour is asked for at once, then after this, then twice as long.
    package var firstAsk: Duration = .milliseconds(250)
    package var longestAsk: Duration = .seconds(8)
    /// Neighbours that we rely on are kept from growing stale.
    package var refresh: Duration = .seconds(30)
    /// tcx programs announce nothing: veths are queried so often, and on their link's events.
    package var programQuery: Duration = .seconds(10)
    /// Everything is resolved and compared with what is programmed.
    package var audit: Duration = .seconds(3600)

    package init() {}

    /// How long to wait after the given number of failures in a row (1 is the first).
    func retryDelay(afterFailures failures: Int) -> Duration {
        Self.doubled(firstRetry, times: failures - 1, limit: longestRetry)
    }

    /// How long to wait after having asked so often for a neighbour (1 is the first).
    func askDelay(afterAsks asks: Int) -> Duration {
        Self.doubled(firstAsk, times: asks - 1, limit: longestAsk)
    }

    private static func doubled(_ first: Duration, times: Int, limit: Duration) -> Duration {
        // 2²⁰ times any of these is far beyond the limit, and nothing overflows.
        min(first * (1 << min(max(times, 0), 20)), limit)
    }
}
