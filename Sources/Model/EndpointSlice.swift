// An EndpointSlice as a node reads it. A slice that no Service on this node can use (no service
// label, addressType FQDN, headless label) never becomes a value: to the node it does not exist.

/// One EndpointSlice object. Its name is the key under which it is kept.
package struct EndpointSlice: Hashable, Sendable {
    /// The Service in the slice's namespace that the label kubernetes.io/service-name names. It may
    /// arrive later than the slice, or be gone already.
    package var service: ObjectName
    /// `addressType`; every endpoint's address is of this family.
    package var family: IPFamily
    package var ports: [EndpointPort]
    package var endpoints: [Endpoint]

    package init(
        service: ObjectName, family: IPFamily, ports: [EndpointPort], endpoints: [Endpoint]
    ) {
        self.service = service
        self.family = family
        self.ports = ports
        self.endpoints = endpoints
    }
}

/// One entry of `ports`, valid for every endpoint of the slice.
package struct EndpointPort: Hashable, Sendable {
    /// Joins the Service port of this name and protocol; empty is a name.
    package var name: String
    package var `protocol`: L4Protocol
    /// Host order, never 0.
    package var port: UInt16

    package init(name: String = "", protocol: L4Protocol = .tcp, port: UInt16) {
        self.name = name
        self.protocol = `protocol`
        self.port = port
    }
}

/// One entry of `endpoints`, with the defaults of absent conditions filled in.
package struct Endpoint: Hashable, Sendable {
    /// The first of `addresses`; the others are never used.
    package var address: IPAddress
    package var isReady: Bool
    package var isServing: Bool
    package var isTerminating: Bool
    /// Nil: local nowhere.
    package var nodeName: String?
    /// `hints.forZones`; empty when absent.
    package var zoneHints: [String]
    /// `hints.forNodes`; empty when absent.
    package var nodeHints: [String]

    package init(
        address: IPAddress, isReady: Bool = true, isServing: Bool = true,
        isTerminating: Bool = false,
        nodeName: String? = nil, zoneHints: [String] = [], nodeHints: [String] = []
    ) {
        self.address = address
        self.isReady = isReady
        self.isServing = isServing
        self.isTerminating = isTerminating
        self.nodeName = nodeName
        self.zoneHints = zoneHints
        self.nodeHints = nodeHints
    }

    /// Gets new flows only where no endpoint is ready: on its way out, but still answering.
    package var isDraining: Bool { !isReady && isServing && isTerminating }
}
