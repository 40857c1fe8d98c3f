// Which road packets take: around the stack where nothing stands in the way, through it where
// something watches, translates or tracks the flow.

import Foundation
import Glibc
import Lab
import Linux
import Model
import Support
import Testing

extension EndToEnd {
    @Suite("the road of pod traffic")
    struct RoadTests {
        /// Packets that entered the node's netfilter prerouting, by the built-in chain's counter.
        private func prerouted(_ world: ServiceLab, _ family: IPFamily) async throws -> Int {
            let tool = family == .v4 ? "iptables-save" : "ip6tables-save"
            let result = try await world.lab.execute("node1", [tool, "-c", "-t", "mangle"])
            let line = result.output.split(separator: "\n").first { $0.hasPrefix(":PREROUTING") }
            let counter = line?.split(separator: "[").last?.split(separator: ":").first
            return counter.flatMap { Int($0) } ?? 0
        }

        private func counts(_ world: ServiceLab) async throws -> [String: Int] {
            let status = try await world.agent.status()
            var counts: [String: Int] = [:]
            for row in status["counters"] as? [[String: Any]] ?? [] {
                if let name = row["reason"] as? String, let packets = row["packets"] as? Int {
                    counts[name] = packets
                }
            }
            return counts
        }

        @Test("pod to pod and pod to elsewhere pass around netfilter, in both directions")
        func aroundNetfilter() async throws {
            let world = try await ServiceLab()
            try world.serve("node1/pod2")
            try world.serve("node2/pod2")
            // The chain must exist to count, in IPv6 too.
            _ = try await world.lab.execute("node1", ["ip6tables", "-t", "mangle", "-N", "COUNT"])
            try await world.startAgents()
            for family in IPFamily.allCases {
                for server in [world.pod(0, 2), world.pod(1, 2)] {
                    let address = "\(server.address(family))"
                    // The first dial resolves neighbours; that is the stack's part.
                    _ = try await Dial.run(world.lab, "node1/pod1", .tcp, address, 8080)
                    let before = try await prerouted(world, family)
                    let seen = try await Dial.run(
                        world.lab, "node1/pod1", .tcp, address, 8080, count: 20)
                    #expect(seen.servers == [server.name: 20])
                    #expect(seen.peers == ["\(address) 8080"], "who dials a pod sees the pod")
                    // Neighbour discovery may add a packet or two in IPv6; 20 connections are 200.
                    #expect(try await prerouted(world, family) - before < 20)
                }
            }
            let counts = try await counts(world)
            for reason in ["pod_to_pod", "pod_to_eni", "eni_to_pod"] {
                #expect((counts[reason] ?? 0) > 40, "\(reason): \(counts)")
            }
            try await world.end()
        }

        @Test("a pod that a policy agent watches keeps the kernel's path, both ways, at run time")
        func watched() async throws {
            let world = try await ServiceLab()
            try world.serve("node1/pod2")
            try await world.startAgents()
            func dial() async throws -> Dialled {
                try await Dial.run(
                    world.lab, "node1/pod1", .tcp, "\(world.pod(0, 2).ipv4)", 8080)
            }
            #expect(try await dial().answers == 1)
            try world.lab.attachFilter("node1/pod2", dropping: [.ingress])
            try await wait("the filter's verdict is obeyed") {
                try await dial().answers == 0
            }
            try world.lab.detachFilter("node1/pod2")
            try await wait("the pod is reached again") { try await dial().answers == 1 }
            let watchedPod = world.pod(0, 2)
            try world.lab.attachFilter("node1/pod2")
            try await wait("pods says who watches") {
                try await world.agent.run(["pods", "-o", "json"]).output
                    .contains("filter")
            }
            #expect(try await dial().servers == [watchedPod.name: 1])
            try await world.end()
        }

        @Test(
            "busy connections move from the shortcut to the stack and stay whole when a watcher comes"
        )
        func changesRoad() async throws {
            let world = try await ServiceLab(agentsOn: 2)
            for node in ["node1", "node2"] { try world.serveEcho("\(node)/pod2", port: 8080) }
            try await world.startAgents()
            var held: [Held] = []
            for (index, server) in [world.pod(0, 2), world.pod(1, 2)].enumerated() {
                for family in IPFamily.allCases {
                    let command = try Dial.command(
                        world.lab, "node1/pod1", "hold", "\(server.address(family))", 8080, 20)
                    held.append(
                        try Held(
                            command,
                            file: "/run/needletail-lab/\(world.lab.name)/\(index)-\(family)"))
                }
            }
            for each in held { try await each.advances() }
            #expect((try await counts(world)["pod_to_eni"] ?? 0) > 0)
            let before = try await counts(world)["stack_watched"] ?? 0
            for watched in ["node1/pod1", "node2/pod2"] {
                try world.lab.attachFilter(watched)
                for each in held { try await each.advances() }
            }
            #expect((try await counts(world)["stack_watched"] ?? 0) > before)
            for watched in ["node1/pod1", "node2/pod2"] { try world.lab.detachFilter(watched) }
            for each in held { try await each.advances() }
            for each in held {
                let seen = try await each.end()
                #expect(seen.broken == 0 && seen.errors.isEmpty, "\(seen)")
            }
            try await world.end()
        }

        @Test("hostPort and other DNAT of the kernel's keep working beside us")
        func foreignTranslation() async throws {
            let world = try await ServiceLab()
            try world.serve("node1/pod2")
            try world.serve("node2/pod2")
            let pod = world.pod(0, 2)
            let rules: [[String]] = [
                // portmap's shape: node address and port → pod.
                [
                    "iptables", "-t", "nat", "-I", "PREROUTING", "-p", "tcp", "--dport", "9090",
                    "-m",
                    "addrtype", "--dst-type", "LOCAL", "-j", "DNAT", "--to-destination",
                    "\(pod.ipv4):8080",
                ],
                // Somebody's virtual address that leads to a pod of another node: before the CNI's
                // chain, which would mark the flow as one to the internet: out by the primary ENI.
                [
                    "iptables", "-t", "nat", "-I", "PREROUTING", "-p", "tcp", "-d", "192.0.2.1",
                    "--dport", "80", "-j", "DNAT", "--to-destination",
                    "\(world.pod(1, 2).ipv4):8080",
                ],
            ]
            for rule in rules {
                let result = try await world.lab.execute("node1", rule)
                #expect(result.succeeded, "\(result.errorOutput)")
            }
            try await world.startAgents()
            let node = world.lab.nodes[0]
            for client in ["client", "node2/pod1", "node1/pod1"] {
                let seen = try await Dial.run(
                    world.lab, client, .tcp, "\(node.ipv4)", 9090, count: 5)
                #expect(seen.servers == [pod.name: 5], "hostPort from \(client): \(seen)")
            }
            for client in ["node1/pod1", "node1/pod4"] {
                let seen = try await Dial.run(world.lab, client, .tcp, "192.0.2.1", 80, count: 5)
                #expect(seen.servers == ["node2-pod2": 5], "DNAT from \(client): \(seen)")
            }
            #expect((try await counts(world)["stack_conntrack"] ?? 0) > 0)
            try await world.end()
        }

        @Test("a flow that the kernel carried before we came goes on, translated or not")
        func oldFlows() async throws {
            let world = try await ServiceLab()
            try world.serveEcho("node2/pod2", port: 7000)
            let rule = [
                "iptables", "-t", "nat", "-I", "PREROUTING", "-p", "tcp", "-d", "10.100.0.99",
                "--dport", "80", "-j", "DNAT", "--to-destination", "\(world.pod(1, 2).ipv4):7000",
            ]
            #expect(try await world.lab.execute("node1", rule).succeeded)
            let file = "/run/needletail-lab/\(world.lab.name)/old"
            let old = try Dial.command(world.lab, "node1/pod1", "hold", "10.100.0.99", 80, 20)
            let holder = try Held(old, file: file)
            try await holder.advances()
            try await world.startAgents()
            try await holder.advances()
            try await holder.advances()
            let seen = try await holder.end()
            #expect(seen.broken == 0 && seen.errors.isEmpty, "\(seen)")
            try await world.end()
        }
    }
}
