// Every sender, frontend, policy and backend, in both families and protocols: with kube-proxy's
// rules on the node, which proves the table and the checker, then with the agent and without them.

import Lab
import Linux
import Model
import Support
import Testing

extension EndToEnd {
    @Suite("every way to a service")
    struct MatrixTests {
        @Test("rules as kube-proxy writes them carry the matrix as the table says")
        func netfilter() async throws {
            let world = try await WireLab()
            try await Netfilter(world).load(WireService.all)
            let findings = try await world.pass(.netfilter, WireRow.all(.netfilter))
            findings.report()
            #expect(findings.paired > findings.dials, "the checker saw both ends of most")
            try world.routerDroppedNothing()
            try await world.end()
        }

        @Test("the checker notices a TTL, an option, a checksum and a port that somebody spoils")
        func checker() async throws {
            let world = try await WireLab()
            try await Netfilter(world).load(WireService.all)
            try await world.shell(
                "node1",
                """
                nft add table ip spoil
                nft add chain ip spoil out '{ type filter hook postrouting priority 300; }'
                """)
            let rows = WireRow.all(.netfilter).filter {
                $0.sender == .client && $0.frontend == .nodePort && $0.service.number == 1
                    && $0.family == .v4
            }
            for (rule, complaint) in [
                ("ip ttl set 9", "TTL fell by"),
                ("tcp flags syn tcp option maxseg size set 500", "nobody sent what came"),
                ("udp checksum set 0x1234", "bad checksum at the client"),
                ("udp sport set 4242", "a stranger's packet came"),
            ] {
                try await world.shell(
                    "node1", "nft add rule ip spoil out oifname ens5 ip daddr 10.0.1.10 \(rule)")
                // Not to wait long for answers that are spoilt.
                let findings = try await world.pass(.netfilter, rows) { _ in .silence }
                #expect(findings.wrong.contains { $0.contains(complaint) }, "\(findings.text)")
                try await world.shell("node1", "nft flush chain ip spoil out")
            }
            let clean = try await world.pass(.netfilter, rows)
            clean.report()
            try await world.end()
        }

        @Test(
            "the agent carries it without a rule, a connection of the kernel's, or a changed header"
        )
        func needletail() async throws {
            let world = try await WireLab()
            try await Netfilter(world).trackConnections()
            try await world.startAgent()
            let findings = try await world.pass(.needletail, WireRow.all(.needletail))
            findings.report()
            #expect(findings.paired > findings.dials, "the checker saw both ends of most")
            try world.routerDroppedNothing()
            world.reportTracked(findings, try await Netfilter(world).connections())
            try await world.end()
        }

        @Test(
            "with the agent active beside kube-proxy's rules, these translate nothing")
        func besideRules() async throws {
            let world = try await WireLab()
            let netfilter = Netfilter(world)
            try await netfilter.load(WireService.all)
            try await world.startAgent()
            let findings = try await world.pass(.needletail, WireRow.all(.needletail))
            findings.report()
            #expect(try await netfilter.translatedPackets() == [])
            try world.routerDroppedNothing()
            try await world.end()
        }
    }
}
