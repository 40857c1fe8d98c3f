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

        @Test(
            "the agent carries it without a rule, a connection of the kernel's, or a changed header",
            .agentCarriesNorthSouth)
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
            "with the agent active beside kube-proxy's rules, these translate nothing",
            .agentCarriesNorthSouth)
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
