// What the reconciler hands on to those who answer for the node's health. Health ports follow the
// maps: a load balancer must not be sent here for an endpoint that packets can't reach yet.

import Model
import Resolve

extension Reconciler {
    /// O(units that wait), which is mostly nothing.
    package var progress: ProgrammingProgress {
        let now = timekeeper.now()
        return ProgrammingProgress(
            oldestWait: backlog.oldestWaiting(where: isProgrammable).mapValues { now - $0 },
            sinceSuccess: lastSuccess.mapValues { now - $0 },
            isNodeEligible: Resolve.isNodeEligible(in: snapshot))
    }

    /// Services that have health ports, or had some when they were last handed on.
    var healthPortOwners: Set<Unit> {
        Set(desired.healthPorts.keys).union(servedHealthPorts.keys).reduce(into: []) {
            $0.insert(.service($1))
        }
    }

    /// Hands on what changed for these units, but for those whose writes failed: theirs stay as
    /// they are until a later pass succeeds.
    func handOnHealthPorts(of units: Set<Unit>, except failed: Set<Unit>) async {
        var changes: [ObjectName: [DesiredHealthPort]] = [:]
        for unit in units where !failed.contains(unit) {
            guard case .service(let name) = unit,
                desired.healthPorts[name] != servedHealthPorts[name]
            else { continue }
            servedHealthPorts[name] = desired.healthPorts[name]
            changes[name] = desired.healthPorts[name] ?? []
        }
        if !changes.isEmpty { await requests.serveHealthPorts(changes) }
    }
}
