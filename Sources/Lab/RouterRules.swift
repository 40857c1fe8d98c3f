// What the VPC's router refuses, and counts with the culprit's name. The rules know no address: a
// source belongs to an ENI if the router's own route to it leads back there, so that routes are the
// only truth, and adding a pod touches no rule.

import Model

/// Why the router dropped a packet.
package enum RouterDrop: String, Hashable, Sendable, CaseIterable, Codable {
    /// The source does not belong to the ENI that the packet came from (EC2's source check).
    case wrongENI = "wrong_eni"
    /// A service address left a node: nobody translated it.
    case serviceAddress = "service_address"
    /// Inside or outside of the VPC, nobody owns that destination.
    case nowhere
    /// IPv4 between the internet and an address that has no public counterpart.
    case privateAddress = "private_address"

    /// The nft set that holds this reason's culprits of a family.
    func setName(_ family: IPFamily) -> String { "\(rawValue)\(family.rawValue)" }
}

/// Text for one `nft -f` in the router's namespace.
enum RouterRules {
    static let table = "vpc"
    /// Culprits remembered for each reason and family. More are still dropped, uncounted.
    static let maximumCulprits = 4096

    /// The ruleset.
    ///
    /// - Parameters:
    ///   - services: service prefixes of both families.
    ///   - publicV4: private IPv4 addresses that the internet gateway maps to public ones.
    ///   - internet: name of the leg to the internet.
    static func ruleset(services: [CIDR], publicV4: [IPAddress], internet: String) -> String {
        var lines = ["table inet \(table) {"]
        for drop in RouterDrop.allCases {
            for family in IPFamily.allCases {
                let address = family == .v4 ? "ipv4_addr" : "ipv6_addr"
                lines.append("set \(drop.setName(family)) {")
                lines.append("type ifname . \(address) . \(address); size \(maximumCulprits);")
                lines.append("flags dynamic; }")
            }
        }
        let mapped = publicV4.map(\.description).joined(separator: ", ")
        lines.append("set public4 { type ipv4_addr; elements = { \(mapped) } }")
        lines.append("chain prerouting { type filter hook prerouting priority -300; policy accept;")
        // Neighbour discovery between the ends of a leg.
        lines.append("ip6 saddr { ::, fe80::/10 } accept")
        let elsewhere = "fib saddr . iif oif missing"
        lines += refuse(.wrongENI) { _ in elsewhere }
        lines += refuse(.serviceAddress) { family in
            let prefixes = services.filter { $0.family == family }.map(\.description)
            guard !prefixes.isEmpty else { return nil }
            let header = family == .v4 ? "ip" : "ip6"
            return "\(header) daddr { \(prefixes.joined(separator: ", ")) }"
        }
        // "missing" holds for the router's own addresses as well.
        let unowned =
            "fib daddr type != { local, broadcast, anycast, multicast } fib daddr oif missing"
        lines += refuse(.nowhere) { _ in unowned }
        lines.append("}")
        lines.append("chain forward { type filter hook forward priority 0; policy accept;")
        lines += refuse(.privateAddress) {
            $0 == .v4 ? "oifname \"\(internet)\" ip saddr != @public4" : nil
        }
        lines += refuse(.privateAddress) {
            $0 == .v4 ? "iifname \"\(internet)\" ip daddr != @public4" : nil
        }
        lines += ["}", "}"]
        return lines.joined(separator: "\n") + "\n"
    }

    private static func refuse(
        _ drop: RouterDrop, when condition: (IPFamily) -> String?
    ) -> [String] {
        IPFamily.allCases.compactMap { family in
            guard let condition = condition(family) else { return nil }
            let header = family == .v4 ? "ip" : "ip6"
            let culprit = "iifname . \(header) saddr . \(header) daddr"
            return "meta nfproto ipv\(family.rawValue) \(condition) "
                + "add @\(drop.setName(family)) { \(culprit) counter } drop"
        }
    }
}
