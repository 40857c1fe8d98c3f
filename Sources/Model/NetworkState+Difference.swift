// From one state to another: what a fresh dump says that the folded state does not.

extension NetworkState {
    /// Events that turn this state into the other one when they are applied in order. Removals come
    /// first, links before what is on them. A dump knows of no query for programs: interfaces that
    /// were queried stay queried, and the other state adds those that it names.
    package func events(to other: NetworkState) -> [NetworkEvent] {
        var events: [NetworkEvent] = []
        var folded = self
        func add(_ event: NetworkEvent) {
            folded.apply(event)
            events.append(event)
        }
        // An index with another name may be another interface, of which nothing is known.
        for (index, link) in links where other.links[index]?.name != link.name {
            add(.linkRemoved(index))
        }
        for filter in folded.filters.subtracting(other.filters) { add(.filterRemoved(filter)) }
        for key in folded.neighbors.keys where other.neighbors[key] == nil {
            add(.neighborRemoved(key))
        }
        for rule in folded.rules.subtracting(other.rules) { add(.ruleRemoved(rule)) }
        for key in folded.routes.keys where other.routes[key] == nil { add(.routeRemoved(key)) }
        for address in folded.addresses.subtracting(other.addresses) {
            add(.addressRemoved(address))
        }
        // Compared with the folded state: a link that went down took its routes along, and those
        // that the other state has must be told again.
        for (index, link) in other.links where folded.links[index] != link {
            add(.linkChanged(link))
        }
        for address in other.addresses.subtracting(folded.addresses) { add(.addressAdded(address)) }
        for (key, route) in other.routes where folded.routes[key] != route {
            add(.routeChanged(route))
        }
        for rule in other.rules.subtracting(folded.rules) { add(.ruleAdded(rule)) }
        for (key, neighbor) in other.neighbors where folded.neighbors[key] != neighbor {
            add(.neighborChanged(neighbor))
        }
        for filter in other.filters.subtracting(folded.filters) { add(.filterAdded(filter)) }
        for interface in other.queriedPrograms {
            let present = other.foreignPrograms.contains(interface)
            guard
                folded.foreignPrograms.contains(interface) != present
                    || !folded.queriedPrograms.contains(interface)
            else { continue }
            add(.foreignProgram(interface: interface, present: present))
        }
        return events
    }
}
