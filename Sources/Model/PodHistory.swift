// What only the passing of time tells about pods, as data: Resolve has no clock. Whoever folds
// events stamps them, and takes things out again when their hold ends.

/// The CNI's rules come and go in windows; this is what Resolve may believe across them.
package struct PodHistory: Equatable, Sendable {
    /// Pods whose route appeared so lately that their from-rule may still be on its way. Without
    /// one they look like pods of the primary ENI, and may not be.
    package var unsettled: Set<IPAddress> = []
    /// The table that a pod's from-rule named when the rule vanished under the living pod.
    package var lapsedTables: [IPAddress: UInt32] = [:]
    /// Pods whose confirming rule vanished while route and veth lived on.
    package var lapsedConfirmations: Set<IPAddress> = []

    package init() {}

    /// The pod is gone or became another one: nothing of the old is believed.
    package mutating func forget(_ pod: IPAddress) {
        unsettled.remove(pod)
        lapsedTables[pod] = nil
        lapsedConfirmations.remove(pod)
    }
}
