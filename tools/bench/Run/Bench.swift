// `needletail-bench`: measures our paths beside their rivals, on labs that it makes itself, and
// prints where we win and where we lose. The method is in docs/benchmark.md; this file is options
// and the order of things.

import ArgumentParser
import BenchFigures
import BenchLoop
import FoundationEssentials
import Glibc
import Lab
import Linux
import Model

@main
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "needletail-bench",
        abstract: "Measure Needletail beside kube-proxy and the bare kernel.",
        discussion: "Needs root. Makes one lab of network namespaces for each topology.",
        subcommands: [Measure.self, Worker.self], defaultSubcommand: Measure.self)
}

struct Measure: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Measure and print the ratios.")

    @Option(help: "Rounds; each measures every path once.") var rounds: Int?
    @Option(help: "Seconds for one path, placement and load in one round.") var seconds: Double?
    @Option(help: "4 or 6.") var family: UInt8 = 4
    @Option(help: "Services of our topology and of the larger kube-proxy one.") var services = 5000
    @Option(help: "Services of the smaller kube-proxy topology.") var fewServices = 10
    @Option(help: "Only these paths, comma-separated: bare/pod, ours/service, ipt-10/service …")
    var only: String?
    @Option(help: "Only these loads, comma-separated: rr, crr, bulk, connect.") var loads: String?
    @Option(help: "File for raw samples, as JSON lines.") var out: String?
    @Option(help: "The agent's binary; default: needletail beside this program.")
    var needletail: String?
    @Option(help: "The revision that is measured, for the record.") var revision: String?
    @Option(help: "CPU for the measuring thread; default: the last one.") var cpu: Int?
    @Flag(help: "A few paths, a few seconds: for a demonstration, not for a verdict.")
    var quick = false

    func run() async throws {
        guard let family = IPFamily(rawValue: family) else {
            throw ValidationError("--family is 4 or 6")
        }
        let executable = try FileManager.default.destinationOfSymbolicLink(
            atPath: "/proc/self/exe")
        let folder = executable.prefix(upTo: executable.lastIndex(of: "/") ?? executable.endIndex)
        let needletail = needletail ?? "\(folder)/needletail"
        let schedule = try makeSchedule(family)
        let directory = "/run/needletail-bench.\(getpid())"
        try Directory.create(directory)
        defer { try? FileManager.default.removeItem(atPath: directory) }

        var beds: [Topology: Testbed] = [:]
        do {
            for topology in schedule.paths.map(\.topology) where beds[topology] == nil {
                note("up: \(topology)")
                beds[topology] = try await Testbed.up(
                    topology, family: family, needletail: needletail, directory: directory)
            }
            try await measure(Measuring(schedule: schedule, beds: beds, executable: executable))
        } catch {
            for bed in beds.values { try? await bed.down() }
            throw error
        }
        for bed in beds.values { try await bed.down() }
    }

    private func measure(_ measuring: Measuring) async throws {
        let schedule = measuring.schedule
        let record = try out.map { try Record($0) }
        try record?.write(try await Machine.describe(schedule, revision: revision))
        for (path, placement, text) in try await measuring.evidence() {
            note("\(path), \(placement.rawValue): \(text)")
            try record?.write(
                EvidenceLine(path: "\(path)", placement: placement.rawValue, seen: text))
        }
        var round = 0
        let samples = try await measuring.samples { sample, slice in
            if sample.round != round {
                round = sample.round
                note("round \(round) of \(schedule.rounds)")
            }
            try record?.write(SampleLine(sample, slice: slice))
        }
        let lines = comparisons(
            paths: Set(schedule.paths), services: quick ? fewServices : services,
            small: fewServices,
            large: services)
        let figures = figures(of: lines, samples: samples)
        for figure in figures { try record?.write(FigureLine(figure)) }
        print(report(figures: figures, samples: samples), terminator: "")
    }

    private func makeSchedule(_ family: IPFamily) throws -> Schedule {
        var paths: [Path]
        if quick {
            paths = [
                Path(.bare, .pod), Path(.kubeProxy(services: fewServices), .service),
                Path(.ours(services: fewServices), .pod),
                Path(.ours(services: fewServices), .service),
            ]
        } else {
            paths = [
                Path(.bare, .pod), Path(.bareAgain, .pod), Path(.cni, .pod), Path(.limit, .pod),
                Path(.ours(services: services), .pod), Path(.ours(services: services), .service),
                Path(.kubeProxy(services: fewServices), .service),
                Path(.kubeProxy(services: services), .service),
            ]
        }
        // The CNI has no chains of its own in IPv6: that topology would be `bare`.
        if family == .v6 { paths.removeAll { $0.topology == .cni } }
        if let only {
            let names = Set(only.split(separator: ",").map(String.init))
            let unknown = names.subtracting(paths.map(\.description))
            guard unknown.isEmpty else {
                throw ValidationError("no such path: \(unknown.sorted().joined(separator: ", "))")
            }
            paths = paths.filter { names.contains($0.description) }
        }
        var wanted = quick ? [Load.requestResponse, .connectRequestResponse] : Load.allCases
        if let loads {
            wanted = try loads.split(separator: ",").map { name in
                guard let load = Load(rawValue: String(name)) else {
                    throw ValidationError("no such load: \(name)")
                }
                return load
            }
        }
        let rounds = rounds ?? (quick ? 3 : 5)
        let milliseconds = Int((seconds ?? (quick ? 0.2 : 2)) * 1000)
        guard !paths.isEmpty, !wanted.isEmpty, rounds > 0, milliseconds > 0 else {
            throw ValidationError("nothing to measure")
        }
        return Schedule(
            paths: paths, loads: wanted, family: family, rounds: rounds,
            milliseconds: milliseconds, slices: quick ? 1 : 5, cpu: cpu ?? Machine.cpuCount - 1)
    }
}

/// Progress, for whoever waits: not data.
func note(_ text: String) {
    let line = "\(text)\n"
    _ = Glibc.write(STDERR_FILENO, line, line.utf8.count)
}
