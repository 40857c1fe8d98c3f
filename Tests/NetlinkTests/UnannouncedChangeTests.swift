// What the kernel does and does not tell: the fold must end equal to a fresh dump all the same.
// Each test ends with a marker rule, which is told after what was left unsaid.

import Linux
import Model
import Testing

@testable import Netlink

@Suite(needsRoot, .timeLimit(.minutes(5))) struct UnannouncedChangeTests {
    /// A node with one address and a pod route of the family, and a reader that is up to date.
    private func arrange(_ family: FamilyAddresses) async throws -> (TestNode, Follower) {
        let node = try TestNode()
        try node.socket.addAddress(
            InterfaceAddress(
                interface: node.eni, address: family.node, prefixLength: family.subnetLength))
        try node.socket.addRoute(NewRoute(CIDR(host: family.pod), interface: node.eni))
        try node.socket.setNeighbor(
            family.gateway, mac: mac("0a:00:00:00:00:01"), interface: node.eni)
        let reader = try await Follower(node)
        return (node, reader)
    }

    @Test(
        "the routes of a link that goes down are dropped, and come back when they do",
        arguments: FamilyAddresses.both)
    func linkDown(family: FamilyAddresses) async throws {
        let (node, reader) = try await arrange(family)
        let host = CIDR(host: family.pod)
        #expect(reader.state.route(to: host) != nil)
        try node.socket.setLink("eni0", up: false)
        try await reader.settle()
        #expect(reader.state.route(to: host) == nil)
        #expect(!reader.state.neighbors.keys.contains { $0.interface == node.eni })
        try node.socket.setLink("eni0", up: true)
        try await reader.settle()
        #expect(reader.state.links[node.eni]?.isUp == true)
    }

    @Test(
        "a deleted link takes addresses, routes, neighbours and filters along",
        arguments: FamilyAddresses.both)
    func linkDeleted(family: FamilyAddresses) async throws {
        let (node, reader) = try await arrange(family)
        try node.socket.addClsact(node.eni)
        try node.socket.addFilter(
            TrafficFilter(
                interface: node.eni, direction: .ingress, priority: 1, handle: 1, kind: "bpf"))
        try await reader.settle()
        #expect(!reader.state.filters.isEmpty)
        try node.socket.deleteLink("eni0")
        try await reader.settle()
        #expect(reader.state.links.keys.sorted() == [1])
        #expect(!reader.state.routes.values.contains { $0.interface == node.eni })
        #expect(!reader.state.addresses.contains { $0.interface == node.eni })
        #expect(!reader.state.neighbors.keys.contains { $0.interface == node.eni })
        #expect(reader.state.filters.isEmpty)
    }

    @Test(
        "with its last address a link loses the routes of the family",
        arguments: FamilyAddresses.both)
    func lastAddress(family: FamilyAddresses) async throws {
        let (node, reader) = try await arrange(family)
        try node.socket.deleteAddress(
            InterfaceAddress(
                interface: node.eni, address: family.node, prefixLength: family.subnetLength))
        try await reader.settle()
    }

    @Test(
        "routes that prefer a deleted address as source are dropped",
        arguments: FamilyAddresses.both)
    func preferredSource(family: FamilyAddresses) async throws {
        let (node, reader) = try await arrange(family)
        let second = InterfaceAddress(
            interface: node.peer, address: family.node.advanced(by: 1) ?? family.node,
            prefixLength: family.family.bits)
        try node.socket.addAddress(second)
        var route = NewRoute(family.nowhere, interface: node.eni)
        route.preferredSource = second.address
        try node.socket.addRoute(route)
        try await reader.settle()
        #expect(reader.state.route(to: family.nowhere) != nil)
        try node.socket.deleteAddress(second)
        try await reader.settle()
    }

    @Test(
        "multipath routes are followed while their links go",
        arguments: FamilyAddresses.both)
    func multipath(family: FamilyAddresses) async throws {
        let (node, reader) = try await arrange(family)
        try node.socket.addRoute(
            NewRoute(CIDR(host: family.elsewhere), interface: node.peer))
        try node.run(
            """
            ip -\(family.family.rawValue) route add \(family.nowhere) \
            nexthop via \(family.gateway) dev eni0 nexthop via \(family.elsewhere) dev peer0
            """)
        try await reader.settle()
        #expect(reader.state.route(to: family.nowhere) != nil)
        try node.socket.setLink("eni0", up: false)
        try await reader.settle()
        try node.socket.deleteLink("eni0")
        try await reader.settle()
        #expect(reader.state.route(to: family.nowhere) == nil)
    }

    @Test(
        "a second route behind the first of its key is found when the first goes",
        arguments: FamilyAddresses.both)
    func appended(family: FamilyAddresses) async throws {
        let (node, reader) = try await arrange(family)
        let ip = "ip -\(family.family.rawValue)"
        let other = family.gateway.advanced(by: 1) ?? family.gateway
        let first = "\(family.nowhere) via \(family.gateway) dev eni0"
        let second = "\(family.nowhere) via \(other) dev eni0"
        try node.run("\(ip) route add \(first)")
        try node.run("\(ip) route append \(second)")
        try await reader.settle()
        try node.run("\(ip) route del \(first)")
        try await reader.settle()
        #expect(reader.state.route(to: family.nowhere)?.gateway == other)
        try node.run("\(ip) route del \(second)")
        try await reader.settle()
        #expect(reader.state.route(to: family.nowhere) == nil)
    }

    @Test(
        "a route whose next-hop object goes is dropped",
        arguments: FamilyAddresses.both)
    func nextHopObject(family: FamilyAddresses) async throws {
        let (node, reader) = try await arrange(family)
        let ip = "ip -\(family.family.rawValue)"
        try node.run("\(ip) nexthop add id 7 via \(family.gateway) dev eni0")
        try node.run("\(ip) route add \(family.nowhere) nhid 7")
        try await reader.settle()
        #expect(reader.state.route(to: family.nowhere)?.gateway == family.gateway)
        try node.run("\(ip) nexthop del id 7")
        try await reader.settle()
        #expect(reader.state.route(to: family.nowhere) == nil)
    }
}
