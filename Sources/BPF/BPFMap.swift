// A map whose keys and values are Swift values, byte for byte what the C side declares.
// One entry at a time here; batches and iteration are in files of their own. Per-CPU maps have
// another shape of value and another type, PerCPUMap: a lookup here would write past the value's
// end.

import CLibBPF
import Glibc
import Linux

/// A map in the kernel with one value a key, alive while this value lives or it is pinned.
///
/// `Key` and `Value` are fixed-size types without padding, best the imported C structs themselves;
/// their sizes are compared with the kernel's when the map is opened. Byte order is the C side's
/// affair. All operations are system calls of a microsecond or less, and safe from any thread.
public struct BPFMap<Key: BitwiseCopyable & Sendable, Value: BitwiseCopyable & Sendable>:
    ~Copyable, Sendable, KernelObject
{
    /// What an update may meet.
    public enum UpdateMode: UInt64, Sendable {
        /// Creates or overwrites (`BPF_ANY`).
        case any = 0
        /// Only creates (`BPF_NOEXIST`); else EEXIST.
        case create = 1
        /// Only overwrites (`BPF_EXIST`); else ENOENT.
        case overwrite = 2
    }

    let handle: FileDescriptor
    /// The map's name, as in C when it comes from an object, else the kernel's 15 characters of it.
    public let name: String
    /// What the kernel said when the map was opened; none of it changes.
    public let info: MapInfo

    /// See `KernelObject`.
    public var descriptor: Int32 { handle.rawValue }
    /// See `KernelObject`.
    public var subject: String { "map \(name)" }

    init(handle: consuming FileDescriptor, name: String?) throws(BPFError) {
        let info = try MapInfo(descriptor: handle.rawValue, subject: "map \(name ?? "?")")
        let subject = "map \(name ?? info.name)"
        if info.type.isPerCPU {
            throw .mismatch(
                subject: subject, property: "type", wanted: "one value a key",
                found: info.type.description)
        }
        try demandLayout(of: Key.self, "key size", info.keySize, subject)
        try demandLayout(of: Value.self, "value size", info.valueSize, subject)
        self.name = name ?? info.name
        self.info = info
        self.handle = handle
    }

    /// Opens the map that is pinned at `path`.
    ///
    /// Errors: ENOENT; `mismatch` if its sizes are not those of `Key` and `Value`.
    public init(pinned path: String) throws(BPFError) {
        try self.init(handle: FileDescriptor.pinned(at: path, .map), name: nil)
    }

    /// Opens the map with the kernel's id `id`.
    public init(id: UInt32) throws(BPFError) {
        let number = try check(bpf_map_get_fd_by_id(id), "bpf_map_get_fd_by_id", "map id \(id)")
        try self.init(handle: FileDescriptor(owning: number), name: nil)
    }

    /// Creates a map that no object declares, without BTF; mostly for tests.
    ///
    /// `flags` are `BPF_F_…`; an LPM trie demands `BPF_F_NO_PREALLOC` (1).
    public init(
        creating type: MapType, name: String, maxEntries: UInt32, flags: UInt32 = 0
    ) throws(BPFError) {
        let number = try createMap(
            type, name, UInt32(MemoryLayout<Key>.size), UInt32(MemoryLayout<Value>.size),
            maxEntries,
            flags)
        try self.init(handle: FileDescriptor(owning: number), name: name)
    }

    /// A second owner of the same map.
    public func duplicate() throws(BPFError) -> BPFMap {
        try BPFMap(handle: FileDescriptor.duplicating(descriptor, subject), name: name)
    }

    /// The value of `key`, or nil if there is none.
    public func lookup(_ key: Key) throws(BPFError) -> Value? {
        try fetch(key, "bpf_map_lookup_elem", bpf_map_lookup_elem)
    }

    /// Removes `key` and returns the value it had, in one step; nil if there was none.
    ///
    /// Hash kinds since Linux 5.14; queues and stacks earlier. Errors: ENOTSUPP (524) for others.
    public func lookupAndDelete(_ key: Key) throws(BPFError) -> Value? {
        try fetch(key, "bpf_map_lookup_and_delete_elem", bpf_map_lookup_and_delete_elem)
    }

    private func fetch(
        _ key: Key, _ operation: String,
        _ call: (Int32, UnsafeRawPointer?, UnsafeMutableRawPointer?) -> Int32
    ) throws(BPFError) -> Value? {
        let (result, value) = withUnsafePointer(to: key) { key in
            withUnsafeTemporaryAllocation(of: Value.self, capacity: 1) { room in
                let result = call(descriptor, key, room.baseAddress)
                return (result, result == 0 ? room[0] : nil)
            }
        }
        if result == -ENOENT { return nil }
        try check(result, operation, subject)
        return value
    }

    /// Writes `value` under `key`; readers see the old value or the new one, in hash kinds never a
    /// mixture (in arrays a mixture is possible).
    ///
    /// Errors: E2BIG if a hash is full; EEXIST or ENOENT by `mode`.
    public func update(_ key: Key, _ value: Value, mode: UpdateMode = .any) throws(BPFError) {
        let result = withUnsafePointer(to: key) { key in
            withUnsafePointer(to: value) { value in
                bpf_map_update_elem(descriptor, key, value, mode.rawValue)
            }
        }
        try check(result, "bpf_map_update_elem", subject)
    }

    /// Removes `key`; tells whether it was there. Errors: EINVAL for arrays, which can't lose
    /// entries.
    @discardableResult
    public func delete(_ key: Key) throws(BPFError) -> Bool {
        let result = withUnsafePointer(to: key) { bpf_map_delete_elem(descriptor, $0) }
        if result == -ENOENT { return false }
        try check(result, "bpf_map_delete_elem", subject)
        return true
    }

    /// Kernel memory that the map holds, in bytes, as /proc/self/fdinfo says.
    public func memoryBytes() throws(BPFError) -> UInt64 {
        try mapMemory(descriptor, subject)
    }
}

/// Refuses a Swift type that does not lie in memory as the kernel's map has it.
func demandLayout<T>(
    of type: T.Type, _ property: String, _ kernelSize: UInt32, _ subject: String
) throws(BPFError) {
    try demand("\(subject) as \(type)", property, UInt32(MemoryLayout<T>.size), kernelSize)
    // Batches lay elements out by stride; the kernel by size.
    try demand("\(subject) as \(type)", "stride", MemoryLayout<T>.size, MemoryLayout<T>.stride)
}

/// Creates a map and returns its descriptor.
func createMap(
    _ type: MapType, _ name: String, _ keySize: UInt32, _ valueSize: UInt32, _ maxEntries: UInt32,
    _ flags: UInt32
) throws(BPFError) -> Int32 {
    let (result, detail) = LibraryLog.gathering {
        bpfshim_map_create(type.rawValue, name, keySize, valueSize, maxEntries, flags)
    }
    if result >= 0 { return result }
    throw .system(
        operation: "bpf_map_create", subject: "\(type) map \(name)", errno: -result, detail: detail)
}

/// The "memlock" line of the descriptor's fdinfo, in bytes.
func mapMemory(_ descriptor: Int32, _ subject: String) throws(BPFError) -> UInt64 {
    let path = "/proc/self/fdinfo/\(descriptor)"
    guard let file = fopen(path, "re") else {
        throw .system(operation: "fopen", subject: "\(subject), \(path)", errno: errno)
    }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
        let words = String(
            decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self
        )
        .split { $0 == ":" || $0.isWhitespace }
        if words.count == 2, words[0] == "memlock", let bytes = UInt64(words[1]) { return bytes }
    }
    throw .missing("memlock line in \(path) of \(subject)")
}
