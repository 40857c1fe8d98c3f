// Proof that a path is what its name says, before anything about it is printed: counters are read
// before and after a burst of connections, and have to have moved as that road moves them.

import BenchFigures
import KubeProxyRules
import Lab
import Linux
import Model

/// Checks one path of one testbed with a burst of real connections.
struct Evidence {
    let bed: Testbed
    let path: Path
    let placement: Placement
    let family: IPFamily

    /// Throws `BenchError.wrongRoad` when the burst went elsewhere. `burst` makes connections from
    /// the client to what the path dials and returns how many.
    /// - Returns: what was seen, for the record.
    func check(_ burst: () async throws -> UInt64) async throws -> String {
        let node = bed.lab.nodes[0]
        let netfilter = Netfilter(node, family)
        switch path.topology {
        case .bare, .bareAgain:
            _ = try await burst()
            let isEmpty = try await netfilter.isEmpty()
            return try verdict(isEmpty, isEmpty ? "no netfilter rule" : "netfilter has rules")
        case .cni:
            return try await chainMoves("AWS-CONNMARK-CHAIN-0", netfilter, burst)
        case .kubeProxy:
            guard path.dial == .service, let service = bed.services[placement] else {
                return try await chainMoves("KUBE-SERVICES", netfilter, burst)
            }
            return try await chainMoves(clusterChain(of: service.proxied), netfilter, burst)
        case .limit, .ours:
            return try await programsAct(netfilter, burst)
        }
    }

    private func chainMoves(
        _ chain: String, _ netfilter: Netfilter, _ burst: () async throws -> UInt64
    ) async throws -> String {
        let before = try await netfilter.natPackets(chain).reduce(0, +)
        let made = try await burst()
        let moved = try await netfilter.natPackets(chain).reduce(0, +) - before
        return try verdict(
            made > 0 && moved >= made, "\(chain) matched \(moved) packets of \(made) connections")
    }

    private func programsAct(
        _ netfilter: Netfilter, _ burst: () async throws -> UInt64
    ) async throws -> String {
        guard let agent = bed.agents.first else { return try verdict(false, "no agent") }
        try await netfilter.forgetConnections()
        let before = try await agent.counters()
        let made = try await burst()
        let after = try await agent.counters()
        let tracked = try await netfilter.connections()
        func moved(_ reason: String) -> UInt64 {
            after[reason, default: 0] - before[reason, default: 0]
        }

        let translated = moved("dial_translated")
        let roads = placement == .same ? ["pod_to_pod"] : ["pod_to_eni", "eni_to_pod"]
        // A connection has at least four packets in each direction.
        let wanted = placement == .same ? 8 * made : 4 * made
        let acted = roads.allSatisfy { moved($0) >= wanted }
        let dialled = path.dial == .pod || translated >= made
        let text =
            (["dial_translated"] + roads).map { "\($0) \(moved($0))" }.joined(separator: ", ")
            + ", conntrack \(tracked) for \(made) connections"
        return try verdict(made > 0 && acted && dialled && tracked < Int(made) / 10 + 10, text)
    }

    private func verdict(_ isRight: Bool, _ text: String) throws(BenchError) -> String {
        guard isRight else {
            throw .wrongRoad(path: path, placement: placement, evidence: text)
        }
        return text
    }
}
