// One turn of the loop: end what is over, program what is due, ask for what is missing.

import Logging
import Model
import Plan
import Resolve

extension Reconciler {
    /// Does everything that is due now. Returns when there is something to do next, if nothing is
    /// observed until then. Not to be called by two at once: `run` calls it.
    package func turn() async -> Duration {
        await restoreIfNeeded()
        let now = timekeeper.now()
        mark(networkFold.expire(at: now, in: &snapshot), at: now)
        if nextAudit <= now {
            nextAudit = now + pace.audit
            fullPassRequest = fullPassRequest ?? sequence
        }
        if planner != nil, nextPass.map({ $0 <= now }) == true { await pass() }
        await sendRequests()
        resumeSettled()
        return nextDeadline
    }

    /// Reads once what the maps hold: ids go on from there, and running connections survive.
    private func restoreIfNeeded() async {
        guard planner == nil, nextRestore <= timekeeper.now() else { return }
        do {
            planner = Planner(image: try await applier.restore())
        } catch {
            restoreFailures += 1
            nextRestore = timekeeper.now() + pace.retryDelay(afterFailures: restoreFailures)
            log.error(
                "The maps can't be read; nothing is programmed.", metadata: ["error": "\(error)"])
        }
    }

    /// When the next pass may start; nil while there is nothing to program.
    private var nextPass: Duration? {
        let due =
            fullPassRequest != nil && isComplete
            ? .zero : backlog.nextDue(where: isProgrammable)
        guard let due, let lastPass else { return due }
        return max(due, lastPass + pace.gap)
    }

    private var nextDeadline: Duration {
        var deadlines = [nextAudit, nextProgramQuery, neighborAsking.nextDeadline]
        if let pass = planner == nil ? nextRestore : nextPass { deadlines.append(pass) }
        if let hold = networkFold.nextDeadline { deadlines.append(hold) }
        return deadlines.min() ?? nextAudit
    }

    private func sendRequests() async {
        let now = timekeeper.now()
        if nextProgramQuery <= now {
            nextProgramQuery = now + pace.programQuery
            interfacesToQuery.formUnion(desired.pods.values.map(\.veth))
        }
        if !interfacesToQuery.isEmpty {
            let interfaces = interfacesToQuery.sorted()
            interfacesToQuery = []
            await requests.queryPrograms(interfaces)
        }
        let neighbors = neighborAsking.takeDue(at: now)
        if !neighbors.isEmpty { await requests.provokeNeighbors(neighbors) }
    }
}
