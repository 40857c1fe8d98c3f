// The only one who takes flows out of the table: the table is no LRU, so that what is not collected
// stays. It has its own pace, beside the reconciler's, and decides nothing: Plan's FlowExpiry says
// which flow is over, callers say which flows must go.

internal import BPF
internal import CDatapath
internal import Linux
package import Model

/// Passes over both flow tables again and again.
package actor FlowCollector {
    /// A table that began or ceased to be nearly full.
    package struct Pressure: Hashable, Sendable {
        package var family: IPFamily
        package var change: FlowPressure.Change
        package var use: FlowTableUse
    }

    /// What one step came to.
    package struct Turn: Sendable {
        /// Until the next step.
        package var rest: Duration
        package var pressure: [Pressure]
    }

    /// How full the tables are, and what was removed since the start.
    package struct Report: Hashable, Sendable {
        package var use: [IPFamily: FlowTableUse]
        package var removed: FlowsRemoved
    }

    private let maps: MapSet
    private let timeouts: FlowTimeouts
    private let clock: @Sendable () -> UInt64
    private var sweep4: FlowSweep<flow4>
    private var sweep6: FlowSweep<flow6>
    private var pressure: [IPFamily: FlowPressure] = [.v4: FlowPressure(), .v6: FlowPressure()]
    /// Whose table the next step is for.
    private var family = IPFamily.v4
    private var passBegan: UInt64
    private var steps = 0

    /// - Parameter clock: CLOCK_MONOTONIC in nanoseconds, the programs' own.
    init(maps: MapSet, timeouts: FlowTimeouts, clock: @escaping @Sendable () -> UInt64) {
        self.maps = maps
        self.timeouts = timeouts
        self.clock = clock
        sweep4 = FlowSweep(maps.flows4)
        sweep6 = FlowSweep(maps.flows6)
        passBegan = clock()
    }

    /// Looks at up to 4,096 entries and removes what is over. To be called again after `rest`.
    ///
    /// Errors: `kernel`; what is left of the step waits for the next pass.
    package func step() throws(DatapathError) -> Turn {
        let isLast = try asDatapath { () throws(BPFError) in
            switch family {
            case .v4: try sweep4.step(maps.flows4, timeouts, now: clock)
            case .v6: try sweep6.step(maps.flows6, timeouts, now: clock)
            }
        }
        steps += 1
        var turn = Turn(rest: .zero, pressure: [])
        if isLast {
            let use = use(family)
            if let change = pressure[family]?.observe(use) {
                turn.pressure.append(Pressure(family: family, change: change, use: use))
            }
        }
        let now = clock()
        turn.rest = FlowPace.rest(
            elapsed: .nanoseconds(now > passBegan ? Int64(clamping: now - passBegan) : 0),
            steps: steps, expected: expectedSteps,
            isPressed: sweep4.isPressed || sweep6.isPressed)
        if isLast { passEnded(turn.rest) }
        return turn
    }

    /// A pass is IPv4's and then IPv6's table; the next one begins when this one's rest is over.
    private func passEnded(_ rest: Duration) {
        guard family == .v6 else {
            family = .v6
            return
        }
        family = .v4
        steps = 0
        passBegan = clock() + UInt64(max(0, rest / .nanoseconds(1)))
    }

    /// Whether the next step begins a pass.
    var isAtStart: Bool { family == .v4 && steps == 0 }

    private var expectedSteps: Int {
        [use(.v4), use(.v6)].reduce(0) { $0 + $1.entries / FlowSweep<flow4>.stepLimit + 1 }
    }

    private func use(_ family: IPFamily) -> FlowTableUse {
        family == .v4 ? sweep4.use : sweep6.use
    }

    /// As of the last whole pass.
    package func report() -> Report {
        Report(
            use: [.v4: sweep4.use, .v6: sweep6.use], removed: sweep4.removed + sweep6.removed)
    }

    // MARK: Flows that must go

    /// Removes every flow in which the address has a part, on either side, before or after the
    /// translation: its pod is gone, and the next one with this address is another. Returns how
    /// many entries went. Reads the whole table of the address's family.
    package func purge(pod address: IPAddress) throws(DatapathError) -> Int {
        let probe = FlowTuple(.udp, address, 0, to: address, 0)
        return try asDatapath { () throws(BPFError) in
            switch address.family {
            case .v4:
                try maps.flows4.removeFlows { [key = flow4.key(probe)] in
                    flow4.shares(addressesOf: key, $0.key)
                        || flow4.shares(addressesOf: key, $0.record.translated($0.key))
                }
            case .v6:
                try maps.flows6.removeFlows { [key = flow6.key(probe)] in
                    flow6.shares(addressesOf: key, $0.key)
                        || flow6.shares(addressesOf: key, $0.record.translated($0.key))
                }
            }
        }
    }

    /// Removes the UDP flows to a backend that is gone: their clients keep sending and never ask
    /// again. Returns how many entries went. Reads the whole table of the backend's family.
    package func purgeUDP(to address: IPAddress, port: UInt16) throws(DatapathError) -> Int {
        let probe = FlowTuple(.udp, address, port, to: address, port)
        return try asDatapath { () throws(BPFError) in
            switch address.family {
            case .v4:
                try maps.flows4.removeFlows { [key = flow4.key(probe)] in
                    !$0.isReply && flow4.goes(to: key, $0.record.translated($0.key))
                }
            case .v6:
                try maps.flows6.removeFlows { [key = flow6.key(probe)] in
                    !$0.isReply && flow6.goes(to: key, $0.record.translated($0.key))
                }
            }
        }
    }
}
