// Two paths set against each other, and what was promised about them. Both are measured in the same
// round: a ratio is made within a round and only then put into a median, so that a machine that
// slows down for a while slows both.

/// What a ratio or difference should be.
package enum Goal: Hashable, Sendable {
    case atMost(Double)
    case atLeast(Double)

    /// Met or missed by the whole spread; unclear where the goal lies within it.
    func verdict(_ spread: Spread) -> Verdict {
        let (isMet, isMissed) =
            switch self {
            case .atMost(let goal): (spread.maximum <= goal, spread.minimum > goal)
            case .atLeast(let goal): (spread.minimum >= goal, spread.maximum < goal)
            }
        if isMet { return .met }
        if isMissed { return .missed }
        switch self {
        case .atMost(let goal): return spread.median <= goal ? .likelyMet : .likelyMissed
        case .atLeast(let goal): return spread.median >= goal ? .likelyMet : .likelyMissed
        }
    }
}

/// How a goal fared.
package enum Verdict: String, Hashable, Sendable {
    case met
    /// By the median; some round says otherwise.
    case likelyMet = "met?"
    case likelyMissed = "missed?"
    case missed
}

/// How two costs become one number.
package enum Measure: String, Hashable, Sendable {
    /// cost(over) ÷ cost(under).
    case ratio
    /// cost(over) − cost(under), in ns.
    case difference
}

/// One line of the report.
package struct Comparison: Hashable, Sendable {
    /// The row of the table of goals, 0 for what no goal speaks of.
    package let row: Int
    package let title: String
    package let over: Path
    package let under: Path
    package let placement: Placement
    package let load: Load
    package let measure: Measure
    package let goal: Goal?
}

/// A comparison with what came of it.
package struct Figure: Hashable, Sendable {
    package let comparison: Comparison
    package let spread: Spread
    /// Nil where there is no goal.
    package let verdict: Verdict?
}

/// The comparisons for which both sides were measured in at least one common round.
package func figures(of comparisons: [Comparison], samples: [Sample]) -> [Figure] {
    var costs: [Key: [Int: Double]] = [:]
    for sample in samples {
        let key = Key(path: sample.path, placement: sample.placement, load: sample.load)
        costs[key, default: [:]][sample.round] = sample.measurement.cost(of: sample.load)
    }
    return comparisons.compactMap { comparison in
        let (placement, load) = (comparison.placement, comparison.load)
        let over = costs[Key(path: comparison.over, placement: placement, load: load)] ?? [:]
        let under = costs[Key(path: comparison.under, placement: placement, load: load)] ?? [:]
        let values: [Double] = over.compactMap { round, cost in
            guard let other = under[round], other > 0 else { return nil }
            return comparison.measure == .ratio ? cost / other : cost - other
        }
        guard let spread = Spread(values) else { return nil }
        return Figure(
            comparison: comparison, spread: spread, verdict: comparison.goal?.verdict(spread))
    }
}

private struct Key: Hashable {
    let path: Path
    let placement: Placement
    let load: Load
}
