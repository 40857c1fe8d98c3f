// The endpoints of one service port: the union of the Service's slices in one family, joined to the
// port by name and protocol. An endpoint may be in two slices while it moves: it counts once.

import Model

/// One address and port of a service port, with what decides whether it may be picked.
struct ResolvedEndpoint {
    var backend: Backend
    var endpoint: Endpoint
}

extension Resolve {
    /// The endpoints of a port, sorted by backend, no duplicates. O(endpoints of these slices).
    ///
    /// Of two entries for one address and port, one that isn't terminating beats one that is (the
    /// address was given to a new pod before the old one's object is gone); else the first slice's.
    static func endpoints(
        of port: ServicePort, family: IPFamily, in slices: [EndpointSlice]
    ) -> [ResolvedEndpoint] {
        var found: [Backend: Endpoint] = [:]
        for slice in slices where slice.family == family {
            for slicePort in slice.ports
            where slicePort.name == port.name && slicePort.protocol == port.protocol {
                for endpoint in slice.endpoints {
                    let backend = Backend(
                        address: endpoint.address, port: slicePort.port, protocol: port.protocol)
                    let known = found[backend]
                    if known == nil || known?.isTerminating == true && !endpoint.isTerminating {
                        found[backend] = endpoint
                    }
                }
            }
        }
        return found.map { ResolvedEndpoint(backend: $0, endpoint: $1) }
            .sorted { $0.backend < $1.backend }
    }
}
