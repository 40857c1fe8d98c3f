// What the operator decided and Resolve must know; constant while the agent runs.

/// The part of the configuration that decides what Services and pods mean on this node.
package struct Settings: Hashable, Sendable {
    package var nodeName: String
    package var vpcCIDRs: [CIDR]
    package var snatExcludeCIDRs: [CIDR]
    package var serviceCIDRs: [CIDR]
    /// Prefix of the pods' host veth names.
    package var vethPrefix: String
    /// Name of the primary ENI; nil: the interface of the main table's default route.
    package var primaryInterface: String?
    /// Names of all ENIs; nil: the primary and whatever a from-pod rule's table routes through.
    package var eniInterfaces: [String]?
    /// Pods are shortcut at all.
    package var podRouting: Bool

    package init(
        nodeName: String, vpcCIDRs: [CIDR] = [], snatExcludeCIDRs: [CIDR] = [],
        serviceCIDRs: [CIDR] = [],
        vethPrefix: String = "eni", primaryInterface: String? = nil, eniInterfaces: [String]? = nil,
        podRouting: Bool = true
    ) {
        self.nodeName = nodeName
        self.vpcCIDRs = vpcCIDRs
        self.snatExcludeCIDRs = snatExcludeCIDRs
        self.serviceCIDRs = serviceCIDRs
        self.vethPrefix = vethPrefix
        self.primaryInterface = primaryInterface
        self.eniInterfaces = eniInterfaces
        self.podRouting = podRouting
    }
}
