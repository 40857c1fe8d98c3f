// The health ports of Services: which sockets are wanted, and the loop that opens, closes and tries
// again. Counts change without touching a socket: they are looked up when somebody asks. All ports
// share NIO's few event loops, so a port costs a descriptor for each address and no thread.

import HTTP
package import Logging
package import Model
import Synchronization

/// Serves the health ports that it is told of, while `run` runs.
package final class HealthPorts: Sendable {
    /// Over all ports. Who has been connected for longest goes first when there are more.
    static let maximumConnections = 256

    /// Why a port stays closed that nothing else keeps from being opened.
    struct TooManySockets: Error, CustomStringConvertible {
        var limit: Int
        var description: String {
            "\(limit) health ports are open, and the limit of open files allows no more"
        }
    }

    /// One Service in one family.
    private struct Owner: Hashable {
        var service: ObjectName
        var family: IPFamily
    }

    /// One listening socket.
    private struct Socket: Hashable {
        var owner: Owner
        var address: BindAddress

        var order: (ObjectName, IPFamily, IPAddress) {
            (owner.service, owner.family, address.address)
        }
    }

    private struct Book {
        var wanted: [Owner: DesiredHealthPort] = [:]
        var failures: [Socket: String] = [:]

        var sockets: Set<Socket> {
            wanted.reduce(into: []) { sockets, entry in
                for address in entry.value.addresses {
                    let place = BindAddress(address: address, port: entry.value.port)
                    sockets.insert(Socket(owner: entry.key, address: place))
                }
            }
        }
    }

    private let book = Mutex(Book())
    private let open: SocketOpener
    private let isProxyHealthy: @Sendable () async -> Bool
    private let log: Logger
    private let retryInterval: Duration
    private let maximumSockets: Int
    private let connections = Connections(
        maximum: HealthPorts.maximumConnections, excess: .replacesOldest)
    private let bells: AsyncStream<Void>
    private let bell: AsyncStream<Void>.Continuation

    /// - Parameter maximumSockets: sockets that may be open; the others are failures of their
    ///   Services. Whoever runs this leaves descriptors to its other parts.
    /// - Parameter isProxyHealthy: as `/livez` says; asked for every answer.
    package init(
        open: @escaping SocketOpener, maximumSockets: Int, log: Logger,
        retryInterval: Duration = NodeHealthServer.retryInterval,
        isProxyHealthy: @escaping @Sendable () async -> Bool
    ) {
        self.open = open
        self.maximumSockets = maximumSockets
        self.log = log
        self.retryInterval = retryInterval
        self.isProxyHealthy = isProxyHealthy
        (bells, bell) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Serves exactly these ports of each Service that is named. Returns at once; counts are
    /// answered from now on, sockets follow.
    package func serve(_ changes: [ObjectName: [DesiredHealthPort]]) {
        book.withLock { book in
            for (name, ports) in changes {
                for family in IPFamily.allCases {
                    book.wanted[Owner(service: name, family: family)] = ports.first {
                        $0.family == family
                    }
                }
            }
        }
        bell.yield()
    }

    /// Every port that is wanted and what keeps it from being open, by Service and family.
    package var states: [HealthPortState] {
        let book = book.withLock { $0 }
        var states = book.wanted.mapValues { HealthPortState(desired: $0) }
        for (socket, reason) in book.failures {
            states[socket.owner]?.failures[socket.address.address] = reason
        }
        return states.values.sorted {
            ($0.desired.service, $0.desired.family) < ($1.desired.service, $1.desired.family)
        }
    }

    /// Opens and closes until cancelled; nothing is open any more when it returns. Once only.
    package func run() async {
        var servers: [Socket: HTTPServer] = [:]
        var retries: [Socket: ContinuousClock.Instant] = [:]
        var alarm: Task<Void, Never>?
        for await _ in bells {
            alarm?.cancel()
            let wanted = book.withLock { book in
                let wanted = book.sockets
                book.failures = book.failures.filter { wanted.contains($0.key) }
                return wanted
            }
            retries = retries.filter { wanted.contains($0.key) }
            // Closed before anything is opened: a port may move from one Service to another.
            var freed: Set<UInt16> = []
            for (socket, server) in servers where !wanted.contains(socket) {
                await server.close()
                servers[socket] = nil
                freed.insert(socket.address.port)
            }
            let now = ContinuousClock.now
            let due = wanted.filter { socket in
                guard servers[socket] == nil else { return false }
                guard let retry = retries[socket] else { return true }
                return retry <= now || freed.contains(socket.address.port)
            }
            for socket in due.sorted(by: { $0.order < $1.order }) {
                servers[socket] = await start(socket, isAllowed: servers.count < maximumSockets)
                retries[socket] = servers[socket] == nil ? now + retryInterval : nil
            }
            alarm = retries.values.min().map { next in
                Task { [bell] in
                    guard (try? await Task.sleep(until: next, clock: .continuous)) != nil else {
                        return
                    }
                    bell.yield()
                }
            }
        }
        alarm?.cancel()
        for server in servers.values { await server.close() }
    }

    /// Nil when it can't be opened, which is noted and logged once.
    private func start(_ socket: Socket, isAllowed: Bool) async -> HTTPServer? {
        let about: Logger.Metadata = [
            "service": "\(socket.owner.service)", "address": "\(socket.address)",
        ]
        do {
            guard isAllowed else { throw TooManySockets(limit: maximumSockets) }
            let server = try await HTTPServer(
                on: try await open(socket.address), sharing: connections
            ) { [self] _ in await answer(socket.owner) }
            let hadFailed = book.withLock { $0.failures.removeValue(forKey: socket) } != nil
            if hadFailed { log.notice("The service's health port is open now.", metadata: about) }
            return server
        } catch {
            let reason = "\(error)"
            let known = book.withLock { $0.failures.updateValue(reason, forKey: socket) }
            if known != reason {
                log.warning(
                    "The service's health port can't be opened; trying again every 5 s.",
                    metadata: about.merging(["error": "\(reason)"]) { $1 })
            }
            return nil
        }
    }

    private func answer(_ owner: Owner) async -> HTTPResponse {
        let isProxyHealthy = await isProxyHealthy()
        let count = book.withLock { $0.wanted[owner]?.readyLocalEndpoints ?? 0 }
        return HealthAnswers.service(
            owner.service, readyLocalEndpoints: count, isProxyHealthy: isProxyHealthy)
    }
}
