// Which ENI a pod's traffic must leave by. A wrong answer is a lost packet (the VPC checks the
// source), so every doubt is nil and the packet goes to the stack. A table's number means nothing:
// it is read from the rule and looked up when needed, never computed.

package import Model

extension Resolve {
    /// The pod's way out: from-rule → table → default route → interface. Nil
    /// while the from-rule may still come, and where rules or routes are in doubt.
    package static func eni(ofPod address: IPAddress, in snapshot: Snapshot) -> PodENI? {
        guard let table = egressTable(ofPod: address, in: snapshot),
            !isDiverted(
                address,
                before: table.id == Route.mainTable ? Rule.mainPriority : Rule.podSourcePriority,
                in: snapshot),
            let route = defaultRoute(of: table, in: snapshot),
            let nextHop = route.gateway,
            let link = route.interface.flatMap({ snapshot.network.links[$0] }),
            let mac = link.mac, link.isUp, !link.isLoopback
        else { return nil }
        let key = Neighbor.Key(interface: link.index, address: nextHop)
        return PodENI(
            interface: link.index, mac: mac, mtu: link.mtu, nextHop: nextHop,
            nextHopMAC: neighborMAC(key, in: snapshot))
    }

    /// The table that the kernel would look the pod's packets up in; nil while unsure.
    static func egressTable(ofPod address: IPAddress, in snapshot: Snapshot) -> RoutingTable? {
        let tables = Set(
            snapshot.networkIndex.rulesBySource[address]
                .filter { $0.podSource == address }.map(\.table))
        let id: UInt32
        if let only = tables.first {
            guard tables.count == 1 else { return nil }
            id = only
        } else if let lapsed = snapshot.podHistory.lapsedTables[address] {
            id = lapsed
        } else if snapshot.podHistory.unsettled.contains(address) {
            return nil
        } else {
            id = Route.mainTable
        }
        return RoutingTable(id: id, family: address.family)
    }

    /// The default route that the kernel would take: lowest metric; in the main table the one of
    /// the primary ENI if the operator named it.
    static func defaultRoute(of table: RoutingTable, in snapshot: Snapshot) -> Route? {
        var keys = snapshot.networkIndex.defaultRoutes[table]
        if table.id == Route.mainTable, let name = snapshot.settings.primaryInterface {
            let primary = snapshot.networkIndex.linkByName[name]
            keys = keys.filter {
                let interface = snapshot.network.routes[$0]?.interface
                return interface != nil && interface == primary
            }
        }
        return bestRoute(of: keys, in: snapshot)
    }

    /// The neighbour's address if the kernel itself would send to it without asking.
    package static func neighborMAC(_ key: Neighbor.Key, in snapshot: Snapshot) -> MACAddress? {
        guard let neighbor = snapshot.network.neighbors[key], neighbor.isValid,
            let mac = neighbor.mac, !mac.isZero
        else { return nil }
        return mac
    }
}
