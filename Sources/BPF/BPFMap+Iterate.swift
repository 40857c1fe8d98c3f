// Reading a whole map while others write it. What exists throughout is seen exactly once; what
// comes or goes meanwhile may or may not be seen. By batches of buckets where the kernel has them.
// Key by key, a key deleted under us makes the kernel begin again from the start, so keys already
// seen are remembered.

import CLibBPF
import Glibc

/// Limits of walking a map.
enum MapWalk {
    /// Entries asked for at a time, to begin with: 4096 flows of 64 bytes are 256 KiB.
    static let batchSize = 4096
    /// How often a walk may begin again before it gives up with EAGAIN.
    static let greatestRestarts = 16
}

extension BPFMap {
    /// All entries, in the kernel's order. Takes memory for all of them at once; see `forEach`.
    public func entries() throws(BPFError) -> [(key: Key, value: Value)] {
        var all: [(key: Key, value: Value)] = []
        try forEach { all.append((key: $0, value: $1)) }
        return all
    }

    /// Calls `visit` with every entry; it may update and delete entries of this map.
    ///
    /// Errors: EAGAIN if others delete faster than we read (no kind with batches does that).
    public func forEach(_ visit: (Key, Value) -> Void) throws(BPFError) {
        try walkBatches(
            descriptor, subject, keyType: Key.self, valueSize: MemoryLayout<Value>.size,
            visit: { key, value in visit(key, value.loadUnaligned(as: Value.self)) },
            otherwise: { () throws(BPFError) in
                try walkKeys(descriptor, subject, keyType: Key.self) { key throws(BPFError) in
                    if let value = try lookup(key) { visit(key, value) }
                }
            })
    }
}

/// Walks a map by BPF_MAP_LOOKUP_BATCH, or by `otherwise` where the map's kind has no batches.
func walkBatches<Key: BitwiseCopyable>(
    _ descriptor: Int32, _ subject: String, keyType: Key.Type, valueSize: Int,
    visit: (Key, UnsafeRawPointer) -> Void, otherwise: () throws(BPFError) -> Void
) throws(BPFError) {
    var capacity = MapWalk.batchSize
    // The place in the walk: a bucket's number in hash kinds, else a key.
    var token = [UInt8](repeating: 0, count: max(MemoryLayout<Key>.size, 8))
    var nextToken = token
    var isFirst = true
    var restarts = 0

    while true {
        let keys = UnsafeMutablePointer<Key>.allocate(capacity: capacity)
        let values = UnsafeMutableRawPointer.allocate(byteCount: capacity * valueSize, alignment: 8)
        defer {
            keys.deallocate()
            values.deallocate()
        }
        var count = UInt32(capacity)
        let result = token.withUnsafeMutableBytes { token in
            bpfshim_map_lookup_batch(
                descriptor, isFirst ? nil : token.baseAddress, &nextToken, keys, values, &count)
        }
        switch result {
        case 0, -ENOENT:  // ENOENT: these are the last ones
            for index in 0..<Int(count) { visit(keys[index], values + index * valueSize) }
            if result == -ENOENT { return }
            token = nextToken
            isFirst = false
        case -ENOSPC:  // one bucket holds more than we have room for
            capacity *= 2
        case -EINTR where restarts < MapWalk.greatestRestarts:  // entries vanished under it
            restarts += 1
        case _ where isUnknownOperation(result) && isFirst:
            return try otherwise()
        default:
            try check(result, "bpf_map_lookup_batch", subject)
        }
    }
}

/// Walks a map by BPF_MAP_GET_NEXT_KEY.
func walkKeys<Key: BitwiseCopyable>(
    _ descriptor: Int32, _ subject: String, keyType: Key.Type,
    visit: (Key) throws(BPFError) -> Void
) throws(BPFError) {
    let room = UnsafeMutablePointer<Key>.allocate(capacity: 2)
    defer { room.deallocate() }
    var seen: Set<[UInt8]> = []
    var restarts = 0
    var result = bpf_map_get_next_key(descriptor, nil, room)
    while result == 0 {
        let key = room[0]
        if seen.insert(withUnsafeBytes(of: key) { Array($0) }).inserted {
            // The next key is asked for first: `visit` may delete this one.
            result = bpf_map_get_next_key(descriptor, room, room + 1)
            try visit(key)
        } else {
            restarts += 1
            if restarts > MapWalk.greatestRestarts * (seen.count + 1) {
                throw .system(operation: "bpf_map_get_next_key", subject: subject, errno: EAGAIN)
            }
            result = bpf_map_get_next_key(descriptor, room, room + 1)
        }
        room[0] = room[1]
    }
    if result != -ENOENT { try check(result, "bpf_map_get_next_key", subject) }
}
