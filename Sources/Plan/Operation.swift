// One write to the datapath, as data. Whoever applies operations decides nothing: which ids,
// which order and what is still needed are settled here in Plan.

package import Model

/// Names a service port in the maps; never 0; not re-used while anything refers to it.
package struct ServiceID: Hashable, Sendable, Comparable {
    package var rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }
    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// Names a backend in the maps; never 0; an id freed is the last to be handed out again, so that
/// whoever remembers a dead backend does not meet another one under its id.
package struct BackendID: Hashable, Sendable, Comparable {
    package var rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }
    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// Which list of a service port a slot belongs to.
package enum BackendSet: UInt8, Hashable, Sendable, CaseIterable {
    case cluster
    case local
}

/// A frontend's entry: everything a new flow needs before it picks a slot.
package struct ServiceHead: Hashable, Sendable {
    package var id: ServiceID
    package var kind: FrontendKind
    /// Slots 0..<count of each set exist.
    package var clusterCount: UInt32
    package var localCount: UInt32
    package var internalPolicy: TrafficPolicy
    package var externalPolicy: TrafficPolicy
    /// 0: no affinity.
    package var affinityTimeoutSeconds: UInt32
    /// Decides REJECT (false) against DROP when the set that a flow may use is empty.
    package var isUsableAnywhere: Bool
    /// The service's ranges decide who may come; load balancer frontends only.
    package var hasSourceRanges: Bool

    package init(
        id: ServiceID, kind: FrontendKind, clusterCount: UInt32, localCount: UInt32,
        internalPolicy: TrafficPolicy, externalPolicy: TrafficPolicy,
        affinityTimeoutSeconds: UInt32,
        isUsableAnywhere: Bool, hasSourceRanges: Bool = false
    ) {
        self.id = id
        self.kind = kind
        self.clusterCount = clusterCount
        self.localCount = localCount
        self.internalPolicy = internalPolicy
        self.externalPolicy = externalPolicy
        self.affinityTimeoutSeconds = affinityTimeoutSeconds
        self.isUsableAnywhere = isUsableAnywhere
        self.hasSourceRanges = hasSourceRanges
    }
}

/// A backend's state in the maps.
package enum BackendState: UInt8, Hashable, Sendable {
    case active
    /// Keeps the flows it has, gets no new ones.
    case draining
}

/// One of a service port's two lists of slots.
package struct SlotList: Hashable, Sendable {
    package var service: ServiceID
    package var set: BackendSet

    package init(service: ServiceID, set: BackendSet) {
        self.service = service
        self.set = set
    }

    /// The place of one slot of this list.
    package func key(_ slot: UInt32) -> SlotKey { SlotKey(service: service, set: set, slot: slot) }
}

/// A slot's place.
package struct SlotKey: Hashable, Sendable {
    package var service: ServiceID
    package var set: BackendSet
    package var slot: UInt32

    package init(service: ServiceID, set: BackendSet, slot: UInt32) {
        self.service = service
        self.set = set
        self.slot = slot
    }
}

/// In which of a service's sets a backend is; in at least one.
package struct Membership: Hashable, Sendable {
    package var isInCluster: Bool
    package var isInLocal: Bool

    package init(isInCluster: Bool, isInLocal: Bool) {
        self.isInCluster = isInCluster
        self.isInLocal = isInLocal
    }
}

/// One write. Each is idempotent: setting again what is there, or removing what is not, succeeds.
package enum Operation: Hashable, Sendable {
    case setBackend(BackendID, Backend, BackendState)
    /// The family is named since backends of both families have maps of their own.
    case removeBackend(BackendID, IPFamily)
    case setSlot(SlotKey, BackendID)
    case removeSlot(SlotKey)
    /// A backend of a service with affinity: clients may stay with it. Setting it again, also with
    /// other sets, lets what clients remember stand; removing and setting it does not.
    case setMember(ServiceID, BackendID, Membership)
    case removeMember(ServiceID, BackendID)
    case setSourceRange(ServiceID, CIDR)
    case removeSourceRange(ServiceID, CIDR)
    case setFrontend(Frontend, ServiceHead)
    case removeFrontend(Frontend)
    case setPod(DesiredPod)
    case removePod(IPAddress)
    case setLocalAddress(IPAddress, acceptsNodePorts: Bool)
    case removeLocalAddress(IPAddress)
    case setPrefix(CIDR, PrefixClass)
    case removePrefix(CIDR)
    case attach(UInt32, AttachmentRole)
    case detach(UInt32, AttachmentRole)
    case setENI(ENIKey, ENIEgress)
    case removeENI(ENIKey)
    case setVeth(UInt32, VethAddresses)
    case removeVeth(UInt32)
    case setNode(DesiredNode)
    case removeNode
    /// Whether the interface programs may translate new flows.
    case switchServices(Bool)
    /// Where the interface is asked to and can't, that is told beside (`--xdp auto`).
    case attachXDP(UInt32)
    case detachXDP(UInt32)
}

/// The writes of one unit in the order in which every prefix of them is safe.
package struct UnitPlan: Equatable, Sendable {
    package var unit: Unit
    package var operations: [Operation]

    package init(unit: Unit, operations: [Operation]) {
        self.unit = unit
        self.operations = operations
    }
}

/// What became of one unit's writes.
package struct UnitOutcome: Sendable {
    package var unit: Unit
    /// How many operations took effect, from the first on; the rest was not tried.
    package var applied: Int
    /// Why the next one failed, nil when all took effect.
    package var failure: String?

    package init(unit: Unit, applied: Int, failure: String? = nil) {
        self.unit = unit
        self.applied = applied
        self.failure = failure
    }
}

/// The only hand on the maps, as Plan and Reconcile know it.
package protocol OperationApplier: Sendable {
    /// Applies each unit's operations in order, stopping within a unit at its first failure; other
    /// units go on. Two units' writes to one entry take effect in the order of the plans.
    /// Returns one outcome for each plan, in order. Never throws: a failure is data.
    func apply(_ plans: [UnitPlan]) async -> [UnitOutcome]

    /// What the maps hold now, e.g. what an earlier agent left. Called once, at start.
    func restore() async throws -> Image
}
