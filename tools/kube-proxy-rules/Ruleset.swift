// Tables, chains and rules as iptables-restore reads them, in the form in which iptables-save
// prints them, so that two rule sets can be compared line by line.

package import Model

/// What one family's kube-proxy keeps in iptables.
package struct Ruleset: Sendable {
    package let family: IPFamily
    package internal(set) var tables: [Table]

    /// Input for `iptables-restore --noflush` (or `ip6tables-restore`): chains of others stay. The
    /// jumps from built-in chains come first in these, as kube-proxy prepends them.
    package var restoreText: String {
        var text = ""
        for table in tables {
            text += "*\(table.name)\n"
            for chain in table.chains { text += ":\(chain) - [0:0]\n" }
            var positions: [String: Int] = [:]
            for jump in table.jumps {
                let position = positions[jump.chain, default: 0] + 1
                positions[jump.chain] = position
                text += "-I \(jump.chain) \(position) \(jump.rule)\n"
            }
            for rule in table.rules { text += "\(rule)\n" }
            text += "COMMIT\n"
        }
        return text
    }
}

/// One table: `mangle`, `filter` or `nat`.
package struct Table: Sendable {
    package let name: String
    /// Chains that kube-proxy owns; built-in ones are not listed.
    package internal(set) var chains: [String]
    /// Rules in built-in chains, in order; without `-A CHAIN`.
    package internal(set) var jumps: [Jump]
    /// Rules in our own chains: `-A CHAIN …`, in order.
    package internal(set) var rules: [String]

    init(name: String, chains: [String], jumps: [Jump] = []) {
        self.name = name
        self.chains = chains
        self.jumps = jumps
        rules = []
    }
}

/// A rule in a built-in chain that leads into kube-proxy's own.
package struct Jump: Sendable {
    package let chain: String
    package let rule: String

    init(_ chain: String, _ rule: String) {
        self.chain = chain
        self.rule = rule
    }
}

/// `-m comment --comment "text"`, quoted as iptables-save does for texts with slash or space.
func comment(_ text: String) -> String { "-m comment --comment \"\(text)\"" }

/// A host prefix as iptables-save prints an address: `10.0.0.1/32`, `fd00::1/128`.
func hostPrefix(_ address: IPAddress) -> String { "\(address)/\(address.family.bits)" }

/// The probability 1/n as iptables-save prints it: kube-proxy writes 10 digits, the kernel keeps a
/// fraction of 2^31, and the save shows 11 digits of that.
func probability(oneOf n: Int) -> String {
    let written = (UInt128(10_000_000_000) * 2 / UInt128(n) + 1) / 2
    let kept = ((written << 32) / 10_000_000_000 + 1) / 2
    let shown = String((kept * 100_000_000_000 + 1 << 30) >> 31)
    return "0." + String(repeating: "0", count: 11 - shown.count) + shown
}
