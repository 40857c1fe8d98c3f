// Operations to writes, one each. Order is Plan's; a unit stops at its first failure, other units
// go on. Every write is idempotent, so a retry may repeat what took effect.

internal import BPF
internal import CDatapath
internal import Glibc
internal import Linux
internal import Model
package import Plan

extension Datapath {
    /// Plan's protocol: each unit's operations in their order, up to its first failure.
    package func apply(_ plans: [UnitPlan]) async -> [UnitOutcome] {
        plans.map { plan in
            var applied = 0
            do throws(BPFError) {
                for operation in plan.operations {
                    try write(operation)
                    applied += 1
                }
                return UnitOutcome(unit: plan.unit, applied: applied)
            } catch {
                let failed = plan.operations[applied]
                return UnitOutcome(
                    unit: plan.unit, applied: applied, failure: "\(failed.verb): \(error.remedy)")
            }
        }
    }

    private func write(_ operation: Operation) throws(BPFError) {
        switch operation {
        case .setBackend(let id, let backend, let state):
            switch backend.address.family {
            case .v4: try maps.backends4.update(id.rawValue, backend4(backend, state))
            case .v6: try maps.backends6.update(id.rawValue, backend6(backend, state))
            }
        case .removeBackend(let id, .v4): _ = try maps.backends4.delete(id.rawValue)
        case .removeBackend(let id, .v6): _ = try maps.backends6.delete(id.rawValue)
        case .setSlot(let key, let id):
            try maps.slots.update(slot_key(key), slot(backend_id: id.rawValue))
        case .removeSlot(let key): _ = try maps.slots.delete(slot_key(key))
        case .setMember(let service, let backend, let membership):
            let key = member_key(service, backend)
            // The time stands: what clients remember since then stays good.
            let joined = try maps.members.lookup(key)?.joined_ns ?? Monotonic.now().nanoseconds
            try maps.members.update(key, member(membership, joinedAt: joined))
        case .removeMember(let service, let backend):
            _ = try maps.members.delete(member_key(service, backend))
        case .setSourceRange(let id, let range):
            let allowed = source_verdict(allowed: true)
            switch range.family {
            case .v4: try maps.sourceRanges4.update(source_range4(id, range), allowed)
            case .v6: try maps.sourceRanges6.update(source_range6(id, range), allowed)
            }
        case .removeSourceRange(let id, let range):
            switch range.family {
            case .v4: _ = try maps.sourceRanges4.delete(source_range4(id, range))
            case .v6: _ = try maps.sourceRanges6.delete(source_range6(id, range))
            }
        case .setFrontend(let frontend, let head):
            switch frontend.address.family {
            case .v4: try maps.services4.update(frontend4(frontend), service_head(head))
            case .v6: try maps.services6.update(frontend6(frontend), service_head(head))
            }
        case .removeFrontend(let frontend):
            switch frontend.address.family {
            case .v4: _ = try maps.services4.delete(frontend4(frontend))
            case .v6: _ = try maps.services6.delete(frontend6(frontend))
            }
        case .setENI, .removeENI, .setVeth, .removeVeth, .setNode, .removeNode, .switchServices:
            try writeNode(operation)
        case .setPod, .removePod, .setLocalAddress, .removeLocalAddress, .setPrefix, .removePrefix:
            try writeNetwork(operation)
        case .attachXDP(let interface): try attachXDP(interface)
        case .detachXDP(let interface): try detachXDP(interface)
        case .attach(let interface, let role): try attach(interface, role)
        case .detach(let interface, let role): try detach(interface, role)
        }
    }

    private func writeNetwork(_ operation: Operation) throws(BPFError) {
        switch operation {
        case .setPod(let pod): try setPod(pod)
        case .removePod(let address): try removePod(address)
        case .setLocalAddress(let address, let accepts):
            let value = local_address(acceptsNodePorts: accepts)
            switch address.family {
            case .v4: try maps.localAddresses4.update(address4(address), value)
            case .v6: try maps.localAddresses6.update(address6(address), value)
            }
        case .removeLocalAddress(let address):
            switch address.family {
            case .v4: _ = try maps.localAddresses4.delete(address4(address))
            case .v6: _ = try maps.localAddresses6.delete(address6(address))
            }
        case .setPrefix(let cidr, let value):
            switch cidr.family {
            case .v4: try maps.prefixes4.update(prefix4(cidr), prefix_class(value))
            case .v6: try maps.prefixes6.update(prefix6(cidr), prefix_class(value))
            }
        case .removePrefix(let cidr):
            switch cidr.family {
            case .v4: _ = try maps.prefixes4.delete(prefix4(cidr))
            case .v6: _ = try maps.prefixes6.delete(prefix6(cidr))
            }
        default: break
        }
    }

    /// The ENI first: a pod that is found without one would go to the stack, never astray.
    private func setPod(_ pod: DesiredPod) throws(BPFError) {
        switch pod.address.family {
        case .v4:
            let key = address4(pod.address)
            if let eni = pod.eni {
                try maps.podToENI4.update(key, pod_eni4(eni))
            } else {
                _ = try maps.podToENI4.delete(key)
            }
            try maps.podToVeth4.update(key, pod_veth(pod))
        case .v6:
            let key = address6(pod.address)
            if let eni = pod.eni {
                try maps.podToENI6.update(key, pod_eni6(eni))
            } else {
                _ = try maps.podToENI6.delete(key)
            }
            try maps.podToVeth6.update(key, pod_veth(pod))
        }
    }

    private func removePod(_ address: IPAddress) throws(BPFError) {
        switch address.family {
        case .v4:
            _ = try maps.podToVeth4.delete(address4(address))
            _ = try maps.podToENI4.delete(address4(address))
        case .v6:
            _ = try maps.podToVeth6.delete(address6(address))
            _ = try maps.podToENI6.delete(address6(address))
        }
    }

    /// Interfaces are named by number, which means this namespace's: the thread must be in it.
    private func attach(_ interface: UInt32, _ role: AttachmentRole) throws(BPFError) {
        let (hooks, programs) = (hooks, programs)
        try inNamespace { () throws(BPFError) in
            try hooks.attach(programs, to: interface, as: role)
        }
        attached[interface] = role
    }

    private func detach(_ interface: UInt32, _ role: AttachmentRole) throws(BPFError) {
        attached[interface] = nil
        let hooks = hooks
        try inNamespace { () throws(BPFError) in try hooks.detach(from: interface, as: role) }
    }

    func inNamespace<T>(_ body: () throws(BPFError) -> T) throws(BPFError) -> T {
        try namespace.run(
            orElse: {
                .system(operation: $0.call, subject: $0.subject, errno: $0.errno.rawValue)
            }, body)
    }
}

extension BPFError {
    /// The error with what to do about it where we know.
    var remedy: String {
        // Hash maps say E2BIG, LPM tries ENOSPC.
        errno == E2BIG || errno == ENOSPC
            ? "\(self) (the map is full: what is in it keeps working)"
            : "\(self)"
    }
}
