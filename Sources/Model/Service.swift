// A Service as a node reads it: what decides frontends and policies, nothing else. Neither the
// selector nor targetPort is here: endpoints come from EndpointSlices, joined by port name.
// The two families of a dual-stack Service are two independent services that share this object.

/// One Service object. Its name is the key under which it is kept.
package struct Service: Hashable, Sendable {
    package var type: ServiceType
    /// At most one of each family, in no meaningful order. Empty: headless, nothing is handled.
    package var clusterIPs: [IPAddress]
    package var ports: [ServicePort]
    package var externalIPs: [IPAddress]
    /// Load balancer addresses that this node captures: those with `ipMode` VIP or without one.
    package var loadBalancerIPs: [IPAddress]
    /// Governs traffic to the ClusterIP.
    package var internalPolicy: TrafficPolicy
    /// Governs node ports, external IPs and load balancer addresses. As written in the object:
    /// Resolve ignores it where the type does not expose the Service.
    package var externalPolicy: TrafficPolicy
    /// Seconds for which a client keeps its backend; nil without session affinity.
    package var affinityTimeoutSeconds: UInt32?
    /// `loadBalancerSourceRanges`, for load balancer addresses only; empty allows everybody.
    package var sourceRanges: [CIDR]
    /// Answers how many local endpoints are ready; nil when absent or zero.
    package var healthCheckNodePort: UInt16?
    /// The label service.kubernetes.io/service-proxy-name is present: another proxy serves these
    /// addresses, and this node leaves them untouched.
    package var belongsToAnotherProxy: Bool

    package init(
        type: ServiceType = .clusterIP, clusterIPs: [IPAddress], ports: [ServicePort],
        externalIPs: [IPAddress] = [], loadBalancerIPs: [IPAddress] = [],
        internalPolicy: TrafficPolicy = .cluster, externalPolicy: TrafficPolicy = .cluster,
        affinityTimeoutSeconds: UInt32? = nil, sourceRanges: [CIDR] = [],
        healthCheckNodePort: UInt16? = nil, belongsToAnotherProxy: Bool = false
    ) {
        self.type = type
        self.clusterIPs = clusterIPs
        self.ports = ports
        self.externalIPs = externalIPs
        self.loadBalancerIPs = loadBalancerIPs
        self.internalPolicy = internalPolicy
        self.externalPolicy = externalPolicy
        self.affinityTimeoutSeconds = affinityTimeoutSeconds
        self.sourceRanges = sourceRanges
        self.healthCheckNodePort = healthCheckNodePort
        self.belongsToAnotherProxy = belongsToAnotherProxy
    }
}

/// `spec.type`; the raw value is Kubernetes' spelling.
package enum ServiceType: String, Hashable, Sendable, CaseIterable {
    case clusterIP = "ClusterIP"
    case nodePort = "NodePort"
    case loadBalancer = "LoadBalancer"
    case externalName = "ExternalName"
}

/// One entry of `spec.ports`; name and protocol join it to EndpointSlice ports.
package struct ServicePort: Hashable, Sendable {
    /// Empty for the single unnamed port.
    package var name: String
    package var `protocol`: L4Protocol
    /// What clients dial on ClusterIP, external IP and load balancer address; host order.
    package var port: UInt16
    /// What clients dial on the node's own addresses; nil when absent or zero.
    package var nodePort: UInt16?

    package init(
        name: String = "", protocol: L4Protocol = .tcp, port: UInt16, nodePort: UInt16? = nil
    ) {
        self.name = name
        self.protocol = `protocol`
        self.port = port
        self.nodePort = nodePort
    }
}
