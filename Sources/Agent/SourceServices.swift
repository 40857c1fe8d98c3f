// The long-lived parts as services: each carries what one source observes to the reconciler, or
// runs the reconciler itself. None decides anything.

import Datapath
import HTTP
import Kubernetes
import Logging
import Model
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
    let datapath: Datapath
    let log: Logger

    func run() async throws {
        let monitor = try NetworkMonitor()
        try await untilShutdown {
            for try await changes in monitor {
                var known: [Change] = []
                for change in changes { known.append(await queried(change)) }
                await reconciler.observe(known)
            }
        }
    }

    /// A whole state with what tcx hooks hold, which no dump tells. Without it every pod would
    /// count as watched for a moment after a start, and its established flows would leave the road
    /// that translates them.
    private func queried(_ change: Change) async -> Change {
        guard case .networkState(var state) = change else { return change }
        do {
            let found = try await datapath.foreignPrograms(on: state.links.keys.sorted())
            state.queriedPrograms = Set(found.keys)
            state.foreignPrograms = Set(found.filter { $0.value }.keys)
        } catch {
            log.warning(
                "Programs on interfaces can't be queried; pods keep the stack.", error: error)
        }
        return .networkState(state)
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
