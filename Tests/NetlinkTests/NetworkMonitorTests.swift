// Against the kernel: whatever is changed, the fold of what the monitor delivers ends equal to a
// fresh dump. The conditions before name the fact, so that "equal" cannot mean "both missed it".

import Linux
import Model
import Testing

@testable import Netlink

@Suite(needsRoot, .timeLimit(.minutes(5))) struct NetworkMonitorTests {
    @Test("the first batch is the whole state and the word that it is complete")
    func firstBatch() async throws {
        let node = try TestNode()
        let monitor = try NetworkMonitor(in: node.namespace)
        var batches = monitor.makeAsyncIterator()
        let batch = try #require(try await batches.next())
        guard case .networkState(let state) = batch.first, case .complete(.network) = batch.last
        else {
            Issue.record("\(batch)")
            return
        }
        #expect(batch.count == 2)
        #expect(state.links[node.eni]?.name == "eni0")
        #expect(state.links[node.eni]?.mtu == 9001)
        #expect(state.links[node.eni]?.kind == "veth")
        #expect(state.links[node.eni]?.mac == mac("02:00:00:00:00:01"))
        #expect(state.links[1]?.isLoopback == true)
        #expect(state.links[1]?.mac == nil)
        #expect(
            state.addresses.contains(
                InterfaceAddress(interface: 1, address: address("127.0.0.1"), prefixLength: 8)))
    }

    @Test("a link is told from its making through every change to its end")
    func links() async throws {
        let node = try TestNode()
        let elsewhere = try NetworkNamespace.anonymous()
        let follower = try await Follower(node)
        try node.socket.addVeth(
            NewLink("pod0"), peer: NewLink("inner", namespace: elsewhere))
        let pod = try node.socket.index(of: "pod0")
        try await follower.until { $0.links[pod]?.hasPeerElsewhere == true }
        try await follower.until { $0.links[pod]?.isUp == false }
        try node.socket.setMTU(1400, of: "pod0")
        try await follower.until { $0.links[pod]?.mtu == 1400 }
        try node.socket.setMAC(mac("0a:58:00:00:00:09"), of: "pod0")
        try await follower.until { $0.links[pod]?.mac == mac("0a:58:00:00:00:09") }
        try node.socket.renameLink("pod0", to: "pod9")
        try await follower.until { $0.links[pod]?.name == "pod9" }
        try node.socket.setLink("pod9", up: true)
        try RouteSocket(in: elsewhere).setLink("inner", up: true)
        try await follower.until { $0.links[pod]?.isUp == true }
        try await follower.settle()
        // The pod's namespace ends: nobody in ours did anything.
        try RouteSocket(in: elsewhere).deleteLink("inner")
        try await follower.until { $0.links[pod] == nil }
        try await follower.settle()
    }

    @Test("a veth whose peer moves away says so")
    func peerMoves() async throws {
        let node = try TestNode()
        let elsewhere = try NetworkNamespace.anonymous()
        let follower = try await Follower(node)
        try node.socket.moveLink("peer0", to: elsewhere)
        let eni = node.eni
        try await follower.until { $0.links[eni]?.hasPeerElsewhere == true }
        try await follower.settle()
    }

    @Test(
        "addresses come and go",
        arguments: FamilyAddresses.both)
    func addresses(family: FamilyAddresses) async throws {
        let node = try TestNode()
        let follower = try await Follower(node)
        let mine = InterfaceAddress(
            interface: node.eni, address: family.node, prefixLength: family.subnetLength)
        try node.socket.addAddress(mine)
        try await follower.until { $0.addresses.contains(mine) }
        try await follower.settle()
        try node.socket.deleteAddress(mine)
        try await follower.until { !$0.addresses.contains(mine) }
        try await follower.settle()
    }

    @Test(
        "routes of every table come, are replaced and go",
        arguments: FamilyAddresses.both)
    func routes(family: FamilyAddresses) async throws {
        let node = try TestNode()
        let follower = try await Follower(node)
        let host = CIDR(host: family.pod)
        try node.socket.addRoute(NewRoute(host, interface: node.eni))
        let (eni, peer) = (node.eni, node.peer)
        try await follower.until { $0.route(to: host)?.interface == eni }
        #expect(follower.state.route(to: host)?.gateway == nil)
        #expect(follower.state.route(to: host)?.isUnicast == true)

        // An ENI's table, its number beyond a byte.
        let table: UInt32 = 10_101
        let byDefault = NewRoute(
            family.everything, via: family.gateway, interface: node.eni, table: table,
            isOnLink: true)
        try node.socket.addRoute(byDefault)
        try await follower.until {
            $0.route(to: family.everything, table: table)?.gateway == family.gateway
        }
        try node.socket.addRoute(NewRoute(refusing: family.nowhere, .blackhole))
        try await follower.until { $0.route(to: family.nowhere)?.isUnicast == false }

        // The same pod address behind a new veth.
        try node.socket.replaceRoute(NewRoute(host, interface: node.peer))
        try await follower.until {
            $0.route(to: host)?.interface == peer
                && $0.routes.values.filter { $0.destination == host }.count == 1
        }
        try await follower.settle()
        try node.socket.deleteRoute(NewRoute(host, interface: node.peer))
        try node.socket.deleteRoute(NewRoute(refusing: family.nowhere, .blackhole))
        try await follower.until {
            $0.route(to: host) == nil && $0.route(to: family.nowhere) == nil
        }
        try await follower.settle()
    }

    @Test(
        "rules come and go with every selector",
        arguments: FamilyAddresses.both)
    func rules(family: FamilyAddresses) async throws {
        let node = try TestNode()
        let follower = try await Follower(node)
        let host = CIDR(host: family.pod)
        let rules = [
            Rule(family: family.family, priority: 512, destination: host, table: 254),
            Rule(family: family.family, priority: 1024, mark: 0x80, markMask: 0x80, table: 254),
            Rule(family: family.family, priority: 1536, source: host, table: 10_101),
            Rule(
                family: family.family, priority: 1536, source: host, destination: family.wide,
                table: 2),
            Rule(family: family.family, priority: 10, inputInterface: "eni0", table: 101),
            Rule(
                family: family.family, priority: 1025, destination: family.wide, table: 254,
                isInverted: true),
        ]
        for rule in rules { try node.socket.addRule(rule) }
        try await follower.until { $0.rules.isSuperset(of: rules) }
        try await follower.settle()
        for rule in rules { try node.socket.deleteRule(rule) }
        try await follower.until { $0.rules.isDisjoint(with: rules) }
        try await follower.settle()
    }

    @Test(
        "of two rules that differ in what we do not hold, one stays",
        arguments: FamilyAddresses.both)
    func likeRules(family: FamilyAddresses) async throws {
        let node = try TestNode()
        let follower = try await Follower(node)
        let ip = "ip -\(family.family.rawValue)"
        try node.run("\(ip) rule add pref 700 to \(family.pod) ipproto udp lookup 7")
        try node.run("\(ip) rule add pref 700 to \(family.pod) ipproto tcp lookup 7")
        let like = Rule(
            family: family.family, priority: 700, destination: CIDR(host: family.pod), table: 7,
            hasOtherSelectors: true)
        try await follower.until { $0.rules.contains(like) }
        try node.run("\(ip) rule del pref 700 to \(family.pod) ipproto udp lookup 7")
        try await follower.settle()
        #expect(follower.state.rules.contains(like))
    }

    @Test(
        "neighbours come, change and go",
        arguments: FamilyAddresses.both)
    func neighbors(family: FamilyAddresses) async throws {
        let node = try TestNode()
        let follower = try await Follower(node)
        let key = Neighbor.Key(interface: node.eni, address: family.pod)
        for text in ["0a:00:00:00:00:07", "0a:00:00:00:00:08"] {
            try node.socket.setNeighbor(family.pod, mac: mac(text), interface: node.eni)
            try await follower.until { $0.neighbors[key]?.mac == mac(text) }
        }
        #expect(follower.state.neighbors[key]?.isValid == true)
        try await follower.settle()
        try node.socket.deleteNeighbor(family.pod, interface: node.eni)
        try await follower.until { $0.neighbors[key] == nil }
        try await follower.settle()
    }

    @Test(
        "a provoked neighbour is resolved and told",
        arguments: FamilyAddresses.both)
    func provocation(family: FamilyAddresses) async throws {
        let node = try TestNode()
        let inside = try NetworkNamespace.anonymous()
        try node.socket.moveLink("peer0", to: inside)
        let pod = try RouteSocket(in: inside)
        try pod.setLink("peer0", up: true)
        try pod.addAddress(
            InterfaceAddress(
                interface: pod.index(of: "peer0"), address: family.gateway,
                prefixLength: family.subnetLength))
        try node.socket.addAddress(
            InterfaceAddress(
                interface: node.eni, address: family.node, prefixLength: family.subnetLength))
        let follower = try await Follower(node)
        let key = Neighbor.Key(interface: node.eni, address: family.gateway)
        #expect(follower.state.neighbors[key] == nil)
        try node.socket.provokeNeighbor(family.gateway, interface: node.eni)
        try await follower.until { $0.neighbors[key]?.mac == mac("02:00:00:00:00:02") }
    }

    @Test("filters and qdiscs are told, clsact's end takes its filters along")
    func filters() async throws {
        let node = try TestNode()
        let follower = try await Follower(node)
        try node.socket.addClsact(node.eni)
        let ingress = TrafficFilter(
            interface: node.eni, direction: .ingress, priority: 1, handle: 0x77, kind: "bpf")
        let egress = TrafficFilter(
            interface: node.eni, direction: .egress, priority: 2, handle: 1, kind: "bpf")
        try node.socket.addFilter(ingress)
        try node.socket.addFilter(egress)
        try await follower.until { $0.filters == [ingress, egress] }
        try await follower.settle()
        // u32 makes hash tables beside the filter and tells only of the filter.
        try node.run("tc filter add dev eni0 ingress pref 9 u32 match u32 0 0")
        try await follower.until { $0.filters.contains { $0.kind == "u32" } }
        try await follower.settle()
        try node.socket.deleteFilter(egress)
        try await follower.until { !$0.filters.contains(egress) }
        try node.socket.deleteClsact(node.eni)
        try await follower.until { $0.filters.isEmpty }
        try await follower.settle()
    }

    @Test("a shaping qdisc shows as the link's root qdisc while it is there")
    func rootQdisc() async throws {
        let node = try TestNode()
        let follower = try await Follower(node)
        let eni = node.eni
        #expect(follower.state.links[eni]?.rootQdisc == "noqueue")
        try node.socket.setTokenBucket(
            eni, bytesPerSecond: 1_000_000, burstBytes: 20_000, limitBytes: 100_000)
        try await follower.until { $0.links[eni]?.rootQdisc == "tbf" }
        try await follower.settle()
        try node.socket.deleteRootQdisc(eni)
        try await follower.until { $0.links[eni]?.rootQdisc != "tbf" }
        try await follower.settle()
    }
}
