// From what the API told to what the rules are written from. Which backends a port may use is asked
// of Resolve, so that these rules and our own maps are made from one understanding of Services.

package import Model
import Resolve

/// The service ports of one family that kube-proxy would program on the snapshot's node, sorted by
/// name. O(everything in the snapshot).
package func proxiedPorts(family: IPFamily, in snapshot: Snapshot) -> [ProxiedPort] {
    snapshot.services.keys.sorted().flatMap { name -> [ProxiedPort] in
        guard let service = snapshot.services[name],
            let clusterIP = service.clusterIPs.first(where: { $0.family == family })
        else { return [] }
        let slices = (snapshot.slicesByService[name] ?? []).compactMap {
            snapshot.endpointSlices[$0]
        }
        let desired = Resolve.service(name, in: snapshot).filter { $0.name.family == family }
        return service.ports.compactMap { port in
            desired.first { $0.name.port == port.name && $0.name.protocol == port.protocol }
                .map {
                    ProxiedPort(
                        $0, service: service, port: port, clusterIP: clusterIP, slices: slices)
                }
        }
    }
}

extension ProxiedPort {
    init(
        _ desired: DesiredServicePort, service: Service, port: ServicePort, clusterIP: IPAddress,
        slices: [EndpointSlice]
    ) {
        let family = clusterIP.family
        self.init(
            name: desired.name, clusterIP: clusterIP, port: port.port,
            backends: desired.clusterBackends)
        nodePort = port.nodePort
        externalIPs = service.externalIPs.filter { $0.family == family }
        loadBalancerIPs = service.loadBalancerIPs.filter { $0.family == family }
        let ranges = service.sourceRanges.filter { $0.family == family }
        // A range that holds everybody is no restriction, and no rules are written for it.
        sourceRanges = ranges.contains { $0.prefixLength == 0 } ? [] : ranges
        let answersHealth = service.type == .loadBalancer && desired.externalPolicy == .local
        healthCheckNodePort = answersHealth ? service.healthCheckNodePort : nil
        internalPolicy = desired.internalPolicy
        externalPolicy = desired.externalPolicy
        affinityTimeoutSeconds = desired.affinityTimeoutSeconds
        localBackends = desired.localBackends
        isUsableAnywhere = desired.isUsableAnywhere
        let known = slices.filter { $0.family == family }.flatMap { slice in
            slice.ports.filter { $0.name == port.name && $0.protocol == port.protocol }
                .flatMap { slicePort in
                    slice.endpoints.map {
                        Backend(
                            address: $0.address, port: slicePort.port, protocol: port.protocol)
                    }
                }
        }
        endpointCount = Set(known).count
    }
}
