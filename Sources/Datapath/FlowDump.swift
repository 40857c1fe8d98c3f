// The flow tables as values, for views: read whole, at the reader's own cost.

internal import BPF
internal import CDatapath
internal import Linux
package import Model

/// Both tables at about one moment.
package struct FlowDump: Sendable {
    /// One a direction, in no order; entries with numbers that no program writes are left out.
    package var entries: [FlowEntry]
    /// CLOCK_MONOTONIC when they were read, nanoseconds.
    package var now: UInt64

    package init(entries: [FlowEntry], now: UInt64) {
        self.entries = entries
        self.now = now
    }
}

extension Datapath {
    /// Every flow. Takes memory for all of them: some 200 bytes an entry.
    package nonisolated func flows() throws(DatapathError) -> FlowDump {
        try maps.dumpFlows()
    }
}

extension PinnedDatapath {
    /// Every flow. Errors: `absent`.
    package func flows() throws(DatapathError) -> FlowDump {
        try open().dumpFlows()
    }

    /// How full the flow tables are, by walking over them. Errors: `absent`.
    package func flowTables() throws(DatapathError) -> [IPFamily: FlowTableUse] {
        let maps = try open()
        return try asDatapath { () throws(BPFError) in
            [.v4: try maps.flows4.measureUse(), .v6: try maps.flows6.measureUse()]
        }
    }
}

extension BPFMap where Value: FlowRecord, Key == Value.Key {
    /// How full the table is now.
    func measureUse() throws(BPFError) -> FlowTableUse {
        FlowTableUse(entries: try countEntries(), capacity: Int(info.maxEntries))
    }
}

extension MapSet {
    fileprivate func dumpFlows() throws(DatapathError) -> FlowDump {
        try asDatapath { () throws(BPFError) in
            var entries: [FlowEntry] = []
            try flows4.forEach { key, record in
                if let entry = record.entry(key) { entries.append(entry) }
            }
            try flows6.forEach { key, record in
                if let entry = record.entry(key) { entries.append(entry) }
            }
            return FlowDump(entries: entries, now: Monotonic.now().nanoseconds)
        }
    }
}
