// What translation learns of the node: its primary ENI and addresses, its ENIs' ways out, and what
// may come out of each veth.

import Model
import NetworkFixtures
import Testing

@testable import Resolve

private func snapshot(
    _ node: SampleNode, _ events: [NetworkEvent] = [], settings: (inout Settings) -> Void = { _ in }
) -> Snapshot {
    var snapshot = Snapshot(settings: node.settings)
    settings(&snapshot.settings)
    snapshot.network = node.empty.after(events)
    return snapshot
}

/// Both families on the same two ENIs, IPv4's links.
private func dualStack(_ events: [NetworkEvent] = []) -> Snapshot {
    var snapshot = snapshot(SampleNode(.v4))
    let other = SampleNode(.v6).empty
    for address in other.addresses { snapshot.network.apply(.addressAdded(address)) }
    for route in other.routes.values { snapshot.network.apply(.routeChanged(route)) }
    for neighbor in other.neighbors.values { snapshot.network.apply(.neighborChanged(neighbor)) }
    for event in events { snapshot.network.apply(event) }
    return snapshot
}

private func held(_ interface: UInt32, _ text: String, _ length: Int) -> NetworkEvent {
    .addressAdded(
        InterfaceAddress(interface: interface, address: IPAddress(text)!, prefixLength: length))
}

@Suite struct NodeResolutionTests {
    @Test("flows are masqueraded with the primary ENI's address", arguments: IPFamily.allCases)
    func primary(family: IPFamily) {
        let node = SampleNode(family)
        let found = Resolve.node(in: snapshot(node))
        #expect(found.primaryInterface == SampleNode.eth0)
        #expect(found.masquerade(family) == node.address(1, 10))
        #expect(found.masquerade(family == .v4 ? .v6 : .v4) == nil)
    }

    @Test("both families are masqueraded where the primary ENI has addresses of both")
    func both() {
        let found = Resolve.node(in: dualStack())
        #expect(found.masqueradeV4 == SampleNode(.v4).address(1, 10))
        #expect(found.masqueradeV6 == SampleNode(.v6).address(1, 10))
    }

    @Test("the interface that the operator names is the primary one", arguments: IPFamily.allCases)
    func named(family: IPFamily) {
        let node = SampleNode(family)
        let found = Resolve.node(in: snapshot(node) { $0.primaryInterface = "eth1" })
        #expect(found.primaryInterface == SampleNode.eth1)
        #expect(found.masquerade(family) == node.address(2, 20))
        let nowhere = Resolve.node(in: snapshot(node) { $0.primaryInterface = "ens5" })
        #expect(nowhere.primaryInterface == nil && nowhere.masquerade(family) == nil)
    }

    @Test("without a default route, or while the ENI is down, nothing is masqueraded")
    func unknown() {
        for family in IPFamily.allCases {
            let node = SampleNode(family)
            let route = node.defaultRoute(
                table: Route.mainTable, subnet: 1, interface: SampleNode.eth0)
            let events: [NetworkEvent] = [
                .routeRemoved(route.key), .linkChanged(node.eni(SampleNode.eth0, isUp: false)),
            ]
            for event in events {
                let snapshot = snapshot(node, [event])
                #expect(Resolve.node(in: snapshot) == DesiredNode())
                #expect(!Resolve.network(in: snapshot).translatesServices)
            }
        }
    }

    @Test(
        "of several addresses the Node object's first, else the gateway's subnet, else the lowest")
    func several() {
        let extra = [
            held(SampleNode.eth0, "10.0.0.200", 32), held(SampleNode.eth0, "10.0.1.5", 24),
            held(SampleNode.eth0, "169.254.1.1", 16), held(SampleNode.eth0, "fe80::1", 64),
            held(SampleNode.eth0, "2001:db8:7::7", 64),
        ]
        var snapshot = dualStack(extra)
        #expect(Resolve.node(in: snapshot).masqueradeV4 == IPAddress("10.0.1.5"))
        // IPv6 gateways are link-local: they tell nothing.
        #expect(Resolve.node(in: snapshot).masqueradeV6 == IPAddress("2001:db8:1::a"))
        let told = ["192.0.2.9", "10.0.2.20", "10.0.0.200", "10.0.1.10", "2001:db8:7::7"]
        snapshot.nodes["node-a"] = Node(addresses: told.map { IPAddress($0)! })
        #expect(Resolve.node(in: snapshot).masqueradeV4 == IPAddress("10.0.0.200"))
        #expect(Resolve.node(in: snapshot).masqueradeV6 == IPAddress("2001:db8:7::7"))
        snapshot.nodes = ["node-b": Node(addresses: [IPAddress("10.0.1.10")!])]
        #expect(Resolve.node(in: snapshot).masqueradeV4 == IPAddress("10.0.1.5"))
    }

    @Test("what the operator decided is passed on; translation needs pod routing")
    func settings() {
        let node = SampleNode(.v6)
        let decided = Resolve.node(
            in: snapshot(node) {
                $0.localDetection = .none
                $0.masqueradesAll = true
                $0.masqueradePorts = 50000...50009
                $0.newFlowsPerSecond = 0
            })
        #expect(decided.localDetection == .none && decided.masqueradesAll)
        #expect(decided.masqueradePorts == 50000...50009 && decided.newFlowsPerSecond == 0)
        #expect(Resolve.network(in: snapshot(node)).translatesServices)
        let off = snapshot(node) { $0.podRouting = false }
        #expect(!Resolve.network(in: off).translatesServices)
        let unable = snapshot(node) { $0.translatesServices = false }
        #expect(!Resolve.network(in: unable).translatesServices)
    }

    @Test("an ENI is left by its table's gateway, as its pods leave", arguments: IPFamily.allCases)
    func enis(family: IPFamily) {
        let node = SampleNode(family)
        let pod = node.pod(1, onSecondary: true)
        var snapshot = snapshot(node, pod.addition)
        func expected(_ pod: SamplePod) -> ENIEgress {
            ENIEgress(mac: pod.eni.mac, mtu: pod.eni.mtu, nextHopMAC: pod.eni.nextHopMAC)
        }
        let keys = [SampleNode.eth0, SampleNode.eth1].map { ENIKey(interface: $0, family: family) }
        #expect(
            Resolve.network(in: snapshot).enis
                == [keys[0]: expected(node.pod(2)), keys[1]: expected(pod)])
        #expect(
            Resolve.neighbors(ofInterface: SampleNode.eth1, in: snapshot)
                == [node.gatewayNeighbor(2, SampleNode.eth1).key])

        snapshot.applyAlone(.neighborRemoved(node.gatewayNeighbor(2, SampleNode.eth1).key))
        let unresolved = Resolve.egress(ofENI: keys[1], in: snapshot)
        #expect(unresolved != nil && unresolved?.nextHopMAC == nil)
        for event in pod.deletion { snapshot.applyAlone(event) }
        #expect(Resolve.egress(ofENI: keys[1], in: snapshot) == nil, "no program of ours there")
    }

    @Test("the main table speaks for the primary ENI, a table of pods before anybody else's")
    func tables() {
        let node = SampleNode(.v4)
        func route(_ table: UInt32, _ gateway: IPAddress, _ interface: UInt32) -> NetworkEvent {
            .routeChanged(
                Route(
                    table: table, destination: node.everything, gateway: gateway,
                    interface: interface))
        }
        let snapshot = snapshot(
            node,
            node.pod(1, onSecondary: true).addition + [
                route(1, node.address(1, 77), SampleNode.eth0),
                route(1, node.address(2, 77), SampleNode.eth1),
            ])
        for (interface, subnet) in [(SampleNode.eth0, UInt8(1)), (SampleNode.eth1, 2)] {
            #expect(
                Resolve.neighbors(ofInterface: interface, in: snapshot).map(\.address)
                    == [node.gateway(subnet)])
        }
    }

    @Test("a veth may send its pod's addresses; of two in one family nothing is said")
    func veths() {
        let (four, six) = (SampleNode(.v4).pod(1), SampleNode(.v6).pod(1))
        var snapshot = dualStack(four.addition)
        func addresses() -> VethAddresses? {
            Resolve.vethAddresses(of: four.vethIndex, in: snapshot)
        }
        #expect(addresses() == VethAddresses(v4: four.address))
        for event in six.addition { snapshot.applyAlone(event) }
        #expect(addresses() == VethAddresses(v4: four.address, v6: six.address))
        var second = SampleNode(.v4).pod(2)
        second.vethIndex = four.vethIndex
        snapshot.applyAlone(.routeChanged(second.route))
        #expect(addresses() == VethAddresses(v6: six.address))
        for event in six.deletion { snapshot.applyAlone(event) }
        #expect(addresses() == nil)
        #expect(Resolve.vethAddresses(of: SampleNode.eth0, in: snapshot) == nil)
    }

    @Test("the v6 egress plugin's face and link-local addresses are no pod's")
    func nodeLocal() {
        let node = SampleNode(.v6)
        let pod = node.pod(1)
        let face = Route(
            destination: CIDR("fd00::ac:5/128")!, interface: pod.vethIndex, priority: 1024)
        let snapshot = snapshot(node, pod.addition + [.routeChanged(face)])
        #expect(
            Resolve.vethAddresses(of: pod.vethIndex, in: snapshot)
                == VethAddresses(v6: pod.address))
    }
}
