// Which units are dirty, since which observation, and when each may be tried. Bounded by the number
// of objects: marking a dirty unit again changes nothing but its urgency.

import Model

/// The dirty set. Pure: told what time it is.
struct Backlog {
    struct Entry {
        /// The oldest observation that is not programmed yet.
        var sequence: UInt64
        /// When that observation was made.
        var since: Duration
        var due: Duration
        /// In a row.
        var failures = 0
        var reason: String?
        var failingSince: Duration?
    }

    private(set) var waiting: [Unit: Entry] = [:]
    /// Handed out and not yet finished or failed.
    private var underWay: [Unit: Entry] = [:]

    /// The oldest observation that is still to be programmed; nil: everything is.
    var oldestSequence: UInt64? {
        [waiting.values.lazy.map(\.sequence).min(), underWay.values.lazy.map(\.sequence).min()]
            .compactMap { $0 }.min()
    }

    /// The same without units that failed at least `tries` times in a row.
    func oldestSequence(failedLessThan tries: Int) -> UInt64? {
        [waiting, underWay].joined().lazy.map(\.value).filter { $0.failures < tries }
            .map(\.sequence).min()
    }

    /// When the oldest observation was made that is not programmed, by family; units that may not
    /// be programmed yet wait for their sources and not for us. O(waiting).
    func oldestWaiting(where isAllowed: (Unit) -> Bool) -> [IPFamily: Duration] {
        var oldest: [IPFamily: Duration] = [:]
        for (unit, entry) in waiting.filter({ isAllowed($0.key) }).merging(
            underWay, uniquingKeysWith: { $0.since < $1.since ? $0 : $1 })
        {
            for family in unit.families {
                oldest[family] = min(oldest[family] ?? entry.since, entry.since)
            }
        }
        return oldest
    }

    mutating func mark(_ unit: Unit, sequence: UInt64, at now: Duration, due: Duration) {
        guard var entry = waiting[unit] else {
            waiting[unit] = Entry(sequence: sequence, since: now, due: due)
            return
        }
        // A changed unit is worth a try before its retry is due.
        entry.due = min(entry.due, due)
        waiting[unit] = entry
    }

    /// Hands out at most `limit` units that are due and allowed: the network's first, then services
    /// by name, so that the same news leads to the same writes.
    mutating func take(
        at now: Duration, limit: Int, where isAllowed: (Unit) -> Bool
    ) -> [Unit] {
        var network: [Unit] = []
        var services: [ObjectName] = []
        var last: [Unit] = []
        for (unit, entry) in waiting where entry.due <= now && isAllowed(unit) {
            switch unit {
            case .service(let name): services.append(name)
            case .unclaimed: last.append(unit)
            default: network.append(unit)
            }
        }
        let batch = (network + services.sorted().map(Unit.service) + last).prefix(limit)
        for unit in batch { underWay[unit] = waiting.removeValue(forKey: unit) }
        return Array(batch)
    }

    /// Hands out everything, for a full pass.
    mutating func takeAll() -> [Unit] {
        underWay.merge(waiting) { $1 }
        defer { waiting = [:] }
        return Array(waiting.keys)
    }

    /// The unit is programmed as it was when it was taken. True when it had failed before.
    @discardableResult
    mutating func finish(_ unit: Unit) -> Bool {
        underWay.removeValue(forKey: unit)?.reason != nil
    }

    /// Puts the unit back to be tried again. True when it fails for another reason than before.
    mutating func fail(
        _ unit: Unit, reason: String, sequence: UInt64, at now: Duration, pace: Pace
    ) -> Bool {
        var entry =
            underWay.removeValue(forKey: unit)
            ?? Entry(sequence: sequence, since: now, due: now)
        let isNews = entry.reason != reason
        entry.failures += 1
        entry.reason = reason
        entry.failingSince = entry.failingSince ?? now
        entry.due = now + pace.retryDelay(afterFailures: entry.failures)
        if let marked = waiting[unit] { entry.due = min(entry.due, marked.due) }
        waiting[unit] = entry
        return isNews
    }

    /// When the next allowed unit is due.
    func nextDue(where isAllowed: (Unit) -> Bool) -> Duration? {
        var next: Duration?
        for (unit, entry) in waiting where isAllowed(unit) {
            next = min(next ?? entry.due, entry.due)
        }
        return next
    }
}
