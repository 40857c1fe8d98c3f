// What the interface programs make of packets that dial services, and of the replies: every byte of
// what comes out, checksums too, for both families and TCP and UDP from one table.

import Glibc
import Linux
import Model
import Plan
import Testing

@testable import Datapath

@Suite(
    "translation by the pod and eni programs", .enabled(if: geteuid() == 0, "needs root"),
    .timeLimit(.minutes(3)))
struct TranslationTests {
    static let families = [Addresses.v4, .v6]
    static let protocols = [L4Protocol.tcp, .udp]
    static let port = ProgramNode.clientPort

    /// What the frame becomes on its way to a backend.
    private func carried(_ frame: Frame, to backend: String, _ hop: Hop) -> Frame {
        frame.with {
            $0.destination = IPAddress(backend)!
            $0.destinationPort = TestService.backendPort
            hop.apply(to: &$0)
        }
    }

    /// The Ethernet addresses of a way out, and the hop that it counts.
    private enum Hop {
        case podA, podB, eni

        func apply(to frame: inout Frame) {
            switch self {
            case .podA:
                frame.destinationMAC = ProgramNode.podMACA
                frame.sourceMAC = ProgramNode.hostMACA
            case .podB:
                frame.destinationMAC = ProgramNode.podMACB
                frame.sourceMAC = ProgramNode.hostMACB
            case .eni:
                frame.destinationMAC = ProgramNode.gatewayMAC
                frame.sourceMAC = ProgramNode.eniMAC
            }
            frame.ttl -= 1
        }
    }

    @Test(
        "a node port with policy Cluster hides the client behind the node, both ways",
        arguments: families, protocols)
    func nodePortMasqueraded(_ at: Addresses, _ l4: L4Protocol) async throws {
        let node = try await ProgramNode()
        var service = TestService(at, backend: at.podB)
        service.protocol = l4
        try await node.serve([service])

        let dialled = node.dial(from: at.remote, to: at.node, TestService.nodePort, l4)
        let (verdict, packet) = try node.fromENI(dialled.bytes)
        #expect(verdict == .redirect)
        let port = Frame.sourcePort(of: packet, at.family)
        #expect((40_960...65_535).contains(port))
        let expected = carried(dialled, to: at.podB, .podB).with {
            $0.source = IPAddress(at.node)!
            $0.sourcePort = port
        }
        #expect(packet == expected.bytes)

        // The same packet again keeps its port: it follows the flow.
        #expect(try node.fromENI(dialled.bytes).1 == expected.bytes)

        let (back, shown) = try node.fromPod(node.vethB, expected.reply.bytes)
        #expect(back == .redirect)
        let reply = dialled.reply.with { Hop.eni.apply(to: &$0) }
        #expect(shown == reply.bytes)
        #expect(
            try await node.counts() == [
                "flow_made": 1, "translated_to_pod": 2, "translated_to_eni": 1,
            ])
    }

    @Test(
        "a node port with a backend elsewhere goes out again by the primary ENI",
        arguments: families, protocols)
    func nodePortElsewhere(_ at: Addresses, _ l4: L4Protocol) async throws {
        let node = try await ProgramNode()
        let far = at.family == .v4 ? "10.0.8.8" : "fd00:1:8::8"
        var service = TestService(at, backend: far)
        service.protocol = l4
        service.isLocal = false
        try await node.serve([service])

        let dialled = node.dial(from: at.remote, to: at.node, TestService.nodePort, l4)
        let (verdict, packet) = try node.fromENI(dialled.bytes)
        #expect(verdict == .redirect)
        let port = Frame.sourcePort(of: packet, at.family)
        let expected = carried(dialled, to: far, .eni).with {
            $0.source = IPAddress(at.node)!
            $0.sourcePort = port
        }
        #expect(packet == expected.bytes)
        let (back, shown) = try node.fromENI(expected.reply.bytes)
        #expect(back == .redirect)
        #expect(shown == dialled.reply.with { Hop.eni.apply(to: &$0) }.bytes)
    }

    @Test(
        "policy Local shows the client to a local backend and drops without one",
        arguments: families, protocols)
    func nodePortLocal(_ at: Addresses, _ l4: L4Protocol) async throws {
        let node = try await ProgramNode()
        var service = TestService(at, backend: at.podB)
        service.protocol = l4
        service.externalPolicy = .local
        try await node.serve([service])
        let dialled = node.dial(from: at.remote, to: at.node, TestService.nodePort, l4)
        let (verdict, packet) = try node.fromENI(dialled.bytes)
        #expect(verdict == .redirect)
        let expected = carried(dialled, to: at.podB, .podB)
        #expect(packet == expected.bytes)
        let (back, shown) = try node.fromPod(node.vethB, expected.reply.bytes)
        #expect(back == .redirect)
        #expect(shown == dialled.reply.with { Hop.eni.apply(to: &$0) }.bytes)

        service.isLocal = false
        try await node.apply(service.operations)
        let other = node.dial(
            from: at.remote, to: at.node, TestService.nodePort, l4, clientPort: 40_001)
        #expect(try node.fromENI(other.bytes).0 == .other(2))
        #expect(try await node.counts()["drop_policy"] == 1)
    }

    @Test("a pod's own dial keeps its address, both ways", arguments: families, protocols)
    func clusterIP(_ at: Addresses, _ l4: L4Protocol) async throws {
        let node = try await ProgramNode()
        var service = TestService(at, backend: at.podB)
        service.protocol = l4
        try await node.serve([service])
        let dialled = node.dial(from: at.podA, to: service.clusterIP, TestService.port, l4)
        let (verdict, packet) = try node.fromPod(node.vethA, dialled.bytes)
        #expect(verdict == .redirect)
        let expected = carried(dialled, to: at.podB, .podB)
        #expect(packet == expected.bytes)
        let (back, shown) = try node.fromPod(node.vethB, expected.reply.bytes)
        #expect(back == .redirect)
        #expect(shown == dialled.reply.with { Hop.podA.apply(to: &$0) }.bytes)
    }

    @Test("a pod that draws itself sees the node as its client", arguments: families)
    func hairpin(_ at: Addresses) async throws {
        let node = try await ProgramNode()
        let service = TestService(at, backend: at.podA)
        try await node.serve([service])
        let dialled = node.dial(from: at.podA, to: service.clusterIP, TestService.port)
        let (verdict, packet) = try node.fromPod(node.vethA, dialled.bytes)
        #expect(verdict == .redirect)
        let port = Frame.sourcePort(of: packet, at.family)
        let expected = carried(dialled, to: at.podA, .podA).with {
            $0.source = IPAddress(at.node)!
            $0.sourcePort = port
        }
        #expect(packet == expected.bytes)
        let (back, shown) = try node.fromPod(node.vethA, expected.reply.bytes)
        #expect(back == .redirect)
        #expect(shown == dialled.reply.with { Hop.podA.apply(to: &$0) }.bytes)
    }

    @Test("TCP without an entry is the stack's unless it is a SYN", arguments: families)
    func midFlow(_ at: Addresses) async throws {
        let node = try await ProgramNode()
        try await node.serve([TestService(at, backend: at.podB)])
        for flags in [0x10, 0x12, 0x11, 0x04, 0x14, 0x00, 0x03, 0x06, 0x3f] as [UInt8] {
            let frame = node.dial(from: at.remote, to: at.node, TestService.nodePort)
                .with { $0.flags = flags }
            let (verdict, packet) = try node.fromENI(frame.bytes)
            #expect(verdict == .next, "flags \(flags)")
            #expect(packet == frame.bytes)
        }
        #expect(try await node.counts()["flow_made"] == nil)
    }

    @Test("two dials that would look alike to the backend get different ports", arguments: families)
    func collision(_ at: Addresses) async throws {
        let node = try await ProgramNode()
        let first = TestService(at, backend: at.podB)
        var second = TestService(at, backend: at.podB)
        second.id = 2
        second.clusterIP = at.family == .v4 ? "10.100.0.11" : "fd00:10:100::11"
        try await node.serve([first, second])
        let one = node.dial(from: at.podA, to: first.clusterIP, TestService.port)
        let two = node.dial(from: at.podA, to: second.clusterIP, TestService.port)
        let packet1 = try node.fromPod(node.vethA, one.bytes).1
        let packet2 = try node.fromPod(node.vethA, two.bytes).1
        #expect(Frame.sourcePort(of: packet1, at.family) == Self.port)
        let port = Frame.sourcePort(of: packet2, at.family)
        #expect((40_960...65_535).contains(port))
        // Each reply shows the address that was dialled.
        for (dialled, packet, port) in [(one, packet1, Self.port), (two, packet2, port)] {
            let arrived = carried(dialled, to: at.podB, .podB).with { $0.sourcePort = port }
            #expect(packet == arrived.bytes)
            #expect(
                try node.fromPod(node.vethB, arrived.reply.bytes).1
                    == dialled.reply.with { Hop.podA.apply(to: &$0) }.bytes)
        }
    }

    @Test("a SYN over a closed flow begins anew at once", arguments: families, [0x04, 0x11])
    func reopened(_ at: Addresses, _ ending: Int) async throws {
        let node = try await ProgramNode()
        try await node.serve([TestService(at, backend: at.podB)])
        let dialled = node.dial(from: at.remote, to: at.node, TestService.nodePort)
        let sent = try node.fromENI(dialled.bytes).1
        let port = Frame.sourcePort(of: sent, at.family)
        let arrived = carried(dialled, to: at.podB, .podB).with {
            $0.source = IPAddress(at.node)!
            $0.sourcePort = port
        }
        // Not closed yet: the SYN is sent again on the same flow.
        #expect(try node.fromENI(dialled.bytes).1 == sent)
        _ = try node.fromPod(node.vethB, arrived.reply.with { $0.flags = UInt8(ending) }.bytes)
        _ = try node.fromENI(dialled.with { $0.flags = UInt8(ending) }.bytes)
        #expect(try await node.counts()["flow_made"] == 1)
        #expect(try node.fromENI(dialled.bytes).0 == .redirect)
        let counts = try await node.counts()
        #expect(counts["flow_reopened"] == 1)
        #expect(counts["flow_made"] == 2)
    }

    @Test("UDP without a checksum stays without one")
    func noChecksum() async throws {
        let at = Addresses.v4
        let node = try await ProgramNode()
        var service = TestService(at, backend: at.podB)
        service.protocol = .udp
        try await node.serve([service])
        var bytes = node.dial(from: at.podA, to: service.clusterIP, TestService.port, .udp).bytes
        bytes[40] = 0
        bytes[41] = 0
        let (verdict, packet) = try node.fromPod(node.vethA, bytes)
        #expect(verdict == .redirect)
        #expect(Array(packet[40..<42]) == [0, 0])
        #expect(checksum(Array(packet[14..<34])) == 0)
    }

    @Test("more new flows in a second than a CPU may make are dropped and counted")
    func rate() async throws {
        let at = Addresses.v4
        let node = try await ProgramNode()
        try await node.serve([TestService(at, backend: at.podB)]) { $0.newFlowsPerSecond = 1 }
        var verdicts: [Verdict] = []
        for port in UInt16(50_000)..<50_200 {
            let frame = node.dial(
                from: at.remote, to: at.node, TestService.nodePort, clientPort: port)
            verdicts.append(try node.fromENI(frame.bytes).0)
        }
        let counts = try await node.counts()
        #expect((counts["drop_flow_rate"] ?? 0) > 0)
        #expect((counts["flow_made"] ?? 0) + (counts["drop_flow_rate"] ?? 0) == 200)
        #expect(verdicts.first == .redirect)
    }

    @Test("a pod that sends with another address is dropped", arguments: families)
    func spoofed(_ at: Addresses) async throws {
        let node = try await ProgramNode()
        try await node.serve([TestService(at, backend: at.podB)])
        for source in [at.podB, at.remote, at.node, at.outside] {
            let frame = Frame(from: source, to: at.remote)
            #expect(try node.fromPod(node.vethA, frame.bytes).0 == .other(2))
        }
        #expect(try await node.counts() == ["drop_spoofed": 4])
        // Nothing is known of the other veth: not ours to judge.
        #expect(
            try node.fromPod(node.vethB, Frame(from: at.podA, to: at.remote).bytes).0 == .next)
    }
}

extension TranslationTests {
    @Test(
        "a client with affinity stays with its backend, whichever frontend it dials",
        arguments: families)
    func affinity(_ at: Addresses) async throws {
        let node = try await ProgramNode()
        let far = at.family == .v4 ? "10.0.8" : "fd00:1:8:"
        let backends = (1...8).map { "\(far)\(at.family == .v4 ? "." : ":")\($0)" }
        var service = TestService(at, backend: backends[0])
        service.isLocal = false
        service.affinityTimeoutSeconds = 60
        service.clusterCount = UInt32(backends.count)
        var operations: [Operation] = []
        for (slot, address) in backends.enumerated() {
            let id = BackendID(rawValue: 500 + UInt32(slot))
            let backend = Backend(
                address: IPAddress(address)!, port: TestService.backendPort, protocol: .tcp)
            operations += [
                .setBackend(id, backend, .active),
                .setMember(
                    ServiceID(rawValue: 1), id, Membership(isInCluster: true, isInLocal: false)),
            ]
        }
        try await node.apply(operations)
        try await node.serve([service])
        try await node.apply(
            backends.indices.map {
                .setSlot(
                    SlotKey(service: ServiceID(rawValue: 1), set: .cluster, slot: UInt32($0)),
                    BackendID(rawValue: 500 + UInt32($0)))
            })
        // Sixteen dials of one client by two frontends; other clients are drawn anew.
        var met: Set<[UInt8]> = []
        for port in UInt16(50_000)..<50_016 {
            let frontend =
                port % 2 == 0
                ? (at.node, TestService.nodePort) : (service.externalIP, TestService.port)
            let dialled = node.dial(
                from: at.remote, to: frontend.0, frontend.1, clientPort: port)
            met.insert(destination(of: try node.fromENI(dialled.bytes).1, at))
        }
        #expect(met.count == 1)
        for host in 1...24 {
            let client = at.family == .v4 ? "10.0.99.\(host)" : "fd00:1:99::\(host)"
            let dialled = node.dial(from: client, to: at.node, TestService.nodePort)
            met.insert(destination(of: try node.fromENI(dialled.bytes).1, at))
        }
        #expect(met.count > 1)
    }

    private func destination(of bytes: [UInt8], _ at: Addresses) -> [UInt8] {
        Array(at.family == .v4 ? bytes[30..<34] : bytes[38..<54])
    }

    @Test(
        "nothing usable anywhere is answered with port unreachable, to the dialler",
        arguments: families, protocols)
    func refused(_ at: Addresses, _ l4: L4Protocol) async throws {
        let node = try await ProgramNode()
        var service = TestService(at, backend: at.podB)
        service.protocol = l4
        service.isUsableAnywhere = false
        try await node.serve([service])
        let dialled = node.dial(from: at.remote, to: at.node, TestService.nodePort, l4)
        let (verdict, packet) = try node.fromENI(dialled.bytes)
        #expect(verdict == .redirect)
        let judgement = Judgement(sent: dialled.bytes, at.family, verdict, packet)
        #expect(judgement.wrong == nil)
        let isUnreachable =
            at.family == .v4
            ? packet[23] == 1 && packet[34] == 3 && packet[35] == 3
            : packet[20] == 58 && packet[54] == 1 && packet[55] == 4
        #expect(isUnreachable)
        #expect(destination(of: packet, at) == IPAddress(at.remote)!.octets)
        #expect(try await node.counts()["rejected_no_backend"] == 1)
        #expect(try await node.counts()["flow_made"] == nil)
    }
}
