// A program test's node with services on it: what dials them, and what the packet must become.

import CDatapath
import Linux
import Model
import Plan

@testable import Datapath

/// A service on the test's node, with one backend for a clear answer.
struct TestService {
    static let port: UInt16 = 80
    static let nodePort: UInt16 = 30_080
    static let backendPort: UInt16 = 8080

    var at: Addresses
    var `protocol` = L4Protocol.tcp
    var backend: String
    var id: UInt32 = 1
    var externalPolicy = TrafficPolicy.cluster
    var internalPolicy = TrafficPolicy.cluster
    var isLocal = true
    var isUsableAnywhere = true
    var affinityTimeoutSeconds: UInt32 = 0
    /// More than one where a test sets the other slots itself.
    var clusterCount: UInt32 = 1
    var clusterIP: String

    init(_ at: Addresses, backend: String) {
        self.at = at
        self.backend = backend
        clusterIP = at.family == .v4 ? "10.100.0.10" : "fd00:10:100::10"
    }

    var externalIP: String { at.family == .v4 ? "198.51.100.7" : "2001:db8::7" }

    var operations: [Operation] {
        let service = ServiceID(rawValue: id)
        let backendID = BackendID(
            rawValue: id * 10 + UInt32(`protocol`.rawValue) * 1000 + (at.family == .v4 ? 1 : 2))
        var operations: [Operation] = [
            .setBackend(
                backendID,
                Backend(
                    address: IPAddress(backend)!, port: Self.backendPort, protocol: `protocol`),
                .active)
        ]
        for set in BackendSet.allCases where set == .cluster || isLocal {
            operations.append(
                .setSlot(SlotKey(service: service, set: set, slot: 0), backendID))
        }
        let any = IPAddress(octets: [UInt8](repeating: 0, count: at.family == .v4 ? 4 : 16))!
        for (kind, address, port) in [
            (FrontendKind.clusterIP, IPAddress(clusterIP)!, Self.port),
            (.externalIP, IPAddress(externalIP)!, Self.port),
            (.nodePort, any, Self.nodePort),
        ] {
            operations.append(
                .setFrontend(
                    Frontend(address: address, port: port, protocol: `protocol`),
                    ServiceHead(
                        id: service, kind: kind, clusterCount: isUsableAnywhere ? clusterCount : 0,
                        localCount: isLocal && isUsableAnywhere ? 1 : 0,
                        internalPolicy: internalPolicy, externalPolicy: externalPolicy,
                        affinityTimeoutSeconds: affinityTimeoutSeconds,
                        isUsableAnywhere: isUsableAnywhere)))
        }
        return operations
    }
}

extension ProgramNode {
    static let clientPort: UInt16 = 40_000

    /// Programs the node of both families for translation and switches it on.
    func serve(
        _ services: [TestService], node change: (inout DesiredNode) -> Void = { _ in },
        changeB: (inout DesiredPod) -> Void = { _ in }
    ) async throws {
        for at in [Addresses.v4, .v6] { try await program(at, changeB: changeB) }
        var desired = DesiredNode(
            primaryInterface: eni, masqueradeV4: IPAddress(Addresses.v4.node),
            masqueradeV6: IPAddress(Addresses.v6.node))
        change(&desired)
        var operations: [Operation] = [.setNode(desired)]
        for family in [IPFamily.v4, .v6] {
            operations.append(
                .setENI(
                    ENIKey(interface: eni, family: family),
                    ENIEgress(mac: Self.eniMAC, mtu: Self.mtu, nextHopMAC: Self.gatewayMAC)))
        }
        operations.append(
            .setVeth(
                vethA,
                VethAddresses(
                    v4: IPAddress(Addresses.v4.podA), v6: IPAddress(Addresses.v6.podA))))
        try await apply(operations + services.flatMap(\.operations) + [.switchServices(true)])
        try await datapath.activate()
    }

    /// The first packet of a dial.
    func dial(
        from: String, to: String, _ port: UInt16, _ l4: L4Protocol = .tcp,
        clientPort: UInt16 = ProgramNode.clientPort
    ) -> Frame {
        Frame(from: from, to: to).with {
            $0.protocol = l4.rawValue
            $0.sourcePort = clientPort
            $0.destinationPort = port
            $0.flags = 0x02
        }
    }
}

extension Frame {
    /// What a receiver of this frame sends back; TCP: SYN-ACK to a SYN.
    var reply: Frame {
        with {
            swap(&$0.source, &$0.destination)
            swap(&$0.sourcePort, &$0.destinationPort)
            swap(&$0.sourceMAC, &$0.destinationMAC)
            $0.flags = 0x12
            $0.ttl = 64
        }
    }

    /// The source port of an encoded frame without options.
    static func sourcePort(of bytes: [UInt8], _ family: IPFamily) -> UInt16 {
        let at = family == .v4 ? 34 : 54
        return UInt16(bytes[at]) << 8 | UInt16(bytes[at + 1])
    }
}
