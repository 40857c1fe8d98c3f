// Who has what: ids of service ports, frontends and backends are settled here, before anything is
// written. Taken before given back, so that what stays is never without a holder.

import Model

extension Planner {
    /// Settles ids, grants frontends and counts backends; the records are in the order of
    /// `desired`.
    mutating func record(
        _ desired: [DesiredServicePort], replacing old: [PortRecord]
    ) -> [PortRecord] {
        for record in old {
            release(record, unless: desired.first { $0.name == record.name })
        }
        var new: [PortRecord] = []
        for port in desired {
            let known = old.first { $0.name == port.name }?.id
            var record = PortRecord(name: port.name, id: known ?? newServiceID(port.name))
            grantFrontends(port, &record)
            takeBackends(port, &record)
            new.append(record)
        }
        for record in old {
            for id in record.picked { giveBack(id, isPicking: true) }
            for id in record.draining { giveBack(id, isPicking: false) }
        }
        return new
    }

    /// Gives up the frontends that the port no longer wants, and its id if it is gone.
    private mutating func release(_ record: PortRecord, unless port: DesiredServicePort?) {
        for frontend in record.refused {
            waiting[frontend]?.remove(record.name)
            if waiting[frontend]?.isEmpty == true { waiting[frontend] = nil }
        }
        for frontend in record.frontends where port?.frontends[frontend] == nil {
            owners[frontend] = nil
            if image.frontends[frontend] != nil { unownedFrontends.insert(frontend) }
            for waiter in waiting[frontend] ?? [] { woken.insert(.service(waiter.service)) }
        }
        if port == nil {
            portOfID[record.id] = nil
            if isInImage(record.id) { retiredServices.insert(record.id) }
        }
    }

    private mutating func grantFrontends(_ port: DesiredServicePort, _ record: inout PortRecord) {
        for frontend in port.frontends.keys.sorted() {
            switch owners[frontend] {
            case nil:
                owners[frontend] = record.id
                if !unownedFrontends.isEmpty { unownedFrontends.remove(frontend) }
                record.frontends.append(frontend)
            case record.id: record.frontends.append(frontend)
            default:
                waiting[frontend, default: []].insert(port.name)
                record.refused.append(frontend)
            }
        }
    }

    private mutating func takeBackends(_ port: DesiredServicePort, _ record: inout PortRecord) {
        for backend in port.clusterBackends {
            record.cluster.append(take(backend, isPicking: true))
        }
        record.picked = record.cluster
        if !port.localBackends.isEmpty {
            let cluster = Set(record.cluster)
            for backend in port.localBackends {
                if let id = backendIDs[backend], cluster.contains(id) {
                    record.local.append(id)
                } else {
                    record.local.append(take(backend, isPicking: true))
                    record.picked.append(contentsOf: record.local.suffix(1))
                }
            }
        }
        guard port.servingBackends != port.clusterBackends else { return }
        let picked = Set(record.picked)
        for backend in port.servingBackends {
            // A backend that was never picked here has no flows to keep.
            guard let id = backendIDs[backend], !picked.contains(id) else { continue }
            record.draining.append(take(backend, isPicking: false))
        }
    }

    private mutating func take(_ backend: Backend, isPicking: Bool) -> BackendID {
        let id = backendID(backend)
        if isPicking {
            holders[id, default: Holders(backend: backend)].picking += 1
        } else {
            holders[id, default: Holders(backend: backend)].draining += 1
        }
        if !unheldBackends.isEmpty { unheldBackends.remove(id) }
        return id
    }

    private mutating func giveBack(_ id: BackendID, isPicking: Bool) {
        guard var left = holders[id] else { return }
        if isPicking { left.picking -= 1 } else { left.draining -= 1 }
        holders[id] = left.isEmpty ? nil : left
        guard left.isEmpty else { return }
        if image.backends[id] != nil {
            unheldBackends.insert(id)
        } else if backendIDs[left.backend] == id {
            backendIDs[left.backend] = nil
        }
    }

    private mutating func newServiceID(_ name: ServicePortName) -> ServiceID {
        let number = serviceNumbers.next { [portOfID, retiredServices] in
            let id = ServiceID(rawValue: $0)
            return portOfID[id] != nil || retiredServices.contains(id)
        }
        portOfID[ServiceID(rawValue: number)] = name
        return ServiceID(rawValue: number)
    }

    private mutating func backendID(_ backend: Backend) -> BackendID {
        if let id = backendIDs[backend] { return id }
        let number = backendNumbers.next { [image, holders] in
            let id = BackendID(rawValue: $0)
            return image.backends[id] != nil || holders[id] != nil
        }
        backendIDs[backend] = BackendID(rawValue: number)
        return BackendID(rawValue: number)
    }

    func isInImage(_ id: ServiceID) -> Bool {
        image.headCounts[id] != nil || image.members[id] != nil
            || image.sourceRanges[id] != nil
            || BackendSet.allCases.contains { image.slots[SlotList(service: id, set: $0)] != nil }
    }
}
