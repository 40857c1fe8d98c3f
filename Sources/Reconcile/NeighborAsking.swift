// Which neighbours to ask the kernel for. Without a pod's or a next hop's MAC nothing is shortcut,
// and the kernel looks for one only when it has a packet to send.

import Model

/// Neighbours that pods and ENIs rely on, and when to ask for each that is unresolved. Pure.
struct NeighborAsking {
    private var wanted = Groups<Neighbor.Key, Unit>()
    private var keysByUnit: [Unit: [Neighbor.Key]] = [:]
    /// Unresolved ones: how often asked, and when to ask again.
    private var asking: [Neighbor.Key: (asks: Int, due: Duration)] = [:]
    private var nextRefresh: Duration
    private let pace: Pace

    init(pace: Pace, startingAt now: Duration) {
        self.pace = pace
        nextRefresh = now + pace.refresh
    }

    /// Takes over what one pod or interface relies on; no keys: it is gone.
    mutating func update(
        _ unit: Unit, keys: [Neighbor.Key], at now: Duration,
        isResolved: (Neighbor.Key) -> Bool
    ) {
        for key in keysByUnit[unit] ?? [] where !keys.contains(key) {
            wanted.remove(unit, for: key)
            if wanted[key].isEmpty { asking[key] = nil }
        }
        keysByUnit[unit] = keys.isEmpty ? nil : keys
        for key in keys {
            wanted.insert(unit, for: key)
            if isResolved(key) {
                asking[key] = nil
            } else if asking[key] == nil {
                asking[key] = (0, now)
            }
        }
    }

    /// What to ask for now: unresolved ones that are due, and from time to time everything.
    mutating func takeDue(at now: Duration) -> [Neighbor.Key] {
        let isRefresh = nextRefresh <= now
        if isRefresh { nextRefresh = now + pace.refresh }
        var due: [Neighbor.Key] = []
        for (key, state) in asking where isRefresh || state.due <= now {
            let asks = state.asks + 1
            asking[key] = (asks, now + pace.askDelay(afterAsks: asks))
            due.append(key)
        }
        return isRefresh ? Array(wanted.keys) : due
    }

    /// When there is something to ask for next.
    var nextDeadline: Duration {
        asking.values.lazy.map(\.due).min().map { min($0, nextRefresh) } ?? nextRefresh
    }
}
