// What the node should do, without any map id: the output of Resolve and the input of Plan.
// The grain is one Service, one pod, one host address, one prefix, one interface.

/// Which backends a policy restricts a path to (externalTrafficPolicy, internalTrafficPolicy).
package enum TrafficPolicy: UInt8, Hashable, Sendable {
    case cluster
    case local
}

/// How a frontend came to be; decides which policy and rules govern it.
package enum FrontendKind: UInt8, Hashable, Sendable {
    case clusterIP
    case externalIP
    case loadBalancer
    /// A wildcard: any local address that accepts node ports. The frontend's address is
    /// unspecified.
    case nodePort
}

/// One service port in one family, resolved.
package struct DesiredServicePort: Hashable, Sendable {
    package var name: ServicePortName
    package var frontends: [Frontend: FrontendKind]
    /// Backends usable under policy Cluster; sorted, no duplicates.
    package var clusterBackends: [Backend]
    /// Backends usable under policy Local; sorted, no duplicates. No subset of the above.
    package var localBackends: [Backend]
    package var internalPolicy: TrafficPolicy
    package var externalPolicy: TrafficPolicy
    /// Session affinity by client address: seconds a client is remembered, nil without affinity.
    package var affinityTimeoutSeconds: UInt32?
    /// Who may dial the load balancer addresses; sorted, no duplicates; empty: everybody.
    package var sourceRanges: [CIDR]
    /// Backends that may keep flows they have although new ones do not come (draining included):
    /// what "serving" means in the UDP flush. Sorted, no duplicates; holds both sets above.
    package var servingBackends: [Backend]
    /// At least one ready or draining endpoint exists on any node: decides REJECT against DROP.
    package var isUsableAnywhere: Bool
    /// Frontends left out because the host itself has the address (NodeLocal DNSCache): this node
    /// must not translate them. Sorted; for `status`.
    package var nodeLocalFrontends: [Frontend]

    package init(
        name: ServicePortName, frontends: [Frontend: FrontendKind], clusterBackends: [Backend],
        localBackends: [Backend], internalPolicy: TrafficPolicy = .cluster,
        externalPolicy: TrafficPolicy = .cluster, affinityTimeoutSeconds: UInt32? = nil,
        sourceRanges: [CIDR] = [],
        servingBackends: [Backend], isUsableAnywhere: Bool, nodeLocalFrontends: [Frontend] = []
    ) {
        self.name = name
        self.frontends = frontends
        self.clusterBackends = clusterBackends
        self.localBackends = localBackends
        self.internalPolicy = internalPolicy
        self.externalPolicy = externalPolicy
        self.affinityTimeoutSeconds = affinityTimeoutSeconds
        self.sourceRanges = sourceRanges
        self.servingBackends = servingBackends
        self.isUsableAnywhere = isUsableAnywhere
        self.nodeLocalFrontends = nodeLocalFrontends
    }
}

/// Why a pod keeps the kernel's path.
package enum WatchReason: Hashable, Sendable {
    /// Not looked at yet: a new pod counts as watched until its veth came back clean.
    case unknown
    /// A tc filter that is not ours, by its name or kind.
    case filter(String)
    /// Nothing but the AWS network policy agent's two filters: they let whatever has the node's
    /// address pass.
    case policyAgent
    /// A tcx program that is not ours.
    case program
    /// A queueing discipline other than noqueue on the veth.
    case qdisc(String)
}

/// The ENI that a pod's traffic must leave by: the VPC drops it elsewhere.
package struct PodENI: Hashable, Sendable {
    package var interface: UInt32
    package var mac: MACAddress
    /// Bytes.
    package var mtu: UInt32
    package var nextHop: IPAddress
    /// Nil until the neighbour is resolved: the packet goes to the stack.
    package var nextHopMAC: MACAddress?

    package init(
        interface: UInt32, mac: MACAddress, mtu: UInt32, nextHop: IPAddress, nextHopMAC: MACAddress?
    ) {
        self.interface = interface
        self.mac = mac
        self.mtu = mtu
        self.nextHop = nextHop
        self.nextHopMAC = nextHopMAC
    }
}

/// One pod address on this node.
package struct DesiredPod: Hashable, Sendable {
    package var address: IPAddress
    package var veth: UInt32
    package var vethMAC: MACAddress
    /// Bytes; what the pod's interface takes.
    package var mtu: UInt32
    /// Nil until the host's neighbour entry for the pod is resolved: the packet goes to the stack.
    package var podMAC: MACAddress?
    package var watched: WatchReason?
    /// Nil while unsure: the packet goes to the stack.
    package var eni: PodENI?

    package init(
        address: IPAddress, veth: UInt32, vethMAC: MACAddress, mtu: UInt32, podMAC: MACAddress?,
        watched: WatchReason?, eni: PodENI?
    ) {
        self.address = address
        self.veth = veth
        self.vethMAC = vethMAC
        self.mtu = mtu
        self.podMAC = podMAC
        self.watched = watched
        self.eni = eni
    }
}

/// What a prefix means for traffic that leaves a pod.
package struct PrefixClass: Hashable, Sendable {
    package var isInsideVPC: Bool
    package var isExcludedFromSNAT: Bool

    package init(isInsideVPC: Bool, isExcludedFromSNAT: Bool) {
        self.isInsideVPC = isInsideVPC
        self.isExcludedFromSNAT = isExcludedFromSNAT
    }
}

/// Which of our programs an interface carries.
package enum AttachmentRole: UInt8, Hashable, Sendable {
    case pod
    case eni
}

/// Everything the node should do. Reconcile keeps it by unit; a full pass builds one whole.
package struct Desired: Equatable, Sendable {
    package var services: [ObjectName: [DesiredServicePort]] = [:]
    package var pods: [IPAddress: DesiredPod] = [:]
    /// Host address → accepts node ports.
    package var localAddresses: [IPAddress: Bool] = [:]
    package var prefixes: [CIDR: PrefixClass] = [:]
    package var attachments: [UInt32: AttachmentRole] = [:]
    /// How packets leave by each ENI that carries our programs.
    package var enis: [ENIKey: ENIEgress] = [:]
    /// What may come out of each pod's veth.
    package var veths: [UInt32: VethAddresses] = [:]
    /// Nil: nothing is known of the node.
    package var node: DesiredNode?
    /// The interface programs may translate new flows.
    package var translatesServices = false
    /// The interface that carries our XDP program.
    package var xdpInterface: UInt32?
    /// By Service, only those that have one.
    package var healthPorts: [ObjectName: [DesiredHealthPort]] = [:]

    package init() {}
}
