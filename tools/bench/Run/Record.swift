// The file that outlives the run: one JSON object a line, with everything that is needed to make
// the table again, or to doubt it.

import BenchFigures
import FoundationEssentials
import Glibc
import Linux

/// Writes JSON lines; each is in the file when `write` returns.
final class Record {
    private let file: FileDescriptor
    private let path: String
    private let encoder = JSONEncoder()

    /// Makes the file, or empties it.
    init(_ path: String) throws {
        self.path = path
        file = try FileDescriptor(
            opening: path, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    }

    func write(_ line: some Encodable) throws {
        try file.writeAll(Array(try encoder.encode(line)) + [10], subject: path)
    }
}

/// Where and how the run was made.
struct RunLine: Encodable {
    let kind = "run"
    var startedAt: String
    var revision: String
    var kernel: String
    var cpu: String
    var cpuCount: Int
    var iptables: String
    /// Of the measuring loops.
    var loopCompiler: String
    var family: Int
    var rounds: Int
    var milliseconds: Int
    var slices: Int
    var paths: [String]
    var loads: [String]
}

/// What proved that a path is what its name says.
struct EvidenceLine: Encodable {
    let kind = "evidence"
    var path: String
    var placement: String
    var seen: String
}

/// One slice of a round of one path; times in ns.
struct SampleLine: Encodable {
    let kind = "sample"
    var round: Int
    var slice: Int
    var path: String
    var placement: String
    var load: String
    var measurement: Measurement

    init(_ sample: Sample, slice: Int) {
        self.slice = slice
        round = sample.round
        path = "\(sample.path)"
        placement = sample.placement.rawValue
        load = sample.load.rawValue
        measurement = sample.measurement
    }
}

/// One line of the table.
struct FigureLine: Encodable {
    let kind = "figure"
    var row: Int
    var title: String
    var over: String
    var under: String
    var placement: String
    var load: String
    var measure: String
    var median: Double
    var minimum: Double
    var maximum: Double
    var rounds: Int
    var goal: String?
    var verdict: String?

    init(_ figure: Figure) {
        let comparison = figure.comparison
        row = comparison.row
        title = comparison.title
        over = "\(comparison.over)"
        under = "\(comparison.under)"
        placement = comparison.placement.rawValue
        load = comparison.load.rawValue
        measure = comparison.measure.rawValue
        median = figure.spread.median
        minimum = figure.spread.minimum
        maximum = figure.spread.maximum
        rounds = figure.spread.rounds
        goal = comparison.goal.map { "\($0)" }
        verdict = figure.verdict?.rawValue
    }
}
