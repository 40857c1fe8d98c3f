// The reconciler's state for whoever reads it.

import Model
import Plan

extension Reconciler {
    /// O(pods + services + failing units).
    package var status: ReconcilerStatus {
        let now = timekeeper.now()
        let failing = backlog.waiting.compactMap { unit, entry -> FailingUnit? in
            guard let reason = entry.reason, let since = entry.failingSince else { return nil }
            return FailingUnit(
                unit: unit, reason: reason, age: now - since, failures: entry.failures)
        }
        return ReconcilerStatus(
            isReady: isReady, hasTriedAll: hasTriedAll, completeSources: snapshot.complete,
            services: desired.services.count,
            servicePorts: desired.services.values.reduce(0) { $0 + $1.count },
            pods: desired.pods.count, localAddresses: desired.localAddresses.count,
            interfaces: desired.attachments.count, waiting: backlog.waiting.count,
            failing: failing.sorted {
                ($0.age, $1.unit.description) > ($1.age, $0.unit.description)
            },
            conflicts: planner?.conflicts ?? [],
            sinceProgrammed: lastPass.map { now - $0 },
            sinceHeard: lastHeard.mapValues { now - $0 }, counters: counters)
    }
}
