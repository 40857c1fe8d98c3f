// Without any agent a lab behaves as nodes with the VPC CNI do: each test is a sentence of what the
// CNI, EC2 and the kernel do together.

import Lab
import Linux
import Model
import Netlink
import Support
import Testing

@Suite("A lab without an agent")
struct FaithTests {
    @Test("pods of every ENI reach pods, nodes and the client with their own address")
    func everyPair() async throws {
        try await withLab { lab in
            let (one, two) = (lab.nodes[0], lab.nodes[1])
            // pod1 and pod3 are on the primary ENI, pod2 and pod4 on the secondary one.
            #expect(one.pods.map(\.eni) == ["ens5", "ens6", "ens5", "ens6"])
            let clients = try one.pods.prefix(2).map(Place.init)
            let servers =
                try (one.pods.suffix(2) + two.pods.prefix(2)).map(Place.init)
                + [Place(two), Place(lab.client)]
            for family in IPFamily.allCases {
                for server in servers {
                    let tcp = try server.serve(.tcp, family)
                    let udp = try server.serve(.udp, family)
                    for client in clients {
                        let dialled = try client.dial(tcp.address)
                        #expect(dialled.server == server.name)
                        #expect(try dialled.peer.address == client[family])
                        let asking = try UDPClient(family, in: client.namespace)
                        let answer = try asking.ask("who?", to: udp.address)
                        let sighting = try #require(EchoServer.Sighting(answer.text))
                        #expect(try sighting.peer.address == client[family])
                        #expect(answer.peer == udp.address)
                    }
                }
            }
            #expect(try lab.routerCounters().entries.isEmpty)
        }
    }

    @Test("nodes and the client reach pods of every ENI")
    func towardsPods() async throws {
        try await withLab { lab in
            let clients = try [
                Place(lab.nodes[0]), Place(lab.nodes[1]), Place(lab.client),
            ]
            for family in IPFamily.allCases {
                for pod in lab.nodes[0].pods.prefix(2) {
                    let server = try Place(pod).serve(.tcp, family)
                    for client in clients {
                        #expect(try client.dial(server.address).server == pod.name)
                    }
                }
            }
            #expect(try lab.routerCounters().entries.isEmpty)
        }
    }

    @Test("the internet sees the node's primary IPv4 address, and a pod's own IPv6 address")
    func internet() async throws {
        try await withLab { lab in
            let node = lab.nodes[0]
            for family in IPFamily.allCases {
                let server = try Place(lab.internet).serve(.tcp, family)
                for pod in node.pods.prefix(2) {
                    let seen = try Place(pod).dial(server.address).peer.address
                    #expect(seen == (family == .v4 ? node.ipv4 : pod.ipv6))
                }
            }
            #expect(try lab.routerCounters().entries.isEmpty)
        }
    }

    @Test("without the CNI's chains a pod's IPv4 packets don't pass the internet gateway")
    func noTranslation() async throws {
        try await withLab(LabConfiguration(nodes: 1, pods: 1, enis: 1, cniChains: false)) { lab in
            let pod = lab.nodes[0].pods[0]
            let asking = try UDPClient(.v4, in: NetworkNamespace(opening: pod.netns))
            let internet = try #require(lab.internet.address(.v4))
            try asking.send("hello", to: SocketAddress(internet, 9))
            let entry = try await oneDrop(lab)
            #expect(entry.drop == .privateAddress)
            #expect(entry.source == pod.ipv4 && entry.leg == "node1-ens5")
        }
    }

    @Test("the first hop from a pod is its node", arguments: IPFamily.allCases)
    func firstHop(family: IPFamily) async throws {
        try await withLab(LabConfiguration(pods: 2)) { lab in
            let node = lab.nodes[0]
            let own = node.enis.map { family == .v4 ? $0.ipv4 : $0.ipv6 }
            for pod in node.pods {
                let probe = try UDPClient(family, in: NetworkNamespace(opening: pod.netns))
                try probe.reportErrors(family)
                try probe.setHopLimit(1, family)
                let far = lab.nodes[1].pods[0].address(family)
                try probe.send("probe", to: SocketAddress(far, 33434))
                let error = try probe.nextError()
                #expect(own.contains(error.offender), "\(error)")
            }
        }
    }

    @Test("a packet that leaves by the wrong ENI is dropped, counted and named")
    func wrongENI() async throws {
        try await withLab(LabConfiguration(nodes: 1, pods: 2)) { lab in
            let node = lab.nodes[0]
            let pod = try #require(node.pods.first { $0.eni == "ens6" })
            let routes = try RouteSocket(in: NetworkNamespace(opening: node.netns))
            for family in IPFamily.allCases {
                // Without its rule the pod's packets take main's default route.
                let rule = try #require(
                    routes.rules().first {
                        $0.priority == 1536 && $0.source == CIDR(host: pod.address(family))
                    })
                try routes.deleteRule(rule)
                let asking = try UDPClient(family, in: NetworkNamespace(opening: pod.netns))
                let client = try #require(lab.client.address(family))
                try asking.send("hello", to: SocketAddress(client, 9))
                let entry = try await oneDrop(lab) { $0.source == pod.address(family) }
                #expect(entry.drop == .wrongENI && entry.packets == 1)
                #expect(entry.leg == "node1-ens5" && entry.destination == client)
            }
        }
    }

    @Test("an untranslated service address is counted as a leak, an unowned one as nowhere")
    func leaks() async throws {
        try await withLab(LabConfiguration(nodes: 1, pods: 1, enis: 1)) { lab in
            let pod = try Place(lab.nodes[0].pods[0])
            let cases: [(String, RouterDrop)] = [
                ("10.100.0.1", .serviceAddress), ("fd00:10:100::1", .serviceAddress),
                ("10.0.200.1", .nowhere), ("2001:db8:ec2:c8::1", .nowhere),
            ]
            for (text, drop) in cases {
                let address = try #require(IPAddress(text))
                let asking = try UDPClient(address.family, in: pod.namespace)
                try asking.send("hello", to: SocketAddress(address, 53))
                let entry = try await oneDrop(lab) { $0.destination == address }
                #expect(entry.drop == drop, "\(text)")
            }
        }
    }

    /// The one entry that fits, once the packet has come so far.
    private func oneDrop(
        _ lab: Lab, _ fits: (RouterCounters.Entry) -> Bool = { _ in true }
    ) async throws -> RouterCounters.Entry {
        let deadline = Monotonic.now().advanced(byMilliseconds: 5000)
        while true {
            if let entry = try lab.routerCounters().entries.first(where: fits) { return entry }
            try #require(Monotonic.now() < deadline, "the router has counted nothing")
            await Task.yield()
        }
    }
}
