// From one Change to the Services that it may concern. Nothing is remembered: the old state comes
// from the snapshot as it is before the change is folded.

package import Model

extension Resolve {
    /// The Services whose resolution may differ once the change is folded. Ask *before* folding:
    /// a slice that moves to another Service touches both. O(1) for Services and slices; a change
    /// of this node's zone or addresses or of a host address walks all Services.
    package static func services(
        touchedBy change: Change, in snapshot: Snapshot
    ) -> Set<ObjectName> {
        switch change {
        case .service(let name, _):
            return [name]
        case .endpointSlice(let name, let slice):
            return Set([snapshot.endpointSlices[name]?.service, slice?.service].compactMap { $0 })
        case .node(let name, let node):
            guard name == snapshot.settings.nodeName else { return [] }
            let known = snapshot.nodes[name]
            var touched: Set<ObjectName> = []
            if node?.zone != known?.zone { touched.formUnion(servicesWithZoneHints(in: snapshot)) }
            if node?.addresses != known?.addresses {
                touched.formUnion(snapshot.services.filter { hasSourceRanges($0.value) }.keys)
                if restrictsHealthPorts(snapshot) {
                    touched.formUnion(servicesWithHealthPorts(in: snapshot))
                }
            }
            return touched
        case .network(.addressAdded(let address)), .network(.addressRemoved(let address)):
            return services(at: [address.address], in: snapshot)
        case .networkState(let state):
            let changed = snapshot.network.addresses.symmetricDifference(state.addresses)
            return services(at: Set(changed.map(\.address)), in: snapshot)
        case .network, .serviceCIDR, .complete:
            return []
        }
    }

    /// Without a zone hint no zone matters.
    private static func servicesWithZoneHints(in snapshot: Snapshot) -> Set<ObjectName> {
        let hinted = snapshot.endpointSlices.values.filter { slice in
            slice.endpoints.contains { !$0.zoneHints.isEmpty }
        }
        return Set(hinted.map(\.service))
    }

    private static func services(
        at addresses: Set<IPAddress>, in snapshot: Snapshot
    ) -> Set<ObjectName> {
        guard !addresses.isEmpty else { return [] }
        let matching = snapshot.services.filter { !addresses.isDisjoint(with: $0.value.clusterIPs) }
        let listening =
            restrictsHealthPorts(snapshot) ? servicesWithHealthPorts(in: snapshot) : []
        return listening.union(matching.keys)
    }
}
