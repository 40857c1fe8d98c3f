// A node's network as the VPC CNI, EC2 and the init container leave it: ENIs with their tables and
// rules, and the order in which they come. Pods are in NodeNetwork+Pods.

import Linux
import Model
import Netlink

/// The hands in one node's namespace.
struct NodeNetwork {
    let namespace: NetworkNamespace
    let routes: RouteSocket
    let configuration: LabConfiguration
    let vpc: VPCNetwork

    init(node: LabNode, configuration: LabConfiguration, vpc: VPCNetwork) throws {
        namespace = try NetworkNamespace(opening: node.netns)
        routes = try RouteSocket(in: namespace)
        self.configuration = configuration
        self.vpc = vpc
    }

    /// The node before its first ENI: forwarding, strict reverse path filtering as distributions
    /// have it, IMDS within reach, and the rule for marked packets.
    func prepare() throws {
        try Settings.write(
            Settings.quietIPv6 + [
                ("net/ipv4/ip_forward", "1"), ("net/ipv6/conf/all/forwarding", "1"),
                ("net/ipv4/conf/all/rp_filter", "1"), ("net/ipv4/conf/default/rp_filter", "1"),
            ], in: namespace)
        try routes.setLink("lo", up: true)
        // A local route and no address: an address on lo would be a source for packets to pods,
        // and a node has no such address.
        var imds = NewRoute(
            CIDR(host: AddressPlan.imds), interface: try routes.index(of: "lo"),
            table: Self.localTable)
        imds.kind = .local
        try routes.addRoute(imds)
        try routes.addRule(
            Rule(family: .v4, priority: 1024, mark: 0x80, markMask: 0x80, table: Route.mainTable))
    }

    /// RT_TABLE_LOCAL.
    private static let localTable: UInt32 = 255

    /// EC2 attaches an ENI and ipamd sets it up.
    func attachENI(_ node: LabNode, device: Int) throws -> LabENI {
        let subnet = AddressPlan.subnet(node: node.number, device: device)
        let own = AddressPlan.address(AddressPlan.primaryHost, inSubnet: subnet)
        let name = AddressPlan.interfaceName(device: device)
        let leg = "\(node.name)-\(name)"
        let index = try vpc.connect(
            leg: leg, subnet: subnet, to: name, in: namespace, routes)
        let eni = LabENI(
            id: AddressPlan.eniID(subnet: subnet), device: device, subnet: subnet, ifname: name,
            ifindex: index, mac: AddressPlan.mac(subnet: subnet), ipv4: own.v4, ipv6: own.v6,
            gateway: AddressPlan.gateway(subnet: subnet),
            gatewayMAC: AddressPlan.gatewayMAC(subnet: subnet),
            table: AddressPlan.table(device: device), leg: leg)
        try vpc.assign([own.v4, own.v6], to: leg, mac: eni.mac)
        if device == 0 {
            // Replies to a pod of another ENI come in here when a node port was dialled.
            try Settings.write([("net/ipv4/conf/\(name)/rp_filter", "2")], in: namespace)
        }
        let prefix = AddressPlan.prefixes(subnet: subnet).v4
        try routes.addAddress(
            InterfaceAddress(
                interface: index, address: own.v4, prefixLength: prefix.prefixLength))
        try routes.addHostAddress(own.v6, to: index)
        try routes.addDefaultRoutes(
            via: [eni.gateway, AddressPlan.gatewayV6], interface: index, table: eni.table)
        if device > 0 {
            try routes.deleteRoute(NewRoute(prefix, interface: index))
            for address in [own.v4, own.v6] {
                try routes.addRule(Self.primaryRule(address, table: eni.table))
            }
        }
        return eni
    }

    /// EC2 detaches an ENI: its interface goes, then ipamd takes its rule away.
    func detachENI(_ eni: LabENI) throws {
        try routes.deleteLink(.index(eni.ifindex))
        for address in [eni.ipv4, eni.ipv6] {
            try routes.deleteRule(Self.primaryRule(address, table: eni.table))
        }
    }

    /// The CNI's mangle and nat chains: the node's one fork.
    func addCNIChains(_ node: LabNode) throws {
        let text = CNIChains.restoreInput(
            primary: AddressPlan.interfaceName(device: 0), node: node.ipv4,
            vpc: AddressPlan.vpcCIDRs.filter { $0.family == .v4 })
        try Tool.run(["iptables-restore"], input: text, in: namespace)
    }

    /// What is sent from a secondary ENI's own address leaves by it.
    private static func primaryRule(_ address: IPAddress, table: UInt32) -> Rule {
        Rule(
            family: address.family, priority: 32765, source: CIDR(host: address), table: table)
    }
}

extension RouteSocket {
    /// The gateways, on the link, and default routes through them.
    func addDefaultRoutes(via gateways: [IPAddress], interface: UInt32, table: UInt32) throws {
        for gateway in gateways {
            try addRoute(NewRoute(CIDR(host: gateway), interface: interface, table: table))
            guard let everything = CIDR(gateway, prefixLength: 0) else {
                preconditionFailure("0 is a prefix length")
            }
            try addRoute(
                NewRoute(everything, via: gateway, interface: interface, table: table))
        }
    }

    /// An address without a prefix that would bring a route.
    func addHostAddress(_ address: IPAddress, to interface: UInt32) throws {
        try addAddress(
            InterfaceAddress(
                interface: interface, address: address, prefixLength: address.family.bits))
    }
}
