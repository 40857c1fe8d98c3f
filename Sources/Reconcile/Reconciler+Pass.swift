// One pass: dirty units are resolved, planned, applied and committed. The full pass does the same
// over all of them, and prunes.

import Logging
import Model
import Plan
import Resolve

extension Reconciler {
    /// What the datapath holds may be changed for this unit: whoever tells of it told everything.
    /// Until then what an earlier agent left is better than half a picture.
    func isProgrammable(_ unit: Unit) -> Bool { snapshot.complete.isSuperset(of: unit.sources) }

    func pass() async {
        let isFull = fullPassRequest != nil && isComplete
        let units: Set<Unit>
        let plans: [UnitPlan]
        if isFull {
            fullPassRequest = nil
            counters.fullPasses += 1
            units = Set(backlog.takeAll())
            resolveAll()
            plans = planner?.planFull(desired) ?? []
        } else {
            let batch = backlog.take(
                at: timekeeper.now(), limit: pace.unitsPerPass, where: isProgrammable)
            for unit in batch { resolve(unit) }
            units = Set(batch)
            plans = batch.compactMap { planner?.plan($0, toward: desired) }
        }
        counters.passes += 1
        let asOf = sequence
        // Empty plans need nobody's hand, but the planner wants to hear of each.
        let writes = plans.filter { !$0.operations.isEmpty }
        let outcomes = writes.isEmpty ? [] : await applier.apply(writes)
        var failed: Set<Unit> = []
        for (plan, outcome) in pairs(plans, outcomes) {
            if !commit(plan, outcome, observedBy: asOf) { failed.insert(plan.unit) }
        }
        for unit in units.subtracting(failed) { finish(unit) }
        let now = timekeeper.now()
        lastPass = now
        let failedFamilies = Set(failed.flatMap(\.families))
        for family in IPFamily.allCases where !failedFamilies.contains(family) {
            lastSuccess[family] = now
        }
        declareReady(ifNothingWaitsBut: asOf)
        await handOnHealthPorts(of: isFull ? healthPortOwners : units, except: failed)
    }

    private func pairs(
        _ plans: [UnitPlan], _ outcomes: [UnitOutcome]
    ) -> [(UnitPlan, UnitOutcome)] {
        var outcomes = outcomes.makeIterator()
        return plans.map { plan in
            guard !plan.operations.isEmpty else {
                return (plan, UnitOutcome(unit: plan.unit, applied: 0))
            }
            let missing = UnitOutcome(unit: plan.unit, applied: 0, failure: "not applied")
            return (plan, outcomes.next() ?? missing)
        }
    }

    /// True when every write took effect.
    private func commit(_ plan: UnitPlan, _ outcome: UnitOutcome, observedBy: UInt64) -> Bool {
        counters.operationsWritten += UInt64(outcome.applied)
        let now = timekeeper.now()
        for unit in planner?.commit(outcome, of: plan) ?? [] {
            backlog.mark(unit, sequence: observedBy, at: now, due: now)
        }
        guard let failure = outcome.failure else { return true }
        counters.unitsFailed += 1
        let isNews = backlog.fail(
            plan.unit, reason: failure, sequence: observedBy, at: now, pace: pace)
        if isNews {
            log.warning(
                "Programming failed; it is retried.",
                metadata: ["unit": "\(plan.unit)", "reason": "\(failure)"])
        }
        return false
    }

    private func finish(_ unit: Unit) {
        guard backlog.finish(unit) else { return }
        log.notice("Programming works again.", metadata: ["unit": "\(unit)"])
    }

    private func declareReady(ifNothingWaitsBut asOf: UInt64) {
        guard !isReady, isComplete, fullPassRequest == nil else { return }
        if !hasTriedAll {
            let untried = backlog.oldestSequence(failedLessThan: pace.triesBeforeActing)
            hasTriedAll = untried.map { $0 > asOf } ?? true
        }
        guard backlog.oldestSequence.map({ $0 > asOf }) ?? true else { return }
        isReady = true
        log.info(
            "Ready.",
            metadata: ["services": "\(desired.services.count)", "pods": "\(desired.pods.count)"])
    }

    // MARK: Resolving

    private func resolve(_ unit: Unit) {
        switch unit {
        case .service(let name):
            counters.servicesResolved += 1
            let ports = Resolve.service(name, in: snapshot)
            desired.services[name] = ports.isEmpty ? nil : ports
            let healthPorts = Resolve.healthPorts(of: name, in: snapshot)
            desired.healthPorts[name] = healthPorts.isEmpty ? nil : healthPorts
        case .pod(let address):
            let pod = Resolve.pod(address, in: snapshot)
            desired.pods[address] = pod
            askFor(address, pod)
            counters.networkUnitsResolved += 1
        case .localAddress(let address):
            desired.localAddresses[address] = Resolve.localAddress(address, in: snapshot)
            counters.networkUnitsResolved += 1
        case .prefix(let prefix):
            desired.prefixes[prefix] = Resolve.prefix(prefix, in: snapshot)
            counters.networkUnitsResolved += 1
        case .interface(let index):
            Resolve.interface(index, into: &desired, in: snapshot)
            ask(.interface(index), Resolve.neighbors(ofInterface: index, in: snapshot))
            counters.networkUnitsResolved += 1
        case .node:
            Resolve.node(into: &desired, in: snapshot)
            counters.networkUnitsResolved += 1
        case .unclaimed:
            break
        }
    }

    /// Also what is desired now and no longer spoken of by anything.
    private func resolveAll() {
        var units = Resolve.networkUnits(in: snapshot)
        units.formUnion(snapshot.services.keys.map(Unit.service))
        units.formUnion(desired.services.keys.map(Unit.service))
        units.formUnion(desired.pods.keys.map(Unit.pod))
        units.formUnion(desired.localAddresses.keys.map(Unit.localAddress))
        units.formUnion(desired.prefixes.keys.map(Unit.prefix))
        units.formUnion(desired.attachments.keys.map(Unit.interface))
        units.formUnion(desired.enis.keys.map { Unit.interface($0.interface) })
        for unit in units { resolve(unit) }
    }

    private func askFor(_ address: IPAddress, _ pod: DesiredPod?) {
        ask(.pod(address), pod.map(Resolve.neighbors(of:)) ?? [])
        if let pod, !snapshot.network.queriedPrograms.contains(pod.veth) {
            interfacesToQuery.insert(pod.veth)
        }
    }

    private func ask(_ unit: Unit, _ neighbors: [Neighbor.Key]) {
        neighborAsking.update(unit, keys: neighbors, at: timekeeper.now()) { key in
            Resolve.neighborMAC(key, in: snapshot) != nil
        }
    }
}
