// The walks that stay possible where something else watches a pod's veth, each with a stand-in that
// remembers whom it saw: a policy must see the addresses that it is written for, on every packet of
// both directions, and its verdict must hold.

import Lab
import Linux
import Model
import Support
import Testing

/// A lab with the agent and watched pods.
private struct Watched {
    let world: WireLab
    let filters: [String: StandInFilter]

    /// Returns once the agent knows who watches.
    init(_ pods: [String], _ kind: StandInFilter.Kind) async throws {
        let world = try await WireLab()
        try await world.startAgent()
        var filters: [String: StandInFilter] = [:]
        let node = world.lab.nodes[0]
        for name in pods {
            guard let pod = node.pod(String(name.dropFirst("node1/".count))) else { continue }
            filters[name] = try StandInFilter(world.lab, pod, of: node, kind)
        }
        try await wait("the agent knows that \(pods) are watched") {
            let items = try await world.agent.json(["pods"])["items"] as? [[String: Any]] ?? []
            let watched = Set(
                items.filter { ($0["watched"] as? String)?.hasPrefix("filter") == true }
                    .compactMap { $0["address"] as? String })
            return pods.allSatisfy { pod in
                IPFamily.allCases.allSatisfy { watched.contains("\(world.lab.address(pod, $0))") }
            }
        }
        self.world = world
        self.filters = filters
    }

    /// Rows of some senders, frontends and services.
    func rows(
        _ senders: [WireSender], _ frontends: [WireFrontend], _ services: [Int]
    ) -> [WireRow] {
        WireRow.all(.needletail).filter {
            senders.contains($0.sender) && frontends.contains($0.frontend)
                && services.contains($0.service.number)
        }
    }

    func filter(_ pod: String) throws -> StandInFilter { try #require(filters[pod]) }

    /// Fails the test unless a pod's filter saw exactly these peers, in both directions, always
    /// with the pod's own address on the other side.
    func expectPeers(
        _ pod: String, _ peers: Set<IPAddress>, _ location: SourceLocation = #_sourceLocation
    ) throws {
        let own = IPFamily.allCases.map { world.lab.address(pod, $0) }
        let seen = try filter(pod).takeSightings()
        for isToPod in [true, false] {
            let all = seen.filter { $0.isToPod == isToPod }
            let others = Set(all.map { isToPod ? $0.source.address : $0.destination.address })
            #expect(
                others == peers, "\(isToPod ? "to" : "from") \(pod)", sourceLocation: location)
            let strangers = all.filter {
                !own.contains(isToPod ? $0.destination.address : $0.source.address)
            }
            #expect(strangers.isEmpty, sourceLocation: location)
        }
    }

    func dropped(_ reason: String) async throws -> Int {
        let rows = try await world.agent.status()["counters"] as? [[String: Any]] ?? []
        return rows.first { $0["reason"] as? String == reason }?["packets"] as? Int ?? 0
    }

    func both(_ places: [String]) -> Set<IPAddress> {
        Set(places.flatMap { place in IPFamily.allCases.map { world.lab.address(place, $0) } })
    }
}

private let everyone: [WireFrontend] = WireFrontend.allCases
private let outside: [WireSender] = [.internet, .client, .podElsewhere]
private let external = everyone.filter { $0 != .clusterIP }

extension EndToEnd {
    @Suite("walks of watched pods")
    struct WatchedTests {
        @Test(
            "a watched pod's dials show its filter pods only: no service, no node, never declined",
            arguments: StandInFilter.Kind.allCases)
        func dials(_ kind: StandInFilter.Kind) async throws {
            let watched = try await Watched(["node1/pod1"], kind)
            let world = watched.world
            let rows = watched.rows([.pod], everyone, [1, 3, 11, 14, 21])
            let findings = try await world.pass(.needletail, rows) { row in
                let wanted = row.expectation(.needletail, world.addresses)
                guard case .answer(let backends, _) = wanted else { return nil }
                let own = world.lab.address(row.sender.place, row.family)
                return .answer(backends, clients: [own])
            }
            findings.report()
            try watched.expectPeers("node1/pod1", watched.both(["node1/pod3", "node2/pod3"]))
            try world.routerDroppedNothing()
            try await world.end()
        }

        @Test("what a watched pod's socket hook can't see never arrives with the node's address")
        func rawDials() async throws {
            let watched = try await Watched(["node1/pod1"], .policyAgent)
            let world = watched.world
            // The CNI hides IPv4 dials to what is outside of the VPC, as ClusterIPs are, before we
            // see them behind the filter; in IPv6 nothing does.
            let rows = watched.rows([.podPerPacket], [.clusterIP], [1, 3])
            let findings = try await world.pass(.needletail, rows) { row in
                row.family == .v4 ? .silence : nil
            }
            findings.report()
            #expect(try await watched.dropped("drop_watched") > 0)
            let seen = try watched.filter("node1/pod1").takeSightings()
            let to = Set(seen.filter(\.isToPod).map(\.source.address))
            let from = Set(seen.filter { !$0.isToPod }.map(\.destination.address))
            #expect(to == from.filter { $0.family == .v6 }, "the filter sees the service both ways")
            try world.routerDroppedNothing()
            try await world.end()
        }

        @Test(
            "a pod's packets to a watched backend show both addresses to its filter, which rules",
            arguments: StandInFilter.Kind.allCases)
        func podToWatched(_ kind: StandInFilter.Kind) async throws {
            try await rules(
                kind, senders: [.podPerPacket, .podSecondaryPerPacket], frontends: [.clusterIP],
                services: [1: "node1/pod3", 2: "node1/pod4"])
        }

        @Test(
            "Local policy: outsiders reach a watched backend with their own address, and are judged",
            arguments: StandInFilter.Kind.allCases)
        func localPolicy(_ kind: StandInFilter.Kind) async throws {
            try await rules(
                kind, senders: outside, frontends: external,
                services: [11: "node1/pod3", 12: "node1/pod4"])
        }

        /// The filters see the senders' own addresses; what they deny does not come.
        private func rules(
            _ kind: StandInFilter.Kind, senders: [WireSender], frontends: [WireFrontend],
            services: [Int: String]
        ) async throws {
            let watched = try await Watched(services.values.sorted(), kind)
            let world = watched.world
            let rows = watched.rows(senders, frontends, services.keys.sorted())
            let findings = try await world.pass(.needletail, rows)
            findings.report()
            #expect(findings.paired > findings.dials)
            for pod in services.values {
                try watched.expectPeers(pod, watched.both(senders.map(\.place)))
            }
            for direction in PolicyDirection.allCases {
                for filter in watched.filters.values { try filter.deny(direction) }
                try await world.pass(.needletail, rows) { _ in .silence }.report()
                for filter in watched.filters.values { try filter.deny(direction, false) }
            }
            try world.routerDroppedNothing()
            try await world.end()
        }

        @Test("Cluster policy: a watched backend sees the node, which its policy agent admits")
        func masqueraded() async throws {
            let watched = try await Watched(["node1/pod3", "node1/pod4"], .policyAgent)
            let world = watched.world
            let rows = watched.rows(outside + [.podPerPacket], external, [1, 2])
            for filter in watched.filters.values { try filter.deny(.ingress) }
            let findings = try await world.pass(.needletail, rows)
            findings.report()
            for pod in watched.filters.keys {
                let seen = try watched.filter(pod).takeSightings().filter(\.isToPod)
                #expect(Set(seen.map(\.source.address)) == watched.both(["node1"]), "to \(pod)")
            }
            for filter in watched.filters.values { try filter.admitNobody() }
            try await world.pass(.needletail, rows) { _ in .silence }.report()
            try world.routerDroppedNothing()
            try await world.end()
        }

        @Test("Cluster policy: any other filter would judge the node, so nothing gets there")
        func refused() async throws {
            let watched = try await Watched(["node1/pod3", "node1/pod4"], .other)
            let world = watched.world
            let rows = watched.rows(outside + [.podPerPacket], external, [1, 2])
            try await world.pass(.needletail, rows) { _ in .silence }.report()
            for filter in watched.filters.values {
                #expect(try filter.takeSightings().isEmpty)
            }
            #expect(try await watched.dropped("drop_watched") > 0)
            try await world.end()
        }
    }
}
