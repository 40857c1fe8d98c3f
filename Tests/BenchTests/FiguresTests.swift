// From samples to ratios and verdicts: the arithmetic that every published number goes through.

import Testing

@testable import BenchFigures

@Suite struct FiguresTests {
    private func sample(
        _ round: Int, _ path: Path, _ p50: UInt64, load: Load = .requestResponse
    ) -> Sample {
        let measurement = Measurement(
            count: 1000, bytes: 1 << 20, wallNs: 1, cpuNs: p50, minNs: p50, p10Ns: p50, p50Ns: p50,
            p90Ns: p50, p99Ns: p50, stalls: 0)
        return Sample(
            round: round, path: path, placement: .same, load: load, measurement: measurement)
    }

    private let ours = Path(.ours(services: 5000), .service)
    private let bare = Path(.bare, .pod)

    private func line(_ goal: Goal?, _ measure: Measure = .ratio) -> Comparison {
        Comparison(
            row: 3, title: "", over: bare, under: ours, placement: .same, load: .requestResponse,
            measure: measure, goal: goal)
    }

    @Test("a ratio is made within each round, so a slow round does not spoil it")
    func withinRounds() throws {
        let samples = [
            sample(1, bare, 150), sample(1, ours, 100),
            sample(2, bare, 600), sample(2, ours, 400),
            sample(3, bare, 160), sample(3, ours, 100),
        ]
        let figure = try #require(figures(of: [line(.atLeast(1.25))], samples: samples).first)
        #expect(figure.spread == Spread([1.5, 1.5, 1.6]))
        #expect(figure.spread.rounds == 3)
        #expect(figure.verdict == .met)
    }

    @Test("a round that lacks one side counts for nothing, and no common round gives no figure")
    func halfRounds() throws {
        let samples = [sample(1, bare, 150), sample(1, ours, 100), sample(2, bare, 999)]
        let figure = try #require(figures(of: [line(nil)], samples: samples).first)
        #expect(figure.spread.rounds == 1)
        #expect(figure.verdict == nil)
        #expect(figures(of: [line(nil)], samples: [sample(1, bare, 1), sample(2, ours, 1)]) == [])
    }

    @Test("a difference is in nanoseconds and may be negative")
    func differences() throws {
        let samples = [sample(1, bare, 90), sample(1, ours, 100)]
        let figure = try #require(figures(of: [line(nil, .difference)], samples: samples).first)
        #expect(figure.spread.median == -10)
    }

    @Test(
        "a verdict is certain only when every round agrees",
        arguments: [
            ([1.3, 1.4, 1.5], Verdict.met), ([1.2, 1.4, 1.5], .likelyMet),
            ([1.1, 1.2, 1.5], .likelyMissed), ([1.0, 1.1, 1.2], .missed),
        ])
    func verdicts(values: [Double], expected: Verdict) throws {
        let spread = try #require(Spread(values))
        #expect(Goal.atLeast(1.25).verdict(spread) == expected)
        let mirrored = try #require(Spread(values.map { -$0 }))
        #expect(Goal.atMost(-1.25).verdict(mirrored) == expected)
    }

    @Test("bulk costs CPU time a byte, the others their median time")
    func costs() {
        let one = sample(1, bare, 500).measurement
        #expect(one.cost(of: .requestResponse) == 500)
        #expect(one.cost(of: .bulk) == 500)
        var empty = one
        empty.bytes = 0
        #expect(empty.cost(of: .bulk) == nil)
        empty.count = 0
        #expect(empty.cost(of: .requestResponse) == nil)
    }

    @Test("slices add up, and one slow slice does not move the median")
    func slices() throws {
        let parts = [100, 900, 110].map { sample(1, bare, $0).measurement }
        let whole = try #require(Measurement(merging: parts))
        #expect(whole.count == 3000)
        #expect(whole.cpuNs == 1110)
        #expect(whole.p50Ns == 110)
        #expect(whole.minNs == 100)
        #expect(Measurement(merging: []) == nil)
    }

    @Test("only lines whose two paths were measured are in the report")
    func lines() {
        let few = comparisons(paths: [ours, bare], services: 5000, small: 10, large: 5000)
        #expect(few.allSatisfy { Set([$0.over, $0.under]).isSubset(of: [ours, bare]) })
        #expect(few.contains { $0.row == 3 })
        #expect(!few.contains { $0.row == 4 })
    }
}

@Suite struct TableTests {
    private func figure(_ median: Double, _ goal: Goal?, _ placement: Placement) throws -> Figure {
        let path = Path(.ours(services: 10), .service)
        let comparison = Comparison(
            row: 1, title: "service ÷ direct", over: path, under: Path(.bare, .pod),
            placement: placement, load: .requestResponse, measure: .ratio, goal: goal)
        let spread = try #require(Spread([median, median + 0.01]))
        return Figure(comparison: comparison, spread: spread, verdict: goal?.verdict(spread))
    }

    @Test("the table names what was lost, and puts both placements on one line")
    func losses() throws {
        let text = report(
            figures: [
                try figure(1.02, .atMost(1.05), .same), try figure(1.2, .atMost(1.05), .across),
            ], samples: [])
        #expect(text.contains("Goals: 1 met, 1 missed"))
        #expect(text.contains("missed: service ÷ direct, rr, across"))
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("1  service") })
        #expect(line.contains("≤ 1.05  met"))
        #expect(line.hasSuffix("missed"))
    }

    @Test(
        "numbers are rounded, also across the point",
        arguments: [(1.996, 2, "2.00"), (0.05, 2, "0.05"), (-1.26, 1, "-1.3"), (12.4, 0, "12")])
    func rounding(value: Double, digits: Int, expected: String) {
        #expect(fixed(value, digits) == expected)
    }
}
