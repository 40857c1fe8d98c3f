// Services through the real agent on the lab: what clients reach, what both ends see, what a change
// of the manifests does. Every walk in both families.

import Foundation
import Glibc
import Lab
import Linux
import Model
import Support
import Testing

/// A lab whose first node runs the agent, with named servers in pods.
final class ServiceLab {
    let lab: Lab
    let agents: [AgentProcess]
    private var servers: [EchoServer] = []

    /// - Parameter nodes: how many nodes run an agent; the lab always has two.
    init(agentsOn nodes: Int = 1) async throws {
        lab = try await Lab.up(LabConfiguration(name: "e2e-\(UInt32.random(in: 0...UInt32.max))"))
        agents = try lab.nodes.prefix(nodes).map { [lab] in try AgentProcess(lab, $0) }
    }

    var agent: AgentProcess { agents[0] }

    /// Starts a TCP and a UDP server in a pod that answer with the pod's name.
    func serve(_ target: String, port: UInt16 = 8080) throws {
        let parts = target.split(separator: "/").map(String.init)
        let pod = lab.nodes.first { $0.name == parts[0] }!.pod(parts[1])!
        let namespace = try lab.target(target).namespace
        for family in IPFamily.allCases {
            for transport in [EchoServer.Transport.tcp, .udp] {
                servers.append(
                    try EchoServer(
                        transport, at: SocketAddress(pod.address(family), port), in: namespace,
                        answer: .identify(pod.name)))
            }
        }
    }

    func serveEcho(_ target: String, port: UInt16) throws {
        let parts = target.split(separator: "/").map(String.init)
        let pod = lab.nodes.first { $0.name == parts[0] }!.pod(parts[1])!
        let namespace = try lab.target(target).namespace
        for family in IPFamily.allCases {
            servers.append(
                try EchoServer(
                    .tcp, at: SocketAddress(pod.address(family), port), in: namespace))
        }
    }

    func pod(_ node: Int, _ number: Int) -> LabPod { lab.nodes[node].pod("pod\(number)")! }

    func startAgents() async throws {
        for agent in agents { try await agent.start() }
    }

    /// Ends everything and checks that no packet left by the wrong ENI.
    func end() async throws {
        let wrong = try lab.routerCounters().packets(.wrongENI)
        #expect(wrong == 0, "packets that left a node by the wrong ENI")
        for agent in agents { try await agent.kill() }
        for server in servers { server.stop() }
        try await lab.down()
    }
}

/// One family's addresses in the tests.
struct Family: Sendable, CustomStringConvertible {
    let family: IPFamily
    let clusterIP: String
    let other: String

    static let all = [
        Family(family: .v4, clusterIP: "10.100.0.10", other: "10.100.0.11"),
        Family(family: .v6, clusterIP: "fd00:10:100::10", other: "fd00:10:100::11"),
    ]

    var description: String { "IPv\(family.rawValue)" }

    /// The address as an IPv6 socket of Java or Go dials it.
    var mapped: String { "::ffff:\(clusterIP)" }
}

extension EndToEnd {
    @Suite("services on a node")
    struct ServiceTests {
        @Test(
            "a ClusterIP answers over TCP and UDP, from pods and the host, to backends here and there"
        )
        func reaches() async throws {
            let world = try await ServiceLab()
            try world.serve("node1/pod2")
            try world.serve("node2/pod2")
            for (index, family) in Family.all.enumerated() {
                for (suffix, backend) in [("here", world.pod(0, 2)), ("there", world.pod(1, 2))] {
                    try world.agent.write(
                        "\(index)-\(suffix).yaml",
                        Manifest(
                            name: "\(suffix)-\(index)",
                            clusterIP: suffix == "here" ? family.clusterIP : family.other,
                            backends: ["\(backend.address(family.family))"]
                        ).yaml)
                }
            }
            try await world.startAgents()
            for family in Family.all {
                for (address, server) in [
                    (family.clusterIP, "node1-pod2"), (family.other, "node2-pod2"),
                ] {
                    for client in ["node1/pod1", "node1/pod4", "node1"] {
                        for mode in Dial.Mode.allCases {
                            let seen = try await Dial.run(
                                world.lab, client, mode, address, 80, count: 3)
                            let walk = "\(mode) from \(client) to \(address)"
                            #expect(seen.servers == [server: 3], "\(walk): \(seen)")
                            if mode != .udpUnconnected {
                                #expect(seen.peers == ["\(address) 80"], "\(walk): getpeername")
                            }
                            if mode != .tcp {
                                #expect(seen.sources == ["\(address) 80"], "\(walk): recvfrom")
                            }
                            if client != "node1" {
                                let pod = world.lab.nodes[0].pod(String(client.suffix(4)))!
                                #expect(
                                    seen.clients == ["\(pod.address(family.family))"],
                                    "\(walk): backends see the pod's own address")
                            }
                        }
                    }
                }
            }
            try await world.end()
        }

        @Test("an IPv4-mapped dial on an IPv6 socket is an IPv4 dial, and is shown as it dialled")
        func mapped() async throws {
            let world = try await ServiceLab()
            try world.serve("node1/pod2")
            let family = Family.all[0]
            try world.agent.write(
                "s.yaml",
                Manifest(
                    name: "s", clusterIP: family.clusterIP, backends: ["\(world.pod(0, 2).ipv4)"]
                ).yaml)
            try await world.startAgents()
            for mode in Dial.Mode.allCases {
                let seen = try await Dial.run(world.lab, "node1/pod1", mode, family.mapped, 80)
                #expect(seen.servers == ["node1-pod2": 1], "\(mode): \(seen)")
                if mode != .udpUnconnected { #expect(seen.peers == ["\(family.mapped) 80"]) }
                if mode != .tcp { #expect(seen.sources == ["\(family.mapped) 80"]) }
            }
            try await world.end()
        }

        @Test(
            "a service without endpoints refuses at once, and serves when one appears, and refuses again"
        )
        func refuses() async throws {
            let world = try await ServiceLab()
            try world.serve("node1/pod2")
            func write(_ backends: (IPFamily) -> [String]) throws {
                for family in Family.all {
                    try world.agent.write(
                        "\(family.family).yaml",
                        Manifest(
                            name: "s\(family.family.rawValue)", clusterIP: family.clusterIP,
                            backends: backends(family.family)
                        ).yaml)
                }
            }
            try write { _ in [] }
            try await world.startAgents()
            func outcomes() async throws -> [Dialled] {
                var all: [Dialled] = []
                for family in Family.all {
                    for mode in Dial.Mode.allCases {
                        all.append(
                            try await Dial.run(world.lab, "node1/pod1", mode, family.clusterIP, 80))
                    }
                }
                return all
            }
            for seen in try await outcomes() { #expect(seen.errors == ["ECONNREFUSED": 1]) }
            try write { ["\(world.pod(0, 2).address($0))"] }
            try await wait("all dials are answered") {
                try await outcomes().allSatisfy { $0.servers == ["node1-pod2": 1] }
            }
            try write { _ in [] }
            try await wait("all dials are refused again") {
                try await outcomes().allSatisfy { $0.errors == ["ECONNREFUSED": 1] }
            }
            try await world.end()
        }

        @Test("new connections are spread uniformly over the backends; a UDP socket stays with one")
        func uniform() async throws {
            let world = try await ServiceLab()
            let pods = [(0, 2), (0, 3), (1, 2)]
            for (node, number) in pods { try world.serve("node\(node + 1)/pod\(number)") }
            let family = Family.all[0]
            try world.agent.write(
                "s.yaml",
                Manifest(
                    name: "s", clusterIP: family.clusterIP,
                    backends: pods.map { "\(world.pod($0.0, $0.1).ipv4)" }
                ).yaml)
            try await world.startAgents()
            let total = 3000
            let seen = try await Dial.run(
                world.lab, "node1/pod1", .tcp, family.clusterIP, 80, count: total)
            #expect(seen.answers == total, "\(seen)")
            let expected = Double(total) / 3
            let chiSquare = seen.servers.values.reduce(0.0) {
                $0 + (Double($1) - expected) * (Double($1) - expected) / expected
            }
            // Two degrees of freedom: 27.6 is passed by chance once in a million.
            #expect(seen.servers.count == 3 && chiSquare < 27.6, "\(seen.servers)")

            let one = try await Dial.run(
                world.lab, "node1/pod1", .udpUnconnected, family.clusterIP, 80, count: 50)
            #expect(one.servers.values.map { $0 } == [50], "\(one.servers)")
            try await world.end()
        }

        @Test(
            "a malformed object is refused by name while the others serve, and its last good state stays"
        )
        func malformed() async throws {
            let world = try await ServiceLab()
            try world.serve("node1/pod2")
            let family = Family.all[0]
            let good = Manifest(
                name: "good", clusterIP: family.clusterIP, backends: ["\(world.pod(0, 2).ipv4)"])
            let other = Manifest(
                name: "other", clusterIP: family.other, backends: ["\(world.pod(0, 2).ipv4)"])
            try world.agent.write("good.yaml", good.yaml)
            try world.agent.write("other.yaml", other.yaml)
            try await world.startAgents()
            try world.agent.write(
                "other.yaml", other.yaml.replacingOccurrences(of: "port: 80,", with: "port: 80000,")
            )
            try world.agent.write("broken.yaml", "{ not: [ yaml")
            try await wait("status names the refused object and the broken file") {
                let text = try await world.agent.run(["status", "-o", "json"]).output
                return text.contains("default/other") && text.contains("broken.yaml")
            }
            for address in [family.clusterIP, family.other] {
                let seen = try await Dial.run(world.lab, "node1/pod1", .tcp, address, 80)
                #expect(seen.servers == ["node1-pod2": 1], "\(address): \(seen)")
            }
            try await world.end()
        }
    }
}
