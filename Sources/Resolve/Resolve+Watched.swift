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
        let filter = foreignFilter(on: veth.index, in: snapshot)
        if let filter, !isPolicyAgentsOwn(filter) {
            return .filter(filter.name.isEmpty ? filter.kind : filter.name)
        }
        if snapshot.network.foreignPrograms.contains(veth.index) { return .program }
        if veth.rootQdisc != "noqueue" { return .qdisc(veth.rootQdisc) }
        if !snapshot.network.queriedPrograms.contains(veth.index) { return .unknown }
        if filter != nil { return .policyAgent }
        // The policy agent puts its filters on a new pod's veth after the CNI's last rule.
        if snapshot.podHistory.unsettled.contains(address), isPolicyAgentHere(snapshot) {
            return .unknown
        }
        return nil
    }

    /// The first in a fixed order, so that the same filters always give the same reason; the policy
    /// agent's come last, so that they are the answer only where they are alone.
    private static func foreignFilter(on veth: UInt32, in snapshot: Snapshot) -> TrafficFilter? {
        func rank(_ filter: TrafficFilter) -> (Int, UInt8, UInt16, UInt32, String) {
            (
                isPolicyAgentsOwn(filter) ? 1 : 0, filter.direction.rawValue, filter.priority,
                filter.handle, filter.name
            )
        }
        return snapshot.networkIndex.filters[veth]
            .filter { !$0.name.hasPrefix(TrafficFilter.ownNamePrefix) }
            .min { rank($0) < rank($1) }
    }

    /// A filter just as the AWS agent attaches it (§6.1): this program, this side, preference 1,
    /// handle 1. Whatever differs may be another agent's, whose policy does not let the node pass.
    private static func isPolicyAgentsOwn(_ filter: TrafficFilter) -> Bool {
        guard filter.kind == "bpf", filter.priority == 1, filter.handle == 1 else { return false }
        return switch filter.direction {
        case .egress: filter.name.hasPrefix("handle_ingress")
        case .ingress: filter.name.hasPrefix("handle_egress")
        case .root: false
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
