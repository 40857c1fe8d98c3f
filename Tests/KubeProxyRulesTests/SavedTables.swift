// iptables-save's output as values that compare: without counters, comments of the tool, and the
// order in which chains are printed. What is left out here is all that the comparison forgives.

import KubeProxyRules

/// Rules by table and chain, `nat KUBE-SERVICES` and the like.
struct SavedTables: Equatable {
    private(set) var chains: [String: [String]] = [:]

    /// From iptables-save's text. A built-in chain without rules counts as absent.
    init(_ text: String) {
        var table = ""
        for line in text.split(separator: "\n") {
            if line.hasPrefix("*") {
                table = String(line.dropFirst())
            } else if line.hasPrefix(":") {
                let words = line.dropFirst().split(separator: " ")
                if words[1] == "-" { chains["\(table) \(words[0])"] = [] }
            } else if line.hasPrefix("-A ") {
                let words = line.split(separator: " ", maxSplits: 2)
                chains["\(table) \(words[1])", default: []].append(String(words[2]))
            }
        }
    }

    /// From what our rule writer made.
    init(_ rules: Ruleset) {
        for table in rules.tables {
            for chain in table.chains { chains["\(table.name) \(chain)"] = [] }
            for jump in table.jumps {
                chains["\(table.name) \(jump.chain)", default: []].append(jump.rule)
            }
            for rule in table.rules {
                let words = rule.split(separator: " ", maxSplits: 2)
                chains["\(table.name) \(words[1])", default: []].append(String(words[2]))
            }
        }
    }

    /// Chains to which every service port adds its rules: kube-proxy walks its ports in the order
    /// of a Go map, which is another one each time.
    static func isUnordered(_ chain: String) -> Bool {
        [
            "nat KUBE-SERVICES", "nat KUBE-NODEPORTS", "filter KUBE-SERVICES",
            "filter KUBE-NODEPORTS", "filter KUBE-EXTERNAL-SERVICES", "filter KUBE-PROXY-FIREWALL",
        ].contains(chain)
    }
}
