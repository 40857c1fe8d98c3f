// What a lab is made of, as `needletail-lab status -o json` prints it: a contract that scripts and
// the end-to-end tests read. Fields may be added, never renamed.

package import Model

/// A whole lab.
package struct LabStatus: Hashable, Sendable, Codable {
    package internal(set) var name: String
    package internal(set) var vpcCIDRs: [Text<CIDR>]
    package internal(set) var serviceCIDRs: [Text<CIDR>]
    package internal(set) var nodes: [LabNode]
    /// `router`, `client` (in the VPC, not a pod) and `internet`.
    package internal(set) var hosts: [LabHost]
}

/// An EC2 instance that is a Kubernetes node.
package struct LabNode: Hashable, Sendable, Codable {
    package internal(set) var name: String
    /// 1…; decides the node's subnets.
    package internal(set) var number: Int
    /// Path of the file that holds its network namespace open.
    package internal(set) var netns: String
    /// Path of its cgroup; pods' are below.
    package internal(set) var cgroup: String
    /// The primary addresses of the primary ENI: what Kubernetes calls the node's addresses.
    @Text package internal(set) var ipv4: IPAddress
    @Text package internal(set) var ipv6: IPAddress
    /// By device number; the first is the primary one.
    package internal(set) var enis: [LabENI]
    package internal(set) var pods: [LabPod]
    /// The arguments of `needletail run` on this node, all but `--services-from`.
    package internal(set) var run: [String]
}

/// An elastic network interface of a node.
package struct LabENI: Hashable, Sendable, Codable {
    /// `eni-…`, as EC2, ipamd and IMDS call it.
    package internal(set) var id: String
    /// 0 is the primary one; there may be holes.
    package internal(set) var device: Int
    package internal(set) var subnet: Int
    package internal(set) var ifname: String
    /// The interface index in the node's namespace.
    package internal(set) var ifindex: UInt32
    @Text package internal(set) var mac: MACAddress
    @Text package internal(set) var ipv4: IPAddress
    @Text package internal(set) var ipv6: IPAddress
    /// The subnet's IPv4 gateway; in IPv6 it is fe80:ec2::1 everywhere.
    @Text package internal(set) var gateway: IPAddress
    /// The gateway's, in both families.
    @Text package internal(set) var gatewayMAC: MACAddress
    /// The route table of its pods: 254 (main) for the primary ENI.
    package internal(set) var table: UInt32
    /// The router's end of the wire, in the router's namespace.
    package internal(set) var leg: String
}

/// A pod with its veth.
package struct LabPod: Hashable, Sendable, Codable {
    package internal(set) var namespace: String
    package internal(set) var name: String
    package internal(set) var netns: String
    package internal(set) var cgroup: String
    @Text package internal(set) var ipv4: IPAddress
    @Text package internal(set) var ipv6: IPAddress
    /// The host's end, in the node's namespace; the pod's end is `eth0`.
    package internal(set) var veth: String
    package internal(set) var vethIndex: UInt32
    /// The host end's, which the pod sends everything to.
    @Text package internal(set) var vethMAC: MACAddress
    /// The pod end's.
    @Text package internal(set) var mac: MACAddress
    /// The name of the ENI that owns its addresses.
    package internal(set) var eni: String
    /// 64 hex digits, as a container runtime makes them.
    package internal(set) var containerID: String
    /// When the CNI gave it its address: nanoseconds since 1970.
    package internal(set) var assignedAt: Int
}

/// A host that is no node.
package struct LabHost: Hashable, Sendable, Codable {
    package internal(set) var name: String
    package internal(set) var netns: String
    package internal(set) var cgroup: String
    /// Nil for the router, which has one on each leg.
    package internal(set) var ipv4: Text<IPAddress>?
    package internal(set) var ipv6: Text<IPAddress>?
}

extension LabNode {
    /// The ENI of that interface name.
    package func eni(_ ifname: String) -> LabENI? { enis.first { $0.ifname == ifname } }

    /// A pod by its name, or by what follows the node's name in it (`pod2` for `node1-pod2`).
    package func pod(_ text: String) -> LabPod? {
        pods.first { $0.name == text } ?? pods.first { $0.name == "\(name)-\(text)" }
    }
}

extension LabPod {
    /// The address of a family.
    package func address(_ family: IPFamily) -> IPAddress { family == .v4 ? ipv4 : ipv6 }
}

extension LabNode {
    /// The primary address of a family.
    package func address(_ family: IPFamily) -> IPAddress { family == .v4 ? ipv4 : ipv6 }
}

extension LabHost {
    static let routerName = "router"
    static let clientName = "client"
    static let internetName = "internet"

    /// The address of a family; nil for the router.
    package func address(_ family: IPFamily) -> IPAddress? {
        family == .v4 ? ipv4?.wrappedValue : ipv6?.wrappedValue
    }
}
