// Which pin is the flow table that the programs use, and which are tables that it replaces.
//
// A table of the right size keeps its name, flows4. One that replaces it is pinned beside it as
// flows4_ENTRIES until its flows are carried over, and takes the name then. Wherever an agent dies,
// the next one finds every table by these names, and any of them may hold flows that live.

internal import BPF
internal import CDatapath
internal import Model

/// The flow tables of one pin directory.
struct FlowTablePins: Sendable {
    /// One family's.
    struct Table: Hashable, Sendable {
        /// The pin's name below maps/.
        var live: String
        /// Nil: as the object declares it, or as it is pinned.
        var entries: UInt32?
        /// Pins of tables whose flows the live one takes over.
        var replaced: [String] = []
        /// The live table is none of those that were found.
        var isNew = false
    }

    private(set) var tables: [IPFamily: Table] = [:]
    /// Why a table has another size than was asked for.
    private(set) var remarks: [String] = []

    /// The name of a family's table once nothing is replaced any more.
    static func name(_ family: IPFamily) -> String { family == .v4 ? "flows4" : "flows6" }

    func live(_ family: IPFamily) -> String { tables[family]?.live ?? Self.name(family) }

    /// The table that `map` of an object stands for, nil for other maps.
    func table(ofMap map: String) -> Table? {
        IPFamily.allCases.first { Self.name($0) == map }.flatMap { tables[$0] }
    }

    /// Takes back tables that were made to replace others, when no program came to use them.
    func removeUnused(_ pins: Pins) {
        for table in tables.values where table.isNew {
            _ = try? Pin.remove(pins.map(table.live))
        }
    }

    /// What is there, for a reader: a table that replaces another is what the programs use.
    init(found pins: Pins) {
        for family in IPFamily.allCases {
            let names = Self.names(of: family, in: pins.mapNames())
            tables[family] = Table(live: names.last ?? Self.name(family))
        }
    }

    /// Decides what the programs are to use.
    ///
    /// - Parameter wanted: entries of each table; nil to take whatever is there.
    init(adopting pins: Pins, wanted: UInt32?) throws(BPFError) {
        for family in IPFamily.allCases {
            var found: [(name: String, use: FlowTableUse)] = []
            let names = Self.names(of: family, in: pins.mapNames())
            for name in names {
                let (path, isOnly) = (pins.map(name), names.count == 1)
                switch family {
                case .v4: found.append((name, try use(flow4.self, path, isOnly, wanted)))
                case .v6: found.append((name, try use(flow6.self, path, isOnly, wanted)))
                }
            }
            let (table, remark) = Self.choose(family, found, wanted)
            tables[family] = table
            if let remark { remarks.append(remark) }
        }
    }

    /// The plain name first.
    private static func names(of family: IPFamily, in all: [String]) -> [String] {
        all.filter { $0 == name(family) || $0.hasPrefix(name(family) + "_") }.sorted()
    }

    /// Pure: which of the tables found goes on, or which new one takes their place.
    static func choose(
        _ family: IPFamily, _ found: [(name: String, use: FlowTableUse)], _ wanted: UInt32?
    ) -> (table: Table, remark: String?) {
        func adopting(_ chosen: (name: String, use: FlowTableUse)) -> Table {
            Table(
                live: chosen.name, entries: UInt32(clamping: chosen.use.capacity),
                replaced: found.map(\.name).filter { $0 != chosen.name })
        }
        guard let largest = found.max(by: { $0.use.capacity < $1.use.capacity }) else {
            return (Table(live: name(family), entries: wanted), nil)
        }
        if let exact = found.first(where: { $0.use.capacity == wanted.map(Int.init) }) {
            return (adopting(exact), nil)
        }
        let all = FlowTableUse(
            entries: found.reduce(0) { $0 + $1.use.entries }, capacity: largest.use.capacity)
        switch FlowTableSize.fit(all, wanted: wanted) {
        case .keep: return (adopting(largest), nil)
        case .tooFull:
            let remark =
                "\(name(family)) keeps its \(all.capacity) entries: the \(all.entries) that are in "
                + "it would fill one of \(wanted ?? 0) to more than "
                + "\(FlowTableSize.carriedPercent) %"
            return (adopting(largest), remark)
        case .replace:
            let table = Table(
                live: "\(name(family))_\(wanted ?? 0)", entries: wanted,
                replaced: found.map(\.name), isNew: true)
            return (table, nil)
        }
    }
}

/// How full a pinned table is. Its entries are counted only where the number matters: where there
/// are several tables, or one of another size than wanted.
private func use<Record: FlowStruct>(
    _: Record.Type, _ path: String, _ isOnly: Bool, _ wanted: UInt32?
) throws(BPFError) -> FlowTableUse where Record.Key: BitwiseCopyable & Sendable {
    let map = try BPFMap<Record.Key, Record>(pinned: path)
    let capacity = map.info.maxEntries
    if isOnly, wanted == nil || wanted == capacity {
        return FlowTableUse(entries: 0, capacity: Int(capacity))
    }
    return FlowTableUse(entries: try map.countEntries(), capacity: Int(capacity))
}

extension BPFMap where Value: FlowRecord, Key == Value.Key {
    /// How many entries there are, by walking over them.
    func countEntries() throws(BPFError) -> Int {
        var cursor = MapCursor<Key, Value>(limit: FlowSweep<Value>.stepLimit)
        var count = 0
        while true {
            let (entries, isLast) = try cursor.next(of: self)
            count += entries.count
            if isLast { return count }
        }
    }
}
