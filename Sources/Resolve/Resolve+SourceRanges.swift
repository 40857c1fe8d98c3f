// loadBalancerSourceRanges: who may dial a Service's load balancer addresses, in one family. They
// restrict those addresses only; a family of which no range is named is open to everybody.

import Model

extension Resolve {
    /// The ranges of a family, sorted; empty: everybody may come. O(ranges).
    ///
    /// A node that has a load balancer address on an interface dials with it as its source: where a
    /// range names the node, so are the Service's own addresses.
    static func sourceRanges(
        of service: Service, _ family: IPFamily, in snapshot: Snapshot
    ) -> [CIDR] {
        let addresses = service.loadBalancerIPs.filter { $0.family == family }
        var ranges = Set(service.sourceRanges.filter { $0.family == family })
        guard !addresses.isEmpty, !ranges.contains(where: { $0.prefixLength == 0 }) else {
            return []
        }
        let node = snapshot.nodes[snapshot.settings.nodeName]?.addresses
            .first { $0.family == family }
        if let node, ranges.contains(where: { $0.contains(node) }) {
            ranges.formUnion(addresses.map { CIDR(host: $0) })
        }
        return ranges.sorted()
    }

    /// Whether the Service's ranges depend on the node's addresses.
    static func hasSourceRanges(_ service: Service) -> Bool {
        !service.sourceRanges.isEmpty && !service.loadBalancerIPs.isEmpty
    }
}
