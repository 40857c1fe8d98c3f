// What a number depends on and a reader cannot see: kernel, processor, tools.

import BenchFigures
import BenchLoop
import FoundationEssentials
import Glibc
import Linux
import Model

/// Facts about this machine, as text for the record.
enum Machine {
    static var cpuCount: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    /// The first line of a run's file.
    static func describe(_ schedule: Schedule, revision: String?) async throws -> RunLine {
        let iptables = try? await Command(["iptables", "--version"]).perform()
        let model = try File.readText("/proc/cpuinfo").split(separator: "\n")
            .first { $0.hasPrefix("model name") }
            .map { $0.drop { $0 != ":" }.dropFirst(2) }
        return RunLine(
            startedAt: Date().formatted(.iso8601),
            revision: revision ?? ProcessInfo.processInfo.environment["NEEDLETAIL_REVISION"]
                ?? "unknown",
            kernel: try File.readText("/proc/sys/kernel/osrelease").filter { !$0.isNewline },
            cpu: model.map(String.init) ?? "unknown", cpuCount: cpuCount,
            iptables: iptables?.output.filter { !$0.isNewline } ?? "none",
            loopCompiler: String(cString: bench_compiler()),
            family: Int(schedule.family.rawValue), rounds: schedule.rounds,
            milliseconds: schedule.milliseconds, slices: schedule.slices,
            paths: schedule.paths.map(\.description),
            loads: schedule.loads.map(\.rawValue))
    }
}
