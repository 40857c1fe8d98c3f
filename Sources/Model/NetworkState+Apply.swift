// Folding one kernel event into the state. The kernel does not announce everything: the IPv4
// routes of a link that goes down or away vanish without RTM_DELROUTE, and those that a link had
// do not come back when it is up again. What it leaves out is spelled out here as events.

extension NetworkState {
    /// Folds one event by its key, together with what the kernel does not announce. Returns false
    /// when everything was known already. Costs a walk over all routes for a link that goes down
    /// or away, over all filters for a filter, else O(1).
    @discardableResult
    package mutating func apply(_ event: NetworkEvent) -> Bool {
        var changed = false
        for event in unannounced(by: event) + [event] where applyAlone(event) { changed = true }
        return changed
    }

    /// What vanishes together with the event's object although the kernel may never say so. To be
    /// applied before the event itself.
    package func unannounced(by event: NetworkEvent) -> [NetworkEvent] {
        switch event {
        case .linkRemoved(let index):
            return routes.values.filter { $0.interface == index }.map { .routeRemoved($0.key) }
                + addresses.filter { $0.interface == index }.map { .addressRemoved($0) }
                + neighbors.keys.filter { $0.interface == index }.map { .neighborRemoved($0) }
                + filters.filter { $0.interface == index }.map { .filterRemoved($0) }
        case .linkChanged(let link) where !link.isUp:
            return routes.values
                .filter { $0.interface == link.index && !$0.isHostScope }
                .map { .routeRemoved($0.key) }
        case .addressRemoved(let address) where address.address.family == .v4:
            // With its last IPv4 address an interface loses IPv4 (fib_disable_ip).
            let isLast = !addresses.contains {
                $0 != address && $0.interface == address.interface && $0.address.family == .v4
            }
            guard isLast else { return [] }
            return routes.values
                .filter { $0.interface == address.interface && $0.destination.family == .v4 }
                .map { .routeRemoved($0.key) }
        case .filterAdded(let filter):
            // A replaced filter is announced only as the new one.
            return filters.filter { $0 != filter && $0.isCovered(by: filter) }
                .map { .filterRemoved($0) }
        case .filterRemoved(let filter):
            return filters.filter { $0 != filter && $0.isCovered(by: filter) }
                .map { .filterRemoved($0) }
        default:
            return []
        }
    }

    /// Folds just what the event says; false when that was known already.
    mutating func applyAlone(_ event: NetworkEvent) -> Bool {
        switch event {
        case .linkChanged(let link):
            return links.updateValue(link, forKey: link.index) != link
        case .linkRemoved(let index):
            // An index may be given to another interface later: what was found out about this one
            // must not be believed of that one.
            foreignPrograms.remove(index)
            queriedPrograms.remove(index)
            return links.removeValue(forKey: index) != nil
        case .addressAdded(let address):
            return addresses.insert(address).inserted
        case .addressRemoved(let address):
            return addresses.remove(address) != nil
        case .routeChanged(let route):
            return routes.updateValue(route, forKey: route.key) != route
        case .routeRemoved(let key):
            return routes.removeValue(forKey: key) != nil
        case .ruleAdded(let rule):
            return rules.insert(rule).inserted
        case .ruleRemoved(let rule):
            return rules.remove(rule) != nil
        case .neighborChanged(let neighbor):
            return neighbors.updateValue(neighbor, forKey: neighbor.key) != neighbor
        case .neighborRemoved(let key):
            return neighbors.removeValue(forKey: key) != nil
        case .filterAdded(let filter):
            return filters.insert(filter).inserted
        case .filterRemoved(let filter):
            return filters.remove(filter) != nil
        case .foreignProgram(let interface, let present):
            // A query that was under way when its interface went tells nothing.
            guard links[interface] != nil else { return false }
            let news = queriedPrograms.insert(interface).inserted
            let before = foreignPrograms.contains(interface)
            if present {
                foreignPrograms.insert(interface)
            } else {
                foreignPrograms.remove(interface)
            }
            return news || before != present
        }
    }
}

extension TrafficFilter {
    /// Whether the other one, as the kernel names what it adds or deletes, stands for this one: the
    /// same place, where priority 0 and handle 0 mean all of them.
    func isCovered(by other: TrafficFilter) -> Bool {
        interface == other.interface && direction == other.direction
            && (other.priority == 0 || priority == other.priority)
            && (other.handle == 0 || handle == other.handle)
    }
}
