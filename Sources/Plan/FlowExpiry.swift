// Whether a flow is over. Pure: the collector in Datapath asks for each entry that it passes, and
// does what the answer says. An entry's own silence is not enough: a one-way stream refreshes one
// direction only, and the flow is as young as the younger of the two.

package import Model

/// The rules of one pass over the flow table.
package struct FlowExpiry: Hashable, Sendable {
    /// What to do with an entry.
    package enum Verdict: Hashable, Sendable {
        case keep
        /// The flow was silent for long enough in both directions.
        case expired
        /// The other direction is missing, and was not just being written.
        case orphan
    }

    /// The part of an entry that the rules look at.
    package struct Entry: Hashable, Sendable {
        package var `protocol`: FlowProtocol
        package var state: FlowState
        /// CLOCK_MONOTONIC, nanoseconds.
        package var created: UInt64
        /// CLOCK_MONOTONIC, nanoseconds.
        package var lastSeen: UInt64

        package init(
            _ protocol: FlowProtocol, _ state: FlowState, created: UInt64, lastSeen: UInt64
        ) {
            self.protocol = `protocol`
            self.state = state
            self.created = created
            self.lastSeen = lastSeen
        }
    }

    /// The programs refresh a stamp when it is a second old, so an entry may be a second younger
    /// than it looks.
    package static let stampLag: UInt64 = 1_000_000_000
    /// Both entries of a flow are written within microseconds: a lone one so old is left over.
    package static let orphanAge: UInt64 = 10_000_000_000
    /// TCP flows that nothing answered leave first when the table fills up: a client sends its SYN
    /// again after 1 and 3 s, so that one older than 5 s is hardly missed.
    package static let pressedNewSeconds: UInt32 = 5
    /// From here on the table is under pressure, of the entries that it takes.
    package static let pressurePercent = 90

    package var timeouts: FlowTimeouts
    package var isUnderPressure: Bool

    package init(_ timeouts: FlowTimeouts, isUnderPressure: Bool = false) {
        self.timeouts = timeouts
        self.isUnderPressure = isUnderPressure
    }

    /// Whether the table counts as pressed.
    package static func isPressed(_ use: FlowTableUse) -> Bool {
        use.entries * 100 >= use.capacity * pressurePercent
    }

    /// Seconds of silence that such a flow may have.
    package func seconds(_ protocol: FlowProtocol, _ state: FlowState) -> UInt32 {
        let usual = timeouts.seconds(`protocol`, state)
        return isUnderPressure && `protocol` == .tcp && state == .new
            ? min(usual, Self.pressedNewSeconds) : usual
    }

    /// Whether this entry alone has been silent for long enough. If not, its flow lives and its
    /// partner need not be looked up. A stamp of the future counts as now.
    package func isSilent(_ entry: Entry, now: UInt64) -> Bool {
        let limit = UInt64(seconds(entry.protocol, entry.state)) * 1_000_000_000 + Self.stampLag
        return now > entry.lastSeen && now - entry.lastSeen >= limit
    }

    /// - Parameter partner: the flow's other direction, nil if the table has none.
    package func verdict(_ entry: Entry, partner: Entry?, now: UInt64) -> Verdict {
        guard let partner else {
            let isOld = now > entry.created && now - entry.created >= Self.orphanAge
            return isOld ? .orphan : .keep
        }
        return isSilent(entry, now: now) && isSilent(partner, now: now) ? .expired : .keep
    }
}
