// What translation needs of the node itself. The VPC drops a packet whose source is not its ENI's
// own, so clients are hidden behind addresses of the primary ENI and nothing else; where there is
// any doubt about it, nothing is masqueraded.

package import Model

extension Resolve {
    /// The node's settings as they follow from its addresses now; O(addresses of one interface).
    package static func node(in snapshot: Snapshot) -> DesiredNode {
        let settings = snapshot.settings
        let primary = primaryInterface(in: snapshot)
        func masquerade(_ family: IPFamily) -> IPAddress? {
            primary.flatMap { masqueradeAddress(family, on: $0, in: snapshot) }
        }
        return DesiredNode(
            primaryInterface: primary?.index, masqueradeV4: masquerade(.v4),
            masqueradeV6: masquerade(.v6), localDetection: settings.localDetection,
            newFlowsPerSecond: settings.newFlowsPerSecond,
            masqueradePorts: settings.masqueradePorts, masqueradesAll: settings.masqueradesAll)
    }

    /// The ENI that traffic to this node enters by: the one that the operator named, else where the
    /// main table's default route leads, IPv4's first. Nil while it is down or unknown.
    static func primaryInterface(in snapshot: Snapshot) -> Link? {
        guard let link = primaryLink(in: snapshot), link.isUp, !link.isLoopback, link.mac != nil
        else { return nil }
        return link
    }

    /// The interface whose driver gets our XDP program; nil: none. Up or down: taking the program
    /// off and putting it on again resets many a driver.
    static func xdpInterface(in snapshot: Snapshot) -> UInt32? {
        guard snapshot.settings.xdp, let link = primaryLink(in: snapshot), !link.isLoopback
        else { return nil }
        return link.index
    }

    private static func primaryLink(in snapshot: Snapshot) -> Link? {
        let index: UInt32?
        if let name = snapshot.settings.primaryInterface {
            index = snapshot.networkIndex.linkByName[name]
        } else {
            index =
                IPFamily.allCases.lazy.compactMap { family in
                    let main = RoutingTable(id: Route.mainTable, family: family)
                    return defaultRoute(of: main, in: snapshot)?.interface
                }.first
        }
        return index.flatMap { snapshot.network.links[$0] }
    }

    /// Addresses that "the node" has for Kubernetes: the Node object's, while it has none those
    /// that flows are masqueraded with.
    static func primaryAddresses(in snapshot: Snapshot) -> [IPAddress] {
        let told = snapshot.nodes[snapshot.settings.nodeName]?.addresses ?? []
        guard told.isEmpty, let primary = primaryInterface(in: snapshot) else { return told }
        return IPFamily.allCases.compactMap {
            masqueradeAddress($0, on: primary, in: snapshot)
        }
    }

    /// Of several global addresses the one that the Node object names first, else one that shares
    /// its subnet with the gateway, else the lowest. The state does not tell their order.
    private static func masqueradeAddress(
        _ family: IPFamily, on link: Link, in snapshot: Snapshot
    ) -> IPAddress? {
        let own = snapshot.networkIndex.addressesByInterface[link.index].filter {
            $0.address.family == family && isGlobal($0.address)
        }
        let told = snapshot.nodes[snapshot.settings.nodeName]?.addresses ?? []
        if let named = told.first(where: { name in own.contains { $0.address == name } }) {
            return named
        }
        let main = RoutingTable(id: Route.mainTable, family: family)
        let gateway = defaultRoute(of: main, in: snapshot)?.gateway
        func isApart(_ address: InterfaceAddress) -> Int {
            let subnet = CIDR(address.address, prefixLength: address.prefixLength)
            return gateway.map { subnet?.contains($0) == true } == true ? 0 : 1
        }
        return own.min { (isApart($0), $0.address) < (isApart($1), $1.address) }?.address
    }

    private static func isGlobal(_ address: IPAddress) -> Bool {
        !address.isLinkLocal && !address.isLoopback && !address.isMulticast
            && !address.isUnspecified
    }
}
