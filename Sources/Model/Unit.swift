// What is resolved, planned, retried and reported as one thing. Cost follows the change because
// every station works unit by unit; a full pass is the same functions over all units.

/// One dirty thing. What it should look like is decided by Resolve, never remembered here.
package enum Unit: Hashable, Sendable {
    case service(ObjectName)
    case pod(IPAddress)
    case localAddress(IPAddress)
    case prefix(CIDR)
    case interface(UInt32)
    /// What concerns no single one of the above: the node's own addresses, and whether the
    /// interface programs translate.
    case node
    /// Whatever the datapath holds that nothing claims: what an earlier agent left, and what a
    /// failed write left behind. Nothing is resolved for it; planning it prunes.
    case unclaimed

    /// Who must have told everything before this unit may take away what an earlier agent left.
    package var sources: Set<Source> {
        switch self {
        // A ClusterIP that turns out to be a host address must not have been translated before.
        case .service: [.services, .network]
        case .pod, .localAddress, .prefix, .interface, .node: [.network]
        case .unclaimed: Set(Source.allCases)
        }
    }
}

extension Unit {
    /// The families whose traffic depends on it.
    package var families: [IPFamily] {
        switch self {
        case .pod(let address), .localAddress(let address): [address.family]
        case .prefix(let prefix): [prefix.address.family]
        case .service, .interface, .node, .unclaimed: IPFamily.allCases
        }
    }
}

extension Unit: CustomStringConvertible {
    package var description: String {
        switch self {
        case .service(let name): "service \(name)"
        case .pod(let address): "pod \(address)"
        case .localAddress(let address): "local address \(address)"
        case .prefix(let prefix): "prefix \(prefix)"
        case .interface(let index): "interface \(index)"
        case .node: "the node's settings"
        case .unclaimed: "what nothing claims"
        }
    }
}
