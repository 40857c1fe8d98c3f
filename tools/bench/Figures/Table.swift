// The table that people read: ratios with their spread beside the goals, then what each path cost.
// Absolute numbers stand last and say so: they belong to this machine on this day.

/// The whole report as text.
package func report(figures: [Figure], samples: [Sample]) -> String {
    var text = "Ratios: median of the rounds (smallest–largest), goal and verdict beside.\n\n"
    text += columns(
        [["#", "comparison", "load", "same node", "goal", "", "across nodes", "goal", ""]]
            + lines(figures))
    text += "\n\(tally(figures))\n"
    text += "\nCosts, medians of the rounds: they tell about this machine, not about the paths.\n\n"
    text += columns([["path", "load", "same node", "across nodes", "stalls"]] + costs(samples))
    return text
}

/// How many goals fared how; losses by name.
private func tally(_ figures: [Figure]) -> String {
    func named(_ verdicts: [Verdict]) -> [Figure] {
        figures.filter { figure in figure.verdict.map(verdicts.contains) ?? false }
    }
    let lost = named([.missed, .likelyMissed])
    var text = "Goals: \(named([.met, .likelyMet]).count) met, \(lost.count) missed"
    text += " (a question mark: some round says otherwise)."
    for figure in lost {
        let comparison = figure.comparison
        text +=
            "\n  missed: \(comparison.title), \(comparison.load.rawValue), "
            + comparison.placement.rawValue
    }
    return text
}

private func lines(_ figures: [Figure]) -> [[String]] {
    var order: [String] = []
    var rows: [String: [Placement: Figure]] = [:]
    for figure in figures {
        let key = "\(figure.comparison.row) \(figure.comparison.title) \(figure.comparison.load)"
        if rows[key] == nil { order.append(key) }
        rows[key, default: [:]][figure.comparison.placement] = figure
    }
    return order.compactMap { key in
        guard let row = rows[key], let any = row[.same] ?? row[.across] else { return nil }
        let comparison = any.comparison
        let number = comparison.row == 0 ? "" : "\(comparison.row)"
        return [number, comparison.title, comparison.load.rawValue]
            + cells(row[.same]) + cells(row[.across])
    }
}

private func cells(_ figure: Figure?) -> [String] {
    guard let figure else { return ["", "", ""] }
    let digits = figure.comparison.measure == .ratio ? 2 : 0
    let spread = figure.spread
    let values = [spread.median, spread.minimum, spread.maximum].map { fixed($0, digits) }
    let goal: String
    switch figure.comparison.goal {
    case .atMost(let value): goal = "≤ \(fixed(value, digits))"
    case .atLeast(let value): goal = "≥ \(fixed(value, digits))"
    case nil: goal = ""
    }
    return ["\(values[0]) (\(values[1])–\(values[2]))", goal, figure.verdict?.rawValue ?? ""]
}

private func costs(_ samples: [Sample]) -> [[String]] {
    var order: [[String]] = []
    var found: [[String]: [Sample]] = [:]
    for sample in samples {
        let key = ["\(sample.path)", sample.load.rawValue]
        if found[key] == nil { order.append(key) }
        found[key, default: []].append(sample)
    }
    return order.sorted { ($0[1], $0[0]) < ($1[1], $1[0]) }.map { key in
        let all = found[key] ?? []
        let cells = Placement.allCases.map { placement in
            let costs = all.filter { $0.placement == placement }
                .compactMap { $0.measurement.cost(of: $0.load) }
            guard let spread = Spread(costs) else { return "" }
            let unit = key[1] == Load.bulk.rawValue ? "µs/MiB" : "µs"
            return "\(fixed(spread.median / 1000, 2)) \(unit)"
        }
        let stalls = all.map(\.measurement.stallShare).max() ?? 0
        return key + cells + ["\(fixed(100 * stalls, 1)) %"]
    }
}

/// Left-aligned columns, two spaces apart.
private func columns(_ rows: [[String]]) -> String {
    let widths = (rows.first ?? []).indices.map { column in
        rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
        var line = ""
        for (column, cell) in row.enumerated() {
            line += cell + String(repeating: " ", count: widths[column] - cell.count + 2)
        }
        while line.last == " " { line.removeLast() }
        return line + "\n"
    }.joined()
}

/// A decimal number with so many digits behind the point, rounded.
func fixed(_ value: Double, _ digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let rounded = Int((value.magnitude * scale).rounded())
    let sign = value < 0 && rounded > 0 ? "-" : ""
    guard digits > 0 else { return "\(sign)\(rounded)" }
    let fraction = String(rounded % Int(scale))
    return "\(sign)\(rounded / Int(scale))."
        + String(repeating: "0", count: digits - fraction.count) + fraction
}
