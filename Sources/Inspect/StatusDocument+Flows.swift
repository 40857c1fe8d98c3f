// How full the flow tables are, as status shows it.

package import Datapath
package import Model

extension StatusDocument {
    /// One family's flow table.
    package struct FlowTable: Codable, Sendable, Equatable {
        /// 4 or 6.
        package var family: UInt8
        /// A flow takes two.
        package var entries: Int
        /// The most that it takes; more are refused.
        package var size: Int
        /// 0...100
        package var percent: Int

        package init(family: UInt8, entries: Int, size: Int, percent: Int) {
            self.family = family
            self.entries = entries
            self.size = size
            self.percent = percent
        }
    }

    /// Flow entries that the agent took out since it started.
    package struct RemovedFlows: Codable, Sendable, Equatable {
        /// Silent for long enough.
        package var expired: UInt64
        /// Of those, unanswered ones that went early because the table was nearly full.
        package var early: UInt64
        /// Without their other half.
        package var orphans: UInt64

        package init(expired: UInt64, early: UInt64, orphans: UInt64) {
            self.expired = expired
            self.early = early
            self.orphans = orphans
        }
    }

    /// IPv4 first.
    package mutating func add(_ use: [IPFamily: FlowTableUse]) {
        flowTables = use.sorted { $0.key < $1.key }.map { family, use in
            FlowTable(
                family: family.rawValue, entries: use.entries, size: use.capacity,
                percent: use.percent)
        }
    }

    /// What the collector tells.
    package mutating func add(_ report: FlowCollector.Report) {
        add(report.use)
        removedFlows = RemovedFlows(
            expired: report.removed.expired, early: report.removed.pressed,
            orphans: report.removed.orphans)
    }

    /// The lines of the table.
    var flowLines: [[String]] {
        var lines = flowTables.map {
            ["FLOWS-IPV\($0.family)", "\($0.entries) of \($0.size) entries (\($0.percent) %)"]
        }
        if let removed = removedFlows {
            lines.append([
                "FLOWS-REMOVED",
                "\(removed.expired) entries (\(removed.early) early, \(removed.orphans) orphans)",
            ])
        }
        return lines
    }
}
