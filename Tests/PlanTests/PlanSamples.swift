// Short ways to write desired service ports, in both families alike.

import Model

@testable import Plan

/// A backend: number `n` of a family's pod range.
func backend(_ n: Int, _ family: IPFamily = .v4, port: UInt16 = 8080) -> Backend {
    let base = family == .v4 ? IPAddress(v4: 10, 0, 1, 0) : IPAddress("fd00:1::")!
    return Backend(address: base.advanced(by: UInt64(n))!, port: port, protocol: .tcp)
}

/// A frontend: number `n` of a family's service range, port 80.
func frontend(_ n: Int, _ family: IPFamily = .v4, port: UInt16 = 80) -> Frontend {
    let base = family == .v4 ? IPAddress(v4: 10, 100, 0, 0) : IPAddress("fd00:100::")!
    return Frontend(address: base.advanced(by: UInt64(n))!, port: port, protocol: .tcp)
}

/// The range of `1 << width` senders from number `n` on; 16 numbers in all.
func range(_ n: Int, width: Int, _ family: IPFamily = .v4) -> CIDR {
    CIDR(sender(n, family), prefixLength: family.bits - width)!
}

/// A client: number `n` of a family's range of outsiders.
func sender(_ n: Int, _ family: IPFamily = .v4) -> IPAddress {
    let base = family == .v4 ? IPAddress(v4: 192, 0, 2, 0) : IPAddress("2001:db8:1::")!
    return base.advanced(by: UInt64(n))!
}

func name(_ name: String) -> ObjectName { ObjectName(namespace: "default", name: name) }

/// One service port with a Cluster and a Local set.
func port(
    _ service: String, port: String = "http", family: IPFamily = .v4,
    frontends: [Frontend: FrontendKind], cluster: [Backend], local: [Backend] = [],
    serving: [Backend] = [], affinity: UInt32? = nil, ranges: [CIDR] = []
) -> DesiredServicePort {
    DesiredServicePort(
        name: ServicePortName(service: name(service), port: port, protocol: .tcp, family: family),
        frontends: frontends, clusterBackends: cluster.sorted(), localBackends: local.sorted(),
        affinityTimeoutSeconds: affinity, sourceRanges: ranges.sorted(),
        servingBackends: Set(cluster + local + serving).sorted(),
        isUsableAnywhere: !cluster.isEmpty)
}

extension Planner {
    /// Plans one unit and lets every write succeed.
    @discardableResult
    mutating func carryOut(_ unit: Unit, toward desired: Desired) -> [Plan.Operation] {
        let plan = plan(unit, toward: desired)
        _ = commit(UnitOutcome(unit: unit, applied: plan.operations.count), of: plan)
        return plan.operations
    }

    /// Plans Services until nothing wants to be planned again.
    mutating func settle(_ desired: Desired) {
        var units = Set(desired.services.keys).union(services.keys).map(Unit.service)
        while !units.isEmpty {
            var next: Set<Unit> = []
            for unit in units {
                let plan = plan(unit, toward: desired)
                let outcome = UnitOutcome(unit: unit, applied: plan.operations.count)
                next.formUnion(commit(outcome, of: plan))
            }
            units = Array(next)
        }
    }
}

extension Desired {
    init(_ ports: [DesiredServicePort]) {
        self.init()
        services = Dictionary(grouping: ports) { $0.name.service }
    }
}
