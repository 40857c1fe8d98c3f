// Maps of every kind that we use: single entries, batches with an end in the middle, iteration
// while entries vanish, per-CPU values, prefixes, eviction.

import Glibc
import Testing

@testable import BPF

/// As `struct prefix` in maps.bpf.c; the address in network order.
struct Prefix: Equatable, Hashable, BitwiseCopyable, Sendable {
    var lengthBits: UInt32
    var address: (UInt8, UInt8, UInt8, UInt8)

    init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8, bits: UInt32) {
        lengthBits = bits
        address = (a, b, c, d)
    }

    static func == (a: Prefix, b: Prefix) -> Bool {
        a.lengthBits == b.lengthBits && a.address == b.address
    }

    func hash(into hasher: inout Hasher) { hasher.combine(lengthBits) }
}

/// `BPF_F_NO_PREALLOC`, which LPM tries demand.
private let noPreallocation: UInt32 = 1

private func hash(_ maxEntries: UInt32) throws -> BPFMap<UInt32, UInt64> {
    try BPFMap(creating: .hash, name: "test_hash", maxEntries: maxEntries)
}

@Suite(.needsRoot) struct MapTests {
    @Test("an entry is written, read, overwritten and removed")
    func single() throws {
        let map = try hash(16)
        #expect(try map.lookup(1) == nil)
        try map.update(1, 10)
        #expect(try map.lookup(1) == 10)
        try map.update(1, 11)
        #expect(try map.lookup(1) == 11)
        #expect(try map.delete(1))
        #expect(try !map.delete(1))
        #expect(try map.lookup(1) == nil)
    }

    @Test("create refuses what exists, overwrite what does not")
    func modes() throws {
        let map = try hash(16)
        #expect { try map.update(1, 1, mode: .overwrite) } throws: {
            ($0 as? BPFError)?.errno == ENOENT
        }
        try map.update(1, 1, mode: .create)
        #expect { try map.update(1, 2, mode: .create) } throws: {
            ($0 as? BPFError)?.errno == EEXIST
        }
        try map.update(1, 3, mode: .overwrite)
        #expect(try map.lookup(1) == 3)
    }

    @Test("an entry can be taken out in one step")
    func taking() throws {
        let map = try hash(16)
        try map.update(5, 50)
        #expect(try map.lookupAndDelete(5) == 50)
        #expect(try map.lookupAndDelete(5) == nil)
    }

    @Test("an error names the operation, the map and the errno")
    func errors() throws {
        let map: BPFMap<UInt32, UInt64> = try BPFMap(
            creating: .array, name: "test_array", maxEntries: 2)
        let expected = BPFError.system(
            operation: "bpf_map_delete_elem", subject: "map test_array", errno: EINVAL)
        #expect(throws: expected) { try map.delete(0) }
        #expect(
            expected.description == "bpf_map_delete_elem on map test_array: "
                + "Invalid argument (22)")
        #expect { try map.update(2, 1) } throws: { ($0 as? BPFError)?.errno == E2BIG }
    }

    @Test("a map tells its kind, sizes and memory")
    func info() throws {
        let map = try hash(100)
        let info = map.info
        #expect(info.type == .hash)
        #expect(info.type.description == "hash")
        #expect((info.keySize, info.valueSize, info.maxEntries) == (4, 8, 100))
        #expect(info.name == "test_hash")
        #expect(info.id > 0)
        #expect(try map.memoryBytes() > 100 * 12)
        let again: BPFMap<UInt32, UInt64> = try BPFMap(id: info.id)
        let same = again.info
        #expect(same == info)
    }

    @Test("a second owner keeps the map alive and shares its entries")
    func duplicates() throws {
        func second() throws -> BPFMap<UInt32, UInt64> {
            let first = try hash(4)
            try first.update(1, 2)
            return try first.duplicate()
        }
        let map = try second()
        #expect(try map.lookup(1) == 2)
    }

    @Test("a per-CPU map holds a value for every possible CPU")
    func perCPU() throws {
        for type in [MapType.perCPUHash, .perCPUArray] {
            // 4 bytes a value, which the kernel spaces 8 apart.
            let map: PerCPUMap<UInt32, UInt32> = try PerCPUMap(
                creating: type, name: "test_percpu", maxEntries: 3)
            let values = (0..<map.cpuCount).map { UInt32($0) + 100 }
            try map.update(1, values)
            #expect(try map.lookup(1) == values)
            let entries = try map.entries()
            #expect(entries.first { $0.key == 1 }?.values == values)
        }
        let map: PerCPUMap<UInt32, UInt32> = try PerCPUMap(
            creating: .perCPUHash, name: "test_percpu", maxEntries: 3)
        #expect(try map.lookup(1) == nil)
        #expect(try !map.delete(1))
    }

    @Test("a program's counts add up over the CPUs")
    func perCPUFromProgram() throws {
        let object = try mapsObject()
        try object.load()
        _ = try object.program("classify").testRun(packet: emptyFrame, repetitions: 50)
        let counts = try object.perCPUMap("counts", key: UInt32.self, value: UInt64.self)
        #expect(try counts.lookup(0)?.reduce(0, +) == 50)
        #expect(try counts.lookup(1)?.reduce(0, +) == 0)
    }

    @Test("an LPM trie finds the longest prefix and lists all")
    func prefixes() throws {
        let map: BPFMap<Prefix, UInt32> = try BPFMap(
            creating: .lpmTrie, name: "test_lpm", maxEntries: 8, flags: noPreallocation)
        try map.update(
            keys: [Prefix(10, 0, 0, 0, bits: 8), Prefix(10, 1, 0, 0, bits: 16)],
            values: [8, 16])
        #expect(try map.lookup(Prefix(10, 1, 2, 3, bits: 32)) == 16)
        #expect(try map.lookup(Prefix(10, 2, 2, 3, bits: 32)) == 8)
        #expect(try map.lookup(Prefix(11, 2, 2, 3, bits: 32)) == nil)
        let values = try map.entries().map(\.value)
        #expect(values.sorted() == [8, 16])
        #expect(try map.delete(keys: [Prefix(10, 0, 0, 0, bits: 8)]) == 1)
    }

    @Test("an LRU map takes more than it holds, a plain hash refuses")
    func eviction() throws {
        let lru: BPFMap<UInt32, UInt64> = try BPFMap(
            creating: .lruHash, name: "test_lru", maxEntries: 64)
        let keys = Array(UInt32(0)..<1000)
        try lru.update(keys: keys, values: keys.map(UInt64.init))
        let kept = try lru.entries().count
        #expect(kept > 0 && kept <= 64)
        #expect(try lru.lookup(999) == 999)

        let plain = try hash(64)
        #expect { try plain.update(keys: keys, values: keys.map(UInt64.init)) } throws: { error in
            guard case .batch(_, "map test_hash", let done, E2BIG) = error as? BPFError else {
                return false
            }
            return done == 64
        }
        #expect(try plain.entries().count == 64)
    }
}

@Suite(.needsRoot) struct MapBatchTests {
    @Test("a batch that stops says how many are through, and they are")
    func partial() throws {
        let map = try hash(100)
        try map.update(7, 70)
        #expect(
            throws: BPFError.batch(
                operation: "bpf_map_update_elem", subject: "map test_hash", done: 2, errno: EEXIST)
        ) {
            try map.update(keys: [1, 2, 7, 8], values: [1, 2, 7, 8], mode: .create)
        }
        #expect(try map.lookup(keys: [1, 2, 7, 8]) == [1, 2, 70, nil])
    }

    @Test("removing many goes on behind those that are missing")
    func deletion() throws {
        let map = try hash(100)
        try map.update(keys: [1, 2, 3, 4, 5], values: [1, 2, 3, 4, 5])
        #expect(try map.delete(keys: [9, 1, 2, 9, 9, 4, 9]) == 3)
        #expect(try map.entries().map(\.key).sorted() == [3, 5])
        #expect(try map.delete(keys: []) == 0)
        try map.update(keys: [], values: [])
    }

    @Test("a kind of map without batches is written, read and emptied one by one")
    func withoutBatches() throws {
        // A table of tail calls: takes descriptors, gives ids.
        let programArray = MapType(rawValue: 3)
        let map: BPFMap<UInt32, UInt32> = try BPFMap(
            creating: programArray, name: "test_programs", maxEntries: 8)
        let object = try mapsObject()
        try object.load()
        let program = try object.program("other")
        let id = try program.info().id
        let number = UInt32(program.descriptor)
        try map.update(keys: [3, 5], values: [number, number])
        let entries = try map.entries()
        #expect(entries.map(\.key) == [3, 5])
        #expect(entries.map(\.value) == [id, id])
        #expect(throws: BPFError.self) { try map.update(keys: [1, 99], values: [number, number]) }
        #expect(try map.delete(keys: [1, 2, 3, 5]) == 3)
        #expect(try map.entries().isEmpty)
    }

    @Test("a map larger than any batch is read whole, each entry once")
    func large() throws {
        let count: UInt32 = 20_000
        let map = try hash(count)
        let keys = Array(0..<count)
        try map.update(keys: keys, values: keys.map { UInt64($0) * 2 })
        let entries = try map.entries()
        #expect(entries.count == Int(count))
        #expect(Set(entries.map(\.key)).count == Int(count))
        #expect(entries.allSatisfy { $0.value == UInt64($0.key) * 2 })
    }

    @Test("every entry is visited once though the visitor removes them all")
    func deletionWhileVisiting() throws {
        let map = try hash(10_000)
        let keys = Array(UInt32(0)..<10_000)
        try map.update(keys: keys, values: keys.map(UInt64.init))
        var visited: [UInt32: Int] = [:]
        try map.forEach { key, _ in
            visited[key, default: 0] += 1
            _ = try? map.delete(key)
        }
        #expect(visited.count == 10_000)
        #expect(visited.values.allSatisfy { $0 == 1 })
        #expect(try map.entries().isEmpty)
    }

    @Test("key by key, too, a walk survives that its own place vanishes")
    func walkByKeys() throws {
        let map = try hash(1000)
        let keys = Array(UInt32(0)..<1000)
        try map.update(keys: keys, values: keys.map(UInt64.init))
        var visited: [UInt32: Int] = [:]
        try walkKeys(map.descriptor, map.subject, keyType: UInt32.self) { key in
            visited[key, default: 0] += 1
            if key % 2 == 1 { _ = try? map.delete(key) }
        }
        #expect(visited.count == 1000)
        #expect(visited.values.allSatisfy { $0 == 1 })
        #expect(try map.entries().count == 500)
    }
}
