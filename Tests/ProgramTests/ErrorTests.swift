// ICMP errors about translated flows: who they reach, what they quote, and that every checksum is
// right, from a router on either side and from the backend itself, in both families.

import Glibc
import Linux
import Model
import Plan
import Testing

@testable import Datapath

/// An ICMP error that quotes a frame.
struct ICMPError {
    var source: String
    var destination: String
    var quoted: Frame
    /// Octets of the quoted network packet.
    var quotedLength = 576

    private var isIPv6: Bool { quoted.source.family == .v6 }

    /// The frame as it travels; `ttl` and the Ethernet addresses are a plain frame's.
    func bytes(_ change: (inout Frame) -> Void = { _ in }) -> [UInt8] {
        let packet = Array(quoted.bytes.dropFirst(14).prefix(quotedLength))
        // Packet too big, next hop's MTU 1400; fragmentation needed.
        var message: [UInt8] =
            (isIPv6 ? [2, 0, 0, 0, 0, 0] : [3, 4, 0, 0, 0, 0]) + [0x05, 0x78] + packet
        var outer = Frame(from: source, to: destination)
        outer.protocol = isIPv6 ? 58 : 1
        change(&outer)
        var covered = message
        if isIPv6 {
            let length = UInt16(message.count)
            covered =
                outer.source.octets + outer.destination.octets
                + [0, 0, UInt8(length >> 8), UInt8(length & 0xff), 0, 0, 0, 58] + message
        }
        let sum = checksum(covered)
        message[2] = UInt8(sum >> 8)
        message[3] = UInt8(sum & 0xff)
        outer.raw = message
        return outer.bytes
    }
}

@Suite(
    "ICMP errors about translated flows", .enabled(if: geteuid() == 0, "needs root"),
    .timeLimit(.minutes(3)))
struct ErrorTests {
    static let families = [Addresses.v4, .v6]
    static let protocols = [L4Protocol.tcp, .udp]

    /// A masqueraded node port flow to a backend elsewhere: what was dialled, what was sent on.
    private func flow(
        _ at: Addresses, _ l4: L4Protocol
    ) async throws -> (ProgramNode, Frame, Frame) {
        let node = try await ProgramNode()
        let far = at.family == .v4 ? "10.0.8.8" : "fd00:1:8::8"
        var service = TestService(at, backend: far)
        service.protocol = l4
        service.isLocal = false
        try await node.serve([service])
        let dialled = node.dial(from: at.remote, to: at.node, TestService.nodePort, l4)
        let sent = try node.fromENI(dialled.bytes).1
        let port = Frame.sourcePort(of: sent, at.family)
        let forwarded = dialled.with {
            $0.source = IPAddress(at.node)!
            $0.sourcePort = port
            $0.destination = IPAddress(far)!
            $0.destinationPort = TestService.backendPort
            $0.ttl = 63
        }
        return (node, dialled, forwarded)
    }

    private func leaves(_ frame: inout Frame) {
        frame.destinationMAC = ProgramNode.gatewayMAC
        frame.sourceMAC = ProgramNode.eniMAC
        frame.ttl -= 1
    }

    @Test(
        "an error of a router behind the node reaches the client and quotes what it dialled",
        arguments: families, protocols)
    func behind(_ at: Addresses, _ l4: L4Protocol) async throws {
        let (node, dialled, forwarded) = try await flow(at, l4)
        let router = at.family == .v4 ? "10.0.7.1" : "fd00:1:7::1"
        let arriving = ICMPError(source: router, destination: at.node, quoted: forwarded)
        let (verdict, packet) = try node.fromENI(arriving.bytes())
        #expect(verdict == .redirect)
        // From the address that was dialled, as the kernel's NAT does.
        let expected = ICMPError(
            source: at.node, destination: at.remote,
            quoted: dialled.with { $0.ttl = forwarded.ttl })
        #expect(packet == expected.bytes(leaves))
        #expect(try await node.counts()["icmp_translated"] == 1)
    }

    @Test(
        "an error of a router before the node reaches the backend and quotes what it sent",
        arguments: families, protocols)
    func before(_ at: Addresses, _ l4: L4Protocol) async throws {
        let (node, dialled, forwarded) = try await flow(at, l4)
        let reply = forwarded.reply
        _ = try node.fromENI(reply.bytes)
        let shown = dialled.reply.with { $0.ttl = 63 }
        let router = at.family == .v4 ? "10.0.7.1" : "fd00:1:7::1"
        let arriving = ICMPError(source: router, destination: at.node, quoted: shown)
        let (verdict, packet) = try node.fromENI(arriving.bytes())
        #expect(verdict == .redirect)
        let expected = ICMPError(
            source: at.node, destination: forwarded.destination.description,
            quoted: reply.with { $0.ttl = 63 })
        #expect(packet == expected.bytes(leaves))
    }

    @Test("a quote that ends in the transport header is turned back as far as it goes")
    func short() async throws {
        let at = Addresses.v4
        let (node, dialled, forwarded) = try await flow(at, .tcp)
        let arriving = ICMPError(
            source: "10.0.7.1", destination: at.node, quoted: forwarded, quotedLength: 28)
        let (verdict, packet) = try node.fromENI(arriving.bytes())
        #expect(verdict == .redirect)
        let expected = ICMPError(
            source: at.node, destination: at.remote,
            quoted: dialled.with { $0.ttl = forwarded.ttl }, quotedLength: 28)
        #expect(packet == expected.bytes(leaves))
    }

    @Test("an error about nothing of ours, or about an error, is the stack's", arguments: families)
    func foreign(_ at: Addresses) async throws {
        let (node, _, forwarded) = try await flow(at, .tcp)
        let other = forwarded.with { $0.sourcePort ^= 1 }
        let nested = forwarded.with {
            $0.protocol = at.family == .v4 ? 1 : 58
            $0.raw = [3, 3, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 0x45, count: 28)
        }
        for (quoted, length) in [(other, 576), (nested, 576), (forwarded, 12), (forwarded, 0)] {
            let frame = ICMPError(
                source: at.remote, destination: at.node, quoted: quoted, quotedLength: length
            ).bytes()
            let (verdict, packet) = try node.fromENI(frame)
            #expect(verdict == .next)
            #expect(packet == frame)
        }
    }
}
