// What others ask about the node's health: the health ports of Services for load balancers, and
// whether the node is to be used at all. Ready endpoints only: see `DesiredHealthPort`.

package import Model

extension Resolve {
    /// The Service's health ports, one for each of its families; empty unless it is a load balancer
    /// with externalTrafficPolicy Local. Sorted by family. O(its slices).
    package static func healthPorts(
        of name: ObjectName, in snapshot: Snapshot
    ) -> [DesiredHealthPort] {
        guard let service = snapshot.services[name], let port = healthPort(of: service) else {
            return []
        }
        let slices = (snapshot.slicesByService[name] ?? []).sorted()
            .compactMap { snapshot.endpointSlices[$0] }
        return service.clusterIPs.map(\.family).sorted { $0.rawValue < $1.rawValue }.map { family in
            var ready: Set<IPAddress> = []
            for servicePort in service.ports {
                for found in endpoints(of: servicePort, family: family, in: slices)
                where found.endpoint.isReady
                    && found.endpoint.nodeName == snapshot.settings.nodeName
                {
                    ready.insert(found.backend.address)
                }
            }
            return DesiredHealthPort(
                service: name, family: family, port: port,
                addresses: healthAddresses(family, in: snapshot), readyLocalEndpoints: ready.count)
        }
    }

    /// Whether load balancers should send to this node: its Node object is known, not being deleted
    /// and not about to be (the cluster autoscaler's taint). An object that was deleted counts as
    /// it last was.
    package static func isNodeEligible(in snapshot: Snapshot) -> Bool {
        snapshot.ownNode.map { !$0.isLeaving } ?? false
    }

    /// Services whose health ports listen elsewhere after a change of the node's addresses.
    static func servicesWithHealthPorts(in snapshot: Snapshot) -> Set<ObjectName> {
        Set(snapshot.services.filter { healthPort(of: $0.value) != nil }.keys)
    }

    /// Whether addresses of the node decide where health ports listen.
    static func restrictsHealthPorts(_ snapshot: Snapshot) -> Bool {
        !IPFamily.allCases.allSatisfy { isUnrestricted($0, snapshot.settings.nodePortAddresses) }
    }

    private static func isUnrestricted(_ family: IPFamily, _ wanted: NodePortAddresses) -> Bool {
        switch wanted {
        case .all: return true
        case .primary: return false
        case .prefixes(let prefixes):
            let own = prefixes.filter { $0.family == family }
            return own.isEmpty || own.contains { $0.prefixLength == 0 }
        }
    }

    private static func healthPort(of service: Service) -> UInt16? {
        guard isHandled(service), service.type == .loadBalancer, service.externalPolicy == .local
        else { return nil }
        return service.healthCheckNodePort
    }

    private static func healthAddresses(
        _ family: IPFamily, in snapshot: Snapshot
    ) -> [IPAddress] {
        let wanted = snapshot.settings.nodePortAddresses
        if isUnrestricted(family, wanted) { return [.unspecified(family)] }
        return snapshot.networkIndex.addresses.keys.filter { address in
            guard address.family == family else { return false }
            // A loopback address takes no node ports, but may be asked for health.
            if address.isLoopback, case .prefixes(let prefixes) = wanted {
                return prefixes.contains { $0.contains(address) }
            }
            // A link-local IPv6 address means nothing without its link: nobody probes it.
            return localAddress(address, in: snapshot) == true
                && !(family == .v6 && address.isLinkLocal)
        }.sorted()
    }
}
