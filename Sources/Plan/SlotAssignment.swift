// Which backend sits in which slot. The picker draws a slot number uniformly, so slots must be
// dense; beyond that, a backend that stays keeps its slot, which is what makes a change cheap.

/// How one list of slots becomes another with the fewest writes.
struct SlotAssignment: Equatable {
    struct Write: Equatable {
        var slot: UInt32
        var backend: BackendID
    }

    /// Slots below the new count that get another backend, ascending.
    var writes: [Write]
    /// Slots from the new count on: to be removed once no head counts them, highest first.
    var stale: [UInt32]

    /// `wanted` has no duplicates. A hole left by a removed backend is filled from the end of the
    /// list first, then by newcomers. O(slots).
    init(from current: [UInt32: BackendID], to wanted: [BackendID]) {
        let count = UInt32(wanted.count)
        guard !current.isEmpty else {
            stale = []
            writes = wanted.enumerated().map { Write(slot: UInt32($0), backend: $1) }
            return
        }
        stale = current.keys.filter { $0 >= count }.sorted(by: >)
        var unplaced = Set(wanted)
        var holes: [UInt32] = []
        for slot in 0..<count {
            if let id = current[slot], unplaced.remove(id) != nil { continue }
            holes.append(slot)
        }
        var movers: [BackendID] = []
        for slot in stale {
            if let id = current[slot], unplaced.remove(id) != nil { movers.append(id) }
        }
        movers += wanted.filter(unplaced.contains)
        writes = zip(holes, movers).map { Write(slot: $0, backend: $1) }
    }
}
