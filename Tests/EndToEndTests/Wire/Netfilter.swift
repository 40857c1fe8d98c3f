// The netfilter of one lab node: kube-proxy's rules put in, and what they and conntrack know.

import KubeProxyRules
import Lab
import Linux
import Model
import Support

/// Rules as kube-proxy writes them, on one node.
struct Netfilter {
    let world: WireLab
    let node: LabNode

    init(_ world: WireLab) {
        self.world = world
        node = world.lab.nodes[0]
    }

    /// Adds kube-proxy's rules for the services to what is there.
    func load(_ services: [WireService]) async throws {
        for family in IPFamily.allCases {
            let rules = proxyRules(
                family: family, ports: services.flatMap { $0.proxied(world.lab, family) },
                settings: ProxySettings(nodeAddress: node.address(family), accounting: false))
            let command = try node.target().command(
                ["\(Self.program(family))-restore", "--noflush"],
                input: Array(rules.restoreText.utf8))
            let result = try await command.perform()
            guard result.succeeded else { throw Dial.Failed(text: result.errorOutput) }
        }
    }

    /// Tracks IPv6 connections, as the CNI's rules do IPv4's; a cluster of IPv6 has no such rules.
    func trackConnections() async throws {
        try await world.shell(
            node.name,
            """
            nft add table ip6 tracking
            nft add chain ip6 tracking pre '{ type filter hook prerouting priority 0; }'
            nft add chain ip6 tracking out '{ type filter hook output priority 0; }'
            nft add rule ip6 tracking pre ct state established counter
            nft add rule ip6 tracking out ct state established counter
            """)
    }

    /// Packets that the services' own rules in the nat tables have matched.
    func translatedPackets() async throws -> [String] {
        var hits: [String] = []
        for family in IPFamily.allCases {
            let text = try await world.shell(
                node.name, "\(Self.program(family))-save -c -t nat")
            for line in text.split(separator: "\n") where line.contains("-A KUBE-") {
                // Everything that leaves passes the first, everything for the host the second.
                if line.contains("-A KUBE-POSTROUTING") || line.contains("-j KUBE-NODEPORTS") {
                    continue
                }
                if !line.hasPrefix("[0:0]") { hits.append(String(line)) }
            }
        }
        return hits
    }

    /// What conntrack knows, as whoever began each connection sees it.
    func connections() async throws -> Set<Connection> {
        let text = try await world.shell(
            node.name, "conntrack -L 2>/dev/null; conntrack -L -f ipv6 2>/dev/null")
        return Set(text.split(separator: "\n").compactMap(Connection.init(line:)))
    }

    private static func program(_ family: IPFamily) -> String {
        family == .v4 ? "iptables" : "ip6tables"
    }
}

/// One connection's first tuple, ports in host order.
struct Connection: Hashable {
    var source: SocketAddress
    var destination: SocketAddress

    init(_ source: SocketAddress, _ destination: SocketAddress) {
        self.source = source
        self.destination = destination
    }

    /// From conntrack's listing; nil for what has no ports.
    init?(line: Substring) {
        func first(_ key: String) -> String? {
            line.split(separator: " ").first { $0.hasPrefix(key) }.map {
                String($0.dropFirst(key.count))
            }
        }
        guard let source = first("src=").flatMap({ IPAddress($0) }),
            let destination = first("dst=").flatMap({ IPAddress($0) }),
            let sourcePort = first("sport=").flatMap({ UInt16($0) }),
            let destinationPort = first("dport=").flatMap({ UInt16($0) })
        else { return nil }
        self.init(
            SocketAddress(source, sourcePort), SocketAddress(destination, destinationPort))
    }
}
