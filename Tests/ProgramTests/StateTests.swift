// What the maps and the kernel's conntrack say of a flow decides its road: watched pods, unresolved
// neighbours, unknown ENIs, and flows that the kernel tracks.

import Datapath
import Glibc
import Linux
import Model
import Plan
import Testing

@Suite("state that keeps packets on the stack", .enabled(if: geteuid() == 0, "needs root"))
struct StateTests {
    static let families = [Addresses.v4, .v6]

    private func left(
        _ at: Addresses, _ why: String, to destination: String,
        changeA: (inout DesiredPod) -> Void = { _ in },
        changeB: (inout DesiredPod) -> Void = { _ in }
    ) async throws {
        let node = try await ProgramNode()
        try await node.program(at, changeA: changeA, changeB: changeB)
        try await node.datapath.activate()
        let frame = Frame(from: at.podA, to: destination).bytes
        let (verdict, packet) = try node.fromPod(node.vethA, frame)
        #expect(verdict == .next)
        #expect(packet == frame)
        #expect(try await node.counts() == [why: 1])
    }

    @Test("a watched pod's own packets stay on the stack", arguments: families)
    func watchedSource(_ at: Addresses) async throws {
        try await left(
            at, "stack_watched", to: at.podB, changeA: { $0.watched = .filter("handle_egress") })
        try await left(at, "stack_watched", to: at.remote, changeA: { $0.watched = .unknown })
    }

    @Test(
        "packets to a watched pod stay on the stack, from pods and from ENIs",
        arguments: families)
    func watchedDestination(_ at: Addresses) async throws {
        try await left(at, "stack_watched", to: at.podB, changeB: { $0.watched = .program })
        let node = try await ProgramNode()
        try await node.program(at, changeB: { $0.watched = .qdisc("tbf") })
        try await node.datapath.activate()
        #expect(try node.fromENI(Frame(from: at.remote, to: at.podB).bytes).0 == .next)
        #expect(try await node.counts() == ["stack_watched": 1])
    }

    @Test("an unresolved neighbour is the stack's to resolve", arguments: families)
    func unresolved(_ at: Addresses) async throws {
        try await left(at, "stack_no_mac", to: at.podB, changeB: { $0.podMAC = nil })
        try await left(
            at, "stack_no_mac", to: at.remote, changeA: { $0.eni?.nextHopMAC = nil })
    }

    @Test("a pod whose ENI is not sure sends by the stack", arguments: families)
    func noENI(_ at: Addresses) async throws {
        try await left(at, "stack_no_eni", to: at.remote, changeA: { $0.eni = nil })
    }

    @Test("a removed pod is nobody's destination any more", arguments: families)
    func removed(_ at: Addresses) async throws {
        let node = try await ProgramNode()
        try await node.program(at)
        try await node.datapath.activate()
        try await node.apply([.removePod(IPAddress(at.podB)!)])
        #expect(try node.fromENI(Frame(from: at.remote, to: at.podB).bytes).0 == .next)
        #expect(try await node.counts() == ["stack_not_a_pod": 1])
    }

    @Test("a flow that the kernel tracks stays with it, in both directions", arguments: families)
    func tracked(_ at: Addresses) async throws {
        let node = try await ProgramNode()
        try await node.program(at)
        try await node.datapath.activate()
        // As hostPort or an old kube-proxy leave it: the client dialled another address.
        let dialled = at.family == .v4 ? "10.0.0.5" : "fd00:1::5"
        let insert = Command(
            [
                "conntrack", "-I", "-p", "tcp",
                "-s", at.remote, "-d", dialled, "--sport", "40000", "--dport", "8080",
                "--reply-src", at.podB, "--reply-dst", at.remote, "--reply-port-src", "80",
                "--reply-port-dst", "40000", "--state", "ESTABLISHED", "--timeout", "600",
            ], namespace: node.namespace)
        let result = try await insert.perform()
        #expect(result.succeeded, "\(result.errorOutput)")

        let reply = Frame(from: at.podB, to: at.remote).with {
            $0.sourcePort = 80
            $0.destinationPort = 40000
        }
        #expect(try node.fromPod(node.vethB, reply.bytes).0 == .next)
        let other = reply.with { $0.destinationPort = 40001 }
        #expect(try node.fromPod(node.vethB, other.bytes).0 == .redirect)
        #expect(try await node.counts() == ["stack_conntrack": 1, "pod_to_eni": 1])
    }
}
