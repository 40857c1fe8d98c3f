// Every family of odd packets through every interface program, with flows, services and pods to
// collide with. Nothing may crash, and nothing may be rewritten wrongly: what comes out has the
// bytes that went in but for the fields that a translation owns, and checksums as right as before.

import BPF
import Glibc
import Linux
import Model
import Plan
import Randomness
import Testing

@testable import Datapath

@Suite(
    "odd packets through the interface programs", .enabled(if: geteuid() == 0, "needs root"),
    .timeLimit(.minutes(5)))
struct FuzzTests {
    /// Packets of each family, program and IP version; NEEDLETAIL_FUZZ_ROUNDS makes it a long run.
    static let rounds = getenv("NEEDLETAIL_FUZZ_ROUNDS").flatMap { Int(String(cString: $0)) } ?? 40

    @Test("none is rewritten wrongly", arguments: [Addresses.v4, .v6])
    func everyFamily(_ at: Addresses) async throws {
        let node = try await ProgramNode()
        try await node.serve(services)
        let generator = SeededRandom.fresh()
        var maker = PacketMaker(random: generator)
        var carried = 0
        for family in PacketFamily.allCases {
            for round in 0..<Self.rounds {
                await Task.yield() // other tests wait for this thread, too
                for door in Door.allCases {
                    let source = door == .pod && family != .spoofed ? at.podA : nil
                    let (bytes, gsoSize) = maker.make(family, at, from: source)
                    guard let (verdict, packet) = try node.run(door, bytes, gsoSize) else {
                        #expect(family.isTruncated, "\(family): no packet for the kernel")
                        continue
                    }
                    if verdict == .redirect { carried += 1 }
                    let wrong = Judgement(sent: bytes, at.family, verdict, packet).wrong
                    if let wrong {
                        Issue.record(
                            """
                            \(family) at \(door), round \(round), seed \(generator.seed): \(wrong)
                            sent \(hex(bytes))
                            got \(verdict) \(hex(packet))
                            """)
                        return
                    }
                }
            }
        }
        #expect(carried > Self.rounds, "the packets met nothing to be carried by")
    }

    private var services: [TestService] {
        [Addresses.v4, .v6].flatMap { at in
            [L4Protocol.tcp, .udp].map { l4 in
                var service = TestService(at, backend: l4 == .tcp ? at.podB : at.podA)
                service.protocol = l4
                service.id = l4 == .tcp ? 1 : 2
                return service
            }
        }
    }

    private func hex(_ bytes: [UInt8]) -> String {
        bytes.prefix(160).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

/// Where a packet is put in.
enum Door: String, CaseIterable, Sendable {
    case pod, eni, podOut, eniOut
}

extension ProgramNode {
    /// Nil where the kernel makes no such packet: from 6.18 on it wants whole IP headers here.
    func run(
        _ door: Door, _ frame: [UInt8], _ gsoSize: UInt32
    ) throws -> (Verdict, [UInt8])? {
        do {
            return switch door {
            case .pod: try fromPod(vethA, frame, gsoSize: gsoSize)
            case .eni: try fromENI(frame, gsoSize: gsoSize)
            case .podOut: try toPod(vethA, frame, gsoSize: gsoSize)
            case .eniOut: try toENI(frame, gsoSize: gsoSize)
            }
        } catch let error as BPFError where error.errno == EINVAL {
            return nil
        }
    }
}

/// Compares what came out with what went in, by rules that know nothing of services.
struct Judgement {
    /// Nil: nothing is wrong.
    private(set) var wrong: String?

    init(sent: [UInt8], _ family: IPFamily, _ verdict: Verdict, _ got: [UInt8]) {
        wrong = Self.judge(sent, family, verdict, got)
    }

    private static func judge(
        _ sent: [UInt8], _ family: IPFamily, _ verdict: Verdict, _ got: [UInt8]
    ) -> String? {
        switch verdict {
        case .other(2): return nil
        case .other(let number): return "verdict \(number)"
        case .next, .redirect: break
        }
        if got == sent { return verdict == .next ? nil : "redirected as it was" }
        guard let before = View(sent), let after = View(got) else {
            return "a packet without an IP header was changed"
        }
        if after.isAnswer(to: before) {
            return after.headerIsRight && after.transportIsRight ? nil : "a wrong answer"
        }
        guard got.count == sent.count else { return "its length changed" }
        guard before.isTheSame(as: after) else {
            return "bytes changed that are nobody's to change"
        }
        guard after.ttl == before.ttl || after.ttl == before.ttl &- 1 else { return "its TTL" }
        if before.ttl <= 1 && after.ttl != before.ttl { return "it was forwarded at TTL 1" }
        if before.headerIsRight && !after.headerIsRight { return "its header checksum" }
        if !before.isFragment && before.transportIsRight && !after.transportIsRight {
            return "its transport checksum"
        }
        return nil
    }
}

/// A packet read without any of the programs' code.
private struct View {
    let bytes: [UInt8]
    let isIPv6: Bool
    var headerLength: Int
    var `protocol`: UInt8
    var isFragment = false

    private static let ip = 14

    init?(_ bytes: [UInt8]) {
        guard bytes.count >= 34 else { return nil }
        self.bytes = bytes
        switch (bytes[12], bytes[13]) {
        case (8, 0):
            isIPv6 = false
            headerLength = Int(bytes[14] & 15) * 4
            self.protocol = bytes[23]
            isFragment = bytes[20] & 0x3f != 0 || bytes[21] != 0
            guard headerLength >= 20, bytes.count >= 14 + headerLength else { return nil }
        case (0x86, 0xdd):
            guard bytes.count >= 54 else { return nil }
            isIPv6 = true
            headerLength = 40
            self.protocol = bytes[20]
            while [0, 43, 44, 60].contains(self.protocol), bytes.count >= 14 + headerLength + 8 {
                let at = 14 + headerLength
                if self.protocol == 44 {
                    isFragment = true
                    headerLength += 8
                } else {
                    headerLength += 8 + Int(bytes[at + 1]) * 8
                }
                self.protocol = bytes[at]
            }
        default: return nil
        }
    }

    var ttl: UInt8 { bytes[isIPv6 ? 21 : 22] }
    private var l4: Int { Self.ip + headerLength }
    private var source: ArraySlice<UInt8> { isIPv6 ? bytes[22..<38] : bytes[26..<30] }
    private var destination: ArraySlice<UInt8> { isIPv6 ? bytes[38..<54] : bytes[30..<34] }

    var headerIsRight: Bool { isIPv6 || checksum(Array(bytes[14..<14 + headerLength])) == 0 }

    /// Whether the transport checksum is right over what the IP header says there is.
    var transportIsRight: Bool {
        let total =
            isIPv6
            ? 54 + Int(bytes[18]) << 8 + Int(bytes[19])
            : 14 + Int(bytes[16]) << 8 + Int(bytes[17])
        guard total <= bytes.count, total > l4 else { return false }
        let segment = Array(bytes[l4..<total])
        let pseudo =
            Array(source) + Array(destination)
            + [0, self.protocol, UInt8(segment.count >> 8 & 0xff), UInt8(segment.count & 0xff)]
        switch self.protocol {
        case 6: return segment.count >= 20 && checksum(pseudo + segment) == 0
        case 17:
            guard segment.count >= 8 else { return false }
            if segment[6] == 0 && segment[7] == 0 { return !isIPv6 }
            return checksum(pseudo + segment) == 0
        case 1: return checksum(segment) == 0
        case 58: return checksum(pseudo + segment) == 0
        default: return false
        }
    }

    /// Whether this is an ICMP error that quotes the other packet to its sender.
    func isAnswer(to other: View) -> Bool {
        guard self.protocol == (isIPv6 ? 58 : 1), Array(destination) == Array(other.source),
            bytes.count > l4 + 8, [1, 2, 3, 11].contains(bytes[l4])
        else { return false }
        let quote = bytes[(l4 + 8)...]
        return Array(quote) == Array(other.bytes[14...].prefix(quote.count))
    }

    /// Whether all bytes are equal but those that a translation owns: Ethernet addresses, TTL,
    /// checksums, addresses and ports, in the quote of an ICMP error, too.
    func isTheSame(as other: View) -> Bool { masked == other.masked }

    private var masked: [UInt8] {
        var copy = bytes
        Self.mask(&copy, at: 0, 12)
        mask(&copy, ip: Self.ip, l4: l4, self.protocol)
        let isError =
            self.protocol == 58 ? [1, 2, 3, 4].contains(byte(l4)) : [3, 11, 12].contains(byte(l4))
        if isError && [1, 58].contains(self.protocol) {
            let inner = l4 + 8
            let length = isIPv6 ? 40 : Int(byte(inner) & 15) * 4
            mask(&copy, ip: inner, l4: inner + length, byte(inner + (isIPv6 ? 6 : 9)))
        }
        return copy
    }

    private func mask(_ copy: inout [UInt8], ip: Int, l4: Int, _ number: UInt8) {
        if isIPv6 {
            Self.mask(&copy, at: ip + 7, 33)
        } else {
            Self.mask(&copy, at: ip + 8, 1)
            Self.mask(&copy, at: ip + 10, 10)
        }
        switch number {
        case 6:
            Self.mask(&copy, at: l4, 4)
            Self.mask(&copy, at: l4 + 16, 2)
        case 17:
            Self.mask(&copy, at: l4, 4)
            Self.mask(&copy, at: l4 + 6, 2)
        case 1, 58: Self.mask(&copy, at: l4 + 2, 2)
        case 132:
            Self.mask(&copy, at: l4, 4)
            Self.mask(&copy, at: l4 + 8, 4)
        default: break
        }
    }

    private func byte(_ index: Int) -> UInt8 { index < bytes.count ? bytes[index] : 0 }

    private static func mask(_ bytes: inout [UInt8], at offset: Int, _ count: Int) {
        for index in offset..<min(offset + count, max(offset, bytes.count)) { bytes[index] = 0 }
    }
}
