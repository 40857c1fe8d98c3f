// What belongs to the host itself: its addresses, the VPC's prefixes, and which interfaces carry
// our programs.

package import Model

extension Resolve {
    /// Whether node ports answer on this address of the host; nil: the host does not hold it.
    /// Loopback addresses never accept; those of all interfaces may, secondary ENIs included.
    package static func localAddress(_ address: IPAddress, in snapshot: Snapshot) -> Bool? {
        guard !snapshot.networkIndex.addresses[address].isEmpty else { return nil }
        if address.isLoopback { return false }
        switch snapshot.settings.nodePortAddresses {
        case .all: return true
        case .primary: return primaryAddresses(in: snapshot).contains(address)
        case .prefixes(let all):
            let own = all.filter { $0.family == address.family }
            return own.isEmpty || own.contains { $0.contains(address) }
        }
    }

    /// What a configured prefix means; nil: it is not configured. A lookup finds the longest prefix
    /// only, so a prefix takes over what those around it say.
    package static func prefix(_ prefix: CIDR, in snapshot: Snapshot) -> PrefixClass? {
        let settings = snapshot.settings
        guard settings.vpcCIDRs.contains(prefix) || settings.snatExcludeCIDRs.contains(prefix)
        else { return nil }
        return PrefixClass(
            isInsideVPC: settings.vpcCIDRs.contains { $0.encloses(prefix) },
            isExcludedFromSNAT: settings.snatExcludeCIDRs.contains { $0.encloses(prefix) })
    }

    /// Which of our programs the interface carries; nil: none. Never an ENI that nothing routes
    /// pods through: those are not the CNI's and belong to somebody else.
    package static func attachment(
        ofInterface index: UInt32, in snapshot: Snapshot
    ) -> AttachmentRole? {
        guard let link = snapshot.network.links[index], !link.isLoopback else { return nil }
        if isENI(link, in: snapshot) { return .eni }
        guard snapshot.settings.podRouting else { return nil }
        let pods = snapshot.networkIndex.hostRoutesByInterface[index].map(\.destination.address)
            .filter { podRoute($0, in: snapshot)?.veth.index == index }
        guard !pods.isEmpty else { return nil }
        if snapshot.settings.programsRunFirst { return .pod }
        let isWatched = pods.contains { watchReason(ofPod: $0, behind: link, in: snapshot) != nil }
        return isWatched ? nil : .pod
    }

    private static func isENI(_ link: Link, in snapshot: Snapshot) -> Bool {
        if snapshot.settings.eniInterfaces?.contains(link.name) == true { return true }
        if let primary = snapshot.settings.primaryInterface, primary == link.name { return true }
        return snapshot.networkIndex.defaultRoutesByInterface[link.index].contains { key in
            let table = RoutingTable(id: key.table, family: key.destination.family)
            guard defaultRoute(of: table, in: snapshot)?.interface == link.index else {
                return false
            }
            return table.id == Route.mainTable || isPodTable(table, in: snapshot)
        }
    }

    static func isPodTable(_ table: RoutingTable, in snapshot: Snapshot) -> Bool {
        !pods(ofTable: table, in: snapshot).isEmpty
    }

    /// Addresses whose from-rule names the table, or named it until it lapsed.
    static func pods(ofTable table: RoutingTable, in snapshot: Snapshot) -> Set<IPAddress> {
        var pods = Set(snapshot.networkIndex.sourceRulesByTable[table].compactMap(\.podSource))
        for (pod, id) in snapshot.podHistory.lapsedTables
        where id == table.id && pod.family == table.family {
            pods.insert(pod)
        }
        return pods
    }
}

extension CIDR {
    /// Whether every address of the other lies inside this one.
    func encloses(_ other: CIDR) -> Bool {
        prefixLength <= other.prefixLength && contains(other.address)
    }
}
