// NodePorts by rules in kube-proxy's shape: what the CNI's connection mark is for. The reply of a
// pod on a secondary ENI must leave by the primary one.

import Lab
import Linux
import Model
import Support
import Testing

@Suite("NodePorts through kube-proxy's rules")
struct NodePortTests {
    static let nodePort: UInt16 = 30080

    /// One NodePort with one backend, the least of what kube-proxy writes, Cluster policy.
    private func rules(_ backend: SocketAddress) -> String {
        """
        *nat
        :KUBE-SERVICES - [0:0]
        :KUBE-NODEPORTS - [0:0]
        :KUBE-POSTROUTING - [0:0]
        :KUBE-MARK-MASQ - [0:0]
        :KUBE-SVC-TEST - [0:0]
        :KUBE-SEP-TEST - [0:0]
        -A PREROUTING -j KUBE-SERVICES
        -A OUTPUT -j KUBE-SERVICES
        -I POSTROUTING -j KUBE-POSTROUTING
        -A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
        -A KUBE-NODEPORTS -p tcp -m tcp --dport \(Self.nodePort) -j KUBE-SVC-TEST
        -A KUBE-SVC-TEST -j KUBE-MARK-MASQ
        -A KUBE-SVC-TEST -j KUBE-SEP-TEST
        -A KUBE-SEP-TEST -p tcp -m tcp -j DNAT --to-destination \(backend)
        -A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
        -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
        -A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
        -A KUBE-POSTROUTING -j MASQUERADE --random-fully
        COMMIT

        """
    }

    private func dial(_ lab: Lab, _ pod: LabPod, _ family: IPFamily) throws -> EchoServer.Sighting {
        let node = lab.nodes[0]
        let namespace = try NetworkNamespace(opening: node.netns)
        let tool = family == .v4 ? "iptables-restore" : "ip6tables-restore"
        let backend = SocketAddress(pod.address(family), 8080)
        let result = try Command(
            [tool, "--noflush"], input: Array(rules(backend).utf8), namespace: namespace
        ).run()
        try #require(result.succeeded, "\(result.errorOutput)")
        let server = try Place(pod).serve(.tcp, family)
        defer { server.stop() }
        return try Place(lab.client).dial(SocketAddress(node.address(family), Self.nodePort))
    }

    @Test(
        "reach a pod on the node from the client",
        arguments: [(IPFamily.v4, "ens5"), (.v4, "ens6"), (.v6, "ens5")])
    func local(family: IPFamily, eni: String) async throws {
        try await withLab(LabConfiguration(nodes: 1, pods: 2)) { lab in
            let pod = try #require(lab.nodes[0].pods.first { $0.eni == eni })
            #expect(try dial(lab, pod, family).server == pod.name)
            #expect(try lab.routerCounters().entries.isEmpty)
        }
    }

    @Test("reach a pod on another node, with the node's address", arguments: IPFamily.allCases)
    func remote(family: IPFamily) async throws {
        try await withLab(LabConfiguration(pods: 2)) { lab in
            for pod in lab.nodes[1].pods {
                let node = try NetworkNamespace(opening: lab.nodes[0].netns)
                let tool = family == .v4 ? "iptables" : "ip6tables"
                // The one before, if there was one.
                _ = try Command([tool, "-t", "nat", "-F", "KUBE-SEP-TEST"], namespace: node).run()
                let seen = try dial(lab, pod, family)
                #expect(seen.server == pod.name)
                #expect(seen.peer.address == lab.nodes[0].address(family))
            }
            #expect(try lab.routerCounters().entries.isEmpty)
        }
    }

    @Test("without the CNI's chains the reply of a secondary ENI's pod leaves by the wrong ENI")
    func withoutMark() async throws {
        try await withLab(LabConfiguration(nodes: 1, pods: 2, cniChains: false)) { lab in
            let pod = try #require(lab.nodes[0].pods.first { $0.eni == "ens6" })
            #expect(throws: KernelError.self) { try dial(lab, pod, .v4) }
            let drops = try lab.routerCounters()
            #expect(drops.packets(.wrongENI) > 0)
            #expect(drops.entries.allSatisfy { $0.leg == "node1-ens6" })
        }
    }
}
