// A network namespace with nothing but loopback, the servers under test in it, and a client that
// asks as a load balancer's check does.

import Health
import Linux
import Logging
import Model
import Netlink
import Support
import Synchronization

let loopback: [IPFamily: IPAddress] = [
    .v4: IPAddress("127.0.0.1")!, .v6: IPAddress("::1")!,
]
let shop = ObjectName(namespace: "shop", name: "web")
let forum = ObjectName(namespace: "forum", name: "web")

func port(
    _ service: ObjectName, _ family: IPFamily, _ port: UInt16, count: Int = 1,
    at addresses: [IPAddress]? = nil
) -> DesiredHealthPort {
    DesiredHealthPort(
        service: service, family: family, port: port,
        addresses: addresses ?? [.unspecified(family)], readyLocalEndpoints: count)
}

/// Health ports that run in a namespace of their own.
final class Node: Sendable {
    let namespace: NetworkNamespace
    let ports: HealthPorts
    let log = LogLines()
    let isProxyHealthy = Flag(true)
    private let running: Task<Void, Never>

    init(maximumSockets: Int = 4096) throws {
        let namespace = try NetworkNamespace.anonymous()
        try namespace.run { try RouteSocket().setLink(.name("lo"), up: true) }
        let ports = HealthPorts(
            open: {
                try await ListeningSocket.open($0.address.octets, port: $0.port, in: namespace)
            },
            maximumSockets: maximumSockets, log: log.logger, retryInterval: .milliseconds(20)
        ) { [isProxyHealthy] in isProxyHealthy.value }
        self.namespace = namespace
        self.ports = ports
        running = Task { await ports.run() }
    }

    /// Everything is closed when it returns.
    func stop() async {
        running.cancel()
        await running.value
    }

    /// A check from inside the namespace. Throws ECONNREFUSED where nothing listens.
    func ask(
        _ family: IPFamily, _ port: UInt16, _ line: String = "GET /", at address: IPAddress? = nil
    ) async throws -> HTTPCheck {
        let place = SocketAddress(address ?? loopback[family]!, port)
        return try await HTTPCheck.ask(place, in: namespace, line)
    }

    func isClosed(_ family: IPFamily, _ port: UInt16) async throws -> Bool {
        let place = SocketAddress(loopback[family]!, port)
        return try await HTTPCheck.answer(place, in: namespace) == nil
    }

    /// A socket that takes a port, as somebody else's program would.
    func take(_ family: IPFamily, _ port: UInt16) async throws -> FileDescriptor {
        FileDescriptor(
            owning: try await ListeningSocket.open(
                IPAddress.unspecified(family).octets, port: port, in: namespace))
    }
}

/// A value that a test changes while others read it.
final class Flag: Sendable {
    private let state: Mutex<Bool>
    init(_ value: Bool) { state = Mutex(value) }
    var value: Bool {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}

/// What was logged, a line each.
final class LogLines: Sendable {
    private let collected = Mutex<[String]>([])
    var lines: [String] { collected.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { _ in Handler(lines: self) } }

    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            let about = (event.metadata ?? [:]).sorted { $0.key < $1.key }
                .map { "\($0.key)=\($0.value)" }
            lines.collected.withLock {
                $0.append(
                    ([event.level.rawValue, "\(event.message)"] + about).joined(separator: " "))
            }
        }
    }
}

/// Polls a fact until it holds; a generous guard turns a fact that never comes into a failure.
func wait(_ what: String, _ holds: () async throws -> Bool) async throws {
    let guardTime = Monotonic.now().advanced(byMilliseconds: 120_000)
    while Monotonic.now() < guardTime {
        if try await holds() { return }
        try await Task.sleep(for: .milliseconds(5))
    }
    throw NeverHeld(what: what)
}

struct NeverHeld: Error, CustomStringConvertible {
    let what: String
    var description: String { "waited in vain until \(what)" }
}
