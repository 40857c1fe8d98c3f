// Labs come, change and go, and leave nothing.

import Glibc
import Lab
import Linux
import Model
import Netlink
import Support
import Testing

@Suite("The life of a lab")
struct LifeTests {
    @Test("two labs live side by side, and one's end is not the other's")
    func sideBySide() async throws {
        try await withLab(LabConfiguration(pods: 1, enis: 1)) { one in
            try await withLab(LabConfiguration(pods: 1, enis: 1)) { two in
                for lab in [one, two] { try reachable(lab) }
            }
            try reachable(one)
        }
    }

    private func reachable(_ lab: Lab) throws {
        for family in IPFamily.allCases {
            let pod = try Place(lab.nodes[1].pods[0])
            let server = try pod.serve(.tcp, family)
            defer { server.stop() }
            #expect(try Place(lab.nodes[0].pods[0]).dial(server.address).server == pod.name)
        }
    }

    @Test("a name is taken while its owner lives")
    func taken() async throws {
        try await withLab(LabConfiguration(nodes: 1, pods: 0, enis: 1)) { lab in
            await #expect(throws: LabError.exists(lab.name)) {
                _ = try await Lab.up(LabConfiguration(name: lab.name))
            }
        }
    }

    @Test("down leaves no namespace, cgroup, mount, file or process")
    func nothingLeft() async throws {
        let name = uniqueLabName()
        let lab = try await Lab.up(LabConfiguration(name: name, nodes: 1, pods: 1))
        let node = lab.nodes[0]
        let sleeper = try lab.target("node1/pod1").command(["sleep", "1000"]).start()
        #expect(sleeper.isRunning)
        try await lab.down()
        let exit = try await sleeper.wait()
        #expect(exit == .signal(SIGKILL))
        #expect(try NetworkNamespace.names().allSatisfy { !$0.hasPrefix("needletail.\(name).") })
        #expect(!ControlGroup(path: node.cgroup).isControlGroup)
        #expect(try Mount.all().allSatisfy { !$0.mountPoint.contains("/\(name)/") })
        #expect(try !Lab.all().contains { $0.name == name })
    }

    @Test("a pod that came and went leaves the kernel as it was")
    func podComesAndGoes() async throws {
        try await withLab(LabConfiguration(nodes: 1, pods: 1)) { lab in
            let node = try RouteSocket(in: NetworkNamespace(opening: lab.nodes[0].netns))
            let router = try RouteSocket(in: NetworkNamespace(opening: lab.router.netns))
            let before = try snapshot(node, router)
            let pod = try lab.addPod(node: "node1", name: "late", namespace: "shop")
            #expect(pod.eni == "ens6", "the ENI with the fewest pods")
            #expect(lab.nodes[0].pods.contains(pod))
            let server = try Place(pod).serve(.tcp, .v6)
            #expect(try Place(lab.client).dial(server.address).server == "late")
            server.stop()
            try lab.deletePod(node: "node1", name: "late")
            #expect(try snapshot(node, router) == before)
            let again = try lab.addPod(node: "node1", name: "late", namespace: "shop")
            #expect(again.veth == pod.veth && again.vethIndex != pod.vethIndex)
            #expect(again.ipv4 == pod.ipv4 && again.mac != pod.mac)
        }
    }

    @Test("an ENI that came and went leaves the kernel as it was")
    func eniComesAndGoes() async throws {
        try await withLab(LabConfiguration(nodes: 1, pods: 1, enis: 1)) { lab in
            let node = try RouteSocket(in: NetworkNamespace(opening: lab.nodes[0].netns))
            let router = try RouteSocket(in: NetworkNamespace(opening: lab.router.netns))
            let before = try snapshot(node, router)
            let eni = try lab.attachENI(node: "node1")
            #expect(eni.ifname == "ens6" && eni.table == 2)
            let pod = try lab.addPod(node: "node1", name: "late", eni: "ens6")
            let server = try Place(lab.client).serve(.tcp, .v4)
            #expect(try Place(pod).dial(server.address).peer.address == pod.ipv4)
            #expect(throws: LabError.self) { try lab.detachENI(node: "node1", eni: "ens6") }
            try lab.deletePod(node: "node1", name: "late")
            try lab.detachENI(node: "node1", eni: "ens6")
            #expect(try snapshot(node, router) == before)
            #expect(throws: LabError.self) { try lab.detachENI(node: "node1", eni: "ens5") }
        }
    }

    /// What routes, rules and links there are. Link-local ones come by themselves, some time after
    /// their link.
    private func snapshot(_ sockets: RouteSocket...) throws -> [String] {
        try sockets.flatMap { socket in
            let routes = try socket.routes().filter { !$0.destination.address.isLinkLocal }
            return try routes.map { "\($0)" }.sorted() + socket.rules().map { "\($0)" }.sorted()
                + socket.links().map(\.name).sorted()
        }
    }

    @Test("a watched pod's packets meet the filter in both directions")
    func filters() async throws {
        try await withLab(LabConfiguration(nodes: 1, pods: 2, enis: 1)) { lab in
            let pod = try Place(lab.nodes[0].pods[0])
            let client = try Place(lab.nodes[0].pods[1])
            for family in IPFamily.allCases {
                let server = try pod.serve(.udp, family)
                let asking = try UDPClient(family, in: client.namespace, timeoutMilliseconds: 100)
                try lab.attachFilter("node1/pod1")
                #expect(try asking.ask("who?", to: server.address).peer == server.address)
                try lab.attachFilter("node1/pod1", dropping: [.ingress])
                #expect(throws: KernelError.self) { try asking.ask("who?", to: server.address) }
                #expect(server.peers.count == 1)
                try lab.attachFilter("node1/pod1", dropping: [.egress])
                #expect(throws: KernelError.self) { try asking.ask("who?", to: server.address) }
                #expect(server.peers.count == 2)
                try lab.detachFilter("node1/pod1")
                #expect(try asking.ask("who?", to: server.address).peer == server.address)
            }
        }
    }

    @Test("what runs in a pod is in the pod's namespace and cgroup, and sees the machine's mounts")
    func execute() async throws {
        try await withLab(LabConfiguration(nodes: 1, pods: 1, enis: 1)) { lab in
            let node = lab.nodes[0]
            let group = try await lab.execute("node1/pod1", ["cat", "/proc/self/cgroup"])
            #expect(group.output.contains("0::/needletail-lab/\(lab.name)/node1/node1-pod1\n"))
            let pin = node.run[try #require(node.run.firstIndex(of: "--bpffs")) + 1]
            let mount = String(pin.dropLast("/needletail".count))
            let type = try await lab.execute("node1", ["stat", "-f", "-c", "%T", mount])
            #expect(type.output == "bpf_fs\n")
            let failing = try await lab.execute("client", ["sh", "-c", "echo no >&2; exit 7"])
            #expect(failing.exit == .status(7) && failing.errorOutput == "no\n")
        }
    }
}
