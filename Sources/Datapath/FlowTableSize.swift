// How many entries a budget of memory buys, and whether a table that is there should be replaced by
// one of another size. Pure arithmetic on what kernel/bpf/hashtab.c allocates (Linux 6.1 to 6.18).

internal import CDatapath
internal import Model

/// The size of flows4 and flows6, the same number of entries each.
enum FlowTableSize {
    /// `struct htab_elem`: a 16-byte list node, 24 bytes of LRU node or per-CPU pointer, a 4-byte
    /// hash, up to the next 8.
    static let elementOverhead = 48
    /// `struct bucket`: a list head and a spin lock.
    static let bucketBytes = 16
    /// A table smaller than this would refuse the tests' own flows.
    static let leastEntries = 1024

    /// Bytes of one element: IPv4 48 + 16 + 56 = 120, IPv6 48 + 40 + 80 = 168. Keys and values are
    /// rounded up to 8.
    static func elementBytes(_ family: IPFamily) -> Int {
        switch family {
        case .v4: element(MemoryLayout<flow_key4>.size, MemoryLayout<flow4>.size)
        case .v6: element(MemoryLayout<flow_key6>.size, MemoryLayout<flow6>.size)
        }
    }

    private static func element(_ key: Int, _ value: Int) -> Int {
        elementOverhead + (key + 7) & ~7 + (value + 7) & ~7
    }

    /// Bytes that both tables take, preallocated, if each takes `entries`: an element an entry and
    /// one for each possible CPU, and a bucket for each entry up to the next power of two.
    static func bytes(entries: Int, cpus: Int) -> Int {
        let elements = elementBytes(.v4) + elementBytes(.v6)
        return (entries + cpus) * elements + 2 * buckets(entries) * bucketBytes
    }

    private static func buckets(_ entries: Int) -> Int {
        entries <= 1 ? 1 : 1 << (Int.bitWidth - (entries - 1).leadingZeroBitCount)
    }

    /// The most entries a table that fit into `mebibytes`. 64 MiB on 8 CPUs: 203,881 a family,
    /// (203,881 + 8) · 288 + 2 · 262,144 · 16.
    static func entries(mebibytes: Int, cpus: Int) -> UInt32 {
        let budget = mebibytes << 20
        let perEntry = elementBytes(.v4) + elementBytes(.v6)
        var best = leastEntries
        // A power of two at a time: within one, the buckets cost the same.
        var power = leastEntries
        while bytes(entries: power / 2 + 1, cpus: cpus) <= budget {
            let room = budget - 2 * power * bucketBytes - cpus * perEntry
            best = max(best, min(power, room / perEntry))
            power *= 2
        }
        return UInt32(clamping: best)
    }

    /// What becomes of a table that an earlier agent left.
    enum Fit: Equatable {
        case keep
        case replace
        /// It holds more than the new one could take well: it stays as it is.
        case tooFull
    }

    /// A table is not replaced by one that its flows would fill to more than this.
    static let carriedPercent = 90

    /// - Parameter wanted: nil to take whatever is there.
    static func fit(_ found: FlowTableUse, wanted: UInt32?) -> Fit {
        guard let wanted, Int(wanted) != found.capacity else { return .keep }
        return found.entries * 100 <= Int(wanted) * carriedPercent ? .replace : .tooFull
    }
}
