// A program that the verifier has accepted. It does nothing until a link or filter attaches it,
// except under testRun.

import CLibBPF
import Glibc
import Linux

/// A loaded program, alive while this value lives, it is pinned, or something has it attached.
public struct BPFProgram: ~Copyable, Sendable, KernelObject {
    let handle: FileDescriptor
    /// The C function's name when it comes from an object, else the kernel's 15 characters of it.
    public let name: String

    /// See `KernelObject`.
    public var descriptor: Int32 { handle.rawValue }
    /// See `KernelObject`.
    public var subject: String { "program \(name)" }

    init(handle: consuming FileDescriptor, name: String) {
        self.handle = handle
        self.name = name
    }

    private init(unnamed handle: consuming FileDescriptor, _ subject: String) throws(BPFError) {
        let info = try ProgramInfo(descriptor: handle.rawValue, subject: subject)
        self.init(handle: handle, name: info.name)
    }

    /// Opens the program that is pinned at `path`. Errors: ENOENT.
    public init(pinned path: String) throws(BPFError) {
        try self.init(unnamed: FileDescriptor.pinned(at: path, .program), path)
    }

    /// Opens the program with the kernel's id `id`, whoever loaded it. Errors: ENOENT; EPERM.
    public init(id: UInt32) throws(BPFError) {
        let subject = "program id \(id)"
        let number = try check(bpf_prog_get_fd_by_id(id), "bpf_prog_get_fd_by_id", subject)
        try self.init(unnamed: FileDescriptor(owning: number), subject)
    }

    /// A second owner of the same program.
    public func duplicate() throws(BPFError) -> BPFProgram {
        BPFProgram(handle: try FileDescriptor.duplicating(descriptor, subject), name: name)
    }

    /// What the kernel tells about the program now.
    public func info() throws(BPFError) -> ProgramInfo {
        try ProgramInfo(descriptor: descriptor, subject: subject)
    }
}

/// The kernel's description of a program.
public struct ProgramInfo: Sendable, Equatable {
    /// The kernel's id, valid while the program lives.
    public let id: UInt32
    /// `enum bpf_prog_type`.
    public let type: UInt32
    /// The kernel's name: at most 15 characters of the one in C.
    public let name: String
    /// A hash over the instructions, 16 hex digits: the same program has the same tag everywhere.
    public let tag: String
    /// Bytes of machine code; 0 if it is interpreted.
    public let jitedBytes: UInt32
    /// Bytes of BPF instructions after the verifier rewrote them (8 an instruction).
    public let translatedBytes: UInt32
    /// Instructions that the verifier walked (Linux 5.16, else 0); its limit is a million.
    public let verifiedInstructions: UInt32
    /// Runs so far, if `kernel.bpf_stats_enabled` is on.
    public let runCount: UInt64
    /// Nanoseconds in those runs.
    public let runTimeNanoseconds: UInt64
    /// When it was loaded, in nanoseconds since boot.
    public let loadTimeNanoseconds: UInt64

    /// Whether the kernel compiled it to machine code.
    public var isJITed: Bool { jitedBytes > 0 }

    /// libbpf's name of the type: "sched_cls".
    public var typeName: String {
        libbpf_bpf_prog_type_str(bpf_prog_type(type)).map { String(cString: $0) } ?? "type \(type)"
    }

    init(descriptor: Int32, subject: String) throws(BPFError) {
        var info = bpf_prog_info()
        try check(bpfshim_prog_info(descriptor, &info), "BPF_OBJ_GET_INFO_BY_FD", subject)
        id = info.id
        type = info.type
        name = withUnsafeBytes(of: info.name) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        tag = withUnsafeBytes(of: info.tag) { bytes in
            bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        }
        jitedBytes = info.jited_prog_len
        translatedBytes = info.xlated_prog_len
        verifiedInstructions = info.verified_insns
        runCount = info.run_cnt
        runTimeNanoseconds = info.run_time_ns
        loadTimeNanoseconds = info.load_time
    }
}
