// A Node as its agent reads it. Only this node's own object matters; its addresses are not "the
// node's addresses" for traffic: those are whatever the host's interfaces carry.

/// One Node object. Its name is the key under which it is kept.
package struct Node: Hashable, Sendable {
    /// Label topology.kubernetes.io/zone; nil switches zone hints off.
    package var zone: String?
    /// `status.addresses` of type InternalIP, then ExternalIP; names are left out.
    package var addresses: [IPAddress]
    package var podCIDRs: [CIDR]
    /// Being deleted, or tainted with ToBeDeletedByClusterAutoscaler: load balancers should drain
    /// it.
    package var isLeaving: Bool

    package init(
        zone: String? = nil, addresses: [IPAddress] = [], podCIDRs: [CIDR] = [],
        isLeaving: Bool = false
    ) {
        self.zone = zone
        self.addresses = addresses
        self.podCIDRs = podCIDRs
        self.isLeaving = isLeaving
    }
}
