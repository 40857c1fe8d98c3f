// How kube-proxy (iptables mode) names its chains: a prefix and 16 characters of a hash, so that a
// name of any length fits iptables' 28 characters. The protocol is hashed in lower case.

import Model

/// The chains of one service port.
struct PortChains {
    let cluster: String
    let local: String
    let external: String
    let firewall: String

    init(name: String, protocol: String) {
        let hash = chainHash(name + `protocol`)
        cluster = "KUBE-SVC-" + hash
        local = "KUBE-SVL-" + hash
        external = "KUBE-EXT-" + hash
        firewall = "KUBE-FW-" + hash
    }
}

/// The chain that sends a flow of the named service port to one backend, given as `address:port`.
func backendChain(name: String, protocol: String, backend: String) -> String {
    "KUBE-SEP-" + chainHash(name + `protocol` + backend)
}

private func chainHash(_ text: String) -> String {
    // 10 octets are exactly the 16 characters that are kept.
    base32(sha256(text.utf8).prefix(10))
}

extension ServicePortName {
    /// `namespace/name` or `namespace/name:port`: how kube-proxy writes a service port in comments
    /// and hashes it into chain names.
    var proxyText: String { port.isEmpty ? "\(service)" : "\(service):\(port)" }
}

extension L4Protocol {
    /// The name that iptables matches by.
    var proxyText: String {
        switch self {
        case .tcp: "tcp"
        case .udp: "udp"
        case .sctp: "sctp"
        }
    }
}

/// The chain through which every new flow to a port's ClusterIP goes under policy Cluster: its
/// counters tell whether anything went there.
package func clusterChain(of port: ProxiedPort) -> String {
    PortChains(name: port.name.proxyText, protocol: port.name.protocol.proxyText).cluster
}
