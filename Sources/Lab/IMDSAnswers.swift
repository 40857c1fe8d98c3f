// What the instance metadata service tells a node about itself: the keys that the VPC CNI reads, as
// a tree of texts. Paths with children list them, one a line, folders with a slash.

import Model

/// The metadata of one node.
struct IMDSAnswers {
    /// Path below `/latest/meta-data/` → text.
    let leaves: [String: String]

    init(node: LabNode, vpc: [CIDR]) {
        var leaves = [
            "instance-id": "i-" + "0" + String(repeating: "0", count: 14) + Self.hex(node.number),
            "instance-type": "m5.large", "local-ipv4": node.ipv4.description,
            "placement/availability-zone": Self.zone(node), "hostname": node.name,
        ]
        leaves["mac"] = node.enis.first?.mac.description
        for eni in node.enis {
            let at = "network/interfaces/macs/\(eni.mac)/"
            let prefixes = AddressPlan.prefixes(subnet: eni.subnet)
            let pods = node.pods.filter { $0.eni == eni.ifname }
            leaves[at + "mac"] = eni.mac.description
            leaves[at + "interface-id"] = eni.id
            leaves[at + "device-number"] = String(eni.device)
            leaves[at + "network-card"] = "0"
            leaves[at + "subnet-id"] = AddressPlan.subnetID(subnet: eni.subnet)
            leaves[at + "vpc-id"] = "vpc-0000000000000ec20"
            leaves[at + "security-group-ids"] = "sg-0000000000000ec20"
            // The primary one first.
            leaves[at + "local-ipv4s"] = Self.lines([eni.ipv4] + pods.map(\.ipv4))
            leaves[at + "ipv6s"] = Self.lines([eni.ipv6] + pods.map(\.ipv6))
            leaves[at + "subnet-ipv4-cidr-block"] = prefixes.v4.description
            leaves[at + "subnet-ipv6-cidr-blocks"] = prefixes.v6.description
            leaves[at + "vpc-ipv4-cidr-block"] = vpc.first { $0.family == .v4 }?.description
            leaves[at + "vpc-ipv4-cidr-blocks"] = Self.lines(vpc.filter { $0.family == .v4 })
            leaves[at + "vpc-ipv6-cidr-blocks"] = Self.lines(vpc.filter { $0.family == .v6 })
        }
        self.leaves = leaves
    }

    /// The text of a path below `/latest/meta-data/`, or the list of its children; nil is a 404.
    func text(_ path: String) -> String? {
        let trimmed = path.split(separator: "/").joined(separator: "/")
        if let leaf = leaves[trimmed] { return leaf }
        let prefix = trimmed.isEmpty ? "" : trimmed + "/"
        let children = leaves.keys.filter { $0.hasPrefix(prefix) }.map { key -> String in
            let rest = key.dropFirst(prefix.count)
            guard let slash = rest.firstIndex(of: "/") else { return String(rest) }
            return String(rest[...slash])
        }
        return children.isEmpty ? nil : Set(children).sorted().joined(separator: "\n")
    }

    private static func zone(_ node: LabNode) -> String {
        "eu-central-1" + ["a", "b", "c"][(node.number - 1) % 3]
    }

    private static func hex(_ number: Int) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 2 - digits.count) + digits
    }

    private static func lines(_ values: [some CustomStringConvertible]) -> String {
        values.map(\.description).joined(separator: "\n")
    }
}
