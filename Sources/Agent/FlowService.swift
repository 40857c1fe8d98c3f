// Keeps the collector going at its pace, and says when a flow table fills up. Beside the
// reconciler, never behind it: a table that nobody collects refuses new connections.

import Datapath
import Logging
import Model
import ServiceLifecycle

/// Collects flows until the agent stops.
struct FlowService: ServiceLifecycle.Service {
    /// After a failure, which is a kernel that can't read its own map.
    static let retryInterval = Duration.seconds(1)

    let collector: FlowCollector
    let log: Logger

    func run() async throws {
        try await untilShutdown {
            var complaint = ""
            while !Task.isCancelled {
                var rest = Self.retryInterval
                do {
                    let turn = try await collector.step()
                    rest = turn.rest
                    for pressure in turn.pressure { tell(pressure) }
                    complaint = ""
                } catch {
                    if complaint != "\(error)" {
                        complaint = "\(error)"
                        log.error("Flows can't be collected.", error: error)
                    }
                }
                try await Task.sleep(for: rest)
            }
        }
    }

    private func tell(_ pressure: FlowCollector.Pressure) {
        let facts: Logger.Metadata = [
            "table": "flows\(pressure.family.rawValue)", "entries": "\(pressure.use.entries)",
            "size": "\(pressure.use.capacity)", "percent": "\(pressure.use.percent)",
        ]
        switch pressure.change {
        case .began:
            log.warning(
                """
                A flow table is nearly full: when it is, new connections through it are refused; \
                --flow-memory makes it larger.
                """, metadata: facts)
        case .ended: log.notice("The flow table has room again.", metadata: facts)
        }
    }
}
