// When the kernel drops events, and when nobody reads them: what is delivered in the end is true.

import Linux
import Model
import Randomness
import Testing

@testable import Netlink

@Suite(needsRoot, .timeLimit(.minutes(5))) struct EventLossTests {
    /// The least that the kernel grants (SOCK_MIN_RCVBUF): a handful of messages.
    private static let tinyBuffer = 2_304

    /// Routes by the hundred: one link that goes down then says so in one go, faster than any
    /// reader.
    private func addRoutes(_ node: TestNode, count: UInt64) throws {
        for family in FamilyAddresses.both {
            for index in 0..<count {
                let destination = CIDR(host: family.pod.advanced(by: index) ?? family.pod)
                try node.socket.addRoute(NewRoute(destination, interface: node.eni))
            }
        }
    }

    @Test("a loss is answered with the whole state")
    func loss() async throws {
        let node = try TestNode()
        try addRoutes(node, count: 300)
        let follower = try await Follower(node, receiveBufferBytes: Self.tinyBuffer)
        #expect(follower.state.routes.count > 600)
        try node.socket.setLink("eni0", up: false)
        try await follower.until { $0.routes.count < 100 }
        try await follower.settle()
        #expect(follower.restarts >= 2)
    }

    @Test("a storm of changes with a tiny buffer ends exactly as a fresh dump")
    func storm() async throws {
        let node = try TestNode()
        try addRoutes(node, count: 200)
        let follower = try await Follower(node, receiveBufferBytes: Self.tinyBuffer)
        var random = SeededRandom.fresh()
        print("storm seed: \(random.seed)")
        for step in 0..<1_500 { try Self.disturb(node, step, &random) }
        try await follower.settle()
        #expect(follower.restarts >= 2)
    }

    @Test("a storm with the usual buffer loses nothing and ends exactly as a fresh dump")
    func withoutLoss() async throws {
        let node = try TestNode()
        let follower = try await Follower(node)
        var random = SeededRandom.fresh()
        print("storm seed: \(random.seed)")
        for step in 0..<1_500 { try Self.disturb(node, step, &random) }
        try await follower.settle()
        #expect(follower.restarts == 1)
    }

    /// One random change; one that the present state refuses is none.
    private static func disturb(
        _ node: TestNode, _ step: Int, _ random: inout SeededRandom
    ) throws {
        let socket = node.socket
        for family in FamilyAddresses.both {
            let pod =
                family.pod.advanced(by: 1_000 + UInt64.random(in: 0..<20, using: &random))
                ?? family.pod
            let host = CIDR(host: pod)
            let rule = Rule(family: family.family, priority: 1_536, source: host, table: 2)
            let name = "v\(UInt8.random(in: 0..<5, using: &random))"
            do throws(NetlinkError) {
                switch UInt8.random(in: 0..<13, using: &random) {
                case 0: try socket.replaceRoute(NewRoute(host, interface: node.eni))
                case 1: try socket.replaceRoute(NewRoute(host, interface: node.peer))
                case 2: try socket.deleteRoute(NewRoute(host, interface: nil))
                case 3: try socket.addRule(rule)
                case 4: try socket.deleteRule(rule)
                case 5:
                    try socket.setNeighbor(pod, mac: mac("0a:00:00:00:00:01"), interface: node.eni)
                case 6: try socket.deleteNeighbor(pod, interface: node.eni)
                case 7: try socket.addVeth(NewLink(name), peer: NewLink("\(name)p"))
                case 8: try socket.deleteLink(.name(name))
                case 9: try socket.setLink(.name(name), up: Bool.random(using: &random))
                case 10:
                    try socket.addAddress(
                        InterfaceAddress(
                            interface: socket.index(of: .name(name)), address: pod,
                            prefixLength: family.subnetLength))
                case 11:
                    try socket.addRoute(NewRoute(host, interface: socket.index(of: .name(name))))
                default: try socket.setLink("peer0", up: step % 3 != 0)
                }
            } catch {
                guard case .refused = error else { throw error }
            }
        }
    }

    @Test("a monitor that is stopped ends its sequence")
    func stopping() async throws {
        let node = try TestNode()
        let monitor = try NetworkMonitor(in: node.namespace)
        monitor.stop()
        for try await _ in monitor {}
    }

    @Test("a monitor that only its reader holds goes on, and ends with the reader")
    func holding() async throws {
        let node = try TestNode()
        var batches = try NetworkMonitor(in: node.namespace).makeAsyncIterator()
        #expect(try await batches.next() != nil)
        let rule = Rule(family: .v6, priority: 7, table: 7)
        try node.socket.addRule(rule)
        var isTold = false
        while !isTold {
            let batch = try #require(try await batches.next(), "the monitor ended")
            isTold = batch.contains { change in
                if case .network(.ruleAdded(rule)) = change { true } else { false }
            }
        }
    }
}
