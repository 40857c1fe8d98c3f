// The whole network at once, by the same functions: at start, as an audit, and for whoever reads.

package import Model

extension Resolve {
    /// Every unit that the network's state and the settings speak of. Some resolve to nothing.
    package static func networkUnits(in snapshot: Snapshot) -> Set<Unit> {
        var units: Set<Unit> = []
        for address in snapshot.networkIndex.hostRoutes.keys { units.insert(.pod(address)) }
        for address in snapshot.networkIndex.addresses.keys { units.insert(.localAddress(address)) }
        for prefix in snapshot.settings.vpcCIDRs { units.insert(.prefix(prefix)) }
        for prefix in snapshot.settings.snatExcludeCIDRs { units.insert(.prefix(prefix)) }
        for index in snapshot.network.links.keys { units.insert(.interface(index)) }
        return units
    }

    /// The network's part of what the node should do.
    package static func network(in snapshot: Snapshot) -> Desired {
        var desired = Desired()
        for unit in networkUnits(in: snapshot) {
            switch unit {
            case .pod(let address): desired.pods[address] = pod(address, in: snapshot)
            case .localAddress(let address):
                desired.localAddresses[address] = localAddress(address, in: snapshot)
            case .prefix(let cidr): desired.prefixes[cidr] = prefix(cidr, in: snapshot)
            case .interface(let index):
                desired.attachments[index] = attachment(ofInterface: index, in: snapshot)
            case .service, .unclaimed: break
            }
        }
        return desired
    }
}
