// What is dialled, from where and for what: the tables whose product is the matrix. Every service
// has every frontend in both families and both protocols; a row that makes no sense, or that the
// VPC would not carry, is left out where rows are made and says why.

import Lab
import Model

/// A place that serves, always on `WireService.backendPort`.
enum WireBackend: String, CaseIterable, Sendable {
    /// A pod of the node under test whose addresses are the primary ENI's.
    case here = "node1/pod3"
    /// A pod of that node whose addresses are a secondary ENI's.
    case hereSecondary = "node1/pod4"
    case there = "node2/pod3"
    /// A server on the network of the node under test.
    case hostHere = "node1"
    case hostThere = "node2"

    var isOnNode: Bool { rawValue.hasPrefix("node1") }
    var isHost: Bool { !rawValue.contains("/") }

    /// Routers that a packet of node1's passes on its way, node1 not included.
    var hopsFromNode: Int {
        switch self {
        case .here, .hereSecondary, .hostHere: 0
        case .hostThere: 1
        case .there: 2
        }
    }
}

/// A service of the matrix.
struct WireService: Hashable, Sendable {
    let number: Int
    let backends: [WireBackend]
    var external = TrafficPolicy.cluster
    var `internal` = TrafficPolicy.cluster

    static let backendPort: UInt16 = 8080

    var name: String { "wire-\(number)" }
    var port: UInt16 { UInt16(8000 + number) }
    var nodePort: UInt16 { UInt16(30000 + number) }

    func clusterIP(_ family: IPFamily) -> IPAddress {
        let text = family == .v4 ? "10.100.1.\(number)" : "fd00:10:100::1:\(number)"
        guard let address = IPAddress(text) else { preconditionFailure(text) }
        return address
    }

    static let all = [
        WireService(number: 1, backends: [.here]),
        WireService(number: 2, backends: [.hereSecondary]),
        WireService(number: 3, backends: [.there]),
        WireService(number: 4, backends: [.hostHere]),
        WireService(number: 5, backends: [.hostThere]),
        WireService(number: 6, backends: []),
        WireService(number: 11, backends: [.here, .there], external: .local),
        WireService(number: 12, backends: [.hereSecondary, .there], external: .local),
        WireService(number: 13, backends: [.hostHere, .there], external: .local),
        WireService(number: 14, backends: [.there], external: .local),
        WireService(number: 15, backends: [], external: .local),
        WireService(number: 21, backends: [.here, .there], internal: .local),
        WireService(number: 22, backends: [.there], internal: .local),
    ]
}

/// Where a service is dialled.
enum WireFrontend: String, CaseIterable, Sendable {
    case clusterIP = "ClusterIP"
    case nodePort = "NodePort"
    /// At the secondary ENI's own address.
    case nodePortSecondary = "NodePort (secondary ENI)"
    case externalIP = "external IP"
    case loadBalancer = "load balancer IP"

    /// Inside the VPC, so that nobody takes them for the internet; owned by no ENI but routed to
    /// the node under test.
    static func address(_ frontend: WireFrontend, _ family: IPFamily) -> IPAddress? {
        switch (frontend, family) {
        case (.externalIP, .v4): IPAddress("10.0.200.50")
        case (.externalIP, .v6): IPAddress("2001:db8:ec2:c8::50")
        case (.loadBalancer, .v4): IPAddress("10.0.200.60")
        case (.loadBalancer, .v6): IPAddress("2001:db8:ec2:c8::60")
        default: nil
        }
    }
}

/// Who dials, and how its dials are translated where an agent runs.
enum WireSender: String, CaseIterable, Sendable {
    case internet
    /// In the VPC and no pod.
    case client
    case podElsewhere = "node2/pod1"
    /// Out of the socket hook's sight, as sandboxed runtimes are.
    case podPerPacket = "node1/pod1 per packet"
    case podSecondaryPerPacket = "node1/pod2 per packet"
    /// The pods that serve, dialling themselves and each other.
    case backendPerPacket = "node1/pod3 per packet"
    case backendSecondaryPerPacket = "node1/pod4 per packet"
    case pod = "node1/pod1"
    case podSecondary = "node1/pod2"
    case host = "node1"

    var isPerPacket: Bool { rawValue.hasSuffix(" per packet") }
    /// The lab's target.
    var place: String { String(rawValue.prefix { $0 != " " }) }
    var isPodHere: Bool { place.hasPrefix("node1/") }
    var isExternal: Bool { !rawValue.hasPrefix("node1") }
    /// Its packets on the wire show the frontend.
    var showsFrontend: Bool { isExternal || isPerPacket }

    /// Routers between it and node1.
    var hopsToNode: Int {
        switch self {
        case .internet, .client: 1
        case .podElsewhere: 2
        default: 0
        }
    }
}
