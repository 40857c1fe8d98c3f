// The health port. An address that is taken, by kube-proxy for instance, is tried again until it is
// free: everything else goes on meanwhile.

import Logging
import ServiceLifecycle

/// Serves `/healthz` and `/livez`.
struct HealthService: ServiceLifecycle.Service {
    /// As kube-proxy does.
    static let retryInterval = Duration.seconds(5)

    let address: BindAddress
    let routes: HTTPRoutes
    let log: Logger

    func run() async throws {
        try await untilShutdown {
            guard let server = await listen() else { return }
            try await server.run()
        }
    }

    /// Nil when cancelled.
    private func listen() async -> HTTPServer? {
        var isFirst = true
        while !Task.isCancelled {
            do {
                return try await HTTPServer(listeningAt: .tcp(address), routes: routes)
            } catch {
                if isFirst {
                    log.warning(
                        "The health port can't be opened; trying again every 5 s.",
                        error: error, metadata: ["address": "\(address)"])
                }
                isFirst = false
            }
            try? await Task.sleep(for: Self.retryInterval)
        }
        return nil
    }
}
