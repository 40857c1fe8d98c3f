// Numbers for services and backends. Counting up and wrapping hands a freed number out last, so
// that whoever remembers it (a flow, an affinity entry) does not soon meet a stranger under it.

/// Hands out identifiers; never 0, which the maps use for "none".
struct IdentifierSource {
    private var last: UInt32

    /// Goes on after the highest identifier in use.
    init(after highest: UInt32) { last = highest }

    /// The next one that isn't taken. O(1) but for a run of taken ones after wrapping.
    mutating func next(unless isTaken: (UInt32) -> Bool) -> UInt32 {
        repeat { last &+= 1 } while last == 0 || isTaken(last)
        return last
    }
}
