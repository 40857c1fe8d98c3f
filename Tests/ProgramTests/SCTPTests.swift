// New ports for SCTP packets, and the CRC that goes with them: the shortcut by powers of x against
// the definition of CRC32c, bit by bit.

import BPF
import Glibc
import Model
import Randomness
import Testing

/// CRC32c by definition (RFC 9260 appendix A): bit by bit, the lowest first.
private func crc32c(_ bytes: [UInt8], from start: UInt32 = .max) -> UInt32 {
    bytes.reduce(start) { crc, byte in
        (0..<8).reduce(crc ^ UInt32(byte)) { crc, _ in
            crc & 1 == 1 ? crc >> 1 ^ 0x82f6_3b78 : crc >> 1
        }
    }
}

/// A frame with an SCTP packet whose chunks are `body`, as it would have been sent.
private func sctp(_ at: Addresses, ports: [UInt16], body: [UInt8]) -> [UInt8] {
    let ends = ports.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
    let rest: [UInt8] = [1, 2, 3, 4, 0, 0, 0, 0] + body
    var frame = Frame(from: at.podA, to: at.outside).with { $0.protocol = 132 }
    // Frame's other protocols begin with 8 bytes of an echo request: replaced below.
    frame.payload = [UInt8](repeating: 0, count: rest.count - 4)
    var bytes = frame.bytes
    let start = at.family == .v4 ? 34 : 54
    bytes.replaceSubrange(start..., with: ends + rest)
    let value = ~crc32c(Array(bytes[start...]))
    withUnsafeBytes(of: value.littleEndian) {
        bytes.replaceSubrange(start + 8..<start + 12, with: $0)
    }
    return bytes
}

@Suite("SCTP ports", .enabled(if: geteuid() == 0, "needs root"))
struct SCTPTests {
    static let families = [Addresses.v4, .v6]

    /// Port 7001 becomes 7000. Loading takes seconds in an emulated guest: once a test.
    private func program(_ name: String) throws -> BPFProgram {
        let object = try BPFObject(base64: SctpPortsObject.base64, name: "sctp_ports")
        try object.load()
        return try object.program(name)
    }

    @Test("what a word changes in the CRC is right for every length of a packet")
    func change() throws {
        var random = SeededRandom.fresh()
        let program = try program("sctp_change")
        let frame = Frame(from: "10.0.0.1", to: "10.0.0.2").bytes
        let borders: [UInt32] = [4, 5, 12, 13, 255, 256, 257, 4095, 4096, 32767, 32768, 65535]
        for length in borders + (0..<40).map({ _ in .random(in: 4...65535, using: &random) }) {
            let word = UInt32.random(in: 1 ... .max, using: &random)
            // struct __sk_buff: cb at 48.
            var context = [UInt8](repeating: 0, count: 192)
            for (offset, value) in [(48, word), (52, length)] {
                withUnsafeBytes(of: value) {
                    context.replaceSubrange(offset..<offset + 4, with: $0)
                }
            }
            let run = try program.testRun(packet: frame, context: context)
            let found = run.context.withUnsafeBytes {
                $0.loadUnaligned(fromByteOffset: 56, as: UInt32.self)
            }
            let message =
                withUnsafeBytes(of: word.littleEndian) { Array($0) }
                + [UInt8](repeating: 0, count: Int(length) - 4)
            #expect(found == crc32c(message, from: 0), "\(length) bytes, seed \(random.seed)")
        }
    }

    @Test(
        "a packet with new ports has the CRC that it would have been sent with",
        arguments: families)
    func rewritten(_ at: Addresses) throws {
        var random = SeededRandom.fresh()
        let program = try program("sctp_to_server")
        for _ in 0..<20 {
            let other = UInt16.random(in: 1 ... .max, using: &random)
            let body = (0..<Int.random(in: 4...1400, using: &random)).map { _ in
                UInt8.random(in: 0 ... .max, using: &random)
            }
            let run = try program.testRun(packet: sctp(at, ports: [other, 7001], body: body))
            #expect(run.result == .max)
            let after = sctp(at, ports: [other == 7001 ? 7000 : other, 7000], body: body)
            #expect(run.packet == after, "\(body.count) bytes, seed \(random.seed)")
        }
    }

    @Test("what the link padded is not in the CRC", arguments: families)
    func padded(_ at: Addresses) throws {
        let program = try program("sctp_to_server")
        let padding = [UInt8](repeating: 0xee, count: 9)
        let before = sctp(at, ports: [5, 7001], body: [1, 2, 3, 4]) + padding
        let run = try program.testRun(packet: before)
        #expect(run.packet == sctp(at, ports: [5, 7000], body: [1, 2, 3, 4]) + padding)
    }

    /// A test run's packets are complete: nobody writes their checksum later.
    @Test("a CRC that is zero by chance is followed like any other", arguments: families)
    func zero(_ at: Addresses) throws {
        let program = try program("sctp_to_server")
        // Four bytes of the body make the CRC whatever one likes: the register must end as ~0.
        let start: [UInt8] = [0, 5, 0x1b, 0x59, 1, 2, 3, 4, 0, 0, 0, 0, 0xaa, 0xbb, 0xcc, 0xdd]
        var register = UInt32.max
        for _ in 0..<32 {
            register =
                register >> 31 == 1 ? (register ^ 0x82f6_3b78) << 1 | 1 : register << 1
        }
        let word = register ^ crc32c(start)
        let tail = withUnsafeBytes(of: word.littleEndian) { Array($0) }
        let before = sctp(at, ports: [5, 7001], body: [0xaa, 0xbb, 0xcc, 0xdd] + tail)
        let offset = (at.family == .v4 ? 34 : 54) + 8
        try #require(before[offset..<offset + 4].elementsEqual([0, 0, 0, 0]))
        let run = try program.testRun(packet: before)
        #expect(run.packet == sctp(at, ports: [5, 7000], body: [0xaa, 0xbb, 0xcc, 0xdd] + tail))
    }

    @Test("a first fragment is dropped: its CRC covers what has not come yet")
    func fragment() throws {
        let program = try program("sctp_to_server")
        var frame = sctp(.v4, ports: [5, 7001], body: [1, 2, 3, 4])
        frame[20] = 0x20  // more fragments
        #expect(try program.testRun(packet: frame).result == 2)
    }
}
