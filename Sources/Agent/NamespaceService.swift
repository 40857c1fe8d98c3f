// Tells the socket hooks which pod is behind each network namespace. A dial's source address is
// chosen after the hooks have run: affinity and source ranges need it before. Container runtimes
// keep the namespaces of pods as files in one directory; each is entered for a moment.

import Datapath
import Linux
import Logging
import Model
import ServiceLifecycle

/// Follows the directory of network namespaces.
struct NamespaceService: ServiceLifecycle.Service {
    /// New names are mostly told at once; some ways of making one make no event.
    static let interval = Duration.seconds(1)
    /// While a pod is being set up: its address comes after its namespace.
    static let setupInterval = Duration.milliseconds(100)
    /// Looks at a namespace without an address before the pace is slow again.
    static let setupLooks = 100
    /// Looks at one that has given an address: the other family may come a moment later.
    static let furtherLooks = 20

    let directory: String
    let datapath: Datapath
    let log: Logger

    func run() async throws {
        try await untilShutdown {
            let (ticks, continuation) = AsyncStream.makeStream(
                of: Void.self, bufferingPolicy: .bufferingNewest(1))
            continuation.yield()
            try await withThrowingTaskGroup { group in
                group.addTask { try await follow(continuation) }
                group.addTask {
                    var namespaces = NamespaceTable(directory: directory)
                    for await _ in ticks {
                        let interval = await look(&namespaces)
                        // Ends with its sleep; a tick too many costs a look.
                        Task {
                            try? await Task.sleep(for: interval)
                            continuation.yield()
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    /// A tick for each change of the directory; one that is not there is waited for.
    private func follow(_ continuation: AsyncStream<Void>.Continuation) async throws {
        while !Task.isCancelled {
            do {
                for try await _ in try DirectoryWatch(directory, recursive: false) {
                    continuation.yield()
                }
            } catch {
                log.debug("The directory of namespaces can't be watched.", error: error)
            }
            try await Task.sleep(for: .seconds(5))
        }
    }

    /// Looks once and gives the time until the next look.
    private func look(_ namespaces: inout NamespaceTable) async -> Duration {
        let changes = await namespaces.look()
        do {
            for (cookie, addresses) in changes.found {
                try await datapath.setNamespace(cookie, dialsFrom: addresses)
            }
            if changes.hasLost { try await datapath.keepNamespaces(namespaces.cookies) }
        } catch {
            log.warning("A pod's addresses can't be written.", error: error)
        }
        return namespaces.isSettingUp ? Self.setupInterval : Self.interval
    }
}
