// One topology, standing: a lab of two nodes, and on each node what the topology is named for. The
// client's pod and the servers' pods sit on secondary ENIs, where a busy node has most of its pods.

import BenchFigures
import KubeProxyRules
import Lab
import Linux
import Model

/// A topology that can be measured.
struct Testbed: Sendable {
    let topology: Topology
    let lab: Lab
    let client: LabPod
    let servers: [Placement: LabPod]
    /// The dialled services, for topologies that have any.
    let services: [Placement: SyntheticService]
    let agents: [Agent]

    /// Makes the lab and everything in it; at an error nothing is left.
    static func up(
        _ topology: Topology, family: IPFamily, needletail: String, directory: String
    ) async throws -> Testbed {
        let lab = try await Lab.up(
            LabConfiguration(
                name: "bench-\(topology)", nodes: 2, pods: 4, enis: 2,
                cniChains: topology.hasCNIChains))
        do {
            return try await equip(
                lab, topology, family: family, needletail: needletail, directory: directory)
        } catch {
            try await lab.down()
            throw error
        }
    }

    private static func equip(
        _ lab: Lab, _ topology: Topology, family: IPFamily, needletail: String, directory: String
    ) async throws -> Testbed {
        let client = try secondaryPod(of: lab.nodes[0], number: 0, "the client")
        let servers = [
            Placement.same: try secondaryPod(of: lab.nodes[0], number: 1, "the server beside it"),
            .across: try secondaryPod(of: lab.nodes[1], number: 0, "the server across"),
        ]
        let placements = Placement.allCases
        var services: [SyntheticService] = []
        if topology.serviceCount > 0 {
            let dialled = placements.compactMap { servers[$0] }.map { pod in
                (0..<Worker.portCount).map {
                    Backend(
                        address: pod.address(family), port: Worker.firstPort + UInt16($0),
                        protocol: .tcp)
                }
            }
            services = try syntheticCluster(topology.serviceCount, family, dialled: dialled)
        }
        var agents: [Agent] = []
        switch topology {
        case .bare, .bareAgain, .cni: break
        case .kubeProxy:
            let ports = services.map(\.proxied)
            for node in lab.nodes {
                let settings = ProxySettings(nodeAddress: node.address(family), accounting: false)
                let rules = proxyRules(family: family, ports: ports, settings: settings)
                try await Netfilter(node, family).load(rules)
            }
        case .limit, .ours:
            let manifests = "\(directory)/\(topology)"
            try Directory.create(manifests)
            let text = manifest(of: services)
            try File.replace("\(manifests)/services.json", with: Array(text.utf8))
            for node in lab.nodes {
                agents.append(
                    try await Agent.start(
                        needletail, node: node, manifests: manifests,
                        log: "\(directory)/\(topology)-\(node.name).log"))
            }
            for agent in agents { try await agent.waitUntilReady(services: services.count) }
        }
        let chosen = services.suffix(placements.count)
        return Testbed(
            topology: topology, lab: lab, client: client, servers: servers,
            services: Dictionary(uniqueKeysWithValues: zip(placements, chosen)), agents: agents)
    }

    /// Stops the agents and takes the lab down.
    func down() async throws {
        for agent in agents { await agent.stop() }
        try await lab.down()
    }

    private static func secondaryPod(
        of node: LabNode, number: Int, _ what: String
    ) throws(BenchError) -> LabPod {
        let pods = node.pods.filter { $0.eni != node.enis.first?.ifname }
        guard pods.indices.contains(number) else { throw .noPod(what) }
        return pods[number]
    }

    private static func syntheticCluster(
        _ count: Int, _ family: IPFamily, dialled: [[Backend]]
    ) throws(BenchError) -> [SyntheticService] {
        let prefix = AddressPlan.serviceCIDRs.first { $0.family == family }
        let elsewhere = CIDR(family == .v4 ? "10.99.0.0/16" : "fd00:99::/64")
        guard let prefix, let elsewhere,
            let services = syntheticServices(
                count: count, services: prefix, pods: elsewhere, dialled: dialled)
        else {
            throw .invalid("\(count) services are too few to dial two, or more than addresses")
        }
        return services
    }
}
