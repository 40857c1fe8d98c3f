// Policy rules of others (VPNs, egress gateways) that the kernel asks before it comes to the CNI's.
// Where one may send a pod's packets elsewhere, going straight to the ENI would go around it, so
// the way out is in doubt. What the model does not tell of a rule (ports, users) counts as any.

import Model

extension Resolve {
    /// Whether a rule of somebody else may decide over packets from the pod to the VPC, before the
    /// table that the CNI means (`priority` and later) is looked up. O(rules that are not for one
    /// address): the CNI writes a handful of them.
    static func isDiverted(
        _ pod: IPAddress, before priority: UInt32, in snapshot: Snapshot
    ) -> Bool {
        let index = snapshot.networkIndex
        let own = index.rulesBySource[pod].contains {
            $0.priority < priority && $0.podSource != pod && applies($0, to: pod, in: snapshot)
        }
        return own
            || index.widePriorities(of: pod.family).contains { candidate in
                candidate < priority && candidate != Rule.podDestinationPriority
                    && index.wideRules[RulePlace(priority: candidate, family: pod.family)]
                        .contains { applies($0, to: pod, in: snapshot) }
            }
    }

    private static func applies(_ rule: Rule, to pod: IPAddress, in snapshot: Snapshot) -> Bool {
        let main = Route.mainTable
        if rule.table == Route.localTable || rule.isConnectionMark { return false }
        if let source = rule.source, !rule.isInverted, !source.contains(pod) { return false }
        if !rule.inputInterface.isEmpty, !rule.isInverted {
            let veth = veth(ofPod: pod, in: snapshot).flatMap { snapshot.network.links[$0] }
            if veth?.name != rule.inputInterface { return false }
        }
        // Without a from-rule the main table is where the packet ends up anyway.
        if rule.table == main, egressIsMain(pod, in: snapshot) { return false }
        guard let destination = rule.destination else { return true }
        let vpc = snapshot.settings.vpcCIDRs.filter { $0.family == pod.family }
        return rule.isInverted
            ? rule.source != nil || !vpc.allSatisfy { destination.encloses($0) }
            : vpc.contains { destination.encloses($0) || $0.encloses(destination) }
    }

    private static func egressIsMain(_ pod: IPAddress, in snapshot: Snapshot) -> Bool {
        !hasFromRule(pod, in: snapshot) && snapshot.podHistory.lapsedTables[pod] == nil
    }
}

extension Rule {
    /// "fwmark 0x80/0x80: main table", priority 1024, the CNI's: only internet-bound packets and
    /// replies of node ports carry the mark.
    fileprivate var isConnectionMark: Bool {
        priority == 1024 && mark == 0x80 && markMask == 0x80 && table == Route.mainTable
            && !isInverted
    }
}
