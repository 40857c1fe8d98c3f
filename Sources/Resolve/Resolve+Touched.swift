// From one kernel event to the units that it may change. The cost follows the event: a neighbour
// touches one pod, a table's default route the pods of that table, only the primary's all of them.

package import Model

extension Resolve {
    /// Units that depend on what the event speaks of. Ask before *and* after folding it and take
    /// both: a route that moves touches what it left and what it came to.
    package static func units(
        touchedBy event: NetworkEvent, in snapshot: Snapshot
    ) -> Set<Unit> {
        switch event {
        case .linkChanged(let link):
            return units(ofLink: link.index, names: [link.name], in: snapshot)
        case .linkRemoved(let index):
            return units(ofLink: index, names: [], in: snapshot)
        case .addressAdded(let address), .addressRemoved(let address):
            let units: Set<Unit> = [.localAddress(address.address)]
            return address.interface == primaryInterface(in: snapshot)?.index
                ? units.union(nodeUnits(in: snapshot)) : units
        case .routeChanged(let route):
            return units(ofRoute: route, in: snapshot)
                .union(units(ofKnownRoute: route.key, in: snapshot))
        case .routeRemoved(let key):
            return units(ofKnownRoute: key, in: snapshot)
        case .ruleAdded(let rule), .ruleRemoved(let rule):
            return units(ofRule: rule, in: snapshot)
        case .neighborChanged(let neighbor):
            return units(ofNeighbor: neighbor.key, in: snapshot)
        case .neighborRemoved(let key):
            return units(ofNeighbor: key, in: snapshot)
        case .filterAdded(let filter), .filterRemoved(let filter):
            let newcomers = isPolicyAgents(filter) ? snapshot.podHistory.unsettled : []
            return newcomers.reduce(into: units(watchedOn: filter.interface, in: snapshot)) {
                $0.formUnion(units(watching: $1, in: snapshot))
            }
        case .foreignProgram(let interface, _):
            return units(watchedOn: interface, in: snapshot)
        }
    }

    /// A pod and the interfaces that may lead to it.
    package static func units(ofPod address: IPAddress, in snapshot: Snapshot) -> Set<Unit> {
        var units: Set<Unit> = [.pod(address)]
        for key in snapshot.networkIndex.hostRoutes[address] {
            if let interface = snapshot.network.routes[key]?.interface {
                units.insert(.interface(interface))
            }
        }
        return units
    }

    /// What depends on whether something else looks at the veth.
    private static func units(watchedOn veth: UInt32, in snapshot: Snapshot) -> Set<Unit> {
        let units = pods(behind: veth, in: snapshot)
        return snapshot.settings.programsRunFirst || units.isEmpty
            ? units : units.union([.interface(veth)])
    }

    /// What depends on whether something else looks at the pod.
    private static func units(watching pod: IPAddress, in snapshot: Snapshot) -> Set<Unit> {
        snapshot.settings.programsRunFirst ? [.pod(pod)] : units(ofPod: pod, in: snapshot)
    }

    /// Everything that looks the table up, and the interfaces that it routes through.
    package static func units(
        ofTable table: RoutingTable, in snapshot: Snapshot
    ) -> Set<Unit> {
        var units = Set(pods(ofTable: table, in: snapshot).map { Unit.pod($0) })
        if table.id == Route.mainTable {
            // Whoever has no from-rule goes by the main table.
            for address in snapshot.networkIndex.hostRoutes.keys
            where address.family == table.family {
                units.insert(.pod(address))
            }
            units.formUnion(nodeUnits(in: snapshot))
        }
        return units.union(interfaces(ofTable: table, in: snapshot))
    }

    /// What depends on which ENI is the primary one, on its addresses and on this node's object.
    package static func nodeUnits(in snapshot: Snapshot) -> Set<Unit> {
        guard snapshot.settings.nodePortAddresses == .primary else { return [.node] }
        return Set(snapshot.networkIndex.addresses.keys.map(Unit.localAddress)).union([.node])
    }

    /// The interfaces that the table's default routes lead to.
    package static func interfaces(
        ofTable table: RoutingTable, in snapshot: Snapshot
    ) -> Set<Unit> {
        Set(
            snapshot.networkIndex.defaultRoutes[table]
                .compactMap { snapshot.network.routes[$0]?.interface }.map { .interface($0) })
    }

    private static func units(
        ofLink index: UInt32, names: [String], in snapshot: Snapshot
    ) -> Set<Unit> {
        var units = pods(behind: index, in: snapshot)
        units.insert(.interface(index))
        for key in snapshot.networkIndex.defaultRoutesByInterface[index] {
            let table = RoutingTable(id: key.table, family: key.destination.family)
            units.formUnion(self.units(ofTable: table, in: snapshot))
        }
        let known = snapshot.network.links[index]?.name
        if let primary = snapshot.settings.primaryInterface,
            primary == known || names.contains(primary)
        {
            for family in IPFamily.allCases {
                let main = RoutingTable(id: Route.mainTable, family: family)
                units.formUnion(self.units(ofTable: main, in: snapshot))
            }
        }
        return units
    }

    private static func units(ofKnownRoute key: Route.Key, in snapshot: Snapshot) -> Set<Unit> {
        snapshot.network.routes[key].map { units(ofRoute: $0, in: snapshot) } ?? []
    }

    private static func units(ofRoute route: Route, in snapshot: Snapshot) -> Set<Unit> {
        var units: Set<Unit> = []
        if let address = route.hostOnLink { units = self.units(ofPod: address, in: snapshot) }
        if route.isDefault { units = self.units(ofTable: route.routingTable, in: snapshot) }
        if !units.isEmpty || route.isDefault, let interface = route.interface {
            units.insert(.interface(interface))
        }
        return units
    }

    private static func units(ofRule rule: Rule, in snapshot: Snapshot) -> Set<Unit> {
        var units: Set<Unit> = []
        if let pod = rule.podDestination { units = self.units(ofPod: pod, in: snapshot) }
        if let source = rule.source?.onlyAddress { units.insert(.pod(source)) }
        if rule.podSource != nil {
            units.formUnion(interfaces(ofTable: rule.routingTable, in: snapshot))
        }
        // Somebody else's rule may concern every pod.
        if rule.source?.onlyAddress == nil, rule.priority != Rule.podDestinationPriority {
            for address in snapshot.networkIndex.hostRoutes.keys where address.family == rule.family
            {
                units.insert(.pod(address))
            }
        }
        return units
    }

    private static func units(ofNeighbor key: Neighbor.Key, in snapshot: Snapshot) -> Set<Unit> {
        var units: Set<Unit> = []
        let routes = snapshot.networkIndex.hostRoutes[key.address]
        if routes.contains(where: { snapshot.network.routes[$0]?.interface == key.interface }) {
            units.insert(.pod(key.address))
        }
        for route in snapshot.networkIndex.defaultRoutesByInterface[key.interface]
        where snapshot.network.routes[route]?.gateway == key.address {
            let table = RoutingTable(id: route.table, family: route.destination.family)
            units.formUnion(self.units(ofTable: table, in: snapshot).filter(\.isPod))
            units.insert(.interface(key.interface))
        }
        return units
    }

    private static func pods(behind interface: UInt32, in snapshot: Snapshot) -> Set<Unit> {
        Set(
            snapshot.networkIndex.hostRoutesByInterface[interface]
                .map { Unit.pod($0.destination.address) })
    }
}

extension Unit {
    fileprivate var isPod: Bool {
        if case .pod = self { true } else { false }
    }
}
