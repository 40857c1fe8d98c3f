// Whether something else wants to see a pod's packets. A shortcut would carry them around it, and
// around a network policy, so a veth counts as watched until everything about it is known.

package import Model

extension Resolve {
    /// Why the pod behind this veth keeps the kernel's path; nil: nothing else looks at it.
    ///
    /// tc filters need no query: the dump holds those of every link, and a link that comes later
    /// comes without any and announces each. tcx programs announce nothing and must be queried.
    package static func watchReason(
        ofPod address: IPAddress, behind veth: Link, in snapshot: Snapshot
    ) -> WatchReason? {
        if let filter = foreignFilter(on: veth.index, in: snapshot) {
            return .filter(filter.name.isEmpty ? filter.kind : filter.name)
        }
        if snapshot.network.foreignPrograms.contains(veth.index) { return .program }
        if veth.rootQdisc != "noqueue" { return .qdisc(veth.rootQdisc) }
        if !snapshot.network.queriedPrograms.contains(veth.index) { return .unknown }
        // The policy agent puts its filters on a new pod's veth after the CNI's last rule.
        if snapshot.podHistory.unsettled.contains(address), isPolicyAgentHere(snapshot) {
            return .unknown
        }
        return nil
    }

    /// The first in a fixed order, so that the same filters always give the same reason.
    private static func foreignFilter(on veth: UInt32, in snapshot: Snapshot) -> TrafficFilter? {
        snapshot.networkIndex.filters[veth]
            .filter { !$0.name.hasPrefix(TrafficFilter.ownNamePrefix) }
            .min {
                ($0.direction.rawValue, $0.priority, $0.handle, $0.name)
                    < ($1.direction.rawValue, $1.priority, $1.handle, $1.name)
            }
    }

    private static func isPolicyAgentHere(_ snapshot: Snapshot) -> Bool {
        snapshot.network.filters.contains(where: isPolicyAgents)
    }

    /// Its programs are `handle_ingress` and `handle_egress` on every pod it guards (§6.1).
    static func isPolicyAgents(_ filter: TrafficFilter) -> Bool {
        filter.name.hasPrefix("handle_ingress") || filter.name.hasPrefix("handle_egress")
    }
}
