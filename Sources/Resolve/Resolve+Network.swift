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
        units.insert(.node)
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
                interface(index, into: &desired, in: snapshot)
            case .node: node(into: &desired, in: snapshot)
            case .service, .unclaimed: break
            }
        }
        return desired
    }

    /// One interface's part: its programs, and what they must know of it.
    package static func interface(
        _ index: UInt32, into desired: inout Desired, in snapshot: Snapshot
    ) {
        desired.attachments[index] = attachment(ofInterface: index, in: snapshot)
        desired.veths[index] = vethAddresses(of: index, in: snapshot)
        for family in IPFamily.allCases {
            let key = ENIKey(interface: index, family: family)
            desired.enis[key] = egress(ofENI: key, in: snapshot)
        }
    }

    /// What concerns the node as a whole.
    package static func node(into desired: inout Desired, in snapshot: Snapshot) {
        let node = node(in: snapshot)
        desired.node = node
        desired.xdpInterface = xdpInterface(in: snapshot)
        desired.translatesServices =
            snapshot.settings.podRouting && snapshot.settings.translatesServices
            && node.primaryInterface != nil
    }
}
