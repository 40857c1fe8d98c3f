// One Service → its service ports, each with frontends, backends and policies. The families of a
// dual-stack Service are resolved as if they were two Services. What the Service's type says
// decides little: node ports, external IPs and load balancer addresses count where they are
// present.

package import Model

extension Resolve {
    /// What the node should do for a Service; empty for one that is unknown, headless, of type
    /// ExternalName or another proxy's. Sorted by name. O(its slices).
    package static func service(
        _ name: ObjectName, in snapshot: Snapshot
    ) -> [DesiredServicePort] {
        guard let service = snapshot.services[name], isHandled(service) else { return [] }
        let slices = (snapshot.slicesByService[name] ?? []).sorted()
            .compactMap { snapshot.endpointSlices[$0] }
        let zone = snapshot.nodes[snapshot.settings.nodeName]?.zone

        var resolved: [DesiredServicePort] = []
        for clusterIP in service.clusterIPs {
            let isServedByHost = isHostAddress(clusterIP, in: snapshot)
            let ranges = sourceRanges(of: service, clusterIP.family, in: snapshot)
            for port in service.ports {
                let sets = BackendSets(
                    endpoints(of: port, family: clusterIP.family, in: slices),
                    nodeName: snapshot.settings.nodeName, zone: zone)
                var frontends = frontends(of: port, service, clusterIP: clusterIP)
                let dialled = Frontend(
                    address: clusterIP, port: port.port, protocol: port.protocol)
                if isServedByHost { frontends[dialled] = nil }
                resolved.append(
                    DesiredServicePort(
                        name: ServicePortName(
                            service: name, port: port.name, protocol: port.protocol,
                            family: clusterIP.family),
                        frontends: frontends, clusterBackends: sets.cluster,
                        localBackends: sets.local, internalPolicy: service.internalPolicy,
                        externalPolicy: isExposed(service) ? service.externalPolicy : .cluster,
                        affinityTimeoutSeconds: service.affinityTimeoutSeconds,
                        sourceRanges: ranges,
                        servingBackends: sets.serving, isUsableAnywhere: sets.isUsableAnywhere,
                        nodeLocalFrontends: isServedByHost ? [dialled] : []))
            }
        }
        return resolved.sorted { $0.name < $1.name }
    }

    /// Whether this node answers for the Service at all; a family without a ClusterIP never is.
    package static func isHandled(_ service: Service) -> Bool {
        !service.clusterIPs.isEmpty && service.type != .externalName
            && !service.belongsToAnotherProxy
    }

    /// Whether `externalTrafficPolicy` is read: as Kubernetes' ExternallyAccessible has it.
    private static func isExposed(_ service: Service) -> Bool {
        switch service.type {
        case .nodePort, .loadBalancer: true
        case .clusterIP: !service.externalIPs.isEmpty
        case .externalName: false
        }
    }

    /// Where clients dial one port in the ClusterIP's family. If an address plays several parts,
    /// the one that is matched first counts: ClusterIP, external IP, load balancer.
    private static func frontends(
        of port: ServicePort, _ service: Service, clusterIP: IPAddress
    ) -> [Frontend: FrontendKind] {
        let family = clusterIP.family
        var frontends: [Frontend: FrontendKind] = [:]
        func add(_ address: IPAddress, _ number: UInt16, _ kind: FrontendKind) {
            guard address.family == family else { return }
            let frontend = Frontend(address: address, port: number, protocol: port.protocol)
            if frontends[frontend] == nil { frontends[frontend] = kind }
        }
        add(clusterIP, port.port, .clusterIP)
        for address in service.externalIPs { add(address, port.port, .externalIP) }
        for address in service.loadBalancerIPs { add(address, port.port, .loadBalancer) }
        if let nodePort = port.nodePort { add(.unspecified(family), nodePort, .nodePort) }
        return frontends
    }

    /// NodeLocal DNSCache puts kube-dns' ClusterIP on an interface of the host: whoever has an
    /// address on this node serves it.
    private static func isHostAddress(_ address: IPAddress, in snapshot: Snapshot) -> Bool {
        !snapshot.networkIndex.addresses[address].isEmpty
    }
}
