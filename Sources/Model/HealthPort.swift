// The health port of a Service (`healthCheckNodePort`): what a load balancer asks to learn whether
// this node has a ready endpoint of its own. What should be served, and how that went.

/// One Service's health port in one family, resolved.
package struct DesiredHealthPort: Hashable, Sendable {
    package var service: ObjectName
    package var family: IPFamily
    /// Host order.
    package var port: UInt16
    /// Where it listens, sorted: the family's unspecified address for all of them.
    package var addresses: [IPAddress]
    /// Distinct addresses of ready endpoints on this node, over all ports of the Service. Draining
    /// endpoints do not count, although they still get traffic: that is how the node leaves the
    /// rotation before its last pod stops.
    package var readyLocalEndpoints: Int

    package init(
        service: ObjectName, family: IPFamily, port: UInt16, addresses: [IPAddress],
        readyLocalEndpoints: Int
    ) {
        self.service = service
        self.family = family
        self.port = port
        self.addresses = addresses
        self.readyLocalEndpoints = readyLocalEndpoints
    }
}

/// A health port as it is served.
package struct HealthPortState: Hashable, Sendable {
    package var desired: DesiredHealthPort
    /// Addresses that it could not be opened at, with the reason; they are tried again.
    package var failures: [IPAddress: String]

    package init(desired: DesiredHealthPort, failures: [IPAddress: String] = [:]) {
        self.desired = desired
        self.failures = failures
    }
}
