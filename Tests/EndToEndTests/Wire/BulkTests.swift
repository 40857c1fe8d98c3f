// Bulk through node ports beside the same through kube-proxy's rules, in one run: how much TCP had
// to send twice. A count, not a speed: of a busy machine it says something all the same.

import Foundation
import Glibc
import Lab
import Linux
import Model
import Testing

/// What bulk.py prints.
private struct BulkReport: Decodable {
    var bytes: Int
    var sent: Int
    var received: Int
}

extension EndToEnd {
    @Suite("bulk through node ports")
    struct BulkTests {
        private static let bytes = 64 << 20

        /// What a busy machine may add: which of the two paths it drops on is chance. A checksum or
        /// a segment size that is wrong costs a retransmit for each segment, tens of thousands.
        private static let chance = 2000

        @Test("bulk arrives whole, and hardly more often in pieces than beside netfilter's rules")
        func retransmits() async throws {
            let rules = try await total { try await Netfilter($0).load(WireService.all) }
            let agent = try await total { try await $0.startAgent() }
            print("retransmits: \(agent) with the agent, \(rules) with kube-proxy's rules")
            #expect(agent <= 4 * rules + Self.chance)
        }

        /// Retransmits of all transfers of one lab.
        private func total(_ prepare: (WireLab) async throws -> Void) async throws -> Int {
            let world = try await WireLab(answer: nil, mixesOffloads: false)
            try await prepare(world)
            var servers: [ChildProcess] = []
            defer { for server in servers { server.kill() } }
            var repeated = 0
            for (backend, number) in [(WireBackend.here, 1), (.there, 3)] {
                let service = try #require(WireService.all.first { $0.number == number })
                for family in IPFamily.allCases {
                    servers.append(try await serve(world, backend, family))
                    for sender in [WireSender.client, .internet] {
                        let row = WireRow(
                            sender: sender, frontend: .nodePort, service: service, family: family,
                            isUDP: false)
                        let report = try await send(world, row)
                        #expect(report.bytes == Self.bytes, "\(row)")
                        repeated += report.sent + report.received
                    }
                }
            }
            try world.routerDroppedNothing()
            try await world.end()
            return repeated
        }

        private func serve(
            _ world: WireLab, _ backend: WireBackend, _ family: IPFamily
        ) async throws -> ChildProcess {
            let ready =
                "/run/needletail-lab/\(world.lab.name)/bulk-\(backend.hopsFromNode)-\(family)"
            let address = world.lab.address(backend.rawValue, family)
            let process = try world.lab.target(backend.rawValue).command(
                [
                    "python3", Script.path("bulk"), "serve", "\(address)",
                    "\(WireService.backendPort)", ready,
                ]
            ).start()
            try await wait("the sink at \(address) listens") { access(ready, F_OK) == 0 }
            return process
        }

        private func send(_ world: WireLab, _ row: WireRow) async throws -> BulkReport {
            let (address, port) = world.addresses.frontend(row)
            let result = try await world.lab.execute(
                row.sender.place,
                [
                    "python3", Script.path("bulk"), "send", "\(address)", "\(port)",
                    "\(Self.bytes)",
                ])
            guard result.succeeded else { throw Dial.Failed(text: "\(row): \(result.errorOutput)") }
            return try JSONDecoder().decode(BulkReport.self, from: Data(result.standardOutput))
        }
    }
}
