// `/healthz` and `/livez`. An address that is taken, by kube-proxy for instance, is tried again
// until it is free: everything else goes on meanwhile.

package import HTTP
package import Logging
package import Model

/// Opens a listening socket in the node's network namespace; the descriptor is the caller's.
package typealias SocketOpener = @Sendable (BindAddress) async throws -> CInt

/// The node's own health port.
package struct NodeHealthServer: Sendable {
    /// As kube-proxy does.
    package static let retryInterval = Duration.seconds(5)
    /// Probes are short: who has been connected for longest goes first when there are more.
    static let maximumConnections = 64

    private let address: BindAddress
    private let open: SocketOpener
    private let facts: @Sendable () async -> HealthFacts
    private let log: Logger
    private let retryInterval: Duration

    package init(
        at address: BindAddress, open: @escaping SocketOpener, log: Logger,
        retryInterval: Duration = Self.retryInterval,
        facts: @escaping @Sendable () async -> HealthFacts
    ) {
        self.address = address
        self.open = open
        self.log = log
        self.retryInterval = retryInterval
        self.facts = facts
    }

    /// Serves until cancelled.
    package func run() async throws {
        guard let server = await listen() else { return }
        try await server.run()
    }

    /// What a path is answered, by any method.
    package static func answer(
        _ request: HTTPRequest, _ facts: () async -> HealthFacts
    ) async -> HTTPResponse {
        switch request.path {
        case "/healthz": HealthAnswers.health(await facts())
        case "/livez": HealthAnswers.live(await facts())
        default: .text(404, "\(request.path) is not served here; what is: /healthz, /livez")
        }
    }

    /// Nil when cancelled.
    private func listen() async -> HTTPServer? {
        var isFirst = true
        while !Task.isCancelled {
            do {
                return try await HTTPServer(
                    on: try await open(address),
                    sharing: Connections(
                        maximum: Self.maximumConnections, excess: .replacesOldest)
                ) { [facts] in await Self.answer($0, facts) }
            } catch {
                if isFirst {
                    log.warning(
                        "The health port can't be opened; trying again every 5 s.",
                        metadata: ["address": "\(address)", "error": "\(error)"])
                }
                isFirst = false
            }
            try? await Task.sleep(for: retryInterval)
        }
        return nil
    }
}
