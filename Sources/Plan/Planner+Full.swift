// The full pass, at start and as an audit, and the sweep: the same functions over everything. What
// an earlier agent left is taken over first where something still wants it, and pruned last.

package import Model

extension Planner {
    /// The plans of every unit that differs from what is desired; what is in the image and not
    /// desired is pruned. To be called only when every source is complete. O(everything).
    package mutating func planFull(_ desired: Desired) -> [UnitPlan] {
        let names = desired.services.keys.sorted()
        if !adoptable.isEmpty { adopt(names.flatMap { desired.services[$0] ?? [] }) }
        let gone = services.keys.filter { desired.services[$0] == nil }.sorted()

        var units: [Unit] = []
        units += Self.union(desired.prefixes, image.prefixes).map(Unit.prefix)
        units += Self.union(desired.localAddresses, image.localAddresses).map(Unit.localAddress)
        // Those that go come first, so that what they had is free for those that come.
        units += (gone + names).map(Unit.service)
        units += Self.union(desired.pods, image.pods).map(Unit.pod)
        units += Self.interfaces(desired, image).map(Unit.interface)
        units += [.node, .unclaimed]

        return units.compactMap { unit in
            let plan = plan(unit, toward: desired)
            return plan.operations.isEmpty ? nil : plan
        }
    }

    /// Gives ports that this planner hasn't met the ids under which an earlier agent programmed
    /// them.
    ///
    /// A ClusterIP decides before any other frontend, since it is one Service's alone. Frontends
    /// that bear the adopted id come with it: so who was programmed keeps what several Services
    /// claim.
    mutating func adopt(_ ports: [DesiredServicePort]) {
        guard !adoptable.isEmpty else { return }
        for isClusterIP in [true, false] {
            for port in ports where !knows(port.name) {
                let heads = port.frontends.filter { ($0.value == .clusterIP) == isClusterIP }.keys
                    .sorted()
                    .compactMap { image.frontends[$0]?.id }
                guard let id = heads.first(where: { adoptable.contains($0) }) else { continue }
                adoptable.remove(id)
                retiredServices.remove(id)
                portOfID[id] = port.name
                var record = PortRecord(name: port.name, id: id)
                for frontend in port.frontends.keys
                where image.frontends[frontend]?.id == id && owners[frontend] == nil {
                    owners[frontend] = id
                    unownedFrontends.remove(frontend)
                    record.frontends.append(frontend)
                }
                services[port.name.service, default: []].append(record)
            }
        }
    }

    private func knows(_ name: ServicePortName) -> Bool {
        services[name.service]?.contains { $0.name == name } == true
    }

    /// Removes what nothing claims, in an order of which every prefix is safe.
    mutating func planUnclaimed() -> [Operation] {
        var operations: [Operation] = []
        var headsLost: [ServiceID: Int] = [:]
        var slotsLost: [BackendID: Int] = [:]
        for frontend in unownedFrontends.sorted() {
            guard let head = image.frontends[frontend] else { continue }
            operations.append(.removeFrontend(frontend))
            headsLost[head.id, default: 0] += 1
        }
        for id in retiredServices.sorted()
        where image.headCounts[id, default: 0] == headsLost[id, default: 0] {
            // Whoever is planned after us in this batch must not go on with slots that go now.
            adoptable.remove(id)
            operations += rangesOut(of: id, keeping: [])
            for set in BackendSet.allCases {
                let list = SlotList(service: id, set: set)
                for (slot, backend) in (image.slots[list] ?? [:]).sorted(by: { $0.key > $1.key }) {
                    operations.append(.removeSlot(list.key(slot)))
                    slotsLost[backend, default: 0] += 1
                }
            }
            for backend in (image.members[id] ?? [:]).keys.sorted() {
                operations.append(.removeMember(id, backend))
            }
        }
        for id in unheldBackends.sorted() {
            operations += retire(id, losing: slotsLost[id, default: 0])
        }
        return operations
    }

    private static func interfaces(_ desired: Desired, _ image: Image) -> [UInt32] {
        var all = Set(desired.attachments.keys).union(image.attachments.keys)
        all.formUnion(desired.veths.keys)
        all.formUnion(image.veths.keys)
        all.formUnion(desired.enis.keys.map(\.interface))
        all.formUnion(image.enis.keys.map(\.interface))
        return all.sorted()
    }

    private static func union<Key: Hashable & Comparable, A, B>(_ a: [Key: A], _ b: [Key: B])
        -> [Key]
    {
        Set(a.keys).union(b.keys).sorted()
    }
}
