// The host's own addresses, the VPC's prefixes, and who carries our programs.

import Model
import NetworkFixtures
import Resolve
import Testing

private func snapshot(
    _ node: SampleNode, _ events: [NetworkEvent] = [], settings: (inout Settings) -> Void = { _ in }
) -> Snapshot {
    var snapshot = Snapshot(settings: node.settings)
    settings(&snapshot.settings)
    snapshot.network = node.empty.after(events)
    return snapshot
}

@Suite struct HostResolutionTests {
    @Test("every address of the host is local, secondary ENIs' too; loopback takes no node ports")
    func localAddresses() {
        for family in IPFamily.allCases {
            let node = SampleNode(family)
            let local = Resolve.network(in: snapshot(node)).localAddresses
            let loopback = IPAddress(family == .v4 ? "127.0.0.1" : "::1")!
            #expect(
                local == [loopback: false, node.address(1, 10): true, node.address(2, 20): true])
        }
    }

    @Test("node ports answer where the operator wants them", arguments: IPFamily.allCases)
    func nodePorts(family: IPFamily) {
        let node = SampleNode(family)
        let (first, second) = (node.address(1, 10), node.address(2, 20))
        let loopback = IPAddress(family == .v4 ? "127.0.0.1" : "::1")!
        func accepting(
            _ choice: NodePortAddresses, told: [IPAddress] = []
        ) -> Set<IPAddress> {
            var snapshot = snapshot(node) { $0.nodePortAddresses = choice }
            if !told.isEmpty { snapshot.nodes["node-a"] = Node(addresses: told) }
            let local = Resolve.network(in: snapshot).localAddresses
            #expect(Set(local.keys) == [first, second, loopback])
            return Set(local.filter(\.value).keys)
        }
        let everything = CIDR(loopback, prefixLength: 0)!
        let other = CIDR(family == .v4 ? "fd00::/8" : "10.0.0.0/8")!
        let rows: [(NodePortAddresses, [IPAddress], Set<IPAddress>)] = [
            (.all, [], [first, second]),
            (.primary, [], [first]),
            (.primary, [second], [second]),
            (.primary, [other.address], []),
            (.prefixes([CIDR(host: second)]), [], [second]),
            (
                .prefixes([CIDR(host: second), CIDR(first, prefixLength: 20)!]), [],
                [first, second]
            ),
            (.prefixes([CIDR(host: loopback)]), [], []),
            (.prefixes([everything]), [], [first, second]),
            // A family that the list does not name is not restricted.
            (.prefixes([other]), [], [first, second]),
            (.prefixes([other, CIDR(host: first)]), [], [first]),
        ]
        for (choice, told, expected) in rows {
            #expect(accepting(choice, told: told) == expected, "\(choice) \(told)")
        }
    }

    @Test(
        "an address on two interfaces stays local until it left both", arguments: IPFamily.allCases)
    func shared(family: IPFamily) {
        let node = SampleNode(family)
        let second = InterfaceAddress(
            interface: SampleNode.eth1, address: node.address(1, 10), prefixLength: 32)
        var snapshot = snapshot(node, [.addressAdded(second)])
        snapshot.applyAlone(.addressRemoved(second))
        #expect(Resolve.localAddress(second.address, in: snapshot) == true)
        let first = InterfaceAddress(
            interface: SampleNode.eth0, address: second.address, prefixLength: 24)
        snapshot.applyAlone(.addressRemoved(first))
        #expect(Resolve.localAddress(second.address, in: snapshot) == nil)
    }

    @Test("a prefix says what those around it say, since only the longest is found")
    func prefixes() {
        let settings = Settings(
            nodeName: "n",
            vpcCIDRs: ["10.0.0.0/16", "172.16.5.0/24", "fd00::/48"].map { CIDR($0)! },
            snatExcludeCIDRs: ["10.0.9.0/24", "172.16.0.0/12", "fd00:0:0:9::/64"].map { CIDR($0)! })
        let prefixes = Resolve.network(in: Snapshot(settings: settings)).prefixes
        let both = PrefixClass(isInsideVPC: true, isExcludedFromSNAT: true)
        let inside = PrefixClass(isInsideVPC: true, isExcludedFromSNAT: false)
        let excluded = PrefixClass(isInsideVPC: false, isExcludedFromSNAT: true)
        #expect(
            prefixes == [
                CIDR("10.0.0.0/16")!: inside, CIDR("10.0.9.0/24")!: both,
                CIDR("172.16.5.0/24")!: both, CIDR("172.16.0.0/12")!: excluded,
                CIDR("fd00::/48")!: inside, CIDR("fd00:0:0:9::/64")!: both,
            ])
    }

    @Test("only ENIs that pods leave by carry our programs", arguments: IPFamily.allCases)
    func attachments(family: IPFamily) {
        let node = SampleNode(family)
        let pod = node.pod(1, onSecondary: true)
        #expect(
            Resolve.network(in: snapshot(node)).attachments == [SampleNode.eth0: .eni],
            "no rule names eth1's table: it may be unmanaged")
        #expect(
            Resolve.network(in: snapshot(node, pod.addition)).attachments
                == [SampleNode.eth0: .eni, SampleNode.eth1: .eni, pod.vethIndex: .pod])
    }

    @Test("ENIs that the operator names carry our programs anyway")
    func named() {
        let node = SampleNode(.v4)
        let named = snapshot(node) {
            $0.eniInterfaces = ["eth1"]
            $0.primaryInterface = "eth0"
        }
        #expect(
            Resolve.network(in: named).attachments
                == [SampleNode.eth0: .eni, SampleNode.eth1: .eni])
    }

    @Test("with pod routing off no veth carries our programs")
    func off() {
        let node = SampleNode(.v6)
        let off = snapshot(node, node.pod(1).addition) { $0.podRouting = false }
        #expect(Resolve.network(in: off).attachments == [SampleNode.eth0: .eni])
    }
}
