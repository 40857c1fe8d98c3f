// When things happen: folds what sources observe, knows what is dirty, and drives it through
// Resolve and Plan to whoever applies. Decides nothing about Services or pods itself.
// Actors are re-entrant: while a pass waits for its writes, observations go on being folded, and
// what they touch is dirty again for the next pass. Only one pass is ever under way.

package import Logging
package import Model
package import Plan

/// The one owner of the state: observe → resolve → plan → apply.
package actor Reconciler {
    let applier: any OperationApplier
    let requests: Requests
    let pace: Pace
    let timekeeper: Timekeeper
    let log: Logger

    /// Everything that was observed.
    package internal(set) var snapshot: Snapshot
    /// What the node should do, as last resolved.
    package internal(set) var desired = Desired()
    /// Nil until the maps were read.
    var planner: Planner?
    var networkFold: NetworkFold
    var backlog = Backlog()
    var neighborAsking: NeighborAsking
    var counters = ReconcilerCounters()

    /// The observation that asked for a full pass, nil when none is due.
    var fullPassRequest: UInt64?
    var sequence: UInt64 = 0
    var isReady = false
    /// Everything that the sources told at first is programmed, or was refused again and again.
    var hasTriedAll = false
    var lastPass: Duration?
    /// The last pass in which nothing of the family failed.
    var lastSuccess: [IPFamily: Duration] = [:]
    /// What was handed on last; only Services that have health ports.
    var servedHealthPorts: [ObjectName: [DesiredHealthPort]] = [:]
    var lastHeard: [Source: Duration] = [:]
    var nextAudit: Duration
    var nextProgramQuery: Duration
    var interfacesToQuery: Set<UInt32> = []
    var nextRestore: Duration = .zero
    var restoreFailures = 0

    // The run loop's bed: who rings while it is awake keeps it from lying down.
    private var sleeper: CheckedContinuation<Void, Never>?
    private var isRung = false
    private var hasEnded = false
    private var settleWaiters: [UInt64: SettleWaiter] = [:]
    private var nextWaiter: UInt64 = 0

    /// What somebody waits for.
    private enum Goal {
        case settled(UInt64)
        case ready
        case tried
    }

    private struct SettleWaiter {
        var goal: Goal
        var continuation: CheckedContinuation<Void, any Error>
    }

    /// Nothing happens before `run` or `turn` is called, but observations are taken.
    package init(
        settings: Settings, applier: any OperationApplier, requests: Requests,
        pace: Pace = Pace(), clock: some Clock<Duration> = ContinuousClock(), log: Logger
    ) {
        self.applier = applier
        self.requests = requests
        self.pace = pace
        self.log = log
        timekeeper = Timekeeper(clock)
        snapshot = Snapshot(settings: settings)
        networkFold = NetworkFold(pace: pace)
        let now = timekeeper.now()
        neighborAsking = NeighborAsking(pace: pace, startingAt: now)
        nextAudit = now + pace.audit
        nextProgramQuery = now + pace.programQuery
    }

    /// Folds changes at once, in order, and returns; programming follows.
    package func observe(_ changes: [Change]) {
        sequence += 1
        counters.changesObserved += UInt64(changes.count)
        let now = timekeeper.now()
        for change in changes { mark(fold(change, at: now), at: now) }
        ring()
    }

    /// Asks for a full pass: everything is resolved and compared with what is programmed.
    package func requestAudit() {
        sequence += 1
        fullPassRequest = fullPassRequest ?? sequence
        ring()
    }

    /// Runs until cancelled; once only.
    package func run() async {
        while !Task.isCancelled {
            let deadline = await turn()
            await pause(until: deadline)
        }
        hasEnded = true
        for waiter in settleWaiters.values {
            waiter.continuation.resume(throwing: CancellationError())
        }
        settleWaiters = [:]
    }

    /// Returns when everything observed so far is programmed; waits for ever for a source that is
    /// not complete or a unit that goes on failing. Throws when cancelled, or when `run` ends.
    package func settled() async throws {
        mark(networkFold.expire(at: timekeeper.now(), in: &snapshot), at: timekeeper.now())
        guard !isSettled(sequence) else { return }
        try await wait(for: .settled(sequence))
    }

    /// Returns when everything that the sources told at first is programmed (`isReady`). Throws
    /// when cancelled, or when `run` ends.
    package func ready() async throws {
        guard !isReady else { return }
        try await wait(for: .ready)
    }

    /// As `ready`, but units that are refused again and again (`Pace.triesBeforeActing`) are not
    /// waited for: what is programmed may act without them.
    package func tried() async throws {
        guard !hasTriedAll else { return }
        try await wait(for: .tried)
    }

    private func isReached(_ goal: Goal) -> Bool {
        switch goal {
        case .settled(let sequence): isSettled(sequence)
        case .ready: isReady
        case .tried: hasTriedAll
        }
    }

    private func wait(for goal: Goal) async throws {
        nextWaiter += 1
        let id = nextWaiter
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation {
                (continuation: CheckedContinuation<Void, any Error>) in
                if Task.isCancelled || hasEnded {
                    continuation.resume(throwing: CancellationError())
                } else {
                    settleWaiters[id] = SettleWaiter(goal: goal, continuation: continuation)
                }
            }
        } onCancel: {
            Task { await self.abandonWaiter(id) }
        }
    }

    func mark(_ units: Set<Unit>, at now: Duration) {
        for unit in units {
            // A Service and its slices are told one after the other.
            let isService = if case .service = unit { true } else { false }
            backlog.mark(
                unit, sequence: sequence, at: now, due: isService ? now + pace.gap : now)
        }
    }

    func resumeSettled() {
        for (id, waiter) in settleWaiters where isReached(waiter.goal) {
            settleWaiters[id] = nil
            waiter.continuation.resume()
        }
    }

    private func isSettled(_ sequence: UInt64) -> Bool {
        // While a source is away no full pass is to be had, and nothing observed waits for it.
        let full = isComplete ? fullPassRequest : nil
        let oldest = [backlog.oldestSequence, full].compactMap { $0 }.min()
        return oldest.map { $0 > sequence } ?? true
    }

    private func abandonWaiter(_ id: UInt64) {
        settleWaiters.removeValue(forKey: id)?.continuation.resume(throwing: CancellationError())
    }

    private func ring() {
        isRung = true
        sleeper?.resume()
        sleeper = nil
    }

    /// Returns at the deadline, when something was observed, or when cancelled.
    private func pause(until deadline: Duration) async {
        guard !isRung else {
            isRung = false
            return
        }
        let alarm = Task { [timekeeper] in
            do { try await timekeeper.sleep(deadline) } catch { return }
            self.ring()
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { sleeper = $0 }
        } onCancel: {
            Task { await self.ring() }
        }
        alarm.cancel()
        isRung = false
    }
}
