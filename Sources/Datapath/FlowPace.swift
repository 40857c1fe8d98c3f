// When the collector takes its next step, and when the tables' filling is worth a word. Pure.

package import Model

/// Spreads a pass over the flow tables evenly over time, so that each entry is seen at least every
/// 10 s and no CPU is held for long.
struct FlowPace: Hashable, Sendable {
    /// A pass is over so long after it began, if the machine keeps up: two passes are 8 s, which
    /// leaves 2 s for what is slow.
    static let pass = Duration.seconds(4)
    /// The same while a table is nearly full: what may go early is found early.
    static let pressedPass = Duration.seconds(1)

    /// How long to rest before the next step.
    ///
    /// - Parameters:
    ///   - elapsed: since the pass began.
    ///   - steps: that it has taken.
    ///   - expected: that it takes in all, as far as the last one tells. It may take more: what
    ///     is left when its time is over is done without rest.
    static func rest(
        elapsed: Duration, steps: Int, expected: Int, isPressed: Bool
    ) -> Duration {
        let length = isPressed ? pressedPass : pass
        let due = length * min(steps, max(expected, 1)) / max(expected, 1)
        return max(.zero, due - elapsed)
    }
}

/// Tells when a table begins to be nearly full, and when that is over.
package struct FlowPressure: Hashable, Sendable {
    /// What changed.
    package enum Change: Hashable, Sendable {
        case began
        case ended
    }

    /// Percent of a table's entries from which on an operator should know.
    package static let warningPercent = 80
    /// Percent under which it is over: not the same number, or a table at the edge would chatter.
    package static let reliefPercent = 70

    /// Whether it began and has not ended.
    package private(set) var isWarned = false

    package init() {}

    /// Takes notice of how full the table is.
    package mutating func observe(_ use: FlowTableUse) -> Change? {
        if !isWarned, use.entries * 100 >= use.capacity * Self.warningPercent {
            isWarned = true
            return .began
        }
        if isWarned, use.entries * 100 < use.capacity * Self.reliefPercent {
            isWarned = false
            return .ended
        }
        return nil
    }
}
