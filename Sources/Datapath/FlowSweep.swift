// One family's walk over its flow table, a step at a time. It does what the rules say of each entry
// and counts; when the next step comes is the collector's affair.

internal import BPF
internal import CDatapath
internal import Model
internal import Plan

/// What a collector has removed since it began, in entries.
package struct FlowsRemoved: Hashable, Sendable {
    /// Of flows that were silent for long enough.
    package var expired: UInt64 = 0
    /// Of those, TCP flows that nothing had answered, removed early: the table was nearly full.
    package var pressed: UInt64 = 0
    /// Entries without a partner.
    package var orphans: UInt64 = 0

    package init() {}

    static func + (a: FlowsRemoved, b: FlowsRemoved) -> FlowsRemoved {
        var sum = a
        sum.expired += b.expired
        sum.pressed += b.pressed
        sum.orphans += b.orphans
        return sum
    }
}

/// The walk over flows4 or flows6.
struct FlowSweep<Record: FlowStruct>: Sendable
where Record.Key: BitwiseCopyable & Sendable {
    /// The most entries of a step: 4096 IPv6 flows of 120 bytes are half a megabyte.
    static var stepLimit: Int { 4096 }
    /// An entry that is in use is asked for its partner in one pass of so many: an orphan is rare,
    /// and a call an entry would be most of the collector's work.
    static var auditPasses: UInt32 { 8 }

    /// How full the table was at the end of the last whole pass.
    private(set) var use: FlowTableUse
    private(set) var removed = FlowsRemoved()
    private var cursor = MapCursor<Record.Key, Record>(limit: stepLimit)
    private var pass: UInt32 = 0
    private var seenThisPass = 0

    init(_ map: borrowing BPFMap<Record.Key, Record>) {
        use = FlowTableUse(entries: 0, capacity: Int(map.info.maxEntries))
    }

    /// Whether the table is nearly full, by the last pass or already by this one.
    var isPressed: Bool {
        FlowExpiry.isPressed(use)
            || FlowExpiry.isPressed(FlowTableUse(entries: seenThisPass, capacity: use.capacity))
    }

    /// Looks at the next entries; tells whether the pass ends with them.
    ///
    /// - Parameter now: CLOCK_MONOTONIC in nanoseconds, read once the entries are there.
    mutating func step(
        _ map: borrowing BPFMap<Record.Key, Record>, _ timeouts: FlowTimeouts, now: () -> UInt64
    ) throws(BPFError) -> Bool {
        let (entries, isLast) = try cursor.next(of: map)
        let now = now()
        var gone = 0
        for (key, record) in entries {
            seenThisPass += 1
            gone += try judge(KeyedFlow(key, record), map, timeouts, now)
        }
        seenThisPass = max(0, seenThisPass - gone)
        if isLast {
            use.entries = seenThisPass
            seenThisPass = 0
            pass &+= 1
        }
        return isLast
    }

    /// Returns how many entries went.
    private mutating func judge(
        _ flow: KeyedFlow<Record>, _ map: borrowing BPFMap<Record.Key, Record>,
        _ timeouts: FlowTimeouts, _ now: UInt64
    ) throws(BPFError) -> Int {
        let rules = FlowExpiry(timeouts, isUnderPressure: isPressed)
        guard let entry = flow.record.expiryEntry(flow.key) else { return 0 }
        let isAudited = Record.spread(flow.key) % Self.auditPasses == pass % Self.auditPasses
        guard isAudited || rules.isSilent(entry, now: now) else { return 0 }

        let partner = try map.partner(of: flow)
        switch rules.verdict(entry, partner: partner?.expiryEntry, now: now) {
        case .keep: return 0
        case .orphan:
            let count = try map.removeIfUnchanged(flow)
            removed.orphans += UInt64(count)
            return count
        case .expired:
            guard let partner else { return 0 }
            let count = try map.removeIfUnchanged(flow, partner)
            removed.expired += UInt64(count)
            let isEarly = !FlowExpiry(timeouts).isSilent(entry, now: now)
            if isEarly { removed.pressed += UInt64(count) }
            return count
        }
    }
}

extension KeyedFlow {
    /// What the rules of expiry look at.
    var expiryEntry: FlowExpiry.Entry? { record.expiryEntry(key) }
}
