// The whole road without a kernel or a clock: files → changes → snapshot → resolved → plans →
// image. What the reconciler does over time is done here at once.

import Kubernetes
import Model
import Plan
import Randomness
import Resolve

@testable import Reconcile

/// A node under test.
struct Stations {
    private(set) var index = ManifestIndex()
    private(set) var snapshot = Snapshot(settings: Settings(nodeName: Scenario.node))
    private(set) var desired = Desired()
    private(set) var image = Image()
    private(set) var planner = Planner(image: Image())
    private var random: SeededRandom
    private let failsOneIn: Int?

    init(seed: UInt64, failsOneIn: Int?) {
        random = SeededRandom(seed: seed)
        self.failsOneIn = failsOneIn
    }

    /// The changes that inputs make, the last one for each object.
    mutating func changes(of inputs: [Input]) -> [Change] {
        let all = inputs.flatMap { input -> [Change] in
            switch input {
            case .write(let file, let content):
                return index.update(file, .contents(Array(content.utf8)))
            case .remove(let file): return index.update(file, .removed)
            case .host(let address, let isPresent):
                let host = InterfaceAddress(
                    interface: 1, address: address, prefixLength: address.family.bits)
                return [.network(isPresent ? .addressAdded(host) : .addressRemoved(host))]
            }
        }
        return Dictionary(all.map { (Self.subject(of: $0), $0) }) { $1 }
            .sorted { $0.key < $1.key }.map(\.value)
    }

    private static func subject(of change: Change) -> String {
        switch change {
        case .service(let name, _): "service \(name)"
        case .endpointSlice(let name, _): "slice \(name)"
        case .node(let name, _): "node \(name)"
        case .serviceCIDR(let name, _): "range \(name)"
        case .network(let event): "network \(event)"
        case .networkState, .complete: "whole"
        }
    }

    /// Folds the changes and programs what they touch, until nothing is left to do.
    mutating func carryOut(_ changes: [Change]) {
        var dirty: Set<Unit> = []
        for change in changes {
            dirty.formUnion(Resolve.services(touchedBy: change, in: snapshot).map(Unit.service))
            if case .network(let event) = change {
                snapshot.network.apply(event)
            } else {
                _ = snapshot.fold(object: change)
            }
        }
        for case .service(let name) in dirty {
            let ports = Resolve.service(name, in: snapshot)
            desired.services[name] = ports.isEmpty ? nil : ports
        }
        while !dirty.isEmpty {
            let plans = dirty.shuffled(using: &random).map { planner.plan($0, toward: desired) }
            dirty = write(plans)
        }
    }

    /// Another agent takes over what the maps hold.
    mutating func restart() {
        planner = Planner(image: image)
        var dirty = write(planner.planFull(desired))
        while !dirty.isEmpty {
            dirty = write(dirty.map { planner.plan($0, toward: desired) })
        }
    }

    mutating func shuffle(_ changes: [Change]) -> [Change] { changes.shuffled(using: &random) }

    /// Returns what must be planned again: what failed, and what waited for this.
    private mutating func write(_ plans: [UnitPlan]) -> Set<Unit> {
        var again: Set<Unit> = []
        var outcomes: [UnitOutcome] = []
        for plan in plans {
            var outcome = UnitOutcome(unit: plan.unit, applied: 0)
            for operation in plan.operations {
                if let failsOneIn, random.oneIn(failsOneIn) {
                    outcome.failure = "injected"
                    again.insert(plan.unit)
                    break
                }
                image.apply(operation)
                outcome.applied += 1
            }
            outcomes.append(outcome)
        }
        for (plan, outcome) in zip(plans, outcomes) {
            again.formUnion(planner.commit(outcome, of: plan))
        }
        return again
    }
}
