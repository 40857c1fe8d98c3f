// The road of a case without a kernel: objects → changes → snapshot → resolved → plans → image.
// A phase goes as changes onto what the phases before it left, not anew.

import Model
import Plan
import Resolve

@testable import Kubernetes
@testable import Reconcile

/// A node that plays one case.
struct PureNode {
    private var index = ManifestIndex()
    private var snapshot: Snapshot
    private var desired = Desired()
    private var planner = Planner(image: Image())
    private var hostAddresses: Set<IPAddress> = []

    var name: String { snapshot.settings.nodeName }
    /// What the maps would hold now.
    var image: Image { planner.image }
    /// Everything that listens for load balancers.
    var healthPorts: [DesiredHealthPort] { desired.healthPorts.values.flatMap { $0 } }
    /// Objects that the manifest reader would not take.
    var refusals: [String] { index.refusals.map(\.description) }

    init(_ config: CaseConfig, node: CaseNode) {
        snapshot = Snapshot(
            settings: Settings(
                nodeName: node.name, serviceCIDRs: config.serviceCIDRs,
                nodePortAddresses: config.nodePorts))
    }

    mutating func play(_ phase: CasePhase) {
        var changes: [Change] = []
        if let node = phase.node { changes += self.changes(to: node) }
        for (kind, objects) in [
            ("services", phase.services), ("endpointslices", phase.endpointSlices),
        ] {
            guard let objects else { continue }
            let list = objects.map(\.json).joined(separator: ",")
            changes += update(kind, "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\(list)]}")
        }
        var dirty: Set<Unit> = []
        for change in changes { dirty.formUnion(fold(change)) }
        for unit in dirty { resolve(unit) }
        while !dirty.isEmpty {
            var next: Set<Unit> = []
            for unit in dirty {
                let plan = planner.plan(unit, toward: desired)
                let outcome = UnitOutcome(unit: unit, applied: plan.operations.count)
                next.formUnion(planner.commit(outcome, of: plan))
            }
            dirty = next
        }
    }

    /// The node has the address.
    func isOwn(_ address: IPAddress) -> Bool { hostAddresses.contains(address) }

    /// Whether load balancers should send to a node whose object is this one; nil: none is known.
    static func isEligible(_ node: ManifestValue?, nodeName: String) -> Bool {
        var snapshot = Snapshot(settings: Settings(nodeName: nodeName))
        guard case .map(let members)? = node else { return Resolve.isNodeEligible(in: snapshot) }
        let object = ManifestValue.map([
            "apiVersion": .string("v1"), "kind": .string("Node"),
            "metadata": .map(members.filter { $0.key != "taints" }),
            "spec": .map(members.filter { $0.key == "taints" }),
        ])
        var index = ManifestIndex()
        for change in index.update("node.json", .contents(Array(object.json.utf8))) {
            _ = snapshot.fold(object: change)
        }
        return Resolve.isNodeEligible(in: snapshot)
    }

    private mutating func update(_ name: String, _ text: String) -> [Change] {
        index.update("\(name).json", .contents(Array(text.utf8)))
    }

    /// The Node object, and the addresses that its interfaces have beside loopback's.
    private mutating func changes(to node: CaseNode) -> [Change] {
        let objects = IPFamily.allCases.compactMap { family in
            node.addresses.first { $0.family == family }
        }
        let addresses = objects.map { "{\"type\":\"InternalIP\",\"address\":\"\($0)\"}" }
        let labels = node.zone.map { "\"topology.kubernetes.io/zone\":\"\($0)\"" } ?? ""
        var changes = update(
            "node",
            """
            {"apiVersion":"v1","kind":"Node",
             "metadata":{"name":"\(node.name)","labels":{\(labels)}},
             "status":{"addresses":[\(addresses.joined(separator: ","))]}}
            """)
        let loopback = [IPAddress(v4: 127, 0, 0, 1), IPAddress.unspecified(.v6).advanced(by: 1)]
        let now = Set(node.addresses + loopback.compactMap(\.self))
        let known = hostAddresses
        changes += now.subtracting(known).map { .network(.addressAdded(Self.held($0))) }
        changes += known.subtracting(now).map { .network(.addressRemoved(Self.held($0))) }
        hostAddresses = now
        return changes
    }

    private static func held(_ address: IPAddress) -> InterfaceAddress {
        InterfaceAddress(
            interface: address.isLoopback ? 1 : 2, address: address,
            prefixLength: address.family.bits)
    }

    private mutating func fold(_ change: Change) -> Set<Unit> {
        var touched = Set(
            Resolve.services(touchedBy: change, in: snapshot).map { Unit.service($0) })
        if case .network(let event) = change {
            touched.formUnion(Resolve.units(touchedBy: event, in: snapshot))
            snapshot.applyAlone(event)
            touched.formUnion(Resolve.units(touchedBy: event, in: snapshot))
        } else {
            _ = snapshot.fold(object: change)
            if case .node = change { touched.formUnion(Resolve.nodeUnits(in: snapshot)) }
        }
        return touched
    }

    private mutating func resolve(_ unit: Unit) {
        switch unit {
        case .service(let name):
            let ports = Resolve.service(name, in: snapshot)
            desired.services[name] = ports.isEmpty ? nil : ports
            desired.healthPorts[name] = Resolve.healthPorts(of: name, in: snapshot)
        case .localAddress(let address):
            desired.localAddresses[address] = Resolve.localAddress(address, in: snapshot)
        // Nothing of a case leads to a pod's or an ENI's entry.
        case .pod, .prefix, .interface, .node, .unclaimed: break
        }
    }
}

extension CaseConfig {
    /// What the flag would say.
    fileprivate var nodePorts: NodePortAddresses {
        if nodePortAddresses.isEmpty { return .all }
        if nodePortAddresses == ["primary"] { return .primary }
        return .prefixes(nodePortAddresses.compactMap { CIDR($0) })
    }
}
