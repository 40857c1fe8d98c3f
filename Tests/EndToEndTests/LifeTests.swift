// The agent's life under traffic: killed, restarted, every program replaced, cleaned up.
// Connections do not notice.

import Foundation
import Glibc
import Lab
import Linux
import Model
import Support
import Testing

/// Connections that stay busy in the background.
final class Held {
    private let process: ChildProcess
    private let file: String

    init(_ command: Command, file: String) throws {
        var command = command
        command.arguments.append(file)
        self.file = file
        process = try command.start()
    }

    /// Rounds that the slowest connection has begun.
    private func rounds() -> Int {
        (try? String(contentsOfFile: file, encoding: .utf8)).flatMap { Int($0) } ?? 0
    }

    /// Waits until every connection has got further by some rounds.
    func advances() async throws {
        let goal = rounds() + 3
        try await wait("every held connection gets on") { [self] in rounds() >= goal }
    }

    /// Ends the connections in good order.
    func end() async throws -> Dialled {
        process.signal(SIGTERM)
        let process = process
        let result = try await DedicatedThread.perform {
            try process.collect(until: .now().advanced(byMilliseconds: 60_000))
        }
        guard result.succeeded else { throw Dial.Failed(text: result.errorOutput) }
        return try JSONDecoder().decode(Dialled.self, from: Data(result.standardOutput))
    }

    deinit { process.kill() }
}

extension EndToEnd {
    @Suite("the agent's life")
    struct LifeTests {
        @Test(
            "a thousand busy connections survive kill -9, the restart and new programs: no byte lost"
        )
        func survivesKill() async throws {
            let world = try await ServiceLab(agentsOn: 2)
            let family = Family.all[0]
            try world.serveEcho("node1/pod2", port: 8080)
            try world.serveEcho("node2/pod2", port: 8080)
            for agent in world.agents {
                try agent.write(
                    "s.yaml",
                    Manifest(
                        name: "s", clusterIP: family.clusterIP,
                        backends: ["\(world.pod(0, 2).ipv4)", "\(world.pod(1, 2).ipv4)"]
                    ).yaml)
            }
            try await world.startAgents()
            let held = try Held(
                Dial.command(world.lab, "node1/pod1", "hold", family.clusterIP, 80, 1000),
                file: "/run/needletail-lab/\(world.lab.name)/held")
            try await held.advances()
            for _ in 0..<2 {
                for agent in world.agents { try await agent.kill() }
                try await held.advances()
                for agent in world.agents { try await agent.start() }
                try await held.advances()
            }
            let seen = try await held.end()
            #expect(seen.broken == 0 && seen.errors.isEmpty, "\(seen)")
            try await world.end()
        }

        @Test(
            "services go on without the agent, and a change made meanwhile is there after its return"
        )
        func servesAlone() async throws {
            let world = try await ServiceLab()
            let family = Family.all[1]
            try world.serve("node1/pod2")
            try world.serve("node1/pod3")
            func manifest(_ pod: LabPod) -> String {
                Manifest(name: "s", clusterIP: family.clusterIP, backends: ["\(pod.ipv6)"]).yaml
            }
            try world.agent.write("s.yaml", manifest(world.pod(0, 2)))
            try await world.startAgents()
            try await world.agent.terminate()
            func dial() async throws -> [String: Int] {
                try await Dial.run(
                    world.lab, "node1/pod1", .tcp, family.clusterIP, 80
                ).servers
            }
            #expect(try await dial() == ["node1-pod2": 1])
            try world.agent.write("s.yaml", manifest(world.pod(0, 3)))
            #expect(try await dial() == ["node1-pod2": 1])
            try await world.agent.start()
            #expect(try await dial() == ["node1-pod3": 1])
            try await world.end()
        }

        @Test("cleanup takes everything of ours away; what the kernel routes works as before")
        func cleansUp() async throws {
            let world = try await ServiceLab()
            try world.serve("node1/pod2")
            let root = (world.agent.bpffs as NSString).deletingLastPathComponent
            let before = try Directory.entries(root)
            try world.agent.write(
                "s.yaml",
                Manifest(
                    name: "s", clusterIP: Family.all[0].clusterIP,
                    backends: ["\(world.pod(0, 2).ipv4)"]
                ).yaml)
            try await world.startAgents()
            try await world.agent.terminate()
            let result = try await world.agent.run(["cleanup"])
            #expect(result.succeeded, "\(result.errorOutput)")
            #expect(try Directory.entries(root) == before)
            let direct = try await Dial.run(
                world.lab, "node1/pod1", .tcp, "\(world.pod(0, 2).ipv4)", 8080)
            #expect(direct.servers == ["node1-pod2": 1])
            let service = try await Dial.run(
                world.lab, "node1/pod1", .tcp, Family.all[0].clusterIP, 80)
            #expect(service.answers == 0)
            try await world.end()
        }

        @Test("a pod added and one deleted at run time are in the maps as the kernel has them")
        func podsComeAndGo() async throws {
            let world = try await ServiceLab()
            try await world.startAgents()
            func addresses() async throws -> Set<String> {
                let items = try await world.agent.json(["pods"])["items"] as? [[String: Any]] ?? []
                return Set(items.compactMap { $0["address"] as? String })
            }
            let pod = try world.lab.addPod(node: "node1", name: "late")
            try await wait("the new pod is known in both families") {
                try await addresses().isSuperset(of: ["\(pod.ipv4)", "\(pod.ipv6)"])
            }
            try world.lab.deletePod(node: "node1", name: "late")
            try await wait("the deleted pod is gone") {
                try await addresses().isDisjoint(with: ["\(pod.ipv4)", "\(pod.ipv6)"])
            }
            try await world.end()
        }
    }
}
