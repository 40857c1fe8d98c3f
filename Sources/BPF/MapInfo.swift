// What the kernel tells about a map.

import CLibBPF

/// A kind of map (`enum bpf_map_type`); unknown numbers survive.
public struct MapType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The kernel's number.
    public let rawValue: UInt32

    /// The kind with the kernel's number `rawValue`.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    private init(_ type: bpf_map_type) { self.init(rawValue: type.rawValue) }

    /// Any keys; memory is taken in advance unless created with `BPF_F_NO_PREALLOC`.
    public static let hash = MapType(BPF_MAP_TYPE_HASH)
    /// Keys 0 to `maxEntries` - 1, all always there, zero at first.
    public static let array = MapType(BPF_MAP_TYPE_ARRAY)
    /// A hash with a value for every possible CPU; see `PerCPUMap`.
    public static let perCPUHash = MapType(BPF_MAP_TYPE_PERCPU_HASH)
    /// An array with a value for every possible CPU; see `PerCPUMap`.
    public static let perCPUArray = MapType(BPF_MAP_TYPE_PERCPU_ARRAY)
    /// A hash that evicts entries not used for long when it is full.
    public static let lruHash = MapType(BPF_MAP_TYPE_LRU_HASH)
    /// An LRU hash with a value for every possible CPU; see `PerCPUMap`.
    public static let lruPerCPUHash = MapType(BPF_MAP_TYPE_LRU_PERCPU_HASH)
    /// Longest prefix match: the key begins with a UInt32 prefix length in bits.
    public static let lpmTrie = MapType(BPF_MAP_TYPE_LPM_TRIE)
    /// Records from programs to one reader; see `RingBuffer`.
    public static let ringBuffer = MapType(BPF_MAP_TYPE_RINGBUF)
    /// Values that live on sockets and die with them.
    public static let socketStorage = MapType(BPF_MAP_TYPE_SK_STORAGE)
    /// Values that live on a cgroup and attach type, one for every possible CPU.
    public static let perCPUCgroupStorage = MapType(BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE)

    /// Whether a lookup yields one value per possible CPU.
    public var isPerCPU: Bool {
        [.perCPUHash, .perCPUArray, .lruPerCPUHash, .perCPUCgroupStorage].contains(self)
    }

    /// libbpf's name for it: "lru_hash".
    public var description: String {
        libbpf_bpf_map_type_str(bpf_map_type(rawValue)).map { String(cString: $0) }
            ?? "type \(rawValue)"
    }
}

/// The kernel's description of a map.
public struct MapInfo: Sendable, Equatable {
    /// What kind of map it is.
    public let type: MapType
    /// The kernel's id, valid while the map lives.
    public let id: UInt32
    /// The kernel's name: at most 15 characters of the one in C.
    public let name: String
    /// Bytes.
    public let keySize: UInt32
    /// Bytes; of one CPU's value in a per-CPU map.
    public let valueSize: UInt32
    /// The most entries it takes; of a ring buffer, bytes.
    public let maxEntries: UInt32
    /// `BPF_F_…` of creation.
    public let flags: UInt32

    /// Asks the kernel about the map behind `descriptor`.
    init(descriptor: Int32, subject: String) throws(BPFError) {
        var info = bpf_map_info()
        try check(bpfshim_map_info(descriptor, &info), "BPF_OBJ_GET_INFO_BY_FD", subject)
        type = MapType(rawValue: info.type)
        id = info.id
        name = withUnsafeBytes(of: info.name) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        keySize = info.key_size
        valueSize = info.value_size
        maxEntries = info.max_entries
        flags = info.map_flags
    }
}

/// Compares what this side needs of a thing with what is there.
func demand<Value: Equatable & CustomStringConvertible>(
    _ subject: String, _ property: String, _ wanted: Value, _ found: Value
) throws(BPFError) {
    if wanted != found {
        throw .mismatch(
            subject: subject, property: property, wanted: wanted.description,
            found: found.description)
    }
}
