// Turns what is desired into writes: settles ids, slots and order, and keeps the image exact. The
// image tells what was written, `services` what was last planned; they differ while plans are under
// way and after failures, and everything that is nobody's any more is known by the difference.
//
// A plan must be committed before its unit is planned again; plans of several units may be under
// way together, and are applied in the order in which they were made.

package import Model

/// Desired + image → ordered operations. Pure: it never learns how an operation is done.
package struct Planner: Sendable {
    /// What the maps hold, as far as committed.
    package internal(set) var image: Image

    /// What was last planned for each Service.
    var services: [ObjectName: [PortRecord]] = [:]
    var portOfID: [ServiceID: ServicePortName] = [:]
    /// Who has a frontend; absent: nobody wants it.
    var owners: [Frontend: ServiceID] = [:]
    /// Claims that were not granted.
    var waiting: [Frontend: Set<ServicePortName>] = [:]

    var backendIDs: [Backend: BackendID] = [:]
    /// What was last planned to use each backend; absent: nothing does.
    var holders: [BackendID: Holders] = [:]
    /// Backends that plans under way let drain, and in how many plans.
    var underWay: [BackendID: Int] = [:]
    /// Frontends that plans under way remove, and in how many plans: the image still has them.
    var leaving: [Frontend: Int] = [:]

    /// The primary ENI by which a plan under way lets services be translated.
    var nodeUnderWay: UInt32?
    /// ENIs that plans under way detach from.
    var detachingENIs: Set<UInt32> = []

    // What the image holds and nothing claims: left by an earlier agent or by failed writes.
    var unownedFrontends: Set<Frontend> = []
    var retiredServices: Set<ServiceID> = []
    /// Those of the retired that an earlier agent wrote: a port found under one goes on with it.
    var adoptable: Set<ServiceID> = []
    /// Also those that say "active" although nothing picks them.
    var unheldBackends: Set<BackendID> = []

    var serviceNumbers: IdentifierSource
    var backendNumbers: IdentifierSource
    /// Units that can go on since another one was planned; handed out by the next commit.
    var woken: Set<Unit> = []

    /// Goes on from what the maps hold: ids are found again by frontend and by backend address.
    package init(image: Image) {
        self.image = image
        unownedFrontends = Set(image.frontends.keys)
        retiredServices = Set(image.headCounts.keys).union(image.slots.keys.map(\.service))
            .union(image.members.keys).union(image.sourceRanges.keys)
        adoptable = retiredServices
        unheldBackends = Set(image.backends.keys)
        serviceNumbers = IdentifierSource(after: retiredServices.max()?.rawValue ?? 0)
        backendNumbers = IdentifierSource(after: unheldBackends.max()?.rawValue ?? 0)
        // Two ids for one address are what an interrupted change leaves: the one in use counts.
        for id in unheldBackends.sorted() {
            guard let backend = image.backends[id]?.backend else { continue }
            guard let known = backendIDs[backend] else {
                backendIDs[backend] = id
                continue
            }
            if image.slotCounts[id, default: 0] > image.slotCounts[known, default: 0] {
                backendIDs[backend] = id
            }
        }
    }

    /// The writes that lead one unit to what is desired of it (absent from `desired`: nothing). Any
    /// prefix of them is safe. O(size of that unit). Empty when there is nothing to do.
    package mutating func plan(_ unit: Unit, toward desired: Desired) -> UnitPlan {
        let operations =
            switch unit {
            case .service(let name): planService(name, toward: desired.services[name] ?? [])
            case .pod(let address): planPod(address, toward: desired.pods[address])
            case .localAddress(let address):
                planLocalAddress(address, toward: desired.localAddresses[address])
            case .prefix(let prefix): planPrefix(prefix, toward: desired.prefixes[prefix])
            case .interface(let index): planInterface(index, toward: desired)
            case .node: planNode(toward: desired)
            case .unclaimed: planUnclaimed()
            }
        for id in Self.backends(drainedBy: operations) { underWay[id, default: 0] += 1 }
        for frontend in Self.frontends(removedBy: operations) { leaving[frontend, default: 0] += 1 }
        return UnitPlan(unit: unit, operations: operations)
    }

    /// The claims that lost, sorted. O(claims that lost).
    package var conflicts: [FrontendConflict] {
        waiting.flatMap { frontend, refused in
            guard let id = owners[frontend], let owner = portOfID[id] else {
                return [FrontendConflict]()
            }
            return refused.map { FrontendConflict(frontend: frontend, owner: owner, refused: $0) }
        }.sorted()
    }

    static func frontends(removedBy operations: [Operation]) -> [Frontend] {
        operations.compactMap { operation in
            if case .removeFrontend(let frontend) = operation { frontend } else { nil }
        }
    }

    static func backends(drainedBy operations: [Operation]) -> [BackendID] {
        operations.compactMap { operation in
            if case .setBackend(let id, _, .draining) = operation { id } else { nil }
        }
    }
}

/// One service port as it was last planned.
struct PortRecord: Sendable {
    var name: ServicePortName
    var id: ServiceID
    /// Those that it was granted.
    var frontends: [Frontend] = []
    /// Claims that were not granted.
    var refused: [Frontend] = []
    /// The two sets, in the order in which they are desired.
    var cluster: [BackendID] = []
    var local: [BackendID] = []
    /// Backends in at least one of the two, each once.
    var picked: [BackendID] = []
    /// Backends in neither set that may keep the flows they have.
    var draining: [BackendID] = []
}

/// How many service ports use a backend.
struct Holders: Sendable {
    var backend: Backend
    var picking = 0
    var draining = 0

    var isEmpty: Bool { picking == 0 && draining == 0 }
}
