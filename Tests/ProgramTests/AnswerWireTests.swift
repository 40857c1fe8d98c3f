// ICMP errors as a Linux client takes them: sockets in a pod's namespace dial through a real veth
// whose host end answers. What makes this worth a kernel is what a packet carries beside its bytes:
// with TX offload its checksum is still to be completed (CHECKSUM_PARTIAL) and TCP comes in
// segments to be; whoever does that later must not do it to the answer.

import BPF
import Foundation
import Glibc
import Linux
import Model
import Support
import Testing

/// One dial by answers.py.
private struct Dialled: Decodable {
    struct Answer: Decodable {
        var type: UInt8
        var code: UInt8
        var mtu: UInt32
        var source: String
        /// Every length and checksum is right.
        var sound: Bool
        /// Somebody would still have written a checksum into it.
        var answerUnfinished: Bool
        /// The quote is what left the pod, as much of it as may be.
        var quoteIsExact: Bool
        /// What left the pod had no checksum yet.
        var originalUnfinished: Bool
    }
    var size: Int
    /// Of the first call that waits, by its errno's name.
    var error: String
    var pathMTU: UInt32
    var answers: [Answer]
}

/// tools/run-tests-under says where it wants its output: nobody else sets this. A guest without
/// hardware virtualisation takes seconds to start a script, and there are dozens here.
private let isEmulated = getenv("VM_OUT") != nil

@Suite(
    "ICMP errors on the wire", .enabled(if: geteuid() == 0, "needs root"),
    .enabled(if: !isEmulated, "starts too many processes for an emulated guest"))
struct AnswerWireTests {
    static let families = [Addresses.v4, .v6]

    /// Around the limits of quotes, and one that fills a jumbo frame.
    static let sizes = ["0", "1", "7", "519", "520", "521", "1183", "1184", "1185", "1400", "8900"]

    /// What a program in the pod saw; see answers.py.
    private func dial(_ wire: Wire, _ arguments: [String]) async throws -> [Dialled] {
        let output = try await wire.run("answers", ["eth0"] + arguments, in: wire.pod)
        return try JSONDecoder().decode([Dialled].self, from: Data(output))
    }

    private func expectAnswered(
        _ dialled: Dialled, _ kind: AnswerKind, _ at: Addresses, offload: Bool
    ) throws {
        let what = "\(dialled.size) bytes"
        let answer = try #require(dialled.answers.first, "\(what)")
        #expect([answer.type, answer.code] == kind.typeAndCode(at.family), "\(what)")
        #expect(answer.mtu == (kind == .tooBig ? Answering.mtu : 0), "\(what)")
        #expect(answer.source == at.node, "\(what)")
        #expect(answer.sound && !answer.answerUnfinished, "\(what): \(answer)")
        #expect(answer.quoteIsExact, "\(what)")
        // Else the offload that this test is about did not happen.
        #expect(answer.originalUnfinished == offload, "\(what)")
    }

    @Test(
        "a connected UDP socket is refused, whatever it sent, with TX offload and without",
        arguments: families, [true, false])
    func refusedDatagrams(_ at: Addresses, offload: Bool) async throws {
        let wire = try Wire(at)
        try wire.setOffload(offload)
        let answering = try Answering(.unreachable)
        try answering.setMasquerade(IPAddress(at.node)!)
        try wire.attach(answering.ingress, .ingress, to: wire.host, in: wire.node)
        for dialled in try await dial(wire, [at.remote, "udp"] + Self.sizes) {
            #expect(dialled.error == "ECONNREFUSED", "\(dialled.size) bytes")
            try expectAnswered(dialled, .unreachable, at, offload: offload)
        }
    }

    @Test(
        "a TCP connection is refused at once, with TX offload and without",
        arguments: families, [true, false])
    func refusedConnection(_ at: Addresses, offload: Bool) async throws {
        let wire = try Wire(at)
        try wire.setOffload(offload)
        let answering = try Answering(.unreachable)
        try answering.setMasquerade(IPAddress(at.node)!)
        try wire.attach(answering.ingress, .ingress, to: wire.host, in: wire.node)
        let dials = try await dial(wire, [at.remote, "tcp", "80"])
        let dialled = try #require(dials.first)
        #expect(dialled.error == "ECONNREFUSED")
        try expectAnswered(dialled, .unreachable, at, offload: offload)
    }

    @Test("who sends with TTL 1 is told where it ended", arguments: families, [true, false])
    func timeExceeded(_ at: Addresses, offload: Bool) async throws {
        let wire = try Wire(at)
        try wire.setOffload(offload)
        let answering = try Answering(.ttl)
        try answering.setMasquerade(IPAddress(at.node)!)
        try wire.attach(answering.ingress, .ingress, to: wire.host, in: wire.node)
        for dialled in try await dial(wire, [at.remote, "udp-ttl1", "100", "2000"]) {
            #expect(dialled.error == "EHOSTUNREACH")
            try expectAnswered(dialled, .ttl, at, offload: offload)
        }
    }

    @Test(
        "a datagram that is too big teaches the sender the path's MTU", arguments: families,
        [true, false])
    func datagramTooBig(_ at: Addresses, offload: Bool) async throws {
        let wire = try Wire(at)
        try wire.setOffload(offload)
        let answering = try Answering(.tooBig)
        try answering.setMasquerade(IPAddress(at.node)!)
        try wire.attach(answering.ingress, .ingress, to: wire.host, in: wire.node)
        let dials = try await dial(wire, [at.remote, "udp", "8900"])
        let dialled = try #require(dials.first)
        #expect(dialled.error == "EMSGSIZE")
        #expect(dialled.pathMTU == Answering.mtu)
        try expectAnswered(dialled, .tooBig, at, offload: offload)
    }

    @Test(
        "a connection with segments that are too big learns the path's MTU and goes on",
        arguments: families, [true, false])
    func segmentsTooBig(_ at: Addresses, offload: Bool) async throws {
        let wire = try Wire(at)
        try wire.setOffload(offload)
        let answering = try Answering(.tooBig)
        try answering.setMasquerade(IPAddress(at.node)!)
        try wire.attach(answering.ingress, .ingress, to: wire.host, in: wire.node)
        let server = try EchoServer(.tcp, at: SocketAddress(IPAddress(at.node)!, 0), in: wire.node)
        let port = "\(server.address.port)"
        let dials = try await dial(wire, [at.node, "transfer", port, "1000000"])
        let dialled = try #require(dials.first)
        #expect(dialled.error == "none")
        #expect(dialled.size == 1_000_000)
        #expect(dialled.pathMTU == Answering.mtu)
        try expectAnswered(dialled, .tooBig, at, offload: offload)
    }

    @Test(
        "a process of the node itself is refused on its way out, with TX offload and without",
        arguments: families, [true, false])
    func refusedOnEgress(_ at: Addresses, offload: Bool) async throws {
        let wire = try Wire(at)
        try wire.setOffload(offload)
        let answering = try Answering(.unreachable)
        // Up the stack, a packet from the node's own address would be dropped.
        try answering.setMasquerade(IPAddress(at.podA)!)
        try wire.attach(answering.egress, .egress, to: wire.inside, in: wire.pod)
        let dials =
            try await dial(wire, [at.remote, "udp"] + Self.sizes)
            + dial(wire, [at.remote, "tcp", "80"])
        for dialled in dials {
            #expect(dialled.error == "ECONNREFUSED", "\(dialled.size) bytes")
            let answer = try #require(dialled.answers.first)
            #expect(answer.sound && !answer.answerUnfinished, "\(dialled.size) bytes: \(answer)")
            #expect(answer.source == at.remote)
        }
    }
}
