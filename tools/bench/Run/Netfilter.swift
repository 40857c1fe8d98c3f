// iptables and conntrack of one node of a lab: loading a rival's rules, and reading what they
// counted.

import KubeProxyRules
import Lab
import Linux
import Model

/// The netfilter of one node, for one family.
struct Netfilter: Sendable {
    let node: LabNode
    let family: IPFamily

    init(_ node: LabNode, _ family: IPFamily) {
        self.node = node
        self.family = family
    }

    /// Adds the rules to what is there.
    func load(_ rules: Ruleset) async throws {
        try await run(["\(program)-restore", "--noflush"], input: rules.restoreText)
    }

    /// Packets that the rules of a chain of the nat table have matched, by rule, in order.
    func natPackets(_ chain: String) async throws -> [UInt64] {
        let listing = try await run([program, "-t", "nat", "-n", "-v", "-x", "-L", chain])
        // A title, a head, and a line a rule that begins with its packets.
        return listing.split(separator: "\n").dropFirst(2).map { line in
            line.split(separator: " ").first.flatMap { UInt64($0) } ?? 0
        }
    }

    /// Whether anything at all is configured in netfilter.
    func isEmpty() async throws -> Bool {
        try await run(["nft", "list", "ruleset"]).allSatisfy(\.isWhitespace)
    }

    /// Connections that conntrack knows, of both families.
    func connections() async throws -> Int {
        let text = try await run(["conntrack", "-C"])
        return Int(text.filter(\.isNumber)) ?? 0
    }

    /// Forgets all connections, so that no run finds what the one before it left.
    func forgetConnections() async throws {
        try await run(["conntrack", "-F"])
    }

    private var program: String { family == .v4 ? "iptables" : "ip6tables" }

    @discardableResult
    private func run(_ arguments: [String], input: String = "") async throws -> String {
        let command = try node.target().command(arguments, input: Array(input.utf8))
        let result = try await command.perform(timeoutMilliseconds: 120_000)
        guard result.succeeded else {
            throw BenchError.failed(command: arguments.joined(separator: " "), result: result)
        }
        return result.output
    }
}
