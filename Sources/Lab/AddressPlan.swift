// Who has which address: the same in every lab, since namespaces keep labs apart. One subnet an ENI
// (as if each node sat in an availability zone of its own), whose number `16 × node + device` is
// the third octet in IPv4 and the fourth group in IPv6. Within a subnet `.1` is the gateway, `.10`
// the ENI, `.20` and up its pods; in IPv6 the same digits, read as hex.

package import Model

/// The lab's addresses as a function of node, ENI and pod numbers.
package enum AddressPlan {
    /// Nodes are numbered from 1; subnet numbers are octets.
    package static let maximumNodes = 14
    /// Device numbers 0…14; 15 would still fit, but no instance type has it.
    package static let maximumENIs = 15
    /// Pods per node at the start.
    package static let maximumPods = 1000
    /// Pod addresses per ENI: `.20`…`.254`.
    package static let podsPerENI = 235

    package static let vpcCIDRs = [cidr("10.0.0.0/16"), cidr("2001:db8:ec2::/56")]
    package static let serviceCIDRs = [cidr("10.100.0.0/16"), cidr("fd00:10:100::/108")]
    /// Where every ENI's IPv6 gateway answers, in every VPC.
    package static let gatewayV6 = address("fe80:ec2::1")
    /// The subnet number of the client, which is in the VPC and no pod.
    package static let clientSubnet = 1
    /// Not a subnet of the VPC: a number for the MACs of the wire to the internet.
    package static let internetSubnet = 2
    /// The host outside of the VPC (RFC 5737, RFC 3849), and its router.
    package static let internet = (
        v4: address("203.0.113.10"), v6: address("2001:db8:ffff::10"),
        gateway: address("203.0.113.1")
    )
    /// Where pods send everything (in-pod default routes), answered by a static neighbour entry.
    package static let podGateway = (v4: address("169.254.1.1"), v6: address("fe80::1"))
    /// The instance metadata service.
    package static let imds = address("169.254.169.254")

    /// The number of the subnet of a node's ENI. Nodes count from 1, devices from 0.
    package static func subnet(node: Int, device: Int) -> Int { 16 * node + device }

    /// The IPv4 and IPv6 prefixes of a subnet: a /24 and a /64.
    package static func prefixes(subnet: Int) -> (v4: CIDR, v6: CIDR) {
        (cidr("10.0.\(subnet).0/24"), cidr("2001:db8:ec2:\(String(subnet, radix: 16))::/64"))
    }

    /// The address `host` of a subnet, the same digits in both families (`.20` and `::20`).
    package static func address(_ host: Int, inSubnet subnet: Int) -> (v4: IPAddress, v6: IPAddress)
    {
        let group = String(subnet, radix: 16)
        return (address("10.0.\(subnet).\(host)"), address("2001:db8:ec2:\(group)::\(host)"))
    }

    /// The IPv4 gateway of a subnet; the IPv6 one is `gatewayV6` on every link.
    package static func gateway(subnet: Int) -> IPAddress { address(1, inSubnet: subnet).v4 }

    /// The host number of an ENI or of the client in its subnet.
    package static let primaryHost = 10
    /// The host number of an ENI's first pod.
    package static let firstPodHost = 20

    /// An ENI's table: main for the primary, device + 1 for the others (card 0, every CNI version).
    package static func table(device: Int) -> UInt32 { device == 0 ? 254 : UInt32(device + 1) }

    /// Interface names as Amazon Linux 2023 has them: `ens5` is the primary.
    package static func interfaceName(device: Int) -> String { "ens\(5 + device)" }

    /// The MAC of an ENI (or of the client, which is an ENI too), as its side of the wire has it.
    package static func mac(subnet: Int) -> MACAddress { mac(0x0e, subnet) }

    /// The MAC of the gateway on that wire.
    package static func gatewayMAC(subnet: Int) -> MACAddress { mac(0x01, subnet) }

    /// `eni-` and 17 hex digits, as EC2 writes them.
    package static func eniID(subnet: Int) -> String { "eni-" + identifier(subnet) }

    /// `subnet-` and 17 hex digits.
    package static func subnetID(subnet: Int) -> String { "subnet-" + identifier(subnet) }

    private static func identifier(_ number: Int) -> String {
        let hex = String(number, radix: 16)
        return "0" + String(repeating: "0", count: 16 - hex.count) + hex
    }

    private static func mac(_ kind: UInt8, _ subnet: Int) -> MACAddress {
        let octets: [UInt8] = [0x02, kind, 0xc2, 0, 0, UInt8(subnet)]
        guard let mac = MACAddress(octets: octets) else { preconditionFailure("six octets") }
        return mac
    }

    private static func address(_ text: String) -> IPAddress {
        guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
        return address
    }

    private static func cidr(_ text: String) -> CIDR {
        guard let cidr = CIDR(text) else { preconditionFailure("\(text) is no prefix") }
        return cidr
    }
}
