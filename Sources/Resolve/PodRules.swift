// What the VPC CNI's policy rules look like. Nothing marks them as its own but priority and shape,
// so both are checked, and an inverted or narrowed rule is somebody else's.

package import Model

extension Rule {
    /// "to the pod: main table", priority 512: says that the CNI set the pod up.
    package var podDestination: IPAddress? {
        guard priority == Self.podDestinationPriority, isPlain, source == nil,
            table == Route.mainTable
        else { return nil }
        return destination?.onlyAddress
    }

    /// "from the pod: the ENI's table", priority 1536: where the pod's traffic must leave. CNI 1.3
    /// to 1.7 wrote one for each VPC prefix, all naming the same table: `destination` is ignored.
    package var podSource: IPAddress? {
        guard priority == Self.podSourcePriority, isPlain, table != 0 else { return nil }
        return source?.onlyAddress
    }

    static let podDestinationPriority: UInt32 = 512
    static let podSourcePriority: UInt32 = 1536
    /// Where the kernel's own "from all: main table" stands.
    static let mainPriority: UInt32 = 32766

    private var isPlain: Bool {
        !isInverted && mark == 0 && markMask == 0 && inputInterface.isEmpty
    }
}

extension Resolve {
    /// The CNI's rule towards the pod exists.
    package static func hasToRule(_ pod: IPAddress, in snapshot: Snapshot) -> Bool {
        snapshot.networkIndex.rulesByDestination[pod].contains { $0.podDestination == pod }
    }

    /// A rule that sends the pod's traffic to an ENI's table exists.
    package static func hasFromRule(_ pod: IPAddress, in snapshot: Snapshot) -> Bool {
        snapshot.networkIndex.rulesBySource[pod].contains { $0.podSource == pod }
    }
}
