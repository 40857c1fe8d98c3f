// A node that exists on paper only.

import Model

@testable import Lab

extension LabNode {
    /// Two ENIs with a pod each.
    static let sample: LabNode = {
        let primary = AddressPlan.address(AddressPlan.primaryHost, inSubnet: 16)
        return LabNode(
            name: "node1", number: 1, netns: "", cgroup: "", ipv4: primary.v4, ipv6: primary.v6,
            enis: [.sample(device: 0), .sample(device: 1)],
            pods: [.sample(1, device: 0), .sample(2, device: 1)], run: [])
    }()
}

extension LabENI {
    fileprivate static func sample(device: Int) -> LabENI {
        let subnet = AddressPlan.subnet(node: 1, device: device)
        let own = AddressPlan.address(AddressPlan.primaryHost, inSubnet: subnet)
        return LabENI(
            id: AddressPlan.eniID(subnet: subnet), device: device, subnet: subnet,
            ifname: AddressPlan.interfaceName(device: device), ifindex: UInt32(2 + device),
            mac: AddressPlan.mac(subnet: subnet), ipv4: own.v4, ipv6: own.v6,
            gateway: AddressPlan.gateway(subnet: subnet),
            gatewayMAC: AddressPlan.gatewayMAC(subnet: subnet),
            table: AddressPlan.table(device: device), leg: "leg\(device)")
    }
}

extension LabPod {
    fileprivate static func sample(_ number: Int, device: Int) -> LabPod {
        let subnet = AddressPlan.subnet(node: 1, device: device)
        let own = AddressPlan.address(AddressPlan.firstPodHost, inSubnet: subnet)
        let name = "node1-pod\(number)"
        return LabPod(
            namespace: "default", name: name, netns: "", cgroup: "", ipv4: own.v4, ipv6: own.v6,
            veth: VethName.of(namespace: "default", pod: name), vethIndex: UInt32(10 + number),
            vethMAC: AddressPlan.mac(subnet: 100 + number),
            mac: AddressPlan.mac(subnet: 200 + number),
            eni: AddressPlan.interfaceName(device: device),
            containerID: String(repeating: "\(number)a", count: 32),
            assignedAt: 1_787_307_330_123_456_789)
    }
}
