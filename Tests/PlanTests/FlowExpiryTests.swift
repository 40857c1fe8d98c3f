// When a flow is over: one table of protocol, state and silence, both sides of each limit.

import Model
import Plan
import Testing

/// A silence of so many seconds in each direction, and what comes of it.
private struct Case: CustomTestStringConvertible, Sendable {
    var `protocol`: FlowProtocol
    var state: FlowState
    /// Seconds since a packet of this direction, and of the other; nil: there is no partner.
    var own: UInt64
    var other: UInt64?
    var verdict: FlowExpiry.Verdict
    var isUnderPressure = false
    /// Seconds since the flow was made.
    var age: UInt64 = 200_000

    init(
        _ protocol: FlowProtocol, _ state: FlowState, _ own: UInt64, _ other: UInt64?,
        _ verdict: FlowExpiry.Verdict, pressed: Bool = false, age: UInt64 = 200_000
    ) {
        self.protocol = `protocol`
        self.state = state
        self.own = own
        self.other = other
        self.verdict = verdict
        isUnderPressure = pressed
        self.age = age
    }

    var testDescription: String {
        "\(`protocol`) \(state), silent for \(own)/\(other.map { "\($0)" } ?? "no partner") s"
            + (isUnderPressure ? ", pressed" : "") + ": \(verdict)"
    }
}

@Suite("flow expiry") struct FlowExpiryTests {
    static let second: UInt64 = 1_000_000_000
    static let now = 1_000_000 * second

    /// A stamp may be a second behind, hence a limit of 120 s is met at 121.
    private static let cases: [Case] = [
        Case(.tcp, .established, 86_400, 86_400, .keep),
        Case(.tcp, .established, 86_401, 86_401, .expired),
        Case(.tcp, .closeWait, 3_600, 3_600, .keep),
        Case(.tcp, .closeWait, 3_601, 3_601, .expired),
        Case(.tcp, .new, 120, 120, .keep),
        Case(.tcp, .new, 121, 121, .expired),
        Case(.tcp, .closed, 10, 10, .keep),
        Case(.tcp, .closed, 11, 11, .expired),
        Case(.udp, .new, 30, 30, .keep),
        Case(.udp, .new, 31, 31, .expired),
        Case(.udp, .established, 120, 120, .keep),
        Case(.udp, .established, 121, 121, .expired),
        Case(.sctp, .new, 3, 3, .keep),
        Case(.sctp, .new, 4, 4, .expired),
        Case(.sctp, .established, 210, 210, .keep),
        Case(.sctp, .established, 211, 211, .expired),
        Case(.sctp, .closeWait, 3, 3, .keep),
        Case(.sctp, .closeWait, 4, 4, .expired),
        Case(.sctp, .closed, 10, 10, .keep),
        Case(.sctp, .closed, 11, 11, .expired),
        Case(.icmp, .new, 30, 30, .keep),
        Case(.icmp, .established, 31, 31, .expired),
        Case(.icmpv6, .established, 30, 30, .keep),
        Case(.icmpv6, .new, 31, 31, .expired),
        Case(.tcp, .pending, 10, 10, .keep),
        Case(.tcp, .pending, 11, 11, .expired),
        // As young as the younger of both directions.
        Case(.udp, .established, 5_000, 1, .keep),
        Case(.udp, .established, 1, 5_000, .keep),
        Case(.udp, .established, 5_000, 121, .expired),
        // Alone.
        Case(.tcp, .established, 0, nil, .keep, age: 9),
        Case(.tcp, .established, 0, nil, .orphan, age: 10),
        Case(.tcp, .pending, 9, nil, .keep, age: 9),
        // Nearly full: only what nothing answered goes early, and only TCP.
        Case(.tcp, .new, 5, 5, .keep, pressed: true),
        Case(.tcp, .new, 6, 6, .expired, pressed: true),
        Case(.tcp, .new, 6, 1, .keep, pressed: true),
        Case(.udp, .new, 6, 6, .keep, pressed: true),
        Case(.tcp, .established, 6, 6, .keep, pressed: true),
    ]

    @Test("a flow is over when both directions were silent for its timeout", arguments: cases)
    private func verdicts(_ item: Case) {
        func entry(_ silence: UInt64) -> FlowExpiry.Entry {
            FlowExpiry.Entry(
                item.protocol, item.state, created: Self.now - item.age * Self.second,
                lastSeen: Self.now - silence * Self.second)
        }
        let rules = FlowExpiry(FlowTimeouts(), isUnderPressure: item.isUnderPressure)
        let verdict = rules.verdict(entry(item.own), partner: item.other.map(entry), now: Self.now)
        #expect(verdict == item.verdict)
    }

    @Test("a stamp of the future counts as now")
    func future() {
        let entry = FlowExpiry.Entry(
            .tcp, .closed, created: Self.now + Self.second, lastSeen: Self.now + Self.second)
        let rules = FlowExpiry(FlowTimeouts())
        #expect(rules.verdict(entry, partner: entry, now: Self.now) == .keep)
        #expect(rules.verdict(entry, partner: nil, now: Self.now) == .keep)
    }

    @Test("a table counts as pressed from 90 of 100 entries on")
    func pressed() {
        #expect(!FlowExpiry.isPressed(FlowTableUse(entries: 89, capacity: 100)))
        #expect(FlowExpiry.isPressed(FlowTableUse(entries: 90, capacity: 100)))
    }
}
