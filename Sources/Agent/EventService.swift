// What the programs want told becomes log lines: the reason, the packet, and the service by name.
// A flood of one reason can't drown the others, nor the disk; the counters still count each packet.

import Datapath
import Logging
import Model
import ServiceLifecycle

/// How many lines a reason may have.
struct EventLimit: Sendable {
    /// In a window; a few, so that one sees whether the packets differ.
    static let linesPerWindow = 5
    static let window = Duration.seconds(10)

    private struct Quota {
        var began: ContinuousClock.Instant
        var written = 0
        var withheld = 0
    }

    private var quotas: [Reason?: Quota] = [:]

    /// Whether this event gets a line, and how many of its reason were withheld since the last one;
    /// nil if it gets none.
    mutating func admit(_ reason: Reason?, at now: ContinuousClock.Instant) -> Int? {
        var quota = quotas[reason] ?? Quota(began: now)
        defer { quotas[reason] = quota }
        if quota.began.advanced(by: Self.window) <= now {
            quota.began = now
            quota.written = 0
        }
        guard quota.written < Self.linesPerWindow else {
            quota.withheld += 1
            return nil
        }
        defer { quota.withheld = 0 }
        quota.written += 1
        return quota.withheld
    }
}

/// Reads the programs' events until the agent stops.
struct EventService: ServiceLifecycle.Service {
    /// Names may be so old.
    static let namesLifetime = Duration.seconds(5)

    let events: DatapathEvents
    /// Service ports by what the maps call them.
    let serviceNames: @Sendable () async -> [UInt32: String]
    let log: Logger

    func run() async throws {
        try await untilShutdown {
            var limit = EventLimit()
            var names: [UInt32: String] = [:]
            var namesRead: ContinuousClock.Instant?
            for await event in events {
                let now = ContinuousClock.now
                guard let withheld = limit.admit(event.reason, at: now) else { continue }
                if namesRead.map({ now - $0 > Self.namesLifetime }) ?? true {
                    names = await serviceNames()
                    namesRead = now
                }
                log.warning(
                    "\(Self.message(event))",
                    metadata: Self.facts(event, service: names[event.service], withheld: withheld))
            }
        }
    }

    /// What happened, for a person.
    static func message(_ event: DatapathEvent) -> String {
        switch event.reason?.name {
        case "drop_flows_full": "A new flow was refused: the flow table is full."
        case "drop_flow_rate": "A new flow was refused: too many new ones in this second."
        case "drop_no_port": "A new flow was refused: no masquerade port is free."
        case "drop_watched":
            "A packet was dropped: it would pass a filter on a pod's veth with the node's address."
        case "drop_spoofed": "A packet was dropped: a pod sent it with an address of somebody else."
        case let name? where name.hasPrefix("drop_"): "A packet was dropped."
        default: "A packet met what an operator should know of."
        }
    }

    /// The packet's own facts, named as everywhere.
    static func facts(
        _ event: DatapathEvent, service: String?, withheld: Int
    ) -> Logger.Metadata {
        let kind =
            FlowProtocol(rawValue: event.protocol)?.description ?? "protocol \(event.protocol)"
        var facts: Logger.Metadata = [
            "reason": "\(event.reason?.name ?? "unknown")", "protocol": "\(kind)",
            "source": "\(socketText(event.source, event.sourcePort))",
            "destination": "\(socketText(event.destination, event.destinationPort))",
            "interface": "\(event.interface)",
        ]
        if event.service != 0 { facts["service"] = "\(service ?? "id \(event.service)")" }
        if withheld > 0 { facts["withheld"] = "\(withheld)" }
        return facts
    }
}
