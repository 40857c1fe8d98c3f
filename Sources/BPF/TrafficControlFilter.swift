// Traffic control the old way, for kernels below 6.6: a clsact qdisc and a filter on it.
// Nobody owns such a filter: it stays until somebody detaches it or the interface goes, and what it
// is known by is its preference and handle. Works in the calling thread's network namespace.

import CLibBPF
import Glibc

/// The place of a direct-action BPF filter on an interface's clsact qdisc.
public struct TrafficControlFilter: Sendable, Hashable {
    /// Index in the calling thread's network namespace.
    public let interface: UInt32
    /// Which of the qdisc's two hooks.
    public let direction: Direction
    /// Order among the filters (tc's `pref`), 1 to 65535; the least runs first.
    public let preference: UInt32
    /// Distinguishes filters of one preference; not 0.
    public let handle: UInt32

    /// Names a filter; touches nothing.
    public init(interface: UInt32, _ direction: Direction, preference: UInt32, handle: UInt32) {
        self.interface = interface
        self.direction = direction
        self.preference = preference
        self.handle = handle
    }

    private var subject: String {
        "filter \(handle) (preference \(preference)) on \(direction) of interface \(interface)"
    }

    /// Gives `interface` a clsact qdisc; tells whether it had none.
    ///
    /// An old-style `ingress` qdisc in its place counts as one, but has no egress.
    @discardableResult
    public static func createQdisc(interface: UInt32) throws(BPFError) -> Bool {
        // libbpf complains about EEXIST on its own account.
        let (result, detail) = LibraryLog.gathering {
            bpfshim_tc_create(Int32(bitPattern: interface))
        }
        if result == -EEXIST { return false }
        try check(result, "bpf_tc_hook_create", "clsact of interface \(interface)", detail)
        return true
    }

    /// Takes the clsact qdisc away, with everybody's filters; tells whether there was one.
    @discardableResult
    public static func removeQdisc(interface: UInt32) throws(BPFError) -> Bool {
        let (result, detail) = LibraryLog.gathering {
            bpfshim_tc_destroy(Int32(bitPattern: interface))
        }
        if result == -ENOENT || result == -EINVAL { return false }
        try check(result, "bpf_tc_hook_destroy", "clsact of interface \(interface)", detail)
        return true
    }

    /// Puts `program` here, in place of the one that is here (NLM_F_REPLACE), without a gap.
    ///
    /// The qdisc must exist. Errors: ENODEV; EINVAL without qdisc or for another type of program.
    public func attach(_ program: borrowing BPFProgram) throws(BPFError) {
        let number = program.descriptor
        let (result, detail) = LibraryLog.gathering {
            bpfshim_tc_attach(
                Int32(bitPattern: interface), isEgress, handle, preference, number, 1)
        }
        try check(result, "bpf_tc_attach", "\(subject) for \(program.subject)", detail)
    }

    /// Takes the filter away; tells whether it was there.
    @discardableResult
    public func detach() throws(BPFError) -> Bool {
        let (result, detail) = LibraryLog.gathering {
            bpfshim_tc_detach(Int32(bitPattern: interface), isEgress, handle, preference)
        }
        if isAbsence(result) { return false }
        try check(result, "bpf_tc_detach", subject, detail)
        return true
    }

    /// The id of the program here; nil if there is no such filter.
    public func programID() throws(BPFError) -> UInt32? {
        var id: UInt32 = 0
        let (result, detail) = LibraryLog.gathering {
            bpfshim_tc_query(Int32(bitPattern: interface), isEgress, handle, preference, &id)
        }
        if isAbsence(result) { return nil }
        try check(result, "bpf_tc_query", subject, detail)
        return id
    }

    /// How many filters, whoever's, hang on the interface's clsact qdisc; 0 without one.
    public static func count(interface: UInt32) throws(BPFError) -> Int {
        var sum = 0
        for direction in Direction.allCases {
            let count = bpfshim_tc_count(
                Int32(bitPattern: interface), direction == .egress ? 1 : 0)
            sum += Int(
                try check(count, "RTM_GETTFILTER", "\(direction) of interface \(interface)"))
        }
        return sum
    }

    private var isEgress: Int32 { direction == .egress ? 1 : 0 }

    /// ENOENT: no such filter; EINVAL: no qdisc that it could be on.
    private func isAbsence(_ result: Int32) -> Bool { result == -ENOENT || result == -EINVAL }
}
