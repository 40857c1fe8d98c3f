// The long-lived parts as services: each carries what one source observes to the reconciler, or
// runs the reconciler itself. None decides anything.

import HTTP
import Kubernetes
import Netlink
import Reconcile
import ServiceLifecycle

/// Observe → … → apply, until stopped.
struct ReconcilerService: ServiceLifecycle.Service {
    let reconciler: Reconciler

    func run() async throws {
        try await untilShutdown { await reconciler.run() }
    }
}

/// The kernel's network state. Losing its socket ends the agent: a blind one must not go on.
struct NetworkService: ServiceLifecycle.Service {
    let reconciler: Reconciler

    func run() async throws {
        let monitor = try NetworkMonitor()
        try await untilShutdown {
            for try await changes in monitor { await reconciler.observe(changes) }
        }
    }
}

/// The directory of manifests.
struct ManifestService: ServiceLifecycle.Service {
    let directory: ManifestDirectory
    let reconciler: Reconciler

    func run() async throws {
        try await untilShutdown {
            for try await changes in directory { await reconciler.observe(changes) }
        }
    }
}

/// The control server.
struct HTTPService: ServiceLifecycle.Service {
    let server: HTTPServer

    func run() async throws {
        try await untilShutdown { try await server.run() }
    }
}
