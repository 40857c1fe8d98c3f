// Walking a map in steps, with time for other things in between: for maps that are too large to be
// read in one go by somebody who must not hold a CPU for so long. Kinds with batches only (hashes
// since Linux 5.6).

import CLibBPF
import Glibc

/// A place in a walk over a hash map. What exists from the first step to the last is seen exactly
/// once; what comes or goes meanwhile may or may not be seen.
public struct MapCursor<Key: BitwiseCopyable & Sendable, Value: BitwiseCopyable & Sendable>:
    Sendable
{
    /// A bucket's number, for the kernel.
    private var token: UInt64 = 0
    private var isFirst = true
    /// Room for as many entries; grows when one bucket holds more.
    private var capacity: Int

    /// Begins before the first entry.
    ///
    /// - Parameter limit: the most entries of a step, more only where one bucket holds more.
    public init(limit: Int) {
        precondition(limit > 0, "a step of nothing never ends")
        capacity = limit
    }

    /// Whether the next step begins a new walk.
    public var isAtStart: Bool { isFirst }

    /// The next entries, and whether the walk ends with them; the step after that begins anew.
    ///
    /// Errors: `mismatch` for a map that is no hash; after any error the walk begins anew.
    public mutating func next(
        of map: borrowing BPFMap<Key, Value>
    ) throws(BPFError) -> (entries: [(key: Key, value: Value)], isLast: Bool) {
        guard [.hash, .lruHash].contains(map.info.type) else {
            throw .mismatch(
                subject: map.subject, property: "type", wanted: "a hash",
                found: map.info.type.description)
        }
        while true {
            let keys = UnsafeMutablePointer<Key>.allocate(capacity: capacity)
            let values = UnsafeMutablePointer<Value>.allocate(capacity: capacity)
            defer {
                keys.deallocate()
                values.deallocate()
            }
            var count = UInt32(capacity)
            var following: UInt64 = 0
            let isFirst = isFirst
            let result = withUnsafeMutablePointer(to: &token) { token in
                bpfshim_map_lookup_batch(
                    map.descriptor, isFirst ? nil : token, &following, keys, values, &count)
            }
            switch result {
            case 0, -ENOENT:  // ENOENT: these are the last ones
                let isLast = result == -ENOENT
                token = isLast ? 0 : following
                self.isFirst = isLast
                return ((0..<Int(count)).map { (keys[$0], values[$0]) }, isLast)
            case -ENOSPC:
                capacity *= 2
            default:
                self.isFirst = true
                try check(result, "bpf_map_lookup_batch", map.subject)
            }
        }
    }
}
