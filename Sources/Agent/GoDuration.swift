// Durations as Go prints and reads them, which is how Kubernetes' configuration files give them:
// "24h0m0s", "1.5m", "300ms".

/// Reads Go's time.Duration.
enum GoDuration {
    private static let nanoseconds: [(unit: String, count: Double)] = [
        ("ns", 1), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 6e10), ("h", 3.6e12),
    ]

    /// Seconds, rounded up; nil for what Go does not read, for a negative duration and for one of
    /// more than a hundred years.
    static func seconds(_ text: String) -> UInt32? {
        var rest = Substring(text)
        if rest.first == "+" { rest = rest.dropFirst() }
        if rest == "0" { return 0 }
        guard !rest.isEmpty else { return nil }
        var total = 0.0
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(number.count)
            let unit = rest.prefix { !($0.isASCII && ($0.isNumber || $0 == ".")) }
            rest = rest.dropFirst(unit.count)
            guard let value = Double(number),
                let known = nanoseconds.first(where: { $0.unit == unit })
            else { return nil }
            total += value * known.count
        }
        let seconds = (total / 1e9).rounded(.up)
        return seconds <= 100 * 366 * 86_400 ? UInt32(seconds) : nil
    }
}
