// One Service's writes, make before break: source ranges, backends and members in → slots written →
// heads flipped → frontends out → stale ranges and slots out → members and backends out. Whatever
// can't go yet because somebody's head or slot still names it is left to the unit `unclaimed`.

import Model

extension Planner {
    mutating func planService(_ name: ObjectName, toward desired: [DesiredServicePort])
        -> [Operation]
    {
        let desired = desired.sorted { $0.name < $1.name }
        adopt(desired)
        let old = services[name] ?? []
        let new = record(desired, replacing: old)
        services[name] = new.isEmpty ? nil : new

        var writes = ServiceWrites()
        for (port, record) in zip(desired, new) { make(port, record, &writes) }
        unmake(old, new, &writes)
        return writes.ordered
    }

    /// Source ranges and backends in, slots written, heads flipped.
    private func make(
        _ port: DesiredServicePort, _ record: PortRecord, _ writes: inout ServiceWrites
    ) {
        let sets = [
            (BackendSet.cluster, port.clusterBackends, record.cluster),
            (.local, port.localBackends, record.local),
        ]
        for (set, backends, ids) in sets {
            for (backend, id) in zip(backends, ids) {
                // A plan under way may say "draining": then this one says again what it needs.
                if image.backends[id] != BackendRecord(backend, .active) || underWay[id] != nil {
                    writes.bringIn(.setBackend(id, backend, .active), isFirst: set == .cluster)
                }
            }
            let list = SlotList(service: record.id, set: set)
            writes.counts[list] = UInt32(ids.count)
            let current = image.slots[list] ?? [:]
            for write in SlotAssignment(from: current, to: ids).writes {
                writes.slots.append(.setSlot(list.key(write.slot), write.backend))
                if let left = current[write.slot] { writes.slotsLost[left, default: 0] += 1 }
            }
        }
        makeMembers(port, record, &writes)
        let ranges = Set(port.sourceRanges)
        writes.ranges[record.id] = ranges
        for range in ranges.subtracting(image.sourceRanges[record.id] ?? []).sorted() {
            writes.rangesIn.append(.setSourceRange(record.id, range))
        }
        for frontend in record.frontends {
            guard let kind = port.frontends[frontend] else { continue }
            let head = ServiceHead(
                id: record.id, kind: kind, clusterCount: UInt32(port.clusterBackends.count),
                localCount: UInt32(port.localBackends.count), internalPolicy: port.internalPolicy,
                externalPolicy: port.externalPolicy,
                affinityTimeoutSeconds: port.affinityTimeoutSeconds ?? 0,
                isUsableAnywhere: port.isUsableAnywhere,
                hasSourceRanges: kind == .loadBalancer && !ranges.isEmpty)
            let current = image.frontends[frontend]
            guard current != head || leaving[frontend] != nil else { continue }
            writes.heads.append(.setFrontend(frontend, head))
            if let current, current.id != head.id { writes.headsLost[current.id, default: 0] += 1 }
        }
    }

    /// Members in, before the first client can draw them: what a client remembers must be younger.
    private func makeMembers(
        _ port: DesiredServicePort, _ record: PortRecord, _ writes: inout ServiceWrites
    ) {
        guard port.affinityTimeoutSeconds != nil else { return }
        let cluster = Set(record.cluster)
        let local = Set(record.local)
        writes.members[record.id] = cluster.union(local)
        for id in record.picked {
            let membership = Membership(
                isInCluster: cluster.contains(id), isInLocal: local.contains(id))
            guard image.members[record.id]?[id] != membership else { continue }
            writes.membersIn.append(.setMember(record.id, id, membership))
        }
    }

    /// Frontends out that nobody wants any more.
    private func unmakeHeads(_ old: [PortRecord], _ writes: inout ServiceWrites) {
        for frontend in old.flatMap(\.frontends).sorted() where owners[frontend] == nil {
            guard let head = image.frontends[frontend] else { continue }
            writes.frontendsOut.append(.removeFrontend(frontend))
            writes.headsLost[head.id, default: 0] += 1
        }
    }

    /// Ranges that nobody wants any more: where others stay, nobody who may still come is refused
    /// meanwhile.
    func rangesOut(of id: ServiceID, keeping ranges: Set<CIDR>) -> [Operation] {
        (image.sourceRanges[id] ?? []).subtracting(ranges).sorted().map {
            .removeSourceRange(id, $0)
        }
    }

    /// What is left: frontends, ranges, slots and backends, as far as nothing else names them.
    /// Ports that are new have nothing in the image.
    private mutating func unmake(
        _ old: [PortRecord], _ new: [PortRecord], _ writes: inout ServiceWrites
    ) {
        unmakeHeads(old, &writes)
        for id in old.map(\.id) {
            // Only heads that this plan leaves correct may still name the list when it shrinks.
            let kept = new.first { $0.id == id }?.frontends ?? []
            let correct = kept.count { image.frontends[$0]?.id == id }
            let heads = image.headCounts[id, default: 0]
            guard heads - writes.headsLost[id, default: 0] == correct else { continue }
            for backend in (image.members[id] ?? [:]).keys.sorted()
            where writes.members[id]?.contains(backend) != true {
                writes.membersOut.append(.removeMember(id, backend))
            }
            writes.rangesOut += rangesOut(of: id, keeping: writes.ranges[id] ?? [])
            for set in BackendSet.allCases {
                let list = SlotList(service: id, set: set)
                let count = writes.counts[list, default: 0]
                let stale = (image.slots[list] ?? [:]).filter { $0.key >= count }
                for (slot, backend) in stale.sorted(by: { $0.key > $1.key }) {
                    writes.slotsOut.append(.removeSlot(list.key(slot)))
                    writes.slotsLost[backend, default: 0] += 1
                }
            }
        }
        var touched = Set(writes.slotsLost.keys)
        for record in old { touched.formUnion(record.picked) }
        for record in old + new { touched.formUnion(record.draining) }
        for id in touched.sorted() {
            writes.backendsOut += retire(id, losing: writes.slotsLost[id, default: 0])
        }
    }

    /// Removes the backend if nothing uses it any more, or lets it drain if nothing picks it.
    mutating func retire(_ id: BackendID, losing slots: Int) -> [Operation] {
        guard let record = image.backends[id] else { return [] }
        if let holders = holders[id] {
            guard holders.picking == 0, record.state == .active else { return [] }
            return [.setBackend(id, record.backend, .draining)]
        }
        guard image.slotCounts[id, default: 0] == slots else { return [] }
        // Whoever wants this address from now on gets a new id: this one is on its way out.
        if backendIDs[record.backend] == id { backendIDs[record.backend] = nil }
        unheldBackends.remove(id)
        return [.removeBackend(id, record.backend.address.family)]
    }
}

/// The writes of one Service by step, and what they take away.
private struct ServiceWrites {
    var rangesIn: [Operation] = []
    var backendsIn: [Operation] = []
    var membersIn: [Operation] = []
    var slots: [Operation] = []
    var heads: [Operation] = []
    var frontendsOut: [Operation] = []
    var rangesOut: [Operation] = []
    var slotsOut: [Operation] = []
    var membersOut: [Operation] = []
    var backendsOut: [Operation] = []

    /// Who is to be a member, for services with affinity.
    var members: [ServiceID: Set<BackendID>] = [:]
    /// How long each list of slots is to be.
    var counts: [SlotList: UInt32] = [:]
    /// What the ranges of each service are to be.
    var ranges: [ServiceID: Set<CIDR>] = [:]
    /// How many heads in the image stop naming a service.
    var headsLost: [ServiceID: Int] = [:]
    /// How many slots in the image stop naming a backend.
    var slotsLost: [BackendID: Int] = [:]

    /// The sets of a port overlap; each backend is written once.
    mutating func bringIn(_ write: Operation, isFirst: Bool) {
        if isFirst || !backendsIn.contains(write) { backendsIn.append(write) }
    }

    /// The order of which every prefix is safe.
    var ordered: [Operation] {
        rangesIn + backendsIn + membersIn + slots + heads + frontendsOut + rangesOut + slotsOut
            + membersOut + backendsOut
    }
}
