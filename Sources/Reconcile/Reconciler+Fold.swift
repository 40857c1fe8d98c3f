// One change into the snapshot, and what it makes dirty.

import Logging
import Model
import Resolve

extension Reconciler {
    /// Folds by key; the units returned are those that may look different now.
    func fold(_ change: Change, at now: Duration) -> Set<Unit> {
        switch change {
        case .service, .endpointSlice, .node, .serviceCIDR:
            lastHeard[.services] = now
            let services = Resolve.services(touchedBy: change, in: snapshot)
            guard snapshot.fold(object: change) else { return [] }
            let units = Set(services.map(Unit.service))
            return isOwnNode(change) ? units.union(Resolve.nodeUnits(in: snapshot)) : units
        case .network(let event):
            lastHeard[.network] = now
            let services = (snapshot.network.unannounced(by: event) + [event]).flatMap {
                Resolve.services(touchedBy: .network($0), in: snapshot)
            }
            let touched = fold(event, at: now)
            return touched.isEmpty ? [] : touched.union(services.map(Unit.service))
        case .networkState(let state):
            lastHeard[.network] = now
            let services = Resolve.services(touchedBy: change, in: snapshot)
            return snapshot.network.events(to: state).reduce(into: Set(services.map(Unit.service)))
            {
                $0.formUnion(fold($1, at: now))
            }
        case .complete(let source):
            lastHeard[source] = now
            return complete(source)
        }
    }

    private func isOwnNode(_ change: Change) -> Bool {
        if case .node(let name, _) = change { name == snapshot.settings.nodeName } else { false }
    }

    private func fold(_ event: NetworkEvent, at now: Duration) -> Set<Unit> {
        let touched = networkFold.fold(event, into: &snapshot, at: now)
        // What was attached together with the link's change shows up only if asked for.
        if case .linkChanged(let link) = event, !touched.isEmpty,
            !snapshot.networkIndex.hostRoutesByInterface[link.index].isEmpty
        {
            interfacesToQuery.insert(link.index)
        }
        return touched
    }

    /// With the last source everything is known, and what nobody told of can go.
    private func complete(_ source: Source) -> Set<Unit> {
        guard snapshot.complete.insert(source).inserted else { return [] }
        log.info("Source is complete.", metadata: ["source": "\(source.rawValue)"])
        if isComplete { fullPassRequest = fullPassRequest ?? sequence }
        return source == .network ? Resolve.networkUnits(in: snapshot) : []
    }

    var isComplete: Bool { snapshot.complete.isSuperset(of: Source.allCases) }
}
