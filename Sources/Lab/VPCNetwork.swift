// The VPC as its router sees it: one leg for each ENI, and for each address of an ENI a route and a
// static neighbour entry, for an address is delivered only to the ENI that owns it, and nobody
// answers ARP for the address of a pod. The router never learns; it is told, as EC2 is.

import Linux
import Model
import Netlink

/// The router's namespace and its legs.
struct VPCNetwork {
    /// The leg to the internet.
    static let internetLeg = "internet"
    /// What an internet gateway carries.
    static let internetMTU = 1500

    let namespace: NetworkNamespace
    let routes: RouteSocket
    let mtu: Int

    /// - Parameter mtu: of the legs, bytes.
    init(opening host: LabHost, mtu: Int) throws {
        namespace = try NetworkNamespace(opening: host.netns)
        routes = try RouteSocket(in: namespace)
        self.mtu = mtu
    }

    /// Sysctls and rules, before the first leg, since legs inherit the former.
    func prepare(services: [CIDR], publicV4: [IPAddress]) throws {
        try Settings.write(
            Settings.quietIPv6 + [
                ("net/ipv4/ip_forward", "1"), ("net/ipv6/conf/all/forwarding", "1"),
                ("net/ipv4/conf/all/rp_filter", "0"), ("net/ipv4/conf/default/rp_filter", "0"),
                ("net/ipv4/conf/all/send_redirects", "0"),
                ("net/ipv4/conf/default/send_redirects", "0"),
            ], in: namespace)
        let rules = RouterRules.ruleset(
            services: services, publicV4: publicV4, internet: Self.internetLeg)
        try Tool.run(["nft", "-f", "-"], input: rules, in: namespace)
    }

    /// Makes the wire of an ENI: the router's end named `leg`, the other named `ifname` in
    /// `peer`. Both ends are up.
    /// - Returns: the interface index of the ENI's end.
    func connect(
        leg: String, subnet: Int, to ifname: String, in peer: NetworkNamespace,
        _ peerRoutes: RouteSocket, mtu: Int? = nil, gateway: IPAddress? = nil
    ) throws -> UInt32 {
        let mtu = UInt32(mtu ?? self.mtu)
        try routes.addVeth(
            NewLink(leg, mac: AddressPlan.gatewayMAC(subnet: subnet), mtu: mtu),
            peer: NewLink(
                ifname, mac: AddressPlan.mac(subnet: subnet), mtu: mtu, namespace: peer))
        let index = try routes.index(of: .name(leg))
        let peerIndex = try peerRoutes.index(of: .name(ifname))
        try peerRoutes.setLink(.index(peerIndex), up: true)
        try routes.setLink(.index(index), up: true)
        let gateway = gateway ?? AddressPlan.gateway(subnet: subnet)
        try routes.addHostAddress(gateway, to: index)
        try routes.addHostAddress(AddressPlan.gatewayV6, to: index)
        return peerIndex
    }

    /// From now on these addresses live behind that leg.
    func assign(_ addresses: [IPAddress], to leg: String, mac: MACAddress) throws {
        let index = try routes.index(of: .name(leg))
        for address in addresses {
            try routes.setNeighbor(address, mac: mac, interface: index)
            try routes.addRoute(NewRoute(CIDR(host: address), interface: index))
        }
    }

    /// From now on nobody has these addresses.
    func unassign(_ addresses: [IPAddress], from leg: String) throws {
        let index = try routes.index(of: .name(leg))
        for address in addresses {
            try routes.deleteRoute(NewRoute(CIDR(host: address), interface: index))
            try routes.deleteNeighbor(address, interface: index)
        }
    }

    /// The host in the VPC that is no pod: an instance with one ENI.
    func connectClient(_ host: LabHost) throws -> LabHost {
        let subnet = AddressPlan.clientSubnet
        let own = AddressPlan.address(AddressPlan.primaryHost, inSubnet: subnet)
        return try connect(
            host, leg: LabHost.clientName, subnet: subnet, own: own,
            gateway: AddressPlan.gateway(subnet: subnet), mtu: mtu)
    }

    /// The host outside of the VPC.
    func connectInternet(_ host: LabHost) throws -> LabHost {
        let internet = AddressPlan.internet
        return try connect(
            host, leg: Self.internetLeg, subnet: AddressPlan.internetSubnet,
            own: (internet.v4, internet.v6), gateway: internet.gateway, mtu: Self.internetMTU)
    }

    private func connect(
        _ host: LabHost, leg: String, subnet: Int, own: (v4: IPAddress, v6: IPAddress),
        gateway: IPAddress, mtu: Int
    ) throws -> LabHost {
        let peer = try NetworkNamespace(opening: host.netns)
        try Settings.write(Settings.quietIPv6, in: peer)
        let peerRoutes = try RouteSocket(in: peer)
        try peerRoutes.setLink("lo", up: true)
        let index = try connect(
            leg: leg, subnet: subnet, to: "eth0", in: peer, peerRoutes, mtu: mtu, gateway: gateway)
        try peerRoutes.addAddress(
            InterfaceAddress(interface: index, address: own.v4, prefixLength: 24))
        try peerRoutes.addHostAddress(own.v6, to: index)
        try peerRoutes.addDefaultRoutes(
            via: [gateway, AddressPlan.gatewayV6], interface: index, table: Route.mainTable)
        try assign([own.v4, own.v6], to: leg, mac: AddressPlan.mac(subnet: subnet))
        try peerRoutes.settle()
        var host = host
        host.ipv4 = Text(wrappedValue: own.v4)
        host.ipv6 = Text(wrappedValue: own.v6)
        return host
    }
}
