// Folding kernel events with what only time can tell: a new pod's from-rule may be on its way, and
// a rule that vanished may be back in a moment. The state is data in the Snapshot; here are the
// deadlines, and the one place that starts and ends a hold.

import Model
import Resolve

/// Stamps pods as events are folded, and lets holds end. Pure: told what time it is.
struct NetworkFold {
    private var settling: [IPAddress: Duration] = [:]
    private var lapsing: [IPAddress: Duration] = [:]
    private let pace: Pace

    init(pace: Pace) { self.pace = pace }

    /// When the next hold ends.
    var nextDeadline: Duration? {
        [settling.values.min(), lapsing.values.min()].compactMap { $0 }.min()
    }

    /// Folds an event and all that the kernel leaves unsaid about it. Returns what it touched;
    /// empty when it told nothing new.
    mutating func fold(
        _ event: NetworkEvent, into snapshot: inout Snapshot, at now: Duration
    ) -> Set<Unit> {
        var touched: Set<Unit> = []
        for event in snapshot.network.unannounced(by: event) + [event] {
            touched.formUnion(foldAlone(event, into: &snapshot, at: now))
        }
        return touched
    }

    private mutating func foldAlone(
        _ event: NetworkEvent, into snapshot: inout Snapshot, at now: Duration
    ) -> Set<Unit> {
        var touched = Resolve.units(touchedBy: event, in: snapshot)
        let pod = Self.pod(spokenOfBy: event)
        let before = pod.flatMap { Resolve.veth(ofPod: $0, in: snapshot) }
        guard snapshot.applyAlone(event) else { return [] }
        if let pod {
            let lapsed = snapshot.podHistory.lapsedTables[pod]
            let after = Resolve.veth(ofPod: pod, in: snapshot)
            follow(event, pod, from: before, to: after, &snapshot, at: now)
            if let lapsed, snapshot.podHistory.lapsedTables[pod] == nil {
                let table = RoutingTable(id: lapsed, family: pod.family)
                touched.formUnion(Resolve.interfaces(ofTable: table, in: snapshot))
            }
        }
        return touched.union(Resolve.units(touchedBy: event, in: snapshot))
    }

    private static func pod(spokenOfBy event: NetworkEvent) -> IPAddress? {
        switch event {
        case .routeChanged(let route): route.hostOnLink
        case .routeRemoved(let key):
            key.table == Route.mainTable ? key.destination.onlyAddress : nil
        case .ruleAdded(let rule), .ruleRemoved(let rule): rule.podSource ?? rule.podDestination
        default: nil
        }
    }

    private mutating func follow(
        _ event: NetworkEvent, _ pod: IPAddress, from before: UInt32?, to after: UInt32?,
        _ snapshot: inout Snapshot, at now: Duration
    ) {
        switch event {
        case .routeChanged, .routeRemoved:
            guard before != after else { return }
            forget(pod, &snapshot)
            // Pods that the first dump found have all their rules; only a newcomer's may follow.
            guard after != nil, snapshot.complete.contains(.network) else { return }
            snapshot.podHistory.unsettled.insert(pod)
            settling[pod] = now + pace.settling
        case .ruleAdded(let rule):
            if rule.podSource != nil {
                snapshot.podHistory.lapsedTables[pod] = nil
                lapsing[pod] = nil
            } else {
                snapshot.podHistory.lapsedConfirmations.remove(pod)
            }
        case .ruleRemoved(let rule):
            // Without its route the pod is gone, and its rules mean nothing.
            guard after != nil else { return }
            if rule.podSource != nil {
                guard !Resolve.hasFromRule(pod, in: snapshot) else { return }
                snapshot.podHistory.lapsedTables[pod] = rule.table
                lapsing[pod] = now + pace.ruleLapse
            } else {
                snapshot.podHistory.lapsedConfirmations.insert(pod)
            }
        default:
            break
        }
    }

    private mutating func forget(_ pod: IPAddress, _ snapshot: inout Snapshot) {
        snapshot.podHistory.forget(pod)
        settling[pod] = nil
        lapsing[pod] = nil
    }

    /// Ends the holds that are over. Returns what may look different now.
    mutating func expire(at now: Duration, in snapshot: inout Snapshot) -> Set<Unit> {
        var touched: Set<Unit> = []
        for (pod, deadline) in settling where deadline <= now {
            settling[pod] = nil
            snapshot.podHistory.unsettled.remove(pod)
            touched.formUnion(Resolve.units(ofPod: pod, in: snapshot))
        }
        for (pod, deadline) in lapsing where deadline <= now {
            lapsing[pod] = nil
            // Only the from-rule went: somebody meant it. Both went: somebody wiped all rules
            // (systemd-networkd's restart), the CNI does not put them back, and the address still
            // belongs to the same ENI.
            guard Resolve.hasToRule(pod, in: snapshot),
                let id = snapshot.podHistory.lapsedTables.removeValue(forKey: pod)
            else { continue }
            touched.formUnion(Resolve.units(ofPod: pod, in: snapshot))
            let table = RoutingTable(id: id, family: pod.family)
            touched.formUnion(Resolve.interfaces(ofTable: table, in: snapshot))
        }
        return touched
    }
}
