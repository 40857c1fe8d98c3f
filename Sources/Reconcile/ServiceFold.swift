// Folding what the Kubernetes side tells, by key. Kept beside it: the slices of each Service, so
// that one slice's change costs one Service's resolution.

import Model

extension Snapshot {
    /// Folds an object; false when it told nothing new. Network changes are not folded here.
    mutating func fold(object change: Change) -> Bool {
        switch change {
        case .service(let name, let service):
            guard services[name] != service else { return false }
            services[name] = service
        case .endpointSlice(let name, let slice):
            guard endpointSlices[name] != slice else { return false }
            index(name, from: endpointSlices[name]?.service, to: slice?.service)
            endpointSlices[name] = slice
        case .node(let name, let node):
            guard nodes[name] != node else { return false }
            nodes[name] = node
            if name == settings.nodeName, let node { ownNode = node }
        case .serviceCIDR(let name, let serviceCIDR):
            guard serviceCIDRs[name] != serviceCIDR else { return false }
            serviceCIDRs[name] = serviceCIDR
        case .network, .networkState, .complete:
            return false
        }
        return true
    }

    private mutating func index(_ slice: ObjectName, from old: ObjectName?, to new: ObjectName?) {
        guard old != new else { return }
        if let old {
            slicesByService[old]?.remove(slice)
            if slicesByService[old]?.isEmpty == true { slicesByService[old] = nil }
        }
        if let new { slicesByService[new, default: []].insert(slice) }
    }
}
