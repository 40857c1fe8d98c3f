// Which endpoints may be picked: the Cluster and the Local set of one service port. The two fall
// back to draining endpoints independently of each other; Local is no subset of Cluster.

import Model

/// What a node may use of a service port's endpoints. All lists are in the order of the endpoints.
struct BackendSets: Equatable {
    var cluster: [Backend]
    var local: [Backend]
    var serving: [Backend]
    /// A ready or draining endpoint exists, on whichever node.
    var isUsableAnywhere: Bool

    /// - Parameter zone: this node's zone label, nil when it has none.
    init(_ endpoints: [ResolvedEndpoint], nodeName: String, zone: String?) {
        let ready = endpoints.filter(\.endpoint.isReady)
        let draining = endpoints.filter(\.endpoint.isDraining)
        let localReady = ready.filter { $0.endpoint.nodeName == nodeName }
        let localDraining = draining.filter { $0.endpoint.nodeName == nodeName }

        cluster = (ready.isEmpty ? draining : Self.near(ready, nodeName: nodeName, zone: zone))
            .map(\.backend)
        local = (localReady.isEmpty ? localDraining : localReady).map(\.backend)
        serving = endpoints.filter { $0.endpoint.isServing || $0.endpoint.isReady }.map(\.backend)
        isUsableAnywhere = !ready.isEmpty || !draining.isEmpty
    }

    /// Topology (KEP-2433, KEP-3015): a level of hints counts only if every ready endpoint has it
    /// and one names this node or zone, so the result is empty only if `ready` is.
    private static func near(
        _ ready: [ResolvedEndpoint], nodeName: String, zone: String?
    ) -> [ResolvedEndpoint] {
        if ready.allSatisfy({ !$0.endpoint.nodeHints.isEmpty }) {
            let here = ready.filter { $0.endpoint.nodeHints.contains(nodeName) }
            if !here.isEmpty { return here }
        }
        if let zone, ready.allSatisfy({ !$0.endpoint.zoneHints.isEmpty }) {
            let here = ready.filter { $0.endpoint.zoneHints.contains(zone) }
            if !here.isEmpty { return here }
        }
        return ready
    }
}
