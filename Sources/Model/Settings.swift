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
    /// The interface programs may translate new flows, as soon as what that takes is known.
    package var translatesServices: Bool
    package var nodePortAddresses: NodePortAddresses
    package var localDetection: LocalDetection
    package var masqueradesAll: Bool
    /// The only ports that a masqueraded flow's source port may become.
    package var masqueradePorts: ClosedRange<UInt16>
    /// For each CPU; 0: no limit.
    package var newFlowsPerSecond: UInt32
    /// Our programs see a packet before other people's filters do, both ways (tcx). Where they do
    /// not, a filter on a pod's veth leaves one direction to us and the other not.
    package var programsRunFirst = true
    /// The primary ENI carries our XDP program, as far as it takes one.
    package var xdp = false

    /// 24,576 ports: as many masqueraded flows to one backend at a time. Beside what Kubernetes
    /// gives NodePorts (30000–32767); the kernel's own clients share it unless it is reserved.
    package static let defaultMasqueradePorts: ClosedRange<UInt16> = 40960...65535
    package static let defaultNewFlowsPerSecond: UInt32 = 20_000

    package init(
        nodeName: String, vpcCIDRs: [CIDR] = [], snatExcludeCIDRs: [CIDR] = [],
        serviceCIDRs: [CIDR] = [],
        vethPrefix: String = "eni", primaryInterface: String? = nil, eniInterfaces: [String]? = nil,
        podRouting: Bool = true, translatesServices: Bool = true,
        nodePortAddresses: NodePortAddresses = .all, localDetection: LocalDetection = .interfaces,
        masqueradesAll: Bool = false,
        masqueradePorts: ClosedRange<UInt16> = Settings.defaultMasqueradePorts,
        newFlowsPerSecond: UInt32 = Settings.defaultNewFlowsPerSecond
    ) {
        self.nodeName = nodeName
        self.vpcCIDRs = vpcCIDRs
        self.snatExcludeCIDRs = snatExcludeCIDRs
        self.serviceCIDRs = serviceCIDRs
        self.vethPrefix = vethPrefix
        self.primaryInterface = primaryInterface
        self.eniInterfaces = eniInterfaces
        self.podRouting = podRouting
        self.translatesServices = translatesServices
        self.nodePortAddresses = nodePortAddresses
        self.localDetection = localDetection
        self.masqueradesAll = masqueradesAll
        self.masqueradePorts = masqueradePorts
        self.newFlowsPerSecond = newFlowsPerSecond
    }
}

/// Which of the host's addresses accept node ports; loopback addresses never do.
package enum NodePortAddresses: Hashable, Sendable {
    case all
    /// The Node object's addresses; while it has none, those that flows are masqueraded with.
    case primary
    /// Those inside; a family of which none is named accepts on all of its addresses.
    case prefixes([CIDR])
}
