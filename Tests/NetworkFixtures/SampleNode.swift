// A make-believe EKS node as values, one family at a time: two ENIs, and what the CNI's plugin does
// on ADD and DEL, event by event in its order.

package import Model

/// eth0 is the primary ENI, eth1 a secondary one with table 2.
package struct SampleNode: Sendable {
    package let family: IPFamily
    package var settings: Settings

    package static let eth0: UInt32 = 2
    package static let eth1: UInt32 = 3
    package static let secondaryTable: UInt32 = 2

    package init(_ family: IPFamily) {
        self.family = family
        settings = Settings(
            nodeName: "node-a", vpcCIDRs: [CIDR(family == .v4 ? "10.0.0.0/16" : "2001:db8::/32")!])
    }

    package func address(_ subnet: UInt8, _ host: UInt8) -> IPAddress {
        switch family {
        case .v4: IPAddress(v4: 10, 0, subnet, host)
        case .v6: IPAddress("2001:db8:\(subnet)::\(String(host, radix: 16))")!
        }
    }

    package func gateway(_ subnet: UInt8) -> IPAddress {
        family == .v4 ? address(subnet, 1) : IPAddress("fe80:ec2::1")!
    }

    package static func mac(_ kind: UInt8, _ number: UInt32) -> MACAddress {
        let low = [UInt8(number >> 8 & 0xff), UInt8(number & 0xff)]
        return MACAddress(octets: [0x02, kind, 0, 0] + low)!
    }

    package var everything: CIDR {
        CIDR(family == .v4 ? "0.0.0.0/0" : "::/0")!
    }

    package func defaultRoute(table: UInt32, subnet: UInt8, interface: UInt32) -> Route {
        Route(
            table: table, destination: everything, gateway: gateway(subnet), interface: interface,
            priority: family == .v4 ? 0 : 1024)
    }

    package func eni(_ index: UInt32, isUp: Bool = true) -> Link {
        Link(
            index: index, name: "eth\(index - Self.eth0)", kind: "",
            mac: Self.mac(0xe, index), mtu: 9001, isUp: isUp, rootQdisc: "mq")
    }

    /// The node without pods: loopback, two ENIs, their routes, gateways resolved.
    package var empty: NetworkState {
        var state = NetworkState()
        let lo = Link(
            index: 1, name: "lo", kind: "", mac: nil, mtu: 65536, isUp: true, isLoopback: true)
        let loopback = IPAddress(family == .v4 ? "127.0.0.1" : "::1")!
        let events: [NetworkEvent] = [
            .linkChanged(lo), .linkChanged(eni(Self.eth0)), .linkChanged(eni(Self.eth1)),
            .addressAdded(InterfaceAddress(interface: 1, address: loopback, prefixLength: 8)),
            .addressAdded(
                InterfaceAddress(interface: Self.eth0, address: address(1, 10), prefixLength: 24)),
            .addressAdded(
                InterfaceAddress(interface: Self.eth1, address: address(2, 20), prefixLength: 24)),
            .routeChanged(defaultRoute(table: Route.mainTable, subnet: 1, interface: Self.eth0)),
            .routeChanged(
                defaultRoute(table: Self.secondaryTable, subnet: 2, interface: Self.eth1)),
            .ruleAdded(Rule(family: family, priority: 32766, table: Route.mainTable)),
            .ruleAdded(
                Rule(
                    family: family, priority: 1024, mark: 0x80, markMask: 0x80,
                    table: Route.mainTable)),
            .neighborChanged(gatewayNeighbor(1, Self.eth0)),
            .neighborChanged(gatewayNeighbor(2, Self.eth1)),
        ]
        for event in events { state.apply(event) }
        return state
    }

    package func gatewayNeighbor(_ subnet: UInt8, _ interface: UInt32) -> Neighbor {
        Neighbor(
            interface: interface, address: gateway(subnet),
            mac: Self.mac(0xf, UInt32(subnet)), isValid: true)
    }

    package func pod(_ number: UInt32, onSecondary: Bool = false) -> SamplePod {
        SamplePod(node: self, number: number, isOnSecondary: onSecondary)
    }
}

/// Pod `number`, 1…200: its veth has index 100 + number.
package struct SamplePod: Sendable {
    package let node: SampleNode
    package let number: UInt32
    package var isOnSecondary: Bool
    /// Behind another veth when the pod is made anew.
    package var vethIndex: UInt32

    init(node: SampleNode, number: UInt32, isOnSecondary: Bool) {
        self.node = node
        self.number = number
        self.isOnSecondary = isOnSecondary
        vethIndex = 100 + number
    }

    package var address: IPAddress { node.address(isOnSecondary ? 2 : 1, UInt8(50 + number)) }

    package var vethName: String {
        let hex = String(number, radix: 16)
        return "eni" + String(repeating: "a", count: 11 - hex.count) + hex
    }

    package func veth(isUp: Bool = true, qdisc: String = "noqueue") -> Link {
        Link(
            index: vethIndex, name: vethName, kind: "veth", mac: SampleNode.mac(0x5, vethIndex),
            mtu: 9001, isUp: isUp, hasPeerElsewhere: true, rootQdisc: isUp ? qdisc : "noop")
    }

    package var route: Route {
        Route(
            destination: CIDR(host: address), interface: vethIndex,
            priority: node.family == .v4 ? 0 : 1024, isLinkScope: node.family == .v4)
    }

    package var toRule: Rule {
        Rule(
            family: node.family, priority: 512, destination: CIDR(host: address),
            table: Route.mainTable)
    }

    package var fromRule: Rule {
        Rule(
            family: node.family, priority: 1536, source: CIDR(host: address),
            table: SampleNode.secondaryTable)
    }

    package var neighbor: Neighbor {
        Neighbor(
            interface: vethIndex, address: address, mac: SampleNode.mac(0x9, vethIndex),
            isValid: true)
    }

    package var queriedClean: NetworkEvent {
        .foreignProgram(interface: vethIndex, present: false)
    }

    /// What the CNI does on ADD, in its order.
    package var addition: [NetworkEvent] {
        var events: [NetworkEvent] = [
            .linkChanged(veth(isUp: false)), .linkChanged(veth()), .routeChanged(route),
            .ruleAdded(toRule),
        ]
        if isOnSecondary { events.append(.ruleAdded(fromRule)) }
        return events
    }

    /// What follows once we have asked: the kernel knows its MAC, and its hooks are clean.
    package var answers: [NetworkEvent] { [.neighborChanged(neighbor), queriedClean] }

    /// What the CNI and the runtime do on DEL, in their order.
    package var deletion: [NetworkEvent] {
        var events: [NetworkEvent] = [.ruleRemoved(toRule)]
        if isOnSecondary { events.append(.ruleRemoved(fromRule)) }
        return events + [
            .routeRemoved(route.key), .linkChanged(veth(isUp: false)), .linkRemoved(vethIndex),
        ]
    }

    /// The ENI that a settled pod of this kind must leave by.
    package var eni: PodENI {
        let subnet: UInt8 = isOnSecondary ? 2 : 1
        let index = isOnSecondary ? SampleNode.eth1 : SampleNode.eth0
        return PodENI(
            interface: index, mac: SampleNode.mac(0xe, index), mtu: 9001,
            nextHop: node.gateway(subnet), nextHopMAC: SampleNode.mac(0xf, UInt32(subnet)))
    }

    /// What a settled, clean pod with all neighbours resolved looks like.
    package var resolved: DesiredPod {
        DesiredPod(
            address: address, veth: vethIndex, vethMAC: SampleNode.mac(0x5, vethIndex), mtu: 9001,
            podMAC: SampleNode.mac(0x9, vethIndex), watched: nil, eni: eni)
    }
}

extension NetworkState {
    /// The state after these events, one by one.
    package func after(_ events: [NetworkEvent]) -> NetworkState {
        var state = self
        for event in events { state.apply(event) }
        return state
    }
}
