// Packets that nobody sends on purpose, by family: what a fuzzer feeds the programs with. Each is a
// well-formed packet of the test's node with one kind of damage, drawn from a seeded generator.

import Model
import Randomness

@testable import Datapath

/// The kinds of odd packets; the raw value is what a failure names.
enum PacketFamily: String, CaseIterable, Sendable {
    case plain, truncatedEthernet, truncatedIP, truncatedTransport, lyingLengths, options,
        extensions
    case firstFragmentWithoutTransport, fragments, ttl, martians, spoofed, land, flags, tcpOptions
    case wrongChecksums, noUDPChecksum, udpLength, icmpErrors, nestedICMPErrors, neighbours, vlan
    case unknown, large, collisions

    var isTruncated: Bool { self == .truncatedEthernet || self == .truncatedIP }
}

/// Draws packets for one node.
struct PacketMaker {
    var random: SeededRandom

    /// Addresses that mean something to the programs, so that damage meets every branch.
    private func known(_ at: Addresses) -> [String] {
        [at.podA, at.podB, at.node, at.remote, at.outside]
            + (at.family == .v4
                ? ["10.100.0.10", "198.51.100.7", "10.0.8.8"]
                : ["fd00:10:100::10", "2001:db8::7", "fd00:1:8::8"])
    }

    private func special(_ family: IPFamily) -> [String] {
        family == .v4
            ? [
                "127.0.0.1", "127.8.8.8", "224.0.0.1", "255.255.255.255", "0.0.0.0",
                "169.254.169.254",
            ]
            : ["::1", "::", "ff02::1", "fe80::1", "::ffff:10.0.0.1", "ff0e::5"]
    }

    private mutating func pick<T>(_ values: [T]) -> T {
        guard let value = values.randomElement(using: &random) else {
            preconditionFailure("nothing to pick from")
        }
        return value
    }

    private mutating func byte() -> UInt8 { UInt8.random(in: 0...255, using: &random) }

    private mutating func base(_ at: Addresses, from source: String?) -> Frame {
        let ports: [UInt16] = [80, 8080, 30_080, 53, 40_000, 50_000]
        var frame = Frame(from: source ?? pick(known(at)), to: pick(known(at)))
        frame.protocol = pick([6, 6, 17, 17])
        frame.sourcePort = pick(ports)
        frame.destinationPort = pick([80, 30_080, pick(ports)])
        frame.flags = pick([0x02, 0x02, 0x02, 0x10, 0x12, 0x11, 0x04, 0x18])
        frame.ttl = pick([64, 64, 64, 2, 255])
        frame.payload = (0..<Int.random(in: 0...64, using: &random)).map { _ in byte() }
        return frame
    }

    /// One frame as it would arrive, and the segment size that its sender claims (GSO, 0: none).
    /// - Parameter source: who sends, if the interface says; else anybody.
    mutating func make(
        _ family: PacketFamily, _ at: Addresses, from source: String? = nil
    ) -> (bytes: [UInt8], gsoSize: UInt32) {
        var frame = base(at, from: source)
        let isIPv6 = at.family == .v6
        let ip = 14
        let l4 = isIPv6 ? 54 : 34
        var bytes: [UInt8]
        switch family {
        case .plain, .collisions:
            if family == .collisions {
                frame.sourcePort = UInt16.random(in: 40_000...40_003, using: &random)
            }
            return (frame.bytes, 0)
        case .truncatedEthernet:
            return (Array(frame.bytes.prefix(Int.random(in: 15...18, using: &random))), 0)
        case .truncatedIP:
            return (Array(frame.bytes.prefix(Int.random(in: 15..<l4, using: &random))), 0)
        case .truncatedTransport:
            return (Array(frame.bytes.prefix(Int.random(in: l4..<l4 + 20, using: &random))), 0)
        case .lyingLengths:
            bytes = frame.bytes
            if isIPv6 {
                bytes[ip + 4] = byte()
                bytes[ip + 5] = byte()
            } else {
                bytes[ip] = 0x40 | UInt8.random(in: 0...15, using: &random)
                if Bool.random(using: &random) {
                    bytes[ip + 2] = byte()
                    bytes[ip + 3] = byte()
                }
            }
            return (bytes, 0)
        case .options:
            frame.options = (0..<4 * Int.random(in: 1...10, using: &random)).map { _ in byte() }
            return (frame.bytes, 0)
        case .extensions:
            guard isIPv6 else { return (frame.bytes, 0) }
            return (withExtensions(frame), 0)
        case .firstFragmentWithoutTransport:
            frame.fragment = isIPv6 ? 1 : 0x2000
            let keep = l4 + (isIPv6 ? 8 : 0) + Int.random(in: 0..<8, using: &random)
            return (Array(frame.bytes.prefix(keep)), 0)
        case .fragments:
            let offset = UInt16.random(in: 0...8, using: &random)
            let more = Bool.random(using: &random)
            frame.fragment =
                isIPv6 ? offset << 3 | (more ? 1 : 0) : offset | (more ? 0x2000 : 0)
            return (frame.bytes, 0)
        case .ttl:
            frame.ttl = pick([0, 1, 1])
        case .martians:
            let address = IPAddress(pick(special(at.family)))!
            if Bool.random(using: &random) {
                frame.source = address
            } else {
                frame.destination = address
            }
        case .spoofed:
            frame.source = IPAddress(pick(known(at)))!
        case .land:
            frame.source = frame.destination
            frame.sourcePort = frame.destinationPort
        case .flags:
            frame.protocol = 6
            frame.flags = byte()
        case .tcpOptions:
            frame.protocol = 6
            bytes = frame.bytes
            bytes[l4 + 12] = byte()
            return (bytes, 0)
        case .wrongChecksums:
            bytes = frame.bytes
            for _ in 0..<2 {
                bytes[Int.random(in: ip..<bytes.count, using: &random)] ^= byte()
            }
            return (bytes, 0)
        case .noUDPChecksum:
            frame.protocol = 17
            bytes = frame.bytes
            bytes[l4 + 6] = 0
            bytes[l4 + 7] = 0
            return (bytes, 0)
        case .udpLength:
            frame.protocol = 17
            bytes = frame.bytes
            bytes[l4 + 4] = byte()
            bytes[l4 + 5] = byte()
            return (bytes, 0)
        case .icmpErrors, .nestedICMPErrors:
            var quoted = base(at, from: nil)
            if family == .nestedICMPErrors { quoted.protocol = isIPv6 ? 58 : 1 }
            let error = ICMPError(
                source: source ?? pick(known(at)), destination: pick(known(at)), quoted: quoted,
                quotedLength: Int.random(in: 0...80, using: &random))
            return (error.bytes(), 0)
        case .neighbours:
            if isIPv6 {
                frame.protocol = 58
                frame.raw =
                    [pick([133, 134, 135, 136, 137]), 0, 0, 0] + (0..<20).map { _ in byte() }
            } else {
                frame.etherType = 0x0806
            }
        case .vlan:
            bytes = frame.bytes
            bytes.insert(contentsOf: [0x81, 0x00, 0x00, byte()], at: 12)
            if Bool.random(using: &random) {
                bytes.insert(contentsOf: [0x88, 0xa8, 0x00, byte()], at: 12)
            }
            return (bytes, 0)
        case .unknown:
            if Bool.random(using: &random) {
                frame.etherType = UInt16.random(in: 0x0600...0xffff, using: &random)
            } else {
                frame.protocol = pick([0, 4, 41, 47, 50, 51, 60, 89, 132, 255])
                frame.raw = (0..<40).map { _ in byte() }
            }
        case .large:  // as long as a test run takes: a page without the room around the data
            frame.payload = [UInt8](
                repeating: byte(), count: Int.random(in: 1400...3200, using: &random))
            return (frame.bytes, pick([0, 0, 536, 1400, 1460, 8948]))
        }
        return (frame.bytes, 0)
    }

    /// Puts a random chain of extension headers between IPv6 and its transport.
    private mutating func withExtensions(_ frame: Frame) -> [UInt8] {
        var bytes = frame.bytes
        var chain: [UInt8] = []
        let kinds = (0..<Int.random(in: 1...7, using: &random)).map { _ in
            pick([0, 43, 44, 60, 135, 139, 253] as [UInt8])
        }
        for (index, kind) in kinds.enumerated() {
            let next = index + 1 < kinds.count ? kinds[index + 1] : frame.protocol
            let units = kind == 44 ? 0 : Int.random(in: 0...6, using: &random)
            let fragment: [UInt8] = kind == 44 ? [0, pick([0, 1, 8])] : [1, 0]
            chain += [next, UInt8(units)] + fragment + [0, 0, 0, byte()]
            chain += [UInt8](repeating: 0, count: units * 8)
        }
        bytes[20] = kinds[0]
        let length = bytes.count - 54 + chain.count
        bytes[18] = UInt8(length >> 8)
        bytes[19] = UInt8(length & 0xff)
        bytes.insert(contentsOf: chain, at: 54)
        return bytes
    }
}
