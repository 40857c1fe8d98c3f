// One pod address of this node, everything that a packet needs on its way to and from it.

package import Model

extension Resolve {
    /// What the datapath should know of the pod; nil: this address is no pod of this node, or pods
    /// are not shortcut at all. O(1): looks up, never walks the node.
    package static func pod(_ address: IPAddress, in snapshot: Snapshot) -> DesiredPod? {
        guard snapshot.settings.podRouting,
            let route = podRoute(address, in: snapshot),
            let vethMAC = route.veth.mac
        else { return nil }
        let key = Neighbor.Key(interface: route.veth.index, address: address)
        return DesiredPod(
            address: address, veth: route.veth.index, vethMAC: vethMAC, mtu: route.veth.mtu,
            podMAC: neighborMAC(key, in: snapshot),
            watched: watchReason(ofPod: address, behind: route.veth, in: snapshot),
            eni: eni(ofPod: address, in: snapshot))
    }

    /// Neighbours that must be resolved before the pod can be shortcut both ways: itself behind
    /// its veth, and its ENI's next hop. Resolved or not; a refresh keeps asking for both.
    package static func neighbors(of pod: DesiredPod) -> [Neighbor.Key] {
        var keys = [Neighbor.Key(interface: pod.veth, address: pod.address)]
        if let eni = pod.eni {
            keys.append(Neighbor.Key(interface: eni.interface, address: eni.nextHop))
        }
        return keys
    }
}
