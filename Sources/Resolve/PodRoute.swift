// Which address is a pod on this node, and behind which veth. The route decides; rules alone mean
// nothing, since they leak when a plugin dies, and neither does a name.

package import Model

/// A route of the main table that leads to a pod.
struct PodRoute {
    var address: IPAddress
    var veth: Link
}

extension Resolve {
    /// The pod's veth as the CNI makes it: host route without gateway, to a veth that is up, whose
    /// peer is elsewhere, confirmed by a rule or by the veth's name. Nil: no pod for us.
    static func podRoute(_ address: IPAddress, in snapshot: Snapshot) -> PodRoute? {
        guard !isNodeLocal(address),
            let index = veth(ofPod: address, in: snapshot),
            let veth = snapshot.network.links[index],
            veth.kind == "veth", veth.hasPeerElsewhere, veth.isUp,
            !veth.name.hasPrefix(strictBranchPrefix),
            isConfirmed(address, veth, in: snapshot)
        else { return nil }
        return PodRoute(address: address, veth: veth)
    }

    /// The interface that the kernel would deliver the address to, whether or not it is a pod's.
    package static func veth(ofPod address: IPAddress, in snapshot: Snapshot) -> UInt32? {
        bestRoute(of: snapshot.networkIndex.hostRoutes[address], in: snapshot)?.interface
    }

    /// Of several routes to one destination the kernel takes the one with the lowest metric. IPv6
    /// may have several of it, one for each interface: which is taken is not ours to guess.
    static func bestRoute(of keys: Set<Route.Key>, in snapshot: Snapshot) -> Route? {
        guard let lowest = keys.lazy.map(\.priority).min() else { return nil }
        let best = keys.filter { $0.priority == lowest }
        return best.count == 1 ? best.first.flatMap { snapshot.network.routes[$0] } : nil
    }

    private static func isConfirmed(
        _ address: IPAddress, _ veth: Link, in snapshot: Snapshot
    ) -> Bool {
        hasToRule(address, in: snapshot)
            || snapshot.podHistory.lapsedConfirmations.contains(address)
            || isPodVethName(veth.name, prefix: snapshot.settings.vethPrefix)
    }

    /// The prefix and the first eleven hex digits of a hash, e.g. `eni6a241e7f902`.
    static func isPodVethName(_ name: String, prefix: String) -> Bool {
        guard name.hasPrefix(prefix) else { return false }
        let hash = name.utf8.dropFirst(prefix.utf8.count)
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        let letters = UInt8(ascii: "a")...UInt8(ascii: "f")
        return hash.count == 11 && hash.allSatisfy { digits.contains($0) || letters.contains($0) }
    }

    /// Addresses that are a pod's second, node-local face (the egress plugins' ranges; they repeat
    /// on every node) or never a pod's: link-local (169.254.1.1 and .172–.175 among them) and such.
    static func isNodeLocal(_ address: IPAddress) -> Bool {
        address.isLinkLocal || address.isLoopback || address.isMulticast || address.isUnspecified
            || egressV6?.contains(address) == true
    }

    /// fd00::ac:0/118, the v6 egress plugin's range; its IPv4 sibling is link-local anyway.
    private static let egressV6 = CIDR("fd00::ac:0/118")

    /// Strict branch-ENI pods must pass their trunk both ways, even on the node (§4.6).
    private static let strictBranchPrefix = "vlan"
}
