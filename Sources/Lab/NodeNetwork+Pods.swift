// What the CNI plugin does when a pod comes and goes, in its order: veth, the pod's inside, route,
// rules; and backwards.

import Linux
import Model
import Netlink

extension NodeNetwork {
    /// CNI ADD. The address is the ENI's before the pod exists.
    func addPod(_ new: NewPod, to node: LabNode) throws -> LabPod {
        guard let eni = node.eni(new.eni) else { throw LabError.notFound("ENI \(new.eni)") }
        try vpc.assign([new.ipv4, new.ipv6], to: eni.leg, mac: eni.mac)
        let inside = try NetworkNamespace.create(named: new.namespaceName)
        try ControlGroup(path: new.cgroup).create()
        try Settings.write(Settings.quietIPv6, in: inside)

        let mtu = UInt32(configuration.podMTU)
        try routes.addVeth(
            NewLink(new.veth, mac: new.vethMAC, mtu: mtu),
            peer: NewLink("eth0", mac: new.mac, mtu: mtu, namespace: inside))
        let index = try routes.index(of: .name(new.veth))
        try Settings.write(
            [
                ("net/ipv6/conf/\(new.veth)/accept_redirects", "1"),
                ("net/ipv6/conf/\(new.veth)/forwarding", "0"),
            ], in: namespace)
        try routes.setLink(.index(index), up: true)
        try configureInside(inside, new)
        for address in [new.ipv4, new.ipv6] {
            try routes.addRoute(Self.podRoute(address, interface: index))
            for rule in Self.podRules(address, eni: eni) { try routes.addRule(rule) }
        }
        return new.pod(netns: inside.path, vethIndex: index)
    }

    /// CNI DEL, then the runtime removes the sandbox. The address goes last.
    func deletePod(_ pod: LabPod, of node: LabNode) throws {
        guard let eni = node.eni(pod.eni) else { throw LabError.notFound("ENI \(pod.eni)") }
        try LabRemoval.removeGroups(ControlGroup(path: pod.cgroup))
        for address in [pod.ipv4, pod.ipv6] {
            for rule in Self.podRules(address, eni: eni) { try routes.deleteRule(rule) }
            try routes.deleteRoute(Self.podRoute(address, interface: pod.vethIndex))
        }
        // With its namespace the link would go too, some time after its last process and socket.
        try routes.deleteLink(.index(pod.vethIndex))
        if let name = pod.netns.split(separator: "/").last {
            try NetworkNamespace.delete(named: String(name))
        }
        try vpc.unassign([pod.ipv4, pod.ipv6], from: eni.leg)
    }

    /// An address, a gateway that only a static neighbour entry knows, and nothing else.
    private func configureInside(_ inside: NetworkNamespace, _ new: NewPod) throws {
        let podRoutes = try RouteSocket(in: inside)
        try podRoutes.setLink("lo", up: true)
        let index = try podRoutes.index(of: "eth0")
        try podRoutes.setLink(.index(index), up: true)
        let gateway = AddressPlan.podGateway
        for address in [new.ipv4, new.ipv6] {
            try podRoutes.addHostAddress(address, to: index)
        }
        try podRoutes.addDefaultRoutes(
            via: [gateway.v4, gateway.v6], interface: index, table: Route.mainTable)
        for address in [gateway.v4, gateway.v6] {
            try podRoutes.setNeighbor(address, mac: new.vethMAC, interface: index)
        }
    }

    private static func podRoute(_ address: IPAddress, interface: UInt32) -> NewRoute {
        NewRoute(CIDR(host: address), interface: interface)
    }

    private static func podRules(_ address: IPAddress, eni: LabENI) -> [Rule] {
        let pod = CIDR(host: address)
        let inbound = Rule(
            family: address.family, priority: 512, destination: pod, table: Route.mainTable)
        guard eni.device > 0 else { return [inbound] }
        let outbound = Rule(
            family: address.family, priority: 1536, source: pod, table: eni.table)
        return [inbound, outbound]
    }
}
