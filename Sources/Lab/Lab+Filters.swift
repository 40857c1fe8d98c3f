// A stand-in for the AWS network policy agent: legacy tc filters at clsact, pref 1, handle 1, on a
// pod's host veth, in both directions, that end the chain with a verdict. Whoever delivers around
// the veth is caught by the dropping kind.

import Linux
import Model

/// Which way a stand-in filter looks, seen from the pod, as policies are written.
package enum PolicyDirection: String, Hashable, Sendable, CaseIterable {
    /// Towards the pod: egress of the host veth.
    case ingress
    /// From the pod: ingress of the host veth.
    case egress

    fileprivate var hook: String { self == .ingress ? "egress" : "ingress" }
}

extension Lab {
    /// Watches a pod (`NODE/POD`), replacing filters that are there.
    ///
    /// - Parameter dropping: directions in which every packet is dropped; the others pass all.
    package func attachFilter(_ pod: String, dropping: Set<PolicyDirection> = []) throws {
        let (node, veth) = try watched(pod)
        try Tool.run(["tc", "qdisc", "replace", "dev", veth, "clsact"], in: node)
        for direction in PolicyDirection.allCases {
            // One classic BPF instruction, `ret K`, is the whole program: TC_ACT_OK or TC_ACT_SHOT,
            // both final, as the agent's verdicts are.
            let verdict = dropping.contains(direction) ? 2 : 0
            try Tool.run(
                [
                    "tc", "filter", "replace", "dev", veth, direction.hook, "pref", "1", "handle",
                    "1", "protocol", "all", "bpf", "da", "bytecode", "1,6 0 0 \(verdict),",
                ], in: node)
        }
    }

    /// Takes the filters and their qdisc away.
    package func detachFilter(_ pod: String) throws {
        let (node, veth) = try watched(pod)
        try Tool.run(["tc", "qdisc", "del", "dev", veth, "clsact"], in: node)
    }

    private func watched(_ text: String) throws -> (node: NetworkNamespace, veth: String) {
        let parts = text.split(separator: "/", maxSplits: 1).map(String.init)
        guard parts.count == 2, let node = nodes.first(where: { $0.name == parts[0] }),
            let pod = node.pod(parts[1])
        else { throw LabError.notFound("pod \(text) in lab \(name)") }
        return (try NetworkNamespace(opening: node.netns), pod.veth)
    }
}
