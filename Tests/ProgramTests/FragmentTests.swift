// Fragments of packets that dial services, one by one through the programs: in order, interleaved,
// overlapping, repeated, cut too short. Every piece must come out as a piece of the translated
// whole, or none may come out at all. What comes before its first fragment: FragmentWireTests.

import Glibc
import Linux
import Model
import Plan
import Testing

@testable import Datapath

@Suite("fragments", .enabled(if: geteuid() == 0, "needs root"), .timeLimit(.minutes(3)))
struct FragmentTests {
    static let families = [Addresses.v4, .v6]
    static let protocols = [L4Protocol.tcp, .udp]

    /// A node whose UDP and TCP services of one family have pod B as their backend.
    private func node(_ at: Addresses) async throws -> (ProgramNode, TestService) {
        let node = try await ProgramNode()
        var udp = TestService(at, backend: at.podB)
        udp.protocol = .udp
        udp.externalPolicy = .local
        var tcp = TestService(at, backend: at.podB)
        tcp.id = 2
        tcp.externalPolicy = .local
        try await node.serve([udp, tcp])
        return (node, udp)
    }

    /// A dial of the node port that is too large for one frame.
    private func dial(
        _ node: ProgramNode, _ at: Addresses, _ l4: L4Protocol = .udp, clientPort: UInt16 = 40_000
    ) -> Frame {
        node.dial(from: at.remote, to: at.node, TestService.nodePort, l4, clientPort: clientPort)
            .with { $0.payload = (0..<4000).map { UInt8(truncatingIfNeeded: $0 &* 7) } }
    }

    /// What pod B gets of it.
    private func carried(_ frame: Frame, _ at: Addresses) -> Frame {
        frame.with {
            $0.destination = IPAddress(at.podB)!
            $0.destinationPort = TestService.backendPort
            $0.destinationMAC = ProgramNode.podMACB
            $0.sourceMAC = ProgramNode.hostMACB
            $0.ttl -= 1
        }
    }

    @Test(
        "later fragments follow the first, and so do those of the reply",
        arguments: families, protocols)
    func inOrder(_ at: Addresses, _ l4: L4Protocol) async throws {
        let (node, _) = try await node(at)
        let dialled = dial(node, at, l4)
        let arrived = carried(dialled, at)
        for (piece, expected) in zip(dialled.pieces(), arrived.pieces()) {
            let (verdict, packet) = try node.fromENI(piece)
            #expect(verdict == .redirect)
            #expect(packet == expected)
        }
        let expected = dialled.reply.with {
            $0.destinationMAC = ProgramNode.gatewayMAC
            $0.sourceMAC = ProgramNode.eniMAC
            $0.ttl -= 1
        }
        for (piece, expected) in zip(arrived.reply.pieces(), expected.pieces()) {
            let (verdict, packet) = try node.fromPod(node.vethB, piece)
            #expect(verdict == .redirect)
            #expect(packet == expected)
        }
        #expect(
            try await node.counts() == [
                "flow_made": 1, "translated_to_pod": 3, "translated_to_eni": 3,
                "fragment_translated": 4,
            ])
    }

    @Test(
        "a masqueraded packet's fragments all have the node's address, the first also its port",
        arguments: families)
    func masqueraded(_ at: Addresses) async throws {
        let node = try await ProgramNode()
        var service = TestService(at, backend: at.podB)
        service.protocol = .udp
        try await node.serve([service])
        let dialled = dial(node, at)
        let packets = try dialled.pieces().map { try node.fromENI($0).1 }
        let port =
            UInt16(packets[0][at.family == .v4 ? 34 : 62]) << 8
            | UInt16(packets[0][at.family == .v4 ? 35 : 63])
        #expect((40_960...65_535).contains(port))
        let arrived = carried(dialled, at).with {
            $0.source = IPAddress(at.node)!
            $0.sourcePort = port
        }
        #expect(packets == arrived.pieces())
    }

    @Test("fragments of two packets that come mixed each follow their own", arguments: families)
    func interleaved(_ at: Addresses) async throws {
        let (node, _) = try await node(at)
        let one = dial(node, at, clientPort: 40_001)
        let two = dial(node, at, clientPort: 40_002)
        let sent = zip(one.pieces(id: 1), two.pieces(id: 2)).flatMap { [$0, $1] }
        let expected = zip(carried(one, at).pieces(id: 1), carried(two, at).pieces(id: 2))
            .flatMap { [$0, $1] }
        // The middle and the end of each are swapped, too.
        for index in [0, 1, 4, 3, 2, 5] {
            #expect(try node.fromENI(sent[index]).1 == expected[index])
        }
        #expect(try await node.counts()["fragment_translated"] == 4)
    }

    @Test("one id after the other may be used again as soon as its packet is whole")
    func sameID() async throws {
        let at = Addresses.v4
        let (node, _) = try await node(at)
        for port in UInt16(40_000)...40_005 {
            let dialled = dial(node, at, clientPort: port)
            for (piece, expected) in zip(dialled.pieces(), carried(dialled, at).pieces()) {
                #expect(try node.fromENI(piece).1 == expected)
            }
        }
    }

    /// Fragments that ruin the packet whose first 1400 octets went by.
    struct Ruin: Sendable, CustomStringConvertible {
        let description: String
        let cut: Frame.Cut
    }

    static let ruins: [Ruin] = [
        Ruin(description: "across the border of the first", cut: .init(1392, 800)),
        Ruin(description: "beyond 65,535 octets", cut: .init(0, 800, statedOffset: 64_800)),
        Ruin(description: "empty", cut: .init(1400, 0)),
        Ruin(description: "odd in the middle", cut: .init(1400, 801)),
        Ruin(
            description: "last, across the border of the first",
            cut: .init(0, 80, last: true, statedOffset: 1392)),
    ]

    @Test("a fragment that ruins its packet is dropped with all that follow", arguments: families)
    func ruined(_ at: Addresses) async throws {
        let (node, _) = try await node(at)
        for (index, ruin) in Self.ruins.enumerated() {
            let id = UInt16(100 + index)
            let before = try await node.counts()["drop_fragment"] ?? 0
            let pieces = dial(node, at).pieces(id: id)
            #expect(try node.fromENI(pieces[0]).0 == .redirect)
            let bad = dial(node, at).piece(ruin.cut, id: id)
            #expect(try node.fromENI(bad).0 == .other(2), "\(ruin)")
            #expect(try node.fromENI(pieces[1]).0 == .other(2), "\(ruin)")
            #expect(try node.fromENI(pieces[2]).0 == .other(2), "\(ruin)")
            #expect(try await node.counts()["drop_fragment"] == before + 3, "\(ruin)")
        }
    }

    @Test("a fragment that comes twice is dropped once, the packet lives", arguments: families)
    func repeated(_ at: Addresses) async throws {
        let (node, _) = try await node(at)
        let pieces = dial(node, at).pieces()
        let expected = carried(dial(node, at), at).pieces()
        #expect(try node.fromENI(pieces[0]).1 == expected[0])
        #expect(try node.fromENI(pieces[0]).0 == .other(2))
        #expect(try node.fromENI(pieces[2]).1 == expected[2])
        #expect(try node.fromENI(pieces[2]).0 == .other(2))
        #expect(try node.fromENI(pieces[1]).1 == expected[1])
        #expect(try await node.counts()["drop_fragment"] == 2)
    }

    @Test("a second first fragment with other ports ends the packet", arguments: families)
    func otherPorts(_ at: Addresses) async throws {
        let (node, _) = try await node(at)
        #expect(try node.fromENI(dial(node, at).pieces()[0]).0 == .redirect)
        let other = dial(node, at, clientPort: 50_000).pieces()
        #expect(try node.fromENI(other[0]).0 == .other(2))
        #expect(try node.fromENI(other[1]).0 == .other(2))
        #expect(try await node.counts()["drop_fragment"] == 2)
    }

    @Test(
        "a first fragment that hides the transport header is dropped if it dials us",
        arguments: families)
    func hidden(_ at: Addresses) async throws {
        let (node, _) = try await node(at)
        let dialled = dial(node, at, .tcp)
        for frame in [dialled.piece(.init(0, 8)), dialled.piece(.init(8, 800))] {
            #expect(try node.fromENI(frame).0 == .other(2))
        }
        #expect(try await node.counts() == ["drop_fragment": 2])
        // To somebody else it is the stack's, and so is what follows.
        let other = dialled.with { $0.destinationPort = 9 }
        for frame in [other.piece(.init(0, 8), id: 3), other.piece(.init(8, 800), id: 3)] {
            let (verdict, packet) = try node.fromENI(frame)
            #expect(verdict == .next)
            #expect(packet == frame)
        }
    }

    @Test("what follows a first fragment that a policy drops is dropped", arguments: families)
    func refused(_ at: Addresses) async throws {
        let (node, service) = try await node(at)
        var elsewhere = service
        elsewhere.isLocal = false
        try await node.apply(elsewhere.operations)
        for piece in dial(node, at).pieces() {
            #expect(try node.fromENI(piece).0 == .other(2))
        }
        #expect(try await node.counts() == ["drop_policy": 1, "drop_fragment": 2])
    }

    @Test("packets of nobody's flow stay whole on the stack", arguments: families)
    func plain(_ at: Addresses) async throws {
        let (node, _) = try await node(at)
        let frame = Frame(from: at.podA, to: at.podB).with {
            $0.protocol = 17
            $0.payload = [UInt8](repeating: 5, count: 3000)
        }
        for piece in frame.pieces() {
            let (verdict, packet) = try node.fromPod(node.vethA, piece)
            #expect(verdict == .next)
            #expect(packet == piece)
        }
        #expect(try await node.counts() == ["stack_fragment": 3])
    }

    @Test(
        "early fragments that can't wait go to the stack, and the first may not leave them",
        arguments: families)
    func split(_ at: Addresses) async throws {
        let (node, _) = try await node(at)
        let dialled = dial(node, at)
        let early = dialled.piece(.init(0, 800, statedOffset: 64_800))
        #expect(try node.fromENI(early).0 == .next)
        for piece in dialled.pieces() {
            #expect(try node.fromENI(piece).0 == .other(2))
        }
        // Nobody's first fragment goes the same way as the early one.
        let other = dialled.with { $0.destinationPort = 9 }
        let odd = other.piece(.init(0, 800, statedOffset: 64_800), id: 5)
        for piece in [odd] + other.pieces(id: 5) {
            #expect(try node.fromENI(piece).0 == .next)
        }
    }

    @Test("a packet with more early fragments than may wait is dropped", arguments: families)
    func tooMany(_ at: Addresses) async throws {
        let (node, _) = try await node(at)
        let dialled = dial(node, at)
        for index in 1...49 {
            let piece = dialled.piece(.init(index * 8, 8))
            #expect(try node.fromENI(piece).0 == .other(2))
        }
        #expect(try await node.counts() == ["fragment_held": 48, "drop_fragment": 1])
        #expect(try node.fromENI(dialled.piece(.init(0, 8))).0 == .other(2))
        #expect(try await node.counts()["drop_fragment"] == 2)
    }
}
