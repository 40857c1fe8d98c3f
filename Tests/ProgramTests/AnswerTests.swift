// Packets that get an ICMP error instead of being forwarded, one by one: what the error says, what
// it quotes, whom it comes from, and which packets get none. AnswerWireTests has the kernel judge.

import BPF
import Glibc
import Model
import Testing

@testable import Datapath

@Suite("answers", .enabled(if: geteuid() == 0, "needs root"))
struct AnswerTests {
    static let families = [Addresses.v4, .v6]

    /// A datagram that each kind of answer is given to.
    static func datagram(_ at: Addresses, _ kind: AnswerKind, _ size: Int? = nil) -> Frame {
        Frame(from: at.podA, to: at.outside).with {
            $0.protocol = 17
            $0.ttl = kind == .ttl ? 1 : 64
            let bytes = size ?? (kind == .tooBig ? Int(Answering.mtu) : 100)
            $0.payload = (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 7 + 3) }
        }
    }

    @Test(
        "the sender is told type, code and MTU, and sees its packet as it came, up to the limit",
        arguments: families, AnswerKind.allCases)
    func quoted(_ at: Addresses, _ kind: AnswerKind) throws {
        let answering = try Answering(kind)
        let most = at.family == .v4 ? 548 : 1232
        // Around every border: of four bytes, of pieces that are summed, of the limits.
        let sizes = [0, 1, 2, 3, 4, 474, 475, 476, 519, 520, 521, 986, 987, 1183, 1184, 1185, 1400]
        for size in sizes where kind != .tooBig || size == 1400 {
            let frame = Self.datagram(at, kind, size)
            let (verdict, packet) = try answering.run(frame.bytes)
            #expect(verdict == .redirect)
            let error = try #require(ErrorMessage(packet), "\(size) bytes: \(packet)")
            #expect(error.typeAndCode == kind.typeAndCode(at.family))
            #expect(error.rest == (kind == .tooBig ? Answering.mtu : 0))
            #expect(error.quote == Array(frame.bytes[14...].prefix(most)), "\(size) bytes")
            #expect(error.destination == frame.source)
            #expect(error.ttl == 64)
            #expect(error.destinationMAC == frame.sourceMAC.octets)
            #expect(error.sourceMAC == frame.destinationMAC.octets)
        }
        #expect(try answering.counts() == [kind.reason: kind == .tooBig ? 1 : 17])
    }

    @Test("TCP, SCTP, echo requests and first fragments are quoted, too", arguments: families)
    func protocols(_ at: Addresses) throws {
        let answering = try Answering(.unreachable)
        let echo: UInt8 = at.family == .v4 ? 1 : 58
        for number in [6, 132, echo] {
            let frame = Frame(from: at.podA, to: at.outside).with {
                $0.protocol = number
                $0.payload = [UInt8](repeating: 9, count: 40)
            }
            var bytes = frame.bytes
            if number == 58 { bytes[14 + 40] = 128 }
            let error = try #require(ErrorMessage(try answering.run(bytes).1))
            #expect(error.quote == Array(bytes[14...]), "protocol \(number)")
        }
        let first = Self.datagram(at, .unreachable).with {
            $0.fragment = at.family == .v4 ? 0x2000 : 0x0001
        }
        let error = try #require(ErrorMessage(try answering.run(first.bytes).1))
        #expect(error.quote == Array(first.bytes[14...]))
    }

    @Test("IPv4 options are quoted; what the link padded is not", arguments: families)
    func optionsAndPadding(_ at: Addresses) throws {
        let answering = try Answering(.unreachable)
        let frame = Self.datagram(at, .unreachable, 4).with {
            if at.family == .v4 { $0.options = [1, 1, 1, 1, 1, 1, 1, 0] }
        }
        let (_, packet) = try answering.run(frame.bytes + [UInt8](repeating: 0xee, count: 22))
        #expect(try #require(ErrorMessage(packet)).quote == Array(frame.bytes[14...]))
    }

    @Test(
        "it comes from the node's address, from the dialled one if that is the node's or no other is known",
        arguments: families)
    func source(_ at: Addresses) throws {
        let answering = try Answering(.unreachable)
        let node = IPAddress(at.node)!
        let dialled = IPAddress(at.outside)!
        let frame = Self.datagram(at, .unreachable).bytes
        #expect(ErrorMessage(try answering.run(frame).1)?.source == dialled)
        try answering.setMasquerade(node)
        #expect(ErrorMessage(try answering.run(frame).1)?.source == node)
        #expect(ErrorMessage(try answering.run(frame, egress: true).1)?.source == dialled)
        try answering.addLocal(dialled)
        #expect(ErrorMessage(try answering.run(frame).1)?.source == dialled)
    }

    @Test(
        "nobody answers errors, later fragments, groups and special addresses",
        arguments: families)
    func never(_ at: Addresses) throws {
        let answering = try Answering(.unreachable)
        let isIPv6 = at.family == .v6
        let plain = Self.datagram(at, .unreachable)
        var frames: [[UInt8]] = []
        for type in isIPv6 ? [1, 2, 3, 4, 100, 137] : [3, 4, 5, 11, 12, 40] {
            var bytes = plain.with { $0.protocol = isIPv6 ? 58 : 1 }.bytes
            bytes[14 + (isIPv6 ? 40 : 20)] = UInt8(type)
            frames.append(bytes)
        }
        frames.append(plain.with { $0.fragment = isIPv6 ? 1480 : 185 }.bytes)
        frames.append(
            plain.with { $0.destinationMAC = MACAddress("33:33:00:00:00:01")! }.bytes)
        let special =
            isIPv6
            ? ["::1", "ff02::1", "fe80::1"]
            : ["127.0.0.1", "224.0.0.1", "255.255.255.255", "0.0.0.0", "169.254.1.1"]
        for address in special {
            frames.append(plain.with { $0.destination = IPAddress(address)! }.bytes)
            frames.append(plain.with { $0.source = IPAddress(address)! }.bytes)
        }
        for (index, frame) in frames.enumerated() {
            let (verdict, packet) = try answering.run(frame)
            #expect(verdict == .other(2), "frame \(index)")
            #expect(packet == frame, "frame \(index)")
        }
        #expect(try answering.counts() == ["drop_unanswered": UInt64(frames.count)])
    }

    @Test("answers are rationed, but not those about the path's MTU", arguments: families)
    func rationed(_ at: Addresses) throws {
        for kind in AnswerKind.allCases {
            let answering = try Answering(kind)
            try answering.setAnswersLeft(0)
            let (verdict, _) = try answering.run(Self.datagram(at, kind).bytes)
            if kind == .tooBig {
                #expect(verdict == .redirect)
                #expect(try answering.counts() == [kind.reason: 1])
            } else {
                #expect(verdict == .other(2))
                #expect(try answering.counts() == ["drop_answer_rate": 1])
                try answering.setAnswersLeft(1)
                #expect(try answering.run(Self.datagram(at, kind).bytes).0 == .redirect)
            }
        }
    }

    @Test("a segmented packet is answered whole", arguments: families)
    func segmented(_ at: Addresses) throws {
        let answering = try Answering(.tooBig)
        let frame = Frame(from: at.podA, to: at.outside).with {
            $0.payload = [UInt8](repeating: 5, count: 3000)
        }
        // struct __sk_buff: gso_segs at 164, gso_size at 176.
        var context = [UInt8](repeating: 0, count: 192)
        for (offset, value) in [(164, UInt32(2)), (176, UInt32(1500))] {
            withUnsafeBytes(of: value) { context.replaceSubrange(offset..<offset + 4, with: $0) }
        }
        let run = try answering.ingress.testRun(packet: frame.bytes, context: context)
        #expect(Verdict(run.result) == .redirect)
        let error = try #require(ErrorMessage(run.packet))
        #expect(error.quote == Array(frame.bytes[14...].prefix(at.family == .v4 ? 548 : 1232)))
    }
}
