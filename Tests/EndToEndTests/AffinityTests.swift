// Session affinity through the real agent: a pod stays with its backend over all frontends of a
// service port, over changes of the others, and until its own leaves.

import Foundation
import Lab
import Linux
import Model
import Support
import Testing

extension EndToEnd {
    @Suite("session affinity")
    struct AffinityTests {
        private static func manifest(_ family: Family, _ backends: [String]) -> String {
            Manifest(
                name: "s\(family.family.rawValue)", clusterIP: family.clusterIP, backends: backends
            ).yaml.replacingOccurrences(
                of: "spec:\n  clusterIP:",
                with: "spec:\n  type: NodePort\n  sessionAffinity: ClientIP\n  clusterIP:"
            ).replacingOccurrences(
                of: "port: 80, protocol: TCP", with: "port: 80, nodePort: 31000, protocol: TCP")
        }

        @Test(
            "a pod and the host stay with their backends by ClusterIP and NodePort, till those leave"
        )
        func stays() async throws {
            let world = try await ServiceLab()
            let pods = [(0, 2), (0, 3), (1, 2), (1, 3)]
            for (node, number) in pods { try world.serve("node\(node + 1)/pod\(number)") }
            func write(without server: String?, _ limit: Int = 4) throws {
                for family in Family.all {
                    let all = pods.prefix(limit).map { world.pod($0.0, $0.1) }
                    let backends = all.filter { $0.name != server }.map {
                        "\($0.address(family.family))"
                    }
                    try world.agent.write(
                        "\(family.family).yaml", Self.manifest(family, backends))
                }
            }
            try write(without: nil, 3)
            try await world.startAgents()
            for family in Family.all {
                let node = world.lab.nodes[0].address(family.family)
                for client in ["node1/pod1", "node1"] {
                    func served() async throws -> Set<String> {
                        var servers: Set<String> = []
                        let frontends = [(family.clusterIP, UInt16(80)), ("\(node)", 31000)]
                        for (address, port) in frontends {
                            let seen = try await Dial.run(
                                world.lab, client, .tcp, address, port, count: 15)
                            #expect(seen.answers == 15, "\(client) to \(address): \(seen)")
                            servers.formUnion(seen.servers.keys)
                        }
                        return servers
                    }
                    // The agent learns who a pod is a moment after it has learnt of the service.
                    try await wait("\(client) stays with one backend") {
                        try await served().count == 1
                    }
                    let mine = try await served()
                    try write(without: nil, 4)
                    #expect(try await served() == mine, "a new backend moves nobody")
                    try write(without: mine.first, 4)
                    try await wait("\(client) is moved") {
                        try await served().isDisjoint(with: mine)
                    }
                    let other = try await served()
                    #expect(other.count == 1)
                    try write(without: nil, 4)
                    let back = pods.map { world.pod($0.0, $0.1) }.first { $0.name == mine.first }!
                    try await wait("the first backend is back") {
                        let services = try await world.agent.run(["services", "-o", "json"]).output
                        return services.contains("\(back.address(family.family))")
                    }
                    #expect(try await served() == other, "who came back pulls nobody back")
                    try write(without: nil, 3)
                }
            }
            try await world.end()
        }
    }
}
