// A compiled BPF object: opened from bytes, configured, loaded, and asked for its maps and
// programs. What is set before `load` is a description and the same on every machine; `load` looks
// at this kernel. Maps and programs taken from it live on their own: the object may go away.

import CLibBPF
import Glibc
import Linux

/// An ELF object as clang writes it, with its maps and programs.
///
/// ```swift
/// let object = try BPFObject(bytes: elf, name: "counter")
/// try object.setConstant("limit", UInt32(10))
/// try object.pinMap("counts", at: "/sys/fs/bpf/counts")
/// try object.load()
/// let counts = try object.map("counts", key: UInt32.self, value: UInt64.self)
/// ```
///
/// Not safe to use from several threads at once.
public struct BPFObject: ~Copyable {
    /// The name given at opening; part of the kernel's names of its constants' map.
    public let name: String
    let raw: OpaquePointer

    /// Opens an object from the bytes of its ELF file. Nothing goes to the kernel yet.
    ///
    /// Errors: EINVAL or LIBBPF_ERRNO__FORMAT (4001) for what is no BPF object, with libbpf's
    /// words.
    public init(bytes: [UInt8], name: String) throws(BPFError) {
        let (raw, detail) = LibraryLog.gathering {
            // libbpf copies the bytes.
            bytes.withUnsafeBytes { bpfshim_object_open($0.baseAddress, $0.count, name) }
        }
        guard let raw else {
            throw .system(
                operation: "bpf_object__open_mem", subject: "object \(name)", errno: errno,
                detail: detail)
        }
        self.raw = raw
        self.name = name
    }

    /// Opens an object that is embedded as base64 text, as the BPFCompile plugin writes it.
    public init(base64: StaticString, name: String) throws(BPFError) {
        try self.init(bytes: decodeBase64(base64), name: name)
    }

    deinit { bpf_object__close(raw) }

    /// The names of its maps, without those that the compiler makes for global variables.
    public var mapNames: [String] {
        maps.filter { !bpf_map__is_internal($0) }.map { String(cString: bpf_map__name($0)) }
    }

    /// The names of its programs: of the C functions.
    public var programNames: [String] {
        programs.map { String(cString: bpf_program__name($0)) }
    }

    var maps: [OpaquePointer] {
        var found: [OpaquePointer] = []
        while let map = bpf_object__next_map(raw, found.last) { found.append(map) }
        return found
    }

    var programs: [OpaquePointer] {
        var found: [OpaquePointer] = []
        while let program = bpf_object__next_program(raw, found.last) { found.append(program) }
        return found
    }

    func rawMap(_ map: String) throws(BPFError) -> OpaquePointer {
        guard let found = bpf_object__find_map_by_name(raw, map) else {
            throw .missing("map \(map) in object \(name)")
        }
        return found
    }

    func rawProgram(_ program: String) throws(BPFError) -> OpaquePointer {
        guard let found = bpf_object__find_program_by_name(raw, program) else {
            throw .missing("program \(program) in object \(name)")
        }
        return found
    }

    /// A loaded object's map. Errors: `missing`; `mismatch` if the sizes differ from the C side's.
    public func map<Key, Value>(
        _ map: String, key: Key.Type = Key.self, value: Value.Type = Value.self
    ) throws(BPFError) -> BPFMap<Key, Value> {
        try BPFMap(handle: mapDescriptor(map), name: map)
    }

    /// A loaded object's per-CPU map. Errors as for `map`.
    public func perCPUMap<Key, Value>(
        _ map: String, key: Key.Type = Key.self, value: Value.Type = Value.self
    ) throws(BPFError) -> PerCPUMap<Key, Value> {
        try PerCPUMap(handle: mapDescriptor(map), name: map)
    }

    /// A loaded object's program. Errors: `missing`, also for a program that was not loaded.
    public func program(_ program: String) throws(BPFError) -> BPFProgram {
        let number = bpf_program__fd(try rawProgram(program))
        if number < 0 { throw .missing("loaded program \(program) in object \(name)") }
        return BPFProgram(
            handle: try FileDescriptor.duplicating(number, "program \(program)"), name: program)
    }

    func mapDescriptor(_ map: String) throws(BPFError) -> FileDescriptor {
        let number = bpf_map__fd(try rawMap(map))
        if number < 0 { throw .missing("map \(map) in object \(name) before it is loaded") }
        return try FileDescriptor.duplicating(number, "map \(map)")
    }
}
