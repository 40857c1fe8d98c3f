// Health ports of Services on real sockets, in a namespace: open, close, move, wait for a port that
// is taken, and stay answerable whoever else is connected.

import Glibc
import Linux
import Model
import Support
import Testing

@testable import Health

@Suite(.enabled(if: geteuid() == 0, "needs root")) struct HealthPortTests {
    @Test("each family of a Service has its own socket on one port, with its own count")
    func families() async throws {
        let node = try Node()
        node.ports.serve([
            shop: [port(shop, .v4, 31000, count: 2), port(shop, .v6, 31000, count: 0)]
        ])
        try await wait("both are open") {
            for family in IPFamily.allCases where try await node.isClosed(family, 31000) {
                return false
            }
            return true
        }
        let four = try await node.ask(.v4, 31000)
        #expect(four.status == 200)
        #expect(four.has("X-Load-Balancing-Endpoint-Weight", "2"))
        #expect(four.has("Content-Type", "application/json"))
        #expect(four.has("X-Content-Type-Options", "nosniff"))
        #expect(four.body.contains("\t\"localEndpoints\": 2,\n"))
        let six = try await node.ask(.v6, 31000)
        #expect(six.status == 503)
        #expect(six.has("X-Load-Balancing-Endpoint-Weight", "0"))
        await node.stop()
    }

    @Test("any path and method is answered; HEAD without a body")
    func anyRequest() async throws {
        let node = try Node()
        node.ports.serve([shop: [port(shop, .v4, 31000)]])
        try await wait("it is open") { try await !node.isClosed(.v4, 31000) }
        for line in ["GET /healthz?x=1", "POST /", "DELETE /a/b", "OPTIONS *"] {
            let answer = try await node.ask(.v4, 31000, line)
            #expect(answer.status == 200, "\(line)")
            #expect(answer.body.hasPrefix("{"), "\(line)")
        }
        let head = try await node.ask(.v4, 31000, "HEAD /")
        #expect(head.status == 200)
        #expect(head.body.isEmpty)
        await node.stop()
    }

    @Test("counts and the proxy's health change without the socket's being touched")
    func counts() async throws {
        let node = try Node()
        node.ports.serve([shop: [port(shop, .v4, 31000, count: 1)]])
        try await wait("it is open") { try await !node.isClosed(.v4, 31000) }
        node.ports.serve([shop: [port(shop, .v4, 31000, count: 0)]])
        #expect(try await node.ask(.v4, 31000).status == 503)
        node.ports.serve([shop: [port(shop, .v4, 31000, count: 3)]])
        #expect(try await node.ask(.v4, 31000).status == 200)
        node.isProxyHealthy.value = false
        let sick = try await node.ask(.v4, 31000)
        #expect(sick.status == 503)
        #expect(sick.body.contains("\"localEndpoints\": 3"))
        #expect(sick.body.contains("\"serviceProxyHealthy\": false"))
        await node.stop()
    }

    @Test("the port moves with the Service, from one Service to another, and closes with the last")
    func moves() async throws {
        let node = try Node()
        node.ports.serve([shop: [port(shop, .v4, 31000)]])
        try await wait("it is open") { try await !node.isClosed(.v4, 31000) }
        node.ports.serve([shop: [port(shop, .v4, 31001)]])
        try await wait("the old one is closed") { try await node.isClosed(.v4, 31000) }
        try await wait("the new one is open") { try await !node.isClosed(.v4, 31001) }
        node.ports.serve([shop: [], forum: [port(forum, .v4, 31001)]])
        try await wait("the other Service has it") {
            // In between it is refused, or a connection meets its end.
            (try? await node.ask(.v4, 31001))?.body.contains("\"forum\"") == true
        }
        node.ports.serve([forum: []])
        try await wait("nobody has it") { try await node.isClosed(.v4, 31001) }
        #expect(node.ports.states.isEmpty)
        #expect(node.log.lines.isEmpty, "nothing was in the way: \(node.log.lines)")
        await node.stop()
    }

    @Test("a port that is taken is named once with its Service, tried again, and opened when free")
    func taken() async throws {
        let node = try Node()
        var other: FileDescriptor? = try await node.take(.v4, 31000)
        node.ports.serve([shop: [port(shop, .v4, 31000)], forum: [port(forum, .v4, 31001)]])
        try await wait("the other port is open") { try await !node.isClosed(.v4, 31001) }
        try await wait("it is noted") {
            node.ports.states.first { $0.desired.service == shop }?.failures.isEmpty == false
        }
        let reason = node.ports.states.first { $0.desired.service == shop }?.failures.first
        #expect(reason?.key == .unspecified(.v4))
        #expect(reason?.value.contains("EADDRINUSE") == true, "\(reason?.value ?? "nil")")
        _ = other?.rawValue
        other = nil
        try await wait("it is open") { try await !node.isClosed(.v4, 31000) }
        try await wait("nothing is wrong any more") {
            node.ports.states.allSatisfy { $0.failures.isEmpty }
        }
        let warnings = node.log.lines.filter { $0.hasPrefix("warning") }
        #expect(warnings.count == 1)
        #expect(warnings.first?.contains("service=shop/web") == true, "\(warnings)")
        await node.stop()
    }

    @Test("of two Services that want one port the second waits and gets it when the first is gone")
    func contested() async throws {
        let node = try Node()
        node.ports.serve([forum: [port(forum, .v6, 31000)], shop: [port(shop, .v6, 31000)]])
        try await wait("the second is noted") {
            node.ports.states.first { $0.desired.service == shop }?.failures.isEmpty == false
        }
        #expect(try await node.ask(.v6, 31000).body.contains("\"forum\""))
        node.ports.serve([forum: []])
        try await wait("the second has it") {
            (try? await node.ask(.v6, 31000))?.body.contains("\"shop\"") == true
        }
        await node.stop()
    }

    @Test("beyond the limit of sockets a Service's port is a failure, until another one closes")
    func tooMany() async throws {
        let node = try Node(maximumSockets: 1)
        node.ports.serve([forum: [port(forum, .v4, 31000)], shop: [port(shop, .v4, 31001)]])
        try await wait("the second is noted") {
            node.ports.states.last?.failures.values.contains { $0.contains("limit of open") }
                == true
        }
        #expect(try await node.ask(.v4, 31000).status == 200)
        node.ports.serve([forum: []])
        try await wait("the second is open") { try await !node.isClosed(.v4, 31001) }
        await node.stop()
    }

    @Test("with addresses given it listens at these only")
    func addresses() async throws {
        let node = try Node()
        let (one, two) = (IPAddress("127.0.0.1")!, IPAddress("127.0.0.2")!)
        node.ports.serve([shop: [port(shop, .v4, 31000, at: [two])]])
        try await wait("it is open") {
            (try? await node.ask(.v4, 31000, at: two))?.status == 200
        }
        #expect(try await node.isClosed(.v4, 31000))
        node.ports.serve([shop: [port(shop, .v4, 31000, at: [one, two])]])
        try await wait("both are open") { try await !node.isClosed(.v4, 31000) }
        #expect(try await node.ask(.v4, 31000, at: two).status == 200)
        await node.stop()
    }

    @Test("silent connections beyond the limit can't keep a check out")
    func silence() async throws {
        let node = try Node()
        node.ports.serve([shop: [port(shop, .v4, 31000)]])
        try await wait("it is open") { try await !node.isClosed(.v4, 31000) }
        let place = SocketAddress(loopback[.v4]!, 31000)
        let namespace = node.namespace
        let held = try await DedicatedThread.perform {
            try (0..<HealthPorts.maximumConnections + 20).map { _ in
                try TCPClient(to: place, in: namespace)
            }
        }
        #expect(try await node.ask(.v4, 31000).status == 200)
        #expect(held.count > HealthPorts.maximumConnections)
        await node.stop()
    }

    @Test("hundreds of ports cost descriptors and no threads, and are gone when it stops")
    func hundreds() async throws {
        try OpenFileLimit.raise()
        let node = try Node()
        let services = (0..<150).map { ObjectName(namespace: "n", name: "s\($0)") }
        var wanted: [ObjectName: [DesiredHealthPort]] = [:]
        for (index, name) in services.enumerated() {
            wanted[name] = IPFamily.allCases.map { port(name, $0, UInt16(31000 + index)) }
        }
        let before = try Directory.entries("/proc/self/task").count
        node.ports.serve(wanted)
        try await wait("the last is open") { try await !node.isClosed(.v6, 31149) }
        let after = try Directory.entries("/proc/self/task").count
        // Other tests run beside this one and have threads of their own.
        #expect(after - before < 200, "\(before) threads before, \(after) after")
        #expect(try await node.ask(.v4, 31000).status == 200)
        await node.stop()
        #expect(try await node.isClosed(.v4, 31000))
        #expect(try await node.isClosed(.v6, 31149))
    }

    @Test("/healthz waits for its address and serves when it is free, IPv4 clients on [::] too")
    func nodeHealth() async throws {
        let node = try Node()
        var other: FileDescriptor? = try await node.take(.v6, 10256)
        let namespace = node.namespace
        let server = NodeHealthServer(
            at: try #require(BindAddress("[::]:10256")),
            open: {
                try await ListeningSocket.open(
                    $0.address.octets, port: $0.port, isDualStack: true, in: namespace)
            }, log: node.log.logger, retryInterval: .milliseconds(20)
        ) {
            var facts = HealthFacts()
            facts.isProgrammed = true
            return facts
        }
        let running = Task { try await server.run() }
        try await wait("it is told") { !node.log.lines.isEmpty }
        _ = other?.rawValue
        other = nil
        try await wait("it is open") { try await !node.isClosed(.v4, 10256) }
        for family in IPFamily.allCases {
            #expect(try await node.ask(family, 10256, "GET /livez").status == 200)
            #expect(try await node.ask(family, 10256, "GET /healthz").status == 503)
        }
        #expect(node.log.lines.count == 1, "\(node.log.lines)")
        running.cancel()
        _ = await running.result
        #expect(try await node.isClosed(.v4, 10256))
        await node.stop()
    }
}
