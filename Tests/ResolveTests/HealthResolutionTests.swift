// Health ports of Services as resolved, and whether the node is one to send to.

import Model
import Testing

@testable import Resolve

private func balanced(
    _ change: (inout Service) -> Void = { _ in }
) -> Service {
    var service = Service(
        type: .loadBalancer, clusterIPs: [],
        ports: [ServicePort(name: "http", port: 80), ServicePort(name: "admin", port: 81)],
        externalPolicy: .local, healthCheckNodePort: 31000)
    change(&service)
    return service
}

private func address(_ text: String) -> IPAddress { IPAddress(text)! }

private func held(_ text: String) -> InterfaceAddress {
    InterfaceAddress(interface: 2, address: address(text), prefixLength: 24)
}

@Suite struct HealthResolutionTests {
    private func ports(_ node: Sampled) -> [DesiredHealthPort] {
        Resolve.healthPorts(of: webName, in: node.snapshot)
    }

    @Test("distinct ready addresses of this node count, over all ports, each family for itself")
    func counts() {
        var node = Sampled(balanced())
        node.add([
            Sample(n: 1, node: hereNode), Sample(n: 2, node: hereNode), Sample(n: 3),
            Sample(n: 4, isReady: false, node: hereNode),
            Sample(n: 5, isReady: false, isTerminating: true, node: hereNode),
        ])
        node.add(
            [Sample(n: 1, node: hereNode), Sample(n: 6, node: hereNode)], families: [.v6],
            ports: [EndpointPort(name: "admin", port: 8081)])
        node.add(
            [Sample(n: 7, node: hereNode)], ports: [EndpointPort(name: "other", port: 9)])
        #expect(ports(node).map(\.family) == [.v4, .v6])
        #expect(ports(node).map(\.readyLocalEndpoints) == [2, 3])
        #expect(ports(node).map(\.addresses) == [[.unspecified(.v4)], [.unspecified(.v6)]])
        #expect(ports(node).allSatisfy { $0.port == 31000 && $0.service == webName })
    }

    @Test("draining endpoints are backends of the Local set, and still do not count")
    func draining() {
        var node = Sampled(balanced { $0.ports = [ServicePort(name: "http", port: 80)] })
        node.add([Sample(n: 1, isReady: false, isTerminating: true, node: hereNode)])
        #expect(node.numbers(\.localBackends, .v4) == [1])
        #expect(ports(node).map(\.readyLocalEndpoints) == [0, 0])
    }

    @Test("only a load balancer with policy Local that is ours has one, and only with a number")
    func whoHasOne() {
        #expect(ports(Sampled(balanced())).count == 2)
        #expect(ports(Sampled(balanced { $0.type = .nodePort })).isEmpty)
        #expect(ports(Sampled(balanced { $0.externalPolicy = .cluster })).isEmpty)
        #expect(ports(Sampled(balanced { $0.healthCheckNodePort = nil })).isEmpty)
        #expect(ports(Sampled(balanced { $0.belongsToAnotherProxy = true })).isEmpty)
        #expect(ports(Sampled(balanced(), families: [.v6])).map(\.family) == [.v6])
    }

    @Test(
        "with --nodeport-addresses it listens at the node's addresses inside, link-local ones not")
    func addresses() {
        var node = Sampled(balanced())
        for text in ["10.0.0.4", "10.9.0.4", "127.0.0.1", "2001:db8::4", "fe80::1"] {
            node.snapshot.network.addresses.insert(held(text))
        }
        func listening(_ wanted: NodePortAddresses) -> [[IPAddress]] {
            node.snapshot.settings.nodePortAddresses = wanted
            return ports(node).map(\.addresses)
        }
        // A family without a prefix of its own is not restricted.
        #expect(
            listening(.prefixes([CIDR("10.0.0.0/16")!, CIDR("127.0.0.0/8")!]))
                == [[address("10.0.0.4"), address("127.0.0.1")], [.unspecified(.v6)]])
        #expect(listening(.prefixes([CIDR("fe80::/10")!, CIDR("192.0.2.0/24")!])) == [[], []])
        #expect(listening(.prefixes([CIDR("0.0.0.0/0")!])).first == [.unspecified(.v4)])
        node.snapshot.nodes[hereNode]?.addresses = [address("10.9.0.4"), address("2001:db8::4")]
        #expect(listening(.primary) == [[address("10.9.0.4")], [address("2001:db8::4")]])
    }

    @Test(
        "the node's addresses touch Services with health ports, if they decide where these listen")
    func touched() {
        var node = Sampled(balanced())
        let added = Change.network(.addressAdded(held("10.0.0.4")))
        let object = Change.node(hereNode, Node(zone: "a", addresses: [address("10.0.0.4")]))
        for change in [added, object] {
            node.snapshot.settings.nodePortAddresses = .all
            #expect(Resolve.services(touchedBy: change, in: node.snapshot) == [])
            node.snapshot.settings.nodePortAddresses = .primary
            #expect(Resolve.services(touchedBy: change, in: node.snapshot) == [webName])
        }
        node.snapshot.services[webName]?.externalPolicy = .cluster
        #expect(Resolve.services(touchedBy: added, in: node.snapshot) == [])
    }

    @Test("a node is eligible once its object is known, and unless it is leaving")
    func eligibility() {
        var snapshot = Snapshot(settings: Settings(nodeName: hereNode))
        #expect(!Resolve.isNodeEligible(in: snapshot))
        snapshot.ownNode = Node()
        #expect(Resolve.isNodeEligible(in: snapshot))
        snapshot.ownNode = Node(isLeaving: true)
        #expect(!Resolve.isNodeEligible(in: snapshot))
    }
}
