// The process that keeps a lab alive. A lab whose owner is dead is a leftover: `down` without a
// name removes it, and so does the next `up` of that name. A pid alone proves nothing, since pids
// come back; pid and start time together do.

import FoundationEssentials
import Glibc
import Linux

/// Who a lab belongs to.
struct LabOwner: Hashable, Sendable, Codable {
    let pid: Int32
    /// Clock ticks after boot (field 22 of /proc/PID/stat).
    let startTime: UInt64
    /// A process that exists only for the lab, so that `down` may end it.
    let servesOnly: Bool

    /// The calling process.
    static func current(servesOnly: Bool) -> LabOwner {
        let pid = getpid()
        return LabOwner(pid: pid, startTime: startTime(of: pid) ?? 0, servesOnly: servesOnly)
    }

    var isAlive: Bool { Self.startTime(of: pid) == startTime }

    /// Nil when there is no such process, or only its remains (a zombie).
    private static func startTime(of pid: Int32) -> UInt64? {
        guard let stat = try? File.readText("/proc/\(pid)/stat"),
            // The second field is the program's name in parentheses, and may hold anything.
            let end = stat.lastIndex(of: ")")
        else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
        return UInt64(fields[19])
    }
}

extension LabOwner {
    /// The owner of a lab; nil when none is known, which is as good as dead.
    static func read(_ paths: LabPaths) -> LabOwner? {
        guard let bytes = try? File.read(paths.owner) else { return nil }
        return try? JSONDecoder().decode(LabOwner.self, from: Data(bytes))
    }

    /// Makes this process the lab's owner for everybody to see.
    func write(_ paths: LabPaths) throws {
        try File.replace(paths.owner, with: Array(try JSONEncoder().encode(self)))
    }
}
