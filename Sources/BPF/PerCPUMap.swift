// Maps with one value a key *and CPU*: counters that many CPUs write without a lock.
// The kernel hands out a value for every possible CPU, present or not, each rounded up to 8 bytes.

import CLibBPF
import Glibc
import Linux

/// A per-CPU map in the kernel (`percpu_hash`, `percpu_array`, `lru_percpu_hash`).
public struct PerCPUMap<Key: BitwiseCopyable & Sendable, Value: BitwiseCopyable & Sendable>:
    ~Copyable, Sendable, KernelObject
{
    let handle: FileDescriptor
    /// The map's name, as in C when it comes from an object, else the kernel's 15 characters of it.
    public let name: String
    /// What the kernel said when the map was opened; none of it changes.
    public let info: MapInfo
    /// How many values a key has: the CPUs that this machine may ever have.
    public let cpuCount: Int

    /// See `KernelObject`.
    public var descriptor: Int32 { handle.rawValue }
    /// See `KernelObject`.
    public var subject: String { "map \(name)" }

    /// Bytes from one CPU's value to the next.
    private var stride: Int { (MemoryLayout<Value>.size + 7) & ~7 }

    init(handle: consuming FileDescriptor, name: String?) throws(BPFError) {
        let info = try MapInfo(descriptor: handle.rawValue, subject: "map \(name ?? "?")")
        let subject = "map \(name ?? info.name)"
        if !info.type.isPerCPU {
            throw .mismatch(
                subject: subject, property: "type", wanted: "per-CPU", found: info.type.description)
        }
        try demandLayout(of: Key.self, "key size", info.keySize, subject)
        try demandLayout(of: Value.self, "value size", info.valueSize, subject)
        self.cpuCount = Int(
            try check(libbpf_num_possible_cpus(), "libbpf_num_possible_cpus", subject))
        self.name = name ?? info.name
        self.info = info
        self.handle = handle
    }

    /// Opens the map that is pinned at `path`; errors as `BPFMap.init(pinned:)`.
    public init(pinned path: String) throws(BPFError) {
        try self.init(handle: FileDescriptor.pinned(at: path, .map), name: nil)
    }

    /// Creates a map that no object declares, without BTF; mostly for tests.
    public init(creating type: MapType, name: String, maxEntries: UInt32) throws(BPFError) {
        let number = try createMap(
            type, name, UInt32(MemoryLayout<Key>.size), UInt32(MemoryLayout<Value>.size),
            maxEntries, 0)
        try self.init(handle: FileDescriptor(owning: number), name: name)
    }

    /// The values of `key`, by CPU; nil if there is none.
    public func lookup(_ key: Key) throws(BPFError) -> [Value]? {
        let room = UnsafeMutableRawPointer.allocate(byteCount: stride * cpuCount, alignment: 8)
        defer { room.deallocate() }
        let result = withUnsafePointer(to: key) { bpf_map_lookup_elem(descriptor, $0, room) }
        if result == -ENOENT { return nil }
        try check(result, "bpf_map_lookup_elem", subject)
        return values(at: room)
    }

    /// Writes a value for every CPU; `values` has `cpuCount` of them.
    public func update(_ key: Key, _ values: [Value]) throws(BPFError) {
        precondition(values.count == cpuCount, "a value for every possible CPU")
        var room = [UInt8](repeating: 0, count: stride * cpuCount)
        room.withUnsafeMutableBytes { room in
            for (cpu, value) in values.enumerated() {
                room.storeBytes(of: value, toByteOffset: cpu * stride, as: Value.self)
            }
        }
        let result = withUnsafePointer(to: key) { key in
            bpf_map_update_elem(descriptor, key, room, UInt64(BPF_ANY))
        }
        try check(result, "bpf_map_update_elem", subject)
    }

    /// Removes `key`; tells whether it was there. Errors: EINVAL for arrays.
    @discardableResult
    public func delete(_ key: Key) throws(BPFError) -> Bool {
        let result = withUnsafePointer(to: key) { bpf_map_delete_elem(descriptor, $0) }
        if result == -ENOENT { return false }
        try check(result, "bpf_map_delete_elem", subject)
        return true
    }

    /// All entries with their values by CPU; see `BPFMap.forEach` for what concurrent writers do.
    public func entries() throws(BPFError) -> [(key: Key, values: [Value])] {
        var all: [(key: Key, values: [Value])] = []
        try walkBatches(
            descriptor, subject, keyType: Key.self, valueSize: stride * cpuCount,
            visit: { key, values in all.append((key: key, values: self.values(at: values))) },
            otherwise: { () throws(BPFError) in
                try walkKeys(descriptor, subject, keyType: Key.self) { key throws(BPFError) in
                    if let values = try lookup(key) { all.append((key: key, values: values)) }
                }
            })
        return all
    }

    private func values(at start: UnsafeRawPointer) -> [Value] {
        (0..<cpuCount).map { start.loadUnaligned(fromByteOffset: $0 * stride, as: Value.self) }
    }
}

/// How many CPUs this machine may ever have: per-CPU maps hold a value for each, and preallocated
/// hashes a spare element.
public func possibleCPUCount() throws(BPFError) -> Int {
    Int(try check(libbpf_num_possible_cpus(), "libbpf_num_possible_cpus", "this machine"))
}
