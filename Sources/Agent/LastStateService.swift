// Keeps the list of services on disk for the command line: when the agent is away, the maps still
// tell what happens to packets, but only this file knows the names.

import FoundationEssentials
import Inspect
import Linux
import Logging
import ServiceLifecycle

/// Writes the list when it changed.
struct LastStateService: ServiceLifecycle.Service {
    /// Names may be so old; the maps themselves never are.
    static let interval = Duration.seconds(5)

    let state: AgentState
    let path: String
    let log: Logger

    func run() async throws {
        try await untilShutdown {
            var written: UInt64 = 0
            while true {
                try await Task.sleep(for: Self.interval)
                let writes = await state.writes()
                if writes != written { await write() }
                written = writes
            }
        }
        await write()
    }

    private func write() async {
        do {
            let list = DocumentList<ServiceItem>(try await state.view())
            try File.replace(path, with: Array(try list.json))
        } catch {
            log.warning(
                "The last state can't be written.", error: error, metadata: ["file": "\(path)"])
        }
    }
}
