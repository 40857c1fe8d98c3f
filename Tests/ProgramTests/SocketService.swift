// A service for the socket programs' tests, written straight into the maps: which frontends, which
// sets, which policies. Both families from one description.

import Model
import Plan

/// Where the tests' services are and who serves them, in one family.
struct SocketAddresses: Sendable, CustomStringConvertible {
    var family: IPFamily
    var clusterIP: String
    var externalIP: String
    var vip: String
    var node: String
    var pod: String
    var cluster: [String]
    var local: String
    var loopback: String
    var elsewhere: String

    static let v4 = SocketAddresses(
        family: .v4, clusterIP: "10.100.0.10", externalIP: "198.51.100.7", vip: "203.0.113.9",
        node: "10.0.0.5", pod: "10.0.1.10", cluster: ["10.0.9.1", "10.0.9.2"], local: "10.0.1.77",
        loopback: "127.0.0.1", elsewhere: "10.0.0.6")
    static let v6 = SocketAddresses(
        family: .v6, clusterIP: "fd00:10:100::10", externalIP: "2001:db8::7",
        vip: "2001:db8:1::9", node: "fd00:1::5", pod: "fd00:1::a",
        cluster: ["fd00:9::1", "fd00:9::2"], local: "fd00:1::77", loopback: "::1",
        elsewhere: "fd00:1::6")
    static let all = [v4, v6]

    var description: String { family == .v4 ? "IPv4" : "IPv6" }
}

struct SocketService {
    static let nodePort: UInt16 = 31000

    var at: SocketAddresses
    var `protocol`: L4Protocol = .tcp
    var id: UInt32 = 1
    var internalPolicy = TrafficPolicy.cluster
    var externalPolicy = TrafficPolicy.cluster
    var cluster: [String]
    var local: [String]
    var isUsableAnywhere = true
    var affinityTimeoutSeconds: UInt32 = 0

    init(_ at: SocketAddresses) {
        self.at = at
        cluster = at.cluster
        local = [at.local]
    }

    /// Where clients dial, by kind: address and port.
    static func frontends(_ at: SocketAddresses) -> [(FrontendKind, String, UInt16)] {
        [
            (.clusterIP, at.clusterIP, 80), (.externalIP, at.externalIP, 80),
            (.loadBalancer, at.vip, 80), (.nodePort, at.node, nodePort),
        ]
    }

    /// An address as the tests' dials show it.
    static func shown(_ backend: String) -> String { "\(backend) 8080" }

    func backendID(_ address: String) -> BackendID {
        let number = ([at.local] + at.cluster).firstIndex(of: address).map(UInt32.init) ?? 9
        return BackendID(
            rawValue: 1 + number + (`protocol` == .udp ? 10 : 0) + (at.family == .v6 ? 100 : 0))
    }

    var operations: [Operation] {
        var operations: [Operation] = []
        for address in Set(cluster + local) {
            operations.append(
                .setBackend(
                    backendID(address),
                    Backend(address: IPAddress(address)!, port: 8080, protocol: `protocol`),
                    .active))
        }
        let service = ServiceID(rawValue: id)
        for (set, addresses) in [(BackendSet.cluster, cluster), (.local, local)] {
            for (slot, address) in addresses.enumerated() {
                operations.append(
                    .setSlot(
                        SlotKey(service: service, set: set, slot: UInt32(slot)),
                        backendID(address)))
            }
        }
        if affinityTimeoutSeconds > 0 {
            for address in Set(cluster + local) {
                operations.append(
                    .setMember(
                        service, backendID(address),
                        Membership(
                            isInCluster: cluster.contains(address),
                            isInLocal: local.contains(address))))
            }
        }
        for (kind, address, port) in Self.frontends(at) {
            let key =
                kind == .nodePort
                ? IPAddress(octets: [UInt8](repeating: 0, count: at.family == .v4 ? 4 : 16))!
                : IPAddress(address)!
            operations.append(
                .setFrontend(
                    Frontend(address: key, port: port, protocol: `protocol`), head(kind)))
        }
        return operations
    }

    private func head(_ kind: FrontendKind) -> ServiceHead {
        ServiceHead(
            id: ServiceID(rawValue: id), kind: kind, clusterCount: UInt32(cluster.count),
            localCount: UInt32(local.count), internalPolicy: internalPolicy,
            externalPolicy: externalPolicy, affinityTimeoutSeconds: affinityTimeoutSeconds,
            isUsableAnywhere: isUsableAnywhere)
    }
}
