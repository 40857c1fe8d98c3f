// Who is attached where: ids of everybody's programs on a hook, in the order in which they run.
// Filters on a qdisc do not show here; rtnetlink lists those.

import CLibBPF
import Glibc
import Linux

/// Asks the kernel which programs a hook has (BPF_PROG_QUERY).
public enum ProgramQuery {
    /// Programs on a hook that are asked for at first; twice as many if they are more.
    private static let expectedPrograms = 64

    /// Ids of the programs on a cgroup's hook; `effective` also counts those of its parents.
    public static func cgroup(
        _ path: String, _ type: AttachType, effective: Bool = false
    ) throws(BPFError) -> [UInt32] {
        let folder = try inBPFError { () throws(KernelError) in try ControlGroup(path: path).open()
        }
        return try query(
            folder.rawValue, type, flags: effective ? UInt32(BPF_F_QUERY_EFFECTIVE) : 0,
            "\(type) at \(path)")
    }

    /// Ids of the programs on an interface's tcx hook.
    ///
    /// Errors: `unsupported` below Linux 6.6; ENODEV.
    public static func tcx(
        interface: UInt32, _ direction: Direction
    ) throws(BPFError) -> [UInt32] {
        do throws(BPFError) {
            return try query(
                Int32(bitPattern: interface), direction.tcx, flags: 0,
                "\(direction.tcx) of interface \(interface)")
        } catch {
            // With no program ever attached the hook does not exist yet.
            if error.errno == ENOENT { return [] }
            if error.errno == EINVAL { try Feature.tcx.require() }
            throw error
        }
    }

    private static func query(
        _ target: Int32, _ type: AttachType, flags: UInt32, _ subject: String
    ) throws(BPFError) -> [UInt32] {
        var room = expectedPrograms
        while true {
            var ids = [UInt32](repeating: 0, count: room)
            var count = UInt32(room)
            let result = bpf_prog_query(
                target, bpf_attach_type(type.rawValue), flags, nil, &ids, &count)
            if result == -ENOSPC {
                room *= 2
                continue
            }
            try check(result, "BPF_PROG_QUERY", subject)
            return Array(ids.prefix(Int(count)))
        }
    }
}
