// What the maps hold, as a value: Plan compares Desired with it, Datapath restores it by applying
// one `set…` operation for each entry that it finds. It changes by operations only, so that after a
// partial failure the picture is exact again, and what is derived from it always fits.

package import Model

/// A backend's entry.
package struct BackendRecord: Hashable, Sendable {
    package var backend: Backend
    package var state: BackendState

    package init(_ backend: Backend, _ state: BackendState) {
        self.backend = backend
        self.state = state
    }
}

/// The planner's picture of the datapath.
package struct Image: Equatable, Sendable {
    package private(set) var frontends: [Frontend: ServiceHead] = [:]
    /// Slot → backend, by list; a list without slots is absent.
    package private(set) var slots: [SlotList: [UInt32: BackendID]] = [:]
    package private(set) var backends: [BackendID: BackendRecord] = [:]
    /// The backends of services with affinity; a service without any is absent.
    package private(set) var members: [ServiceID: [BackendID: Membership]] = [:]
    /// Who may dial a service's load balancer frontends; a service without ranges is absent.
    package private(set) var sourceRanges: [ServiceID: Set<CIDR>] = [:]
    package private(set) var pods: [IPAddress: DesiredPod] = [:]
    package private(set) var localAddresses: [IPAddress: Bool] = [:]
    package private(set) var prefixes: [CIDR: PrefixClass] = [:]
    package private(set) var attachments: [UInt32: AttachmentRole] = [:]
    package private(set) var enis: [ENIKey: ENIEgress] = [:]
    package private(set) var veths: [UInt32: VethAddresses] = [:]
    package private(set) var node: DesiredNode?
    package private(set) var translatesServices = false
    package private(set) var xdpInterface: UInt32?

    /// How many frontends' heads name a service: its slots must not go while this isn't 0.
    package private(set) var headCounts: [ServiceID: Int] = [:]
    /// How many slots name a backend: it must not go while this isn't 0.
    package private(set) var slotCounts: [BackendID: Int] = [:]

    package init() {}

    /// What the operation does to the maps, and nothing else; like it, idempotent.
    package mutating func apply(_ operation: Operation) {
        switch operation {
        case .setBackend(let id, let backend, let state):
            backends[id] = BackendRecord(backend, state)
        case .removeBackend(let id, _): backends[id] = nil
        case .setSlot(let key, let id): setSlot(key, to: id)
        case .removeSlot(let key): setSlot(key, to: nil)
        case .setMember(let service, let backend, let membership):
            members[service, default: [:]][backend] = membership
        case .removeMember(let service, let backend):
            members[service]?[backend] = nil
            if members[service]?.isEmpty == true { members[service] = nil }
        case .setSourceRange(let id, let range): sourceRanges[id, default: []].insert(range)
        case .removeSourceRange(let id, let range):
            sourceRanges[id]?.remove(range)
            if sourceRanges[id]?.isEmpty == true { sourceRanges[id] = nil }
        case .setFrontend(let frontend, let head): setHead(frontend, to: head)
        case .removeFrontend(let frontend): setHead(frontend, to: nil)
        case .setPod(let pod): pods[pod.address] = pod
        case .removePod(let address): pods[address] = nil
        case .setLocalAddress(let address, let accepts): localAddresses[address] = accepts
        case .removeLocalAddress(let address): localAddresses[address] = nil
        case .setPrefix(let prefix, let kind): prefixes[prefix] = kind
        case .removePrefix(let prefix): prefixes[prefix] = nil
        case .attach(let interface, let role): attachments[interface] = role
        case .detach(let interface, let role):
            if attachments[interface] == role { attachments[interface] = nil }
        case .setENI(let key, let egress): enis[key] = egress
        case .removeENI(let key): enis[key] = nil
        case .setVeth(let interface, let addresses): veths[interface] = addresses
        case .removeVeth(let interface): veths[interface] = nil
        case .setNode(let settings): node = settings
        case .removeNode: node = nil
        case .switchServices(let isOn): translatesServices = isOn
        case .attachXDP(let interface): xdpInterface = interface
        case .detachXDP(let interface): if xdpInterface == interface { xdpInterface = nil }
        }
    }

    /// The backend that a slot names, nil when there is no such slot.
    package subscript(key: SlotKey) -> BackendID? {
        slots[SlotList(service: key.service, set: key.set)]?[key.slot]
    }

    /// The operations that make this image out of an empty one, in an order of which every prefix
    /// is safe: what a restored datapath would tell.
    package var operations: [Operation] {
        var all: [Operation] = []
        for (id, record) in backends { all.append(.setBackend(id, record.backend, record.state)) }
        for (list, entries) in slots {
            for (slot, id) in entries { all.append(.setSlot(list.key(slot), id)) }
        }
        for (service, backends) in members {
            for (id, membership) in backends { all.append(.setMember(service, id, membership)) }
        }
        for (id, ranges) in sourceRanges {
            all += ranges.map { .setSourceRange(id, $0) }
        }
        for (frontend, head) in frontends { all.append(.setFrontend(frontend, head)) }
        for pod in pods.values { all.append(.setPod(pod)) }
        for (address, accepts) in localAddresses {
            all.append(.setLocalAddress(address, acceptsNodePorts: accepts))
        }
        for (prefix, kind) in prefixes { all.append(.setPrefix(prefix, kind)) }
        for (key, egress) in enis { all.append(.setENI(key, egress)) }
        for (interface, addresses) in veths { all.append(.setVeth(interface, addresses)) }
        for (interface, role) in attachments { all.append(.attach(interface, role)) }
        if let node { all.append(.setNode(node)) }
        if translatesServices { all.append(.switchServices(true)) }
        if let xdpInterface { all.append(.attachXDP(xdpInterface)) }
        return all
    }

    private mutating func setSlot(_ key: SlotKey, to id: BackendID?) {
        let list = SlotList(service: key.service, set: key.set)
        let old: BackendID?
        if let id {
            old = slots[list, default: [:]].updateValue(id, forKey: key.slot)
        } else {
            old = slots[list]?.removeValue(forKey: key.slot)
            if slots[list]?.isEmpty == true { slots[list] = nil }
        }
        guard old != id else { return }
        if let old { Self.count(&slotCounts, old, -1) }
        if let id { Self.count(&slotCounts, id, 1) }
    }

    private mutating func setHead(_ frontend: Frontend, to head: ServiceHead?) {
        let old =
            head.map { frontends.updateValue($0, forKey: frontend) }
            ?? frontends.removeValue(forKey: frontend)
        guard old?.id != head?.id else { return }
        if let old { Self.count(&headCounts, old.id, -1) }
        if let head { Self.count(&headCounts, head.id, 1) }
    }

    private static func count<Key>(_ counts: inout [Key: Int], _ key: Key, _ change: Int) {
        let count = counts[key, default: 0] + change
        counts[key] = count == 0 ? nil : count
    }
}
