// What a caller relies on beside the monitor: errors that tell "already" from "not there", sockets
// that stay in their namespace, lookups that agree with the rules, and conntrack's flows.

import Linux
import Model
import Testing

@testable import Netlink

@Suite(needsRoot, .timeLimit(.minutes(5))) struct RouteSocketTests {
    private func errno(_ body: () throws -> Void) -> Errno? {
        #expect(throws: NetlinkError.self, performing: body)?.errno
    }

    @Test("sockets of one process have ports of their own")
    func ports() throws {
        let sockets = try (0..<8).map { _ in try KernelSocket(bus: 0) }
        #expect(Set(sockets.map(\.port)).count == 8)
    }

    @Test("a socket stays in the namespace where it was opened, whoever uses it")
    func namespaces() async throws {
        let node = try TestNode()
        let other = try NetworkNamespace.anonymous()
        let names = try await other.perform { try node.socket.links().map(\.name).sorted() }
        #expect(names == ["eni0", "lo", "peer0"])
        #expect(try RouteSocket(in: other).links().map(\.name) == ["lo"])
    }

    @Test("many tasks may share a socket")
    func sharing() async throws {
        let node = try TestNode()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<32 as Range<UInt64> {
                group.addTask {
                    let host = CIDR(
                        host: address("10.0.2.0").advanced(by: index) ?? address("10.0.2.0"))
                    try node.socket.addRoute(NewRoute(host, interface: node.eni))
                    let routes = try node.socket.routes()
                    #expect(routes.contains { $0.destination == host })
                }
            }
            try await group.waitForAll()
        }
    }

    @Test(
        "adding twice is EEXIST, removing twice says that it is not there",
        arguments: FamilyAddresses.both)
    func repetition(family: FamilyAddresses) throws {
        let node = try TestNode()
        let socket = node.socket
        #expect(errno { try socket.addVeth(NewLink("eni0"), peer: NewLink("p1")) } == .exists)
        #expect(errno { try socket.deleteLink("nothing") } == .noDevice)
        #expect(errno { try socket.setLink("nothing", up: true) } == .noDevice)

        let mine = InterfaceAddress(
            interface: node.eni, address: family.node, prefixLength: family.subnetLength)
        try socket.addAddress(mine)
        #expect(errno { try socket.addAddress(mine) } == .exists)
        try socket.replaceAddress(mine)
        try socket.deleteAddress(mine)
        #expect(errno { try socket.deleteAddress(mine) } == .addressNotAvailable)

        let route = NewRoute(CIDR(host: family.pod), interface: node.eni)
        try socket.addRoute(route)
        #expect(errno { try socket.addRoute(route) } == .exists)
        try socket.replaceRoute(route)
        try socket.deleteRoute(route)
        #expect(errno { try socket.deleteRoute(route) } == .noProcess)

        let rule = Rule(family: family.family, priority: 512, destination: family.wide, table: 254)
        try socket.addRule(rule)
        #expect(errno { try socket.addRule(rule) } == .exists)
        try socket.deleteRule(rule)
        #expect(errno { try socket.deleteRule(rule) } == .noEntry)

        #expect(errno { try socket.deleteNeighbor(family.pod, interface: node.eni) } == .noEntry)
        try socket.addClsact(node.eni)
        #expect(errno { try socket.addClsact(node.eni) } == .exists)
    }

    @Test("a refusal carries the kernel's own words")
    func words() throws {
        let node = try TestNode()
        var route = NewRoute(cidr("10.9.0.0/16"), via: address("192.0.2.1"), interface: node.eni)
        route.isOnLink = false
        let error = #expect(throws: NetlinkError.self) { try node.socket.addRoute(route) }
        guard case .refused(_, let subject, let errno, let explanation) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(subject == "10.9.0.0/16 table 254")
        #expect(errno == .networkUnreachable)
        #expect(explanation == "Nexthop has invalid gateway")
    }

    @Test(
        "a lookup follows the rules of the source, as the node's own packets do",
        arguments: FamilyAddresses.both)
    func lookup(family: FamilyAddresses) async throws {
        let node = try TestNode()
        let follower = try await Follower(node)
        let socket = node.socket
        for (index, node) in [(node.eni, family.node), (node.peer, family.pod)] {
            try socket.addAddress(
                InterfaceAddress(
                    interface: index, address: node, prefixLength: family.family.bits))
        }
        try socket.addRoute(
            NewRoute(family.everything, via: family.gateway, interface: node.eni, isOnLink: true))
        try socket.addRoute(
            NewRoute(
                family.everything, via: family.elsewhere, interface: node.peer, table: 10_101,
                isOnLink: true))
        try socket.addRule(
            Rule(
                family: family.family, priority: 1536, source: CIDR(host: family.pod), table: 10_101
            ))
        // The kernel makes IPv6's local routes a moment after the addresses.
        for local in [family.node, family.pod] {
            try await follower.until { $0.route(to: CIDR(host: local), table: 255) != nil }
        }
        let far = family.family == .v4 ? address("10.0.77.1") : address("fd00:77::1")

        let own = try socket.lookUp(far, from: family.node)
        #expect(own.interface == node.eni)
        #expect(own.gateway == family.gateway)
        #expect(own.table == Route.mainTable)
        #expect(!own.isLocal)

        let pods = try socket.lookUp(far, from: family.pod)
        #expect(pods.interface == node.peer)
        #expect(pods.gateway == family.elsewhere)
        #expect(pods.table == 10_101)

        #expect(try socket.lookUp(family.node).isLocal)
        try socket.addRoute(NewRoute(refusing: CIDR(host: far), .unreachable))
        #expect(errno { _ = try socket.lookUp(far) } == .hostUnreachable)
    }

    @Test(
        "conntrack tells both tuples of a translated flow",
        arguments: FamilyAddresses.both)
    func conntrack(family: FamilyAddresses) throws {
        let node = try TestNode()
        for local in [family.node, family.pod] {
            try node.socket.addAddress(
                InterfaceAddress(
                    interface: node.eni, address: local, prefixLength: family.family.bits))
        }
        let tables = family.family == .v4 ? "iptables" : "ip6tables"
        let service = family.elsewhere
        try node.socket.addRoute(
            NewRoute(CIDR(host: service), interface: node.eni))
        try node.run(
            "\(tables) -t nat -A OUTPUT -p udp -d \(service) -j DNAT --to-destination \(family.pod)"
        )
        let dial = Command(
            ["bash", "-c", "echo > /dev/udp/\(service)/5353"], namespace: node.namespace)
        #expect(try dial.run().succeeded)

        let entries = try ConntrackSocket(in: node.namespace).entries()
        let flow = try #require(entries.first { $0.original.destination == service })
        #expect(flow.original.protocol == 17)
        #expect(flow.original.destinationPort == 5353)
        #expect(flow.reply.source == family.pod)
        #expect(flow.reply.sourcePort == 5353)
        #expect(flow.reply.destinationPort == flow.original.sourcePort)
        #expect(flow.isDestinationTranslated)
        #expect(!flow.isSourceTranslated)
    }

    @Test("a dummy interface is made where the kernel has them")
    func dummy() throws {
        let node = try TestNode()
        do throws(NetlinkError) {
            try node.socket.addDummy(NewLink("dummy7", mtu: 1400))
        } catch {
            #expect(error.errno == .notSupported)
            return
        }
        let link = try node.socket.link("dummy7")
        #expect(link.kind == "dummy")
        #expect(link.mtu == 1400)
    }
}
