// Sets of ports as the kernel writes them in `ip_local_reserved_ports`: "8080,40960-65535".

/// Ports as ascending ranges that neither overlap nor touch.
package struct PortList: Hashable, Sendable, CustomStringConvertible {
    package private(set) var ranges: [ClosedRange<UInt16>] = []

    package init() {}

    package init(_ range: ClosedRange<UInt16>) { ranges = [range] }

    /// Nil when a part is neither a port nor a range of ports. Empty text is the empty list.
    package init?(_ text: String) {
        for part in text.split(separator: ",") {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
            let numbers = ends.compactMap { UInt16($0.filter { !$0.isWhitespace }) }
            guard ends.count <= 2, numbers.count == ends.count, let first = numbers.first,
                let last = numbers.last, first <= last
            else { return nil }
            insert(first...last)
        }
    }

    package var description: String {
        ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ",")
    }

    /// O(ranges).
    package func contains(_ port: UInt16) -> Bool { ranges.contains { $0.contains(port) } }

    /// Adds ports. O(ranges).
    package mutating func insert(_ range: ClosedRange<UInt16>) {
        // In Int, so that the ends of UInt16 have neighbours.
        var low = Int(range.lowerBound)
        var high = Int(range.upperBound)
        var kept: [ClosedRange<UInt16>] = []
        for other in ranges {
            if Int(other.upperBound) + 1 < low || Int(other.lowerBound) > high + 1 {
                kept.append(other)
            } else {
                low = min(low, Int(other.lowerBound))
                high = max(high, Int(other.upperBound))
            }
        }
        kept.append(UInt16(low)...UInt16(high))
        ranges = kept.sorted { $0.lowerBound < $1.lowerBound }
    }

    /// Takes ports out. O(ranges).
    package mutating func remove(_ range: ClosedRange<UInt16>) {
        ranges = ranges.flatMap { other -> [ClosedRange<UInt16>] in
            guard other.overlaps(range) else { return [other] }
            var rest: [ClosedRange<UInt16>] = []
            if other.lowerBound < range.lowerBound {
                rest.append(other.lowerBound...range.lowerBound - 1)
            }
            if other.upperBound > range.upperBound {
                rest.append(range.upperBound + 1...other.upperBound)
            }
            return rest
        }
    }

    /// The ports of this list that are not in the other.
    package func subtracting(_ other: PortList) -> PortList {
        var rest = self
        for range in other.ranges { rest.remove(range) }
        return rest
    }

    /// The ports of both. O(ranges²).
    package func union(_ other: PortList) -> PortList {
        var all = self
        for range in other.ranges { all.insert(range) }
        return all
    }
}
