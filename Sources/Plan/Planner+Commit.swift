// The only thing that flows back into Plan: what became of the writes. The image takes the part
// that took effect, and what that leaves without an owner is remembered until it is gone.

package import Model

extension Planner {
    /// Applies the prefix of the plan that took effect; to be called for every plan, an empty or
    /// failed one too. Returns what should be planned again: units that waited for this one, and
    /// `unclaimed` if something can go now (its planning is up to the caller, who knows whether
    /// every source is complete). A unit that failed is not among them: when to retry it is the
    /// caller's business. O(operations).
    package mutating func commit(_ outcome: UnitOutcome, of plan: UnitPlan) -> Set<Unit> {
        for id in Self.backends(drainedBy: plan.operations) {
            let count = underWay[id, default: 0] - 1
            underWay[id] = count > 0 ? count : nil
        }
        for frontend in Self.frontends(removedBy: plan.operations) {
            let count = leaving[frontend, default: 0] - 1
            leaving[frontend] = count > 0 ? count : nil
        }
        var wake = woken
        woken = []
        let touched = Touched(by: plan.operations, in: image)
        for operation in plan.operations.prefix(outcome.applied) {
            // A Service that shrank while this head still named it can drop its stale slots now.
            if let loser = loser(of: operation), plan.unit != .service(loser) {
                wake.insert(.service(loser))
            }
            image.apply(operation)
        }
        if settleNode(plan) { wake.insert(.node) }
        if settle(touched), outcome.failure == nil || plan.unit != .unclaimed {
            wake.insert(.unclaimed)
        }
        return wake
    }

    /// The Service that loses a head by this operation and still has slots.
    private func loser(of operation: Operation) -> ObjectName? {
        let (frontend, id): (Frontend, ServiceID?)
        switch operation {
        case .setFrontend(let changed, let head): (frontend, id) = (changed, head.id)
        case .removeFrontend(let removed): (frontend, id) = (removed, nil)
        default: return nil
        }
        guard let loser = image.frontends[frontend]?.id, loser != id else { return nil }
        return portOfID[loser]?.service
    }

    /// Sorts what the plan touched into claimed, unclaimed and gone; true if something unclaimed
    /// could be removed now.
    private mutating func settle(_ touched: Touched) -> Bool {
        var isAnythingRemovable = false
        for frontend in touched.frontends {
            if image.frontends[frontend] == nil {
                unownedFrontends.remove(frontend)
            } else if owners[frontend] == nil {
                unownedFrontends.insert(frontend)
                isAnythingRemovable = true
            }
        }
        for id in touched.services where portOfID[id] == nil {
            if isInImage(id) {
                retiredServices.insert(id)
                isAnythingRemovable = isAnythingRemovable || image.headCounts[id] == nil
            } else {
                retiredServices.remove(id)
                adoptable.remove(id)
            }
        }
        for (id, backend) in touched.backends {
            guard let record = image.backends[id] else {
                unheldBackends.remove(id)
                // Another plan of the same batch, committed before the removal, may have found the
                // id unheld and made it good again.
                if holders[id] == nil, let backend, backendIDs[backend] == id {
                    backendIDs[backend] = nil
                }
                continue
            }
            guard let holders = holders[id] else {
                // A removal that failed: the id is good again for this address.
                if backendIDs[record.backend] == nil { backendIDs[record.backend] = id }
                unheldBackends.insert(id)
                isAnythingRemovable = isAnythingRemovable || image.slotCounts[id] == nil
                continue
            }
            if holders.picking == 0, record.state == .active {
                unheldBackends.insert(id)
                isAnythingRemovable = true
            } else {
                unheldBackends.remove(id)
            }
        }
        return isAnythingRemovable
    }
}

/// What a plan takes away or leaves behind, before it is applied. What it brings in is held by
/// the planned unit and needs no look.
private struct Touched {
    var frontends: Set<Frontend> = []
    var services: Set<ServiceID> = []
    /// With the address that each had before.
    var backends: [BackendID: Backend?] = [:]

    init(by operations: [Operation], in image: Image) {
        for operation in operations {
            switch operation {
            case .setFrontend(let frontend, let head):
                guard let id = image.frontends[frontend]?.id, id != head.id else { continue }
                services.insert(id)
            case .removeFrontend(let frontend):
                frontends.insert(frontend)
                if let id = image.frontends[frontend]?.id { services.insert(id) }
            case .setSlot(let key, _):
                if let left = image[key] { touch(left, in: image) }
            case .removeSourceRange(let id, _): services.insert(id)
            case .removeSlot(let key):
                services.insert(key.service)
                if let left = image[key] { touch(left, in: image) }
            case .removeMember(let service, _): services.insert(service)
            case .setBackend(let id, _, .draining), .removeBackend(let id, _):
                touch(id, in: image)
            default: break
            }
        }
    }

    private mutating func touch(_ id: BackendID, in image: Image) {
        backends[id] = .some(image.backends[id]?.backend)
    }
}
