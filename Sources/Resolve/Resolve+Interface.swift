// What the programs on an interface must know of it: how a packet leaves by an ENI, and which
// addresses the pod behind a veth may send from.

package import Model

extension Resolve {
    /// How one family's packets leave by this ENI; nil: it carries no program of ours, or nothing
    /// routes the family out of it.
    package static func egress(ofENI key: ENIKey, in snapshot: Snapshot) -> ENIEgress? {
        guard let link = snapshot.network.links[key.interface], link.isUp, let mac = link.mac,
            let nextHop = gateway(ofENI: key, in: snapshot)
        else { return nil }
        let neighbor = Neighbor.Key(interface: key.interface, address: nextHop)
        return ENIEgress(
            mac: mac, mtu: link.mtu, nextHopMAC: neighborMAC(neighbor, in: snapshot))
    }

    /// The neighbours that an ENI's traffic goes to. Resolved or not.
    package static func neighbors(ofInterface index: UInt32, in snapshot: Snapshot)
        -> [Neighbor.Key]
    {
        IPFamily.allCases.compactMap { family in
            gateway(ofENI: ENIKey(interface: index, family: family), in: snapshot)
                .map { Neighbor.Key(interface: index, address: $0) }
        }
    }

    /// The addresses that the pod behind this veth may send from; nil: it is no pod's veth. Of a
    /// family with several nothing is said.
    package static func vethAddresses(
        of index: UInt32, in snapshot: Snapshot
    ) -> VethAddresses? {
        guard attachment(ofInterface: index, in: snapshot) == .pod else { return nil }
        let pods = Set(
            snapshot.networkIndex.hostRoutesByInterface[index].map(\.destination.address)
                .filter { podRoute($0, in: snapshot)?.veth.index == index })
        func only(_ family: IPFamily) -> IPAddress? {
            let own = pods.filter { $0.family == family }
            return own.count == 1 ? own.first : nil
        }
        let addresses = VethAddresses(v4: only(.v4), v6: only(.v6))
        return addresses.isEmpty ? nil : addresses
    }

    /// The gateway of the table that speaks for the ENI: the main one for the primary ENI, else a
    /// table that pods are sent to, else whichever routes out of it.
    private static func gateway(ofENI key: ENIKey, in snapshot: Snapshot) -> IPAddress? {
        guard attachment(ofInterface: key.interface, in: snapshot) == .eni else { return nil }
        let tables = Set(
            snapshot.networkIndex.defaultRoutesByInterface[key.interface]
                .filter { $0.destination.family == key.family }.map(\.table)
        ).map { RoutingTable(id: $0, family: key.family) }
        func rank(_ table: RoutingTable) -> (Int, UInt32) {
            if table.id == Route.mainTable { return (0, 0) }
            return (isPodTable(table, in: snapshot) ? 1 : 2, table.id)
        }
        let routes = tables.sorted { rank($0) < rank($1) }
            .compactMap { defaultRoute(of: $0, in: snapshot) }
        return routes.first { $0.interface == key.interface && $0.gateway != nil }?.gateway
    }
}
