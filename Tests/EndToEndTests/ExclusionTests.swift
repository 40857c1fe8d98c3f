// Pods whose dials are left to the packet path through the real agent: they are served all the
// same, and the socket hooks count that they stood aside.

import Foundation
import Lab
import Linux
import Model
import Support
import Testing

extension EndToEnd {
    @Suite("dials left to packets")
    struct ExclusionTests {
        private func excluded(_ agent: AgentProcess) async throws -> Int {
            let counters = try await agent.status()["counters"] as? [[String: Any]] ?? []
            return counters.first { $0["reason"] as? String == "excluded" }?["packets"] as? Int ?? 0
        }

        @Test(
            "excluded pods, or all with host-only, reach services by packet; others dial as ever",
            arguments: ["cgroup", "host-only"])
        func served(_ way: String) async throws {
            let world = try await ServiceLab()
            try world.serve("node2/pod2")
            for family in Family.all {
                try world.agent.write(
                    "\(family.family).yaml",
                    Manifest(
                        name: "s\(family.family.rawValue)", clusterIP: family.clusterIP,
                        backends: ["\(world.pod(1, 2).address(family.family))"]
                    ).yaml)
            }
            let group = URL(filePath: world.pod(0, 1).cgroup).lastPathComponent
            try await world.agent.start(
                way == "cgroup"
                    ? ["--socket-lb-exclude-cgroup", group] : ["--socket-lb", "host-only"])
            for family in Family.all {
                for mode in Dial.Mode.allCases {
                    for (client, isLeft) in [
                        ("node1/pod1", true), ("node1/pod3", way == "host-only"), ("node1", false),
                    ] {
                        let before = try await excluded(world.agent)
                        let seen = try await Dial.run(
                            world.lab, client, mode, family.clusterIP, 80, count: 3)
                        let walk = "\(mode) from \(client): \(seen)"
                        #expect(seen.servers == ["node2-pod2": 3], "\(walk)")
                        #expect(try await excluded(world.agent) - before == (isLeft ? 3 : 0))
                    }
                }
            }
            try await world.end()
        }
    }
}
