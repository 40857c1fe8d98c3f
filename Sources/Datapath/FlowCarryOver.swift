// A flow table of another size takes over the flows of the one that it replaces, while both are in
// use: hooks change over to the new programs one by one, and until the last has, some flows are
// made in the old table. So it copies more than once: before the hooks change, after, and when all
// of them surely have. What a packet sees in between stands in bpf/README.md.

internal import BPF
internal import CDatapath
internal import Glibc
internal import Linux
internal import Model

/// The tables that are being replaced. Nothing to do when there are none.
struct FlowCarryOver: Sendable {
    /// What copying came to, in entries.
    struct Copied: Hashable, Sendable {
        /// Made or brought up to date.
        var written = 0
        /// For which there was no room.
        var refused = 0
    }

    let pins: Pins
    let tables: FlowTablePins

    var isNeeded: Bool {
        IPFamily.allCases.contains { isReplacing($0) }
    }

    /// A live table under another name than its own is to take that name, even if there is nothing
    /// to copy: an agent died in between.
    private func isReplacing(_ family: IPFamily) -> Bool {
        tables.live(family) != FlowTablePins.name(family)
            || tables.tables[family].map { !$0.replaced.isEmpty } ?? false
    }

    /// Copies what the live tables do not have, or have in an older state. Idempotent.
    func copy(into maps: MapSet) throws(BPFError) -> Copied {
        var copied = Copied()
        for name in tables.tables[.v4]?.replaced ?? [] {
            try maps.flows4.take(from: BPFMap(pinned: pins.map(name)), &copied)
        }
        for name in tables.tables[.v6]?.replaced ?? [] {
            try maps.flows6.take(from: BPFMap(pinned: pins.map(name)), &copied)
        }
        return copied
    }

    /// Copies for the last time, drops the tables that were replaced and gives the new ones their
    /// names. No hook may use an old table any more.
    func finish(into maps: MapSet) throws(DatapathError) -> Copied {
        let copied = try asDatapath { () throws(BPFError) in try copy(into: maps) }
        for family in IPFamily.allCases where isReplacing(family) {
            let name = FlowTablePins.name(family)
            let live = tables.live(family)
            if live != name, rename(pins.map(live), pins.map(name)) != 0 {
                throw .pins(path: pins.map(live), KernelError.last("rename", pins.map(name)))
            }
            for replaced in tables.tables[family]?.replaced ?? [] where replaced != name {
                _ = try asDatapath { () throws(BPFError) in
                    try Pin.remove(pins.map(replaced))
                }
            }
        }
        return copied
    }
}

extension BPFMap where Value: FlowRecord, Key == Value.Key {
    /// Writes what `old` has and this table has not, or has with an older stamp.
    fileprivate func take(
        from old: borrowing BPFMap<Key, Value>, _ copied: inout FlowCarryOver.Copied
    ) throws(BPFError) {
        var cursor = MapCursor<Key, Value>(limit: FlowSweep<Value>.stepLimit)
        while true {
            let (entries, isLast) = try cursor.next(of: old)
            for (key, value) in entries {
                let found = try lookup(key)
                if let found, found.flow.last_seen_ns >= value.flow.last_seen_ns { continue }
                do throws(BPFError) {
                    try update(key, value, mode: found == nil ? .create : .overwrite)
                    copied.written += 1
                } catch  where error.errno == EEXIST || error.errno == ENOENT {
                    // A packet made it meanwhile, or the collector removed it.
                } catch  where error.errno == E2BIG {
                    copied.refused += 1
                }
            }
            if isLast { return }
        }
    }
}
