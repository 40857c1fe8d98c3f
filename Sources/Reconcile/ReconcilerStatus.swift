// What others may read of the reconciler: for health, `status` and tests. Ages, not dates: the
// reconciler knows no calendar.

package import Model
package import Plan

/// A unit whose writes fail, and why.
package struct FailingUnit: Sendable {
    package var unit: Unit
    package var reason: String
    /// For how long it has been failing without a success.
    package var age: Duration
    package var failures: Int
}

/// How much work was done, ever; the cost of a change is read from their differences.
package struct ReconcilerCounters: Equatable, Sendable {
    package var changesObserved: UInt64 = 0
    package var passes: UInt64 = 0
    package var fullPasses: UInt64 = 0
    package var servicesResolved: UInt64 = 0
    /// Pods, addresses, prefixes and interfaces.
    package var networkUnitsResolved: UInt64 = 0
    package var operationsWritten: UInt64 = 0
    package var unitsFailed: UInt64 = 0
}

/// What health is judged by. Costs less than the whole status, for it is asked for often.
package struct ProgrammingProgress: Sendable, Equatable {
    /// For how long the oldest change has waited to be programmed, or failed, by family; absent:
    /// everything that was told is programmed. What a source has yet to complete does not count.
    package var oldestWait: [IPFamily: Duration]
    /// Since the last pass in which nothing of the family failed; absent before the first.
    package var sinceSuccess: [IPFamily: Duration]
    /// As `Resolve.isNodeEligible` says.
    package var isNodeEligible: Bool
}

/// The reconciler's state at one moment.
package struct ReconcilerStatus: Sendable {
    /// Everything that the sources told at first was programmed once. Never false again.
    package var isReady: Bool
    /// As `isReady`, but units that are refused again and again do not count: the datapath may act.
    package var hasTriedAll: Bool
    package var completeSources: Set<Source>
    package var services: Int
    package var servicePorts: Int
    package var pods: Int
    package var localAddresses: Int
    package var interfaces: Int
    /// Units that are to be programmed, failing ones included.
    package var waiting: Int
    /// Sorted by age, oldest first.
    package var failing: [FailingUnit]
    /// Frontends that several Services claim.
    package var conflicts: [FrontendConflict]
    /// Since the last pass; nil before the first.
    package var sinceProgrammed: Duration?
    /// Since each source told anything; absent before the first time.
    package var sinceHeard: [Source: Duration]
    package var counters: ReconcilerCounters
}
