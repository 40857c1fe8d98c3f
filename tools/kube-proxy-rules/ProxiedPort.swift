// One service port of one family as kube-proxy's rule writer sees it: the input of everything here.
// Which backends a port has is Resolve's knowledge; this room only writes rules about it.

package import Model

/// A service port with what kube-proxy's rules depend on.
package struct ProxiedPort: Sendable {
    package var name: ServicePortName
    package var clusterIP: IPAddress
    /// Host order.
    package var port: UInt16
    package var nodePort: UInt16?
    package var externalIPs: [IPAddress]
    package var loadBalancerIPs: [IPAddress]
    /// Of the port's family; empty allows everybody.
    package var sourceRanges: [CIDR]
    package var healthCheckNodePort: UInt16?
    package var internalPolicy: TrafficPolicy
    package var externalPolicy: TrafficPolicy
    package var affinityTimeoutSeconds: UInt32?
    package var clusterBackends: [Backend]
    package var localBackends: [Backend]
    /// At least one ready or draining endpoint exists on any node.
    package var isUsableAnywhere: Bool
    /// Endpoints of the port in any state: their sum over all ports switches the comments off.
    package var endpointCount: Int

    /// A ClusterIP port with policy Cluster whose endpoints are all ready.
    package init(name: ServicePortName, clusterIP: IPAddress, port: UInt16, backends: [Backend]) {
        self.name = name
        self.clusterIP = clusterIP
        self.port = port
        externalIPs = []
        loadBalancerIPs = []
        sourceRanges = []
        internalPolicy = .cluster
        externalPolicy = .cluster
        clusterBackends = backends
        localBackends = []
        isUsableAnywhere = !backends.isEmpty
        endpointCount = backends.count
    }

    /// Reachable by a node port, an external IP or a load balancer address.
    var isExternallyAccessible: Bool {
        nodePort != nil || !externalIPs.isEmpty || !loadBalancerIPs.isEmpty
    }

    /// Some path of this port uses the Cluster set. Policy Local on the outside uses it too, for
    /// senders on this node.
    var usesClusterBackends: Bool { internalPolicy == .cluster || isExternallyAccessible }

    /// Some path of this port uses the Local set.
    var usesLocalBackends: Bool {
        internalPolicy == .local || (externalPolicy == .local && isExternallyAccessible)
    }
}
