// kube-proxy's rule writer in iptables mode, release 1.36, as a pure function: service ports in,
// rule set out. It must stay what the real one writes, else every comparison with it is worthless:
// a test holds it against rules that a real kube-proxy wrote. Nothing here touches a kernel.

package import Model

/// What kube-proxy's configuration and node add to the services.
package struct ProxySettings: Sendable {
    /// The node's primary address of the family: decides whether a source range admits the node.
    package var nodeAddress: IPAddress?
    package var masqueradeAll: Bool
    /// IPv4 only: node ports answer on 127.0.0.0/8.
    package var localhostNodePorts: Bool
    /// The kernel's accounting objects exist; without them kube-proxy leaves their matches out.
    package var accounting: Bool

    package init(
        nodeAddress: IPAddress?, masqueradeAll: Bool = false, localhostNodePorts: Bool = true,
        accounting: Bool = true
    ) {
        self.nodeAddress = nodeAddress
        self.masqueradeAll = masqueradeAll
        self.localhostNodePorts = localhostNodePorts
        self.accounting = accounting
    }
}

/// The rules that kube-proxy 1.36 keeps for `ports`, which must be of one family, without local
/// detection (stock EKS). Ports keep their order: the last one is matched last.
package func proxyRules(
    family: IPFamily, ports: [ProxiedPort], settings: ProxySettings
) -> Ruleset {
    var writer = RuleWriter(family: family, settings: settings, ports: ports)
    for port in ports { writer.write(port) }
    writer.finish()
    return Ruleset(
        family: family,
        tables: [Table(name: "mangle", chains: [canary]), writer.filter, writer.nat])
}

/// The chain by which kube-proxy notices that someone flushed the tables.
let canary = "KUBE-PROXY-CANARY"
let masqueradeMark = "0x4000"

/// Above this many endpoints kube-proxy leaves the comments of backend chains out.
let largeClusterEndpoints = 1000

/// Collects the two tables while the ports go by.
struct RuleWriter {
    let family: IPFamily
    let settings: ProxySettings
    let isLargeCluster: Bool
    var filter: Table
    var nat: Table

    init(family: IPFamily, settings: ProxySettings, ports: [ProxiedPort]) {
        self.family = family
        self.settings = settings
        isLargeCluster = ports.reduce(0) { $0 + $1.endpointCount } > largeClusterEndpoints
        filter = Table(
            name: "filter",
            chains: [
                "KUBE-EXTERNAL-SERVICES", "KUBE-FIREWALL", "KUBE-FORWARD", "KUBE-NODEPORTS",
                canary, "KUBE-PROXY-FIREWALL", "KUBE-SERVICES",
            ], jumps: filterJumps)
        nat = Table(
            name: "nat",
            chains: [
                "KUBE-MARK-MASQ", "KUBE-NODEPORTS", "KUBE-POSTROUTING", canary, "KUBE-SERVICES",
            ], jumps: natJumps)
        writePreamble()
    }

    private var guardsLoopback: Bool { family == .v4 && settings.localhostNodePorts }

    private mutating func writePreamble() {
        let mark = masqueradeMark
        nat.rules += [
            "-A KUBE-POSTROUTING -m mark ! --mark \(mark)/\(mark) -j RETURN",
            "-A KUBE-POSTROUTING -j MARK --set-xmark \(mark)/0x0",
            "-A KUBE-POSTROUTING \(comment("kubernetes service traffic requiring SNAT")) "
                + "-j MASQUERADE --random-fully",
            "-A KUBE-MARK-MASQ -j MARK --set-xmark \(mark)/\(mark)",
        ]
        if guardsLoopback {
            filter.rules.append(
                "-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 "
                    + "\(comment("block incoming localnet connections")) "
                    + "-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP")
        }
    }

    /// What stands behind all service ports: node ports last, and what may be forwarded.
    mutating func finish() {
        let note = "kubernetes service nodeports; NOTE: this must be the last rule in this chain"
        var destination = ""
        if family == .v6 {
            destination = "! -d ::1/128 "
        } else if !settings.localhostNodePorts {
            destination = "! -d 127.0.0.0/8 "
        }
        nat.rules.append(
            "-A KUBE-SERVICES \(destination)\(comment(note)) "
                + "-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS")
        let account =
            settings.accounting ? "-m nfacct --nfacct-name  ct_state_invalid_dropped_pkts " : ""
        let mark = masqueradeMark
        filter.rules += [
            "-A KUBE-FORWARD -m conntrack --ctstate INVALID \(account)-j DROP",
            "-A KUBE-FORWARD \(comment("kubernetes forwarding rules")) "
                + "-m mark --mark \(mark)/\(mark) -j ACCEPT",
            "-A KUBE-FORWARD \(comment("kubernetes forwarding conntrack rule")) "
                + "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        ]
    }
}

private let new = "-m conntrack --ctstate NEW"

private let filterJumps: [Jump] = [
    Jump("INPUT", "-j KUBE-FIREWALL"),
    Jump("INPUT", "\(new) \(comment("kubernetes load balancer firewall")) -j KUBE-PROXY-FIREWALL"),
    Jump("INPUT", "\(comment("kubernetes health check service ports")) -j KUBE-NODEPORTS"),
    Jump(
        "INPUT",
        "\(new) \(comment("kubernetes externally-visible service portals")) "
            + "-j KUBE-EXTERNAL-SERVICES"
    ),
    Jump(
        "FORWARD", "\(new) \(comment("kubernetes load balancer firewall")) -j KUBE-PROXY-FIREWALL"),
    Jump("FORWARD", "\(comment("kubernetes forwarding rules")) -j KUBE-FORWARD"),
    Jump("FORWARD", "\(new) \(comment("kubernetes service portals")) -j KUBE-SERVICES"),
    Jump(
        "FORWARD",
        "\(new) \(comment("kubernetes externally-visible service portals")) "
            + "-j KUBE-EXTERNAL-SERVICES"
    ),
    Jump("OUTPUT", "-j KUBE-FIREWALL"),
    Jump("OUTPUT", "\(new) \(comment("kubernetes load balancer firewall")) -j KUBE-PROXY-FIREWALL"),
    Jump("OUTPUT", "\(new) \(comment("kubernetes service portals")) -j KUBE-SERVICES"),
]

private let natJumps: [Jump] = [
    Jump("PREROUTING", "\(comment("kubernetes service portals")) -j KUBE-SERVICES"),
    Jump("OUTPUT", "\(comment("kubernetes service portals")) -j KUBE-SERVICES"),
    Jump("POSTROUTING", "\(comment("kubernetes postrouting rules")) -j KUBE-POSTROUTING"),
]
