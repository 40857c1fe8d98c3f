// The pod and eni programs, packet by packet: what is shortcut and how it looks afterwards, and
// every reason to leave a packet to the stack as it came. Both families from one table.

import Datapath
import Glibc
import Linux
import Model
import Plan
import Testing

@Suite("pod and eni programs", .enabled(if: geteuid() == 0, "needs root"))
struct ShortcutTests {
    /// One packet that must be left alone, with the reason that is counted.
    struct Left: Sendable {
        let why: String
        let change: @Sendable (inout Frame, Addresses) -> Void
    }

    static let families = [Addresses.v4, .v6]

    @Test(
        "pod to pod on the node: both MACs rewritten, TTL one less, the rest untouched",
        arguments: families)
    func podToPod(_ at: Addresses) async throws {
        let node = try await ProgramNode()
        try await node.program(at)
        try await node.datapath.activate()
        for transport: UInt8 in [6, 17] {
            let sent = Frame(from: at.podA, to: at.podB).with {
                $0.protocol = transport
                $0.payload = [1, 2, 3]
            }
            let (verdict, packet) = try node.fromPod(node.vethA, sent.bytes)
            #expect(verdict == .redirect)
            let expected = sent.with {
                $0.destinationMAC = ProgramNode.podMACB
                $0.sourceMAC = ProgramNode.hostMACB
                $0.ttl = 63
            }
            #expect(packet == expected.bytes)
        }
        #expect(try await node.counts() == ["pod_to_pod": 2])
    }

    @Test(
        "pod to elsewhere in the VPC leaves by the pod's own ENI to the next hop's MAC",
        arguments: families)
    func podToENI(_ at: Addresses) async throws {
        let node = try await ProgramNode()
        try await node.program(at)
        try await node.datapath.activate()
        let sent = Frame(from: at.podA, to: at.remote)
        let (verdict, packet) = try node.fromPod(node.vethA, sent.bytes)
        #expect(verdict == .redirect)
        let expected = sent.with {
            $0.destinationMAC = ProgramNode.gatewayMAC
            $0.sourceMAC = ProgramNode.eniMAC
            $0.ttl = 63
        }
        #expect(packet == expected.bytes)
        #expect(try await node.counts() == ["pod_to_eni": 1])
    }

    @Test("what an ENI receives for a pod goes straight into it", arguments: families)
    func eniToPod(_ at: Addresses) async throws {
        let node = try await ProgramNode()
        try await node.program(at)
        try await node.datapath.activate()
        let sent = Frame(from: at.remote, to: at.podB).with { $0.ttl = 2 }
        let (verdict, packet) = try node.fromENI(sent.bytes)
        #expect(verdict == .redirect)
        let expected = sent.with {
            $0.destinationMAC = ProgramNode.podMACB
            $0.sourceMAC = ProgramNode.hostMACB
            $0.ttl = 1
        }
        #expect(packet == expected.bytes)
        #expect(try await node.counts() == ["eni_to_pod": 1])
    }

    @Test("every TTL comes out one less with a right header checksum")
    func everyTTL() async throws {
        let node = try await ProgramNode()
        try await node.program(.v4)
        try await node.datapath.activate()
        for ttl in UInt8(2)...255 {
            // Another payload length each time moves the checksum through its whole range.
            let sent = Frame(from: Addresses.v4.podA, to: Addresses.v4.podB).with {
                $0.ttl = ttl
                $0.payload = [UInt8](repeating: ttl, count: Int(ttl))
            }
            let (_, packet) = try node.fromPod(node.vethA, sent.bytes)
            #expect(packet[22] == ttl - 1)
            #expect(checksum(Array(packet[14..<34])) == 0, "TTL \(ttl)")
        }
    }

    @Test(
        "programs of another generation than control's change nothing and count nothing",
        arguments: families)
    func inert(_ at: Addresses) async throws {
        let node = try await ProgramNode()
        try await node.program(at)
        try await node.datapath.activate()
        let sent = Frame(from: at.podA, to: at.podB).bytes
        let arriving = Frame(from: at.remote, to: at.podB).bytes
        for other in [0, node.datapath.generation + 1] {
            try node.setGeneration(other)
            let (verdict, packet) = try node.fromPod(node.vethA, sent)
            #expect(verdict == .next)
            #expect(packet == sent)
            #expect(try node.fromENI(arriving).0 == .next)
        }
        #expect(try await node.counts().isEmpty)
        try node.setGeneration(node.datapath.generation)
        #expect(try node.fromPod(node.vethA, sent).0 == .redirect)
    }

    @Test("with pod routing off every packet is the stack's")
    func switchedOff() async throws {
        let node = try await ProgramNode(podRouting: false)
        try await node.program(.v4)
        try await node.datapath.activate()
        let sent = Frame(from: Addresses.v4.podA, to: Addresses.v4.podB).bytes
        #expect(try node.fromPod(node.vethA, sent).0 == .next)
    }

    static let left: [Left] = [
        Left(why: "stack_not_ip") { frame, _ in frame.etherType = 0x0806 },
        Left(why: "stack_not_ip") { frame, _ in frame.etherType = 0x8100 },
        Left(why: "stack_protocol") { frame, at in frame.protocol = at.family == .v4 ? 1 : 58 },
        Left(why: "stack_protocol") { frame, _ in
            frame.protocol = 132
            frame.payload = [UInt8](repeating: 0, count: 32)
        },
        Left(why: "stack_ttl") { frame, _ in frame.ttl = 1 },
        Left(why: "stack_ttl") { frame, _ in frame.ttl = 0 },
        Left(why: "stack_oversize") { frame, _ in
            frame.payload = [UInt8](repeating: 0, count: Int(ProgramNode.mtu) - 39)
        },
        Left(why: "stack_source") { frame, at in frame.source = IPAddress(at.podB)! },
        Left(why: "stack_source") { frame, at in frame.source = IPAddress(at.remote)! },
        Left(why: "stack_local") { frame, at in frame.destination = IPAddress(at.node)! },
        Left(why: "stack_outside_vpc") { frame, at in
            frame.destination = IPAddress(at.outside)!
        },
        Left(why: "stack_address") { frame, at in
            frame.destination = IPAddress(at.family == .v4 ? "169.254.169.254" : "fe80::5")!
        },
        Left(why: "stack_address") { frame, at in
            frame.destination = IPAddress(at.family == .v4 ? "239.1.1.1" : "ff02::1")!
        },
    ]

    @Test("left to the stack as it came, with its reason", arguments: families)
    func leftAlone(_ at: Addresses) async throws {
        let node = try await ProgramNode()
        try await node.program(at)
        try await node.datapath.activate()
        var expected: [String: UInt64] = [:]
        for row in Self.left {
            let frame = Frame(from: at.podA, to: at.podB).with { row.change(&$0, at) }
            let (verdict, packet) = try node.fromPod(node.vethA, frame.bytes)
            #expect(verdict == .next, "\(row.why)")
            #expect(packet == frame.bytes, "\(row.why)")
            expected[row.why, default: 0] += 1
            #expect(try await node.counts()[row.why] == expected[row.why], "\(row.why)")
        }
        #expect(try await node.counts() == expected)
    }

    @Test("loopback on the wire and a source that is many are dropped", arguments: families)
    func martians(_ at: Addresses) async throws {
        let node = try await ProgramNode()
        try await node.program(at)
        try await node.datapath.activate()
        let loopback = IPAddress(at.family == .v4 ? "127.0.0.1" : "::1")!
        let many = IPAddress(at.family == .v4 ? "239.1.1.1" : "ff02::1")!
        let plain = Frame(from: at.remote, to: at.podB)
        let frames = [
            plain.with { $0.destination = loopback }, plain.with { $0.source = loopback },
            plain.with { $0.source = many },
        ]
        for frame in frames {
            #expect(try node.fromPod(node.vethA, frame.bytes).0 == .other(2))
            #expect(try node.fromENI(frame.bytes).0 == .other(2))
        }
        #expect(try await node.counts() == ["drop_martian": 6])
    }

    @Test("fragments and options take the stack, the first fragment and the last alike")
    func fragments() async throws {
        let node = try await ProgramNode()
        for at in Self.families { try await node.program(at) }
        try await node.datapath.activate()
        let plain4 = Frame(from: Addresses.v4.podA, to: Addresses.v4.podB)
        let frames: [(String, Frame)] = [
            ("stack_fragment", plain4.with { $0.fragment = 0x2000 }),
            ("stack_fragment", plain4.with { $0.fragment = 0x2010 }),
            ("stack_fragment", plain4.with { $0.fragment = 0x0010 }),
            ("stack_options", plain4.with { $0.options = [1, 1, 1, 0] }),
            (
                "stack_fragment",
                Frame(from: Addresses.v6.podA, to: Addresses.v6.podB).with { $0.fragment = 1 }
            ),
        ]
        for (why, frame) in frames {
            let before = try await node.counts()[why] ?? 0
            let (verdict, packet) = try node.fromPod(node.vethA, frame.bytes)
            #expect(verdict == .next, "\(why)")
            #expect(packet == frame.bytes)
            #expect(try await node.counts()[why] == before + 1, "\(why)")
        }
        // "Don't fragment" alone is no fragment.
        let whole = plain4.with { $0.fragment = 0x4000 }
        #expect(try node.fromPod(node.vethA, whole.bytes).0 == .redirect)
    }

    @Test("frames cut at every length never redirect and never change", arguments: families)
    func truncated(_ at: Addresses) async throws {
        let node = try await ProgramNode()
        try await node.program(at)
        try await node.datapath.activate()
        let whole = Frame(from: at.podA, to: at.podB).bytes
        // The kernel's test run refuses frames that are shorter than their IP header itself.
        for length in (14 + (at.family == .v4 ? 20 : 40))..<whole.count {
            let cut = Array(whole[..<length])
            let (verdict, packet) = try node.fromPod(node.vethA, cut)
            #expect(verdict == .next, "cut at \(length)")
            #expect(packet == cut)
            #expect(try node.fromENI(cut).0 == .next)
        }
    }

    @Test("a GSO packet is judged by its segments, not by its whole", arguments: families)
    func segments(_ at: Addresses) async throws {
        let node = try await ProgramNode()
        try await node.program(at)
        try await node.datapath.activate()
        let big = Frame(from: at.podA, to: at.podB).with {
            $0.payload = [UInt8](repeating: 7, count: 2500)
        }
        let room = ProgramNode.mtu - (at.family == .v4 ? 40 : 60)
        #expect(try node.fromPod(node.vethA, big.bytes, gsoSize: room).0 == .redirect)
        #expect(try node.fromPod(node.vethA, big.bytes, gsoSize: room + 1).0 == .next)
    }
}
