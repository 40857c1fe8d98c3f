// Frontends, ports and policies of a Service: which are handled, in which family, under which kind.

import Model
import Resolve
import Testing

private func address(_ text: String) -> IPAddress { IPAddress(text)! }

private func frontend(_ text: String, _ port: UInt16, _ transport: L4Protocol = .tcp) -> Frontend {
    Frontend(address: address(text), port: port, protocol: transport)
}

@Suite struct ServiceResolutionTests {
    @Test("a ClusterIP is dialled at the port of its family, TCP and UDP alike")
    func clusterIPs() {
        var node = Sampled(
            Service(
                clusterIPs: [],
                ports: [
                    ServicePort(name: "dns", protocol: .udp, port: 53),
                    ServicePort(name: "dns-tcp", protocol: .tcp, port: 53),
                    ServicePort(name: "none", protocol: .sctp, port: 53),
                ]))
        node.add(
            [Sample(n: 1)],
            ports: [
                EndpointPort(name: "dns", protocol: .udp, port: 5353),
                EndpointPort(name: "dns-tcp", protocol: .tcp, port: 5300),
                // Another protocol under the right name is another port.
                EndpointPort(name: "none", protocol: .tcp, port: 1),
            ])
        for family in IPFamily.allCases {
            let ports = node.ports(family)
            #expect(ports.map(\.name.port) == ["dns", "dns-tcp", "none"])
            let at = clusterIP(family)
            #expect(
                ports.map(\.frontends)
                    == [.udp, .tcp, .sctp].map {
                        [Frontend(address: at, port: 53, protocol: $0): .clusterIP]
                    })
            #expect(ports.map { $0.clusterBackends.map(\.port) } == [[5353], [5300], []])
            #expect(ports.map { $0.clusterBackends.map(\.protocol) } == [[.udp], [.tcp], []])
            #expect(ports.map(\.isUsableAnywhere) == [true, true, false])
        }
    }

    @Test("a target port that differs between slices makes backends with both ports")
    func namedTargetPort() {
        var node = Sampled([Sample(n: 1)])
        node.add([Sample(n: 2)], ports: [EndpointPort(name: "http", port: 9090)])
        for family in IPFamily.allCases {
            #expect(
                node.ports(family).first?.clusterBackends == [
                    Backend(address: podAddress(1, family), port: 8080, protocol: .tcp),
                    Backend(address: podAddress(2, family), port: 9090, protocol: .tcp),
                ])
        }
    }

    @Test("the families are two services: one may be usable while the other is not")
    func families() {
        var node = Sampled(Sampled.plain)
        node.add([Sample(n: 1)], families: [.v6])
        #expect(node.isUsable(.v6) == true)
        #expect(node.isUsable(.v4) == false)
        #expect(Sampled(Sampled.plain, families: [.v6]).ports(.v4) == [])
    }

    @Test("another proxy's, headless, ExternalName and unknown Services are not handled")
    func unhandled() {
        var others = Sampled.plain
        others.belongsToAnotherProxy = true
        var external = Sampled.plain
        external.type = .externalName
        for service in [others, external] {
            #expect(Resolve.service(webName, in: Sampled(service).snapshot) == [])
        }
        var headless = Sampled(Sampled.plain)
        headless.snapshot.services[webName]?.clusterIPs = []
        #expect(Resolve.service(webName, in: headless.snapshot) == [])
        headless.snapshot.services[webName] = nil
        headless.add([Sample(n: 1)])
        #expect(Resolve.service(webName, in: headless.snapshot) == [])
    }

    @Test("external IPs, load balancer addresses and node ports are frontends of their family")
    func kinds() {
        var service = Sampled.plain
        service.type = .loadBalancer
        service.ports[0].nodePort = 30080
        service.externalIPs = [address("192.0.2.50"), address("2001:db8::50")]
        service.loadBalancerIPs = [address("203.0.113.1")]
        service.externalPolicy = .local
        let node = Sampled(service)
        let v4: [Frontend: FrontendKind] = [
            frontend("10.100.0.1", 80): .clusterIP, frontend("192.0.2.50", 80): .externalIP,
            frontend("203.0.113.1", 80): .loadBalancer, frontend("0.0.0.0", 30080): .nodePort,
        ]
        let v6: [Frontend: FrontendKind] = [
            frontend("fd00:100::1", 80): .clusterIP, frontend("2001:db8::50", 80): .externalIP,
            frontend("::", 30080): .nodePort,
        ]
        #expect(node.ports(.v4).first?.frontends == v4)
        #expect(node.ports(.v6).first?.frontends == v6)
        #expect(node.ports(.v4).first?.externalPolicy == .local)
    }

    @Test("an address that plays two parts is what is matched first")
    func overlap() {
        var service = Sampled.plain
        service.externalIPs = [clusterIP(.v4), address("192.0.2.1")]
        service.loadBalancerIPs = [address("192.0.2.1")]
        #expect(
            Sampled(service).ports(.v4).first?.frontends == [
                frontend("10.100.0.1", 80): .clusterIP, frontend("192.0.2.1", 80): .externalIP,
            ])
    }

    @Test("the external policy counts only where the type exposes the Service")
    func exposure() {
        var service = Sampled.plain
        service.externalPolicy = .local
        service.internalPolicy = .local
        #expect(Sampled(service).ports(.v4).first?.externalPolicy == .cluster)
        #expect(Sampled(service).ports(.v4).first?.internalPolicy == .local)
        service.externalIPs = [address("192.0.2.50")]
        #expect(Sampled(service).ports(.v4).first?.externalPolicy == .local)
    }

    @Test("affinity is the Service's, for each of its ports")
    func affinity() {
        var service = Sampled.plain
        service.affinityTimeoutSeconds = 60
        for family in IPFamily.allCases {
            #expect(Sampled(service).ports(family).first?.affinityTimeoutSeconds == 60)
        }
    }

    @Test("a ClusterIP that the host itself has is left to it, in its family only")
    func nodeLocal() {
        var node = Sampled([Sample(n: 1)])
        node.snapshot.network.addresses.insert(
            InterfaceAddress(interface: 9, address: clusterIP(.v4), prefixLength: 32))
        let v4 = node.ports(.v4).first
        #expect(v4?.frontends == [:])
        #expect(v4?.nodeLocalFrontends == [frontend("10.100.0.1", 80)])
        #expect(node.ports(.v6).first?.frontends.count == 1)
        #expect(node.ports(.v6).first?.nodeLocalFrontends == [])
    }

    @Test("the outcome does not depend on the order in which slices came")
    func order() {
        let samples = [Sample(n: 3), Sample(n: 1, node: hereNode), Sample(n: 2, isReady: false)]
        var forwards = Sampled(Sampled.plain)
        var backwards = Sampled(Sampled.plain)
        for sample in samples { forwards.add([sample]) }
        for sample in samples.reversed() { backwards.add([sample]) }
        #expect(
            Resolve.service(webName, in: forwards.snapshot)
                == Resolve.service(webName, in: backwards.snapshot))
    }
}

@Suite struct TouchedServicesTests {
    private func touched(_ change: Change, _ node: Sampled) -> Set<ObjectName> {
        Resolve.services(touchedBy: change, in: node.snapshot)
    }

    @Test("a slice touches the Service that it leaves and the one that it comes to")
    func slice() {
        let node = Sampled([Sample(n: 1)])
        let other = ObjectName(namespace: "default", name: "other")
        let slice = ObjectName(namespace: "default", name: "web-1")
        let moved = EndpointSlice(service: other, family: .v4, ports: [], endpoints: [])
        #expect(touched(.endpointSlice(slice, moved), node) == [webName, other])
        #expect(touched(.endpointSlice(slice, nil), node) == [webName])
    }

    @Test("this node's zone touches the Services with zone hints, other nodes none")
    func zone() {
        let hinted = Sampled([Sample(n: 1, zones: ["a"])])
        let plain = Sampled([Sample(n: 1)])
        let moved = Node(zone: "b")
        #expect(touched(.node(hereNode, moved), hinted) == [webName])
        #expect(touched(.node(hereNode, nil), hinted) == [webName])
        #expect(touched(.node(hereNode, moved), plain) == [])
        #expect(touched(.node(hereNode, Node(zone: "a", isLeaving: true)), hinted) == [])
        #expect(touched(.node(farNode, moved), hinted) == [])
    }

    @Test("a host address touches the Service whose ClusterIP it is", arguments: IPFamily.allCases)
    func hostAddress(family: IPFamily) {
        let node = Sampled([Sample(n: 1)])
        let mine = InterfaceAddress(interface: 9, address: clusterIP(family), prefixLength: 32)
        let other = InterfaceAddress(
            interface: 9, address: podAddress(9, family), prefixLength: 32)
        #expect(touched(.network(.addressAdded(mine)), node) == [webName])
        #expect(touched(.network(.addressRemoved(mine)), node) == [webName])
        #expect(touched(.network(.addressAdded(other)), node) == [])
        var state = NetworkState()
        state.addresses = [mine, other]
        #expect(touched(.networkState(state), node) == [webName])
        #expect(touched(.networkState(NetworkState()), node) == [])
    }

    @Test("whatever changes a Service's resolution is told")
    func complete() {
        let before = Sampled([
            Sample(n: 1, node: hereNode, zones: ["a"]), Sample(n: 2, zones: ["b"]),
        ])
        let changes: [(Change, (inout Snapshot) -> Void)] = [
            (.node(hereNode, Node(zone: "b")), { $0.nodes[hereNode] = Node(zone: "b") }),
            (.node(hereNode, nil), { $0.nodes[hereNode] = nil }),
            (.service(webName, nil), { $0.services[webName] = nil }),
        ]
        for (change, fold) in changes {
            var after = before.snapshot
            fold(&after)
            #expect(
                Resolve.service(webName, in: before.snapshot) != Resolve.service(webName, in: after)
            )
            #expect(touched(change, before) == [webName])
        }
    }
}
