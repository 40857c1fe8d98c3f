// Taking a flow out of the table while packets use it. The forward entry goes first: the reply
// entry is what holds a masqueraded port, and were it free while the forward entry still
// translates, another client's flow could take the port and the two would mix. In between, which is
// a microsecond, replies still find their way and a new packet of the client's begins anew.
//
// The last look at a stamp is the deletion itself, which hands out the value it removed: an entry
// that a packet refreshed meanwhile is put back.

internal import BPF
internal import CDatapath
internal import Glibc

/// One entry with its key.
struct KeyedFlow<Record: FlowStruct>: Sendable
where Record.Key: BitwiseCopyable & Sendable {
    var key: Record.Key
    var record: Record

    init(_ key: Record.Key, _ record: Record) {
        self.key = key
        self.record = record
    }

    var isReply: Bool { record.flow.direction == FLOW_REPLY }
}

extension BPFMap where Value: FlowRecord, Key == Value.Key {
    /// The other direction of a flow; nil if there is none, or one of another flow.
    func partner(of entry: KeyedFlow<Value>) throws(BPFError) -> KeyedFlow<Value>? {
        let key = entry.record.partner(entry.key)
        guard let record = try lookup(key), sameBytes(record.partner(key), entry.key) else {
            return nil
        }
        return KeyedFlow(key, record)
    }

    /// Removes both entries of a flow unless a packet has refreshed one of them since they were
    /// read. Returns how many entries went: a flow that lives is put back, and 0.
    func removeIfUnchanged(
        _ one: KeyedFlow<Value>, _ other: KeyedFlow<Value>
    ) throws(BPFError) -> Int {
        let (forward, reply) = one.isReply ? (other, one) : (one, other)
        let hadForward = try lookupAndDelete(forward.key)
        if let hadForward, hadForward.flow.last_seen_ns != forward.record.flow.last_seen_ns {
            _ = try putBack(forward.key, hadForward)
            return 0
        }
        let hadReply = try lookupAndDelete(reply.key)
        if let hadReply, hadReply.flow.last_seen_ns != reply.record.flow.last_seen_ns {
            // If somebody else's flow has a key by now, this one is over after all.
            guard try putBack(reply.key, hadReply) else { return 2 }
            if let hadForward, try !putBack(forward.key, hadForward) {
                _ = try delete(reply.key)
                return 2
            }
            return 0
        }
        return (hadForward == nil ? 0 : 1) + (hadReply == nil ? 0 : 1)
    }

    /// Removes an entry that has no partner, unless a packet has refreshed it.
    func removeIfUnchanged(_ orphan: KeyedFlow<Value>) throws(BPFError) -> Int {
        guard let had = try lookupAndDelete(orphan.key) else { return 0 }
        guard had.flow.last_seen_ns == orphan.record.flow.last_seen_ns else {
            _ = try putBack(orphan.key, had)
            return 0
        }
        return 1
    }

    /// Removes both entries of a flow whatever its packets do. Returns how many there were.
    func removeFlow(of entry: KeyedFlow<Value>) throws(BPFError) -> Int {
        let other = entry.record.partner(entry.key)
        let (forward, reply) = entry.isReply ? (other, entry.key) : (entry.key, other)
        return (try delete(forward) ? 1 : 0) + (try delete(reply) ? 1 : 0)
    }

    /// Removes every flow of which an entry matches, whatever its packets do. Returns how many
    /// entries went.
    func removeFlows(where matches: (KeyedFlow<Value>) -> Bool) throws(BPFError) -> Int {
        var cursor = MapCursor<Key, Value>(limit: FlowSweep<Value>.stepLimit)
        var count = 0
        while true {
            let (entries, isLast) = try cursor.next(of: self)
            for (key, record) in entries where matches(KeyedFlow(key, record)) {
                count += try removeFlow(of: KeyedFlow(key, record))
            }
            if isLast { return count }
        }
    }

    /// Says whether the key was still free. A table that filled up within that microsecond counts
    /// as taken.
    private func putBack(_ key: Key, _ value: Value) throws(BPFError) -> Bool {
        do throws(BPFError) {
            try update(key, value, mode: .create)
            return true
        } catch  where error.errno == EEXIST || error.errno == E2BIG {
            return false
        }
    }
}
