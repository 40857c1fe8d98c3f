// One run of one path: what the C loop returned, and the one number of it that is compared.

/// What a measuring run of a few seconds saw. Times in nanoseconds.
package struct Measurement: Hashable, Sendable, Codable {
    /// Transactions, or bulk steps.
    package var count: UInt64
    /// Bytes that the server received.
    package var bytes: UInt64
    package var wallNs: UInt64
    /// CPU time of the thread, softirq inside its system calls included.
    package var cpuNs: UInt64
    package var minNs: UInt64
    package var p10Ns: UInt64
    package var p50Ns: UInt64
    package var p90Ns: UInt64
    package var p99Ns: UInt64
    /// Times that data was not there when the call that sent it returned: a run with many did not
    /// measure the path alone.
    package var stalls: UInt64

    package init(
        count: UInt64, bytes: UInt64, wallNs: UInt64, cpuNs: UInt64, minNs: UInt64, p10Ns: UInt64,
        p50Ns: UInt64, p90Ns: UInt64, p99Ns: UInt64, stalls: UInt64
    ) {
        self.count = count
        self.bytes = bytes
        self.wallNs = wallNs
        self.cpuNs = cpuNs
        self.minNs = minNs
        self.p10Ns = p10Ns
        self.p50Ns = p50Ns
        self.p90Ns = p90Ns
        self.p99Ns = p99Ns
        self.stalls = stalls
    }

    /// What is compared, lower is better: ns a transaction, or CPU ns a MiB for bulk. Nil when
    /// nothing got through.
    package func cost(of load: Load) -> Double? {
        guard count > 0 else { return nil }
        guard load == .bulk else { return Double(p50Ns) }
        return bytes > 0 ? Double(cpuNs) * 1_048_576 / Double(bytes) : nil
    }

    /// Several slices of one run as one: sums, and the median slice's times. Slices of a path are
    /// taken in turn with other paths', so that a machine that slows down for a second slows all.
    package init?(merging slices: [Measurement]) {
        guard !slices.isEmpty else { return nil }
        func sum(_ field: KeyPath<Measurement, UInt64>) -> UInt64 {
            slices.reduce(0) { $0 + $1[keyPath: field] }
        }
        func middle(_ field: KeyPath<Measurement, UInt64>) -> UInt64 {
            slices.map { $0[keyPath: field] }.sorted()[slices.count / 2]
        }
        self.init(
            count: sum(\.count), bytes: sum(\.bytes), wallNs: sum(\.wallNs), cpuNs: sum(\.cpuNs),
            minNs: slices.map(\.minNs).min() ?? 0, p10Ns: middle(\.p10Ns), p50Ns: middle(\.p50Ns),
            p90Ns: middle(\.p90Ns), p99Ns: middle(\.p99Ns), stalls: sum(\.stalls))
    }

    /// Share of transactions that had to wait for a softirq that was put off.
    package var stallShare: Double { count > 0 ? Double(stalls) / Double(count) : 0 }
}

/// A measurement with where it belongs.
package struct Sample: Hashable, Sendable {
    package let round: Int
    package let path: Path
    package let placement: Placement
    package let load: Load
    package let measurement: Measurement

    package init(
        round: Int, path: Path, placement: Placement, load: Load, measurement: Measurement
    ) {
        self.round = round
        self.path = path
        self.placement = placement
        self.load = load
        self.measurement = measurement
    }
}

/// Median, minimum and maximum over rounds.
package struct Spread: Hashable, Sendable {
    package let median: Double
    package let minimum: Double
    package let maximum: Double
    package let rounds: Int

    /// Nil for no values. The median of an even number is the mean of the middle two.
    package init?(_ values: [Double]) {
        let sorted = values.sorted()
        guard let first = sorted.first, let last = sorted.last else { return nil }
        let middle = sorted.count / 2
        median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
        minimum = first
        maximum = last
        rounds = sorted.count
    }
}
