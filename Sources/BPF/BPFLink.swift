// An attachment that somebody owns: it lasts while its descriptor or a pin lives, and no longer.
// Interfaces are named by index in the calling thread's network namespace.

import CLibBPF
import Glibc
import Linux

/// A program on a hook, attached while this value lives or the link is pinned.
///
/// A child process shares all descriptors from its fork to its exec, and so may prolong that by a
/// moment; `detach` is prompt.
public struct BPFLink: ~Copyable, Sendable, KernelObject {
    let handle: FileDescriptor
    /// "link cgroup_inet4_connect at /sys/fs/cgroup", "link pinned at …".
    public let subject: String

    /// See `KernelObject`.
    public var descriptor: Int32 { handle.rawValue }

    private init(handle: consuming FileDescriptor, subject: String) {
        self.handle = handle
        self.subject = subject
    }

    /// Opens the link that is pinned at `path`. Errors: ENOENT; `mismatch` if it is something else.
    public init(pinned path: String) throws(BPFError) {
        self.init(
            handle: try FileDescriptor.pinned(at: path, .link), subject: "link pinned at \(path)")
    }

    /// Opens the link with the kernel's id `id`, whoever made it.
    public init(id: UInt32) throws(BPFError) {
        let subject = "link id \(id)"
        let number = try check(bpf_link_get_fd_by_id(id), "bpf_link_get_fd_by_id", subject)
        self.init(handle: FileDescriptor(owning: number), subject: subject)
    }

    private static func create(
        _ program: borrowing BPFProgram, _ target: Int32, _ type: AttachType, flags: UInt32 = 0,
        _ place: String
    ) throws(BPFError) -> BPFLink {
        let number = bpfshim_link_create(program.descriptor, target, type.rawValue, flags)
        let subject = "link \(type) at \(place)"
        try check(number, "bpf_link_create", "\(subject) for \(program.subject)")
        return BPFLink(handle: FileDescriptor(owning: number), subject: subject)
    }

    /// Attaches to a cgroup and all below it, beside what others attached there (Linux 5.7).
    ///
    /// `path` is a folder of a cgroup2 file system. Errors: EINVAL for a program of another type or
    /// expected attach type; EPERM where a parent cgroup has an exclusive program.
    public static func cgroup(
        _ program: borrowing BPFProgram, at path: String, _ type: AttachType
    ) throws(BPFError) -> BPFLink {
        let folder = try inBPFError { () throws(KernelError) in try ControlGroup(path: path).open()
        }
        return try create(program, folder.rawValue, type, path)
    }

    /// Which programs of a tcx hook run before the new one.
    public enum Position: Sendable {
        /// None: it sees packets first.
        case first
        /// All that are there now.
        case last
    }

    /// Attaches to an interface's tcx hook (Linux 6.6). The link outlives the interface: it is
    /// defunct then, see `LinkInfo.isDefunct`.
    ///
    /// Errors: `unsupported` on older kernels; ENODEV; EINVAL for a program that is no sched_cls.
    public static func tcx(
        _ program: borrowing BPFProgram, interface: UInt32, _ direction: Direction,
        position: Position = .last
    ) throws(BPFError) -> BPFLink {
        let flag = position == .first ? BPFSHIM_F_BEFORE : BPFSHIM_F_AFTER
        do throws(BPFError) {
            return try create(
                program, Int32(bitPattern: interface), direction.tcx, flags: UInt32(flag),
                "interface \(interface)")
        } catch {
            // EINVAL means a wrong program as well as an old kernel.
            if error.errno == EINVAL { try Feature.tcx.require() }
            throw error
        }
    }

    /// In whose hands XDP runs.
    public enum XDPMode: UInt32, Sendable {
        /// The driver's, before a packet has an skb; EOPNOTSUPP if it can't.
        case native = 4
        /// The stack's, for any driver, slower.
        case generic = 2
    }

    /// Attaches to an interface's XDP hook, of which there is one (Linux 5.9).
    ///
    /// Errors: EBUSY if it is taken; EOPNOTSUPP for `native` without a driver that can.
    public static func xdp(
        _ program: borrowing BPFProgram, interface: UInt32, _ mode: XDPMode
    ) throws(BPFError) -> BPFLink {
        try create(
            program, Int32(bitPattern: interface), .xdp, flags: mode.rawValue,
            "interface \(interface)")
    }

    /// Puts `program` in the place of the one that runs now; no packet or call sees neither of
    /// them.
    ///
    /// Errors: EINVAL for another type of program; ENOLINK if the link is defunct.
    public func update(to program: borrowing BPFProgram) throws(BPFError) {
        try check(
            bpfshim_link_update(descriptor, program.descriptor, -1), "bpf_link_update",
            "\(subject) to \(program.subject)")
    }

    /// As `update(to:)`, but only if `expected` runs now; else EPERM.
    public func update(
        to program: borrowing BPFProgram, from expected: borrowing BPFProgram
    ) throws(BPFError) {
        try check(
            bpfshim_link_update(descriptor, program.descriptor, expected.descriptor),
            "bpf_link_update", "\(subject) from \(expected.subject) to \(program.subject)")
    }

    /// Takes the program off its hook at once, even if the link is pinned; the link is defunct
    /// then.
    public func detach() throws(BPFError) {
        try check(bpf_link_detach(descriptor), "bpf_link_detach", subject)
    }
}
