// Corners of the packets' road: two frontends on one tuple, a ClusterIP that the host serves
// itself, bulk, and a killed agent.

import Foundation
import Glibc
import Lab
import Linux
import Model
import Support
import Testing

extension EndToEnd {
    @Suite("corners of the packets' road")
    struct CornerTests {
        private struct Answer: Decodable {
            var udp: Bool
            var text: String
            var from: String
            var fromPort: UInt16
        }

        @Test("frontends that fall together behind the translation stay apart by the port")
        func collisions() async throws {
            let world = try await WireLab()
            try await world.startAgent()
            // Local: the client's own address and port meet one backend four times.
            let local = WireService.all.filter { $0.number == 11 }
            for family in IPFamily.allCases {
                let frontends = WireFrontend.allCases.filter { $0 != .clusterIP }.map { frontend in
                    world.addresses.frontend(
                        WireRow(
                            sender: .client, frontend: frontend, service: local[0], family: family,
                            isUDP: false))
                }
                let targets = frontends.flatMap { ["\($0.address)", "\($0.port)"] }
                for own in ["20000", "45000"] {
                    let result = try await world.lab.execute(
                        "client", ["python3", Script.path("collide"), own] + targets)
                    let answers = try JSONDecoder().decode(
                        [Answer].self, from: Data(result.standardOutput))
                    for (index, answer) in answers.enumerated() {
                        let dialled = frontends[index % frontends.count]
                        let sighting = try #require(
                            EchoServer.Sighting(answer.text), "from \(own) to \(dialled)")
                        #expect(sighting.server == "node1/pod3")
                        #expect(sighting.peer.address == world.lab.address("client", family))
                    }
                    for isUDP in [false, true] {
                        let seen = answers.filter { $0.udp == isUDP }.map(\.text)
                        #expect(Set(seen).count == frontends.count, "the backend tells them apart")
                    }
                }
            }
            try await world.end()
        }

        @Test("a ClusterIP on an interface of the host is the host's while it is there")
        func nodeLocal() async throws {
            let world = try await WireLab()
            try await world.startAgent()
            let service = try #require(WireService.all.first { $0.number == 3 })
            let rows = WireRow.all(.needletail).filter {
                $0.service == service && $0.frontend == .clusterIP
            }
            try await world.pass(.needletail, rows).report()
            var servers: [EchoServer] = []
            // A dummy would do, where the kernel has any.
            try await world.shell(
                "node1",
                "ip link add nodelocal type veth peer name local2; ip link set nodelocal up")
            for family in IPFamily.allCases {
                let own = service.clusterIP(family)
                try await world.shell(
                    "node1", "ip address add \(own)/\(family.bits) dev nodelocal")
                let namespace = try world.lab.target("node1").namespace
                for transport in [EchoServer.Transport.tcp, .udp] {
                    servers.append(
                        try EchoServer(
                            transport, at: SocketAddress(own, service.port), in: namespace,
                            answer: .identify(WireBackend.hostHere.rawValue)))
                }
            }
            try await wait("the host serves the address") {
                try await world.pass(.needletail, rows) { row in
                    // A process of the host dials it from that very address.
                    let own =
                        row.sender == .host
                        ? service.clusterIP(row.family)
                        : world.lab.address(row.sender.place, row.family)
                    return .answer([.hostHere], clients: [own])
                }.isClean
            }
            for server in servers { server.stop() }
            try await world.shell("node1", "ip link delete nodelocal")
            try await wait("the service is served as before") {
                try await world.pass(.needletail, rows).isClean
            }
            try await world.end()
        }

        @Test(
            "flows through node ports and pods' hooks outlive kill -9, a restart and other backends")
        func outlives() async throws {
            let world = try await WireLab(answer: { _ in .echo })
            try await world.startAgent()
            var held: [(Held, row: WireRow)] = []
            for family in IPFamily.allCases {
                for (sender, frontend, number) in [
                    (WireSender.client, WireFrontend.nodePort, 1), (.client, .nodePortSecondary, 3),
                    (.internet, .loadBalancer, 12), (.podElsewhere, .externalIP, 4),
                    (.podPerPacket, .clusterIP, 3), (.podPerPacket, .nodePort, 2),
                ] {
                    let service = try #require(WireService.all.first { $0.number == number })
                    let row = WireRow(
                        sender: sender, frontend: frontend, service: service, family: family,
                        isUDP: false)
                    let (address, port) = world.addresses.frontend(row)
                    var command = try Dial.command(
                        world.lab, sender.place, "hold", "\(address)", port, 10)
                    if sender.isPerPacket { command.cgroup = nil }
                    let file = "/run/needletail-lab/\(world.lab.name)/held-\(held.count)"
                    held.append((try Held(command, file: file), row))
                }
            }
            try await advance(held, "with the agent")
            try await world.agent.kill()
            try await advance(held, "without the agent")
            // Meanwhile every service gets another backend, and one goes.
            for service in WireService.all where service.number != 3 {
                let other = WireService(
                    number: service.number, backends: [.hostThere], external: service.external,
                    internal: service.internal)
                try world.agent.write("\(service.name).yaml", other.manifest(world.lab))
            }
            world.agent.remove("wire-3.yaml")
            try await world.agent.start(["--mode", "active"])
            try await advance(held, "with the next agent")
            for (each, _) in held {
                let seen = try await each.end()
                #expect(seen.broken == 0 && seen.errors.isEmpty, "\(seen)")
            }
            try world.routerDroppedNothing()
            try await world.end()
        }

        private func advance(_ held: [(Held, row: WireRow)], _ when: String) async throws {
            for (each, row) in held {
                do { try await each.advances() } catch {
                    throw Dial.Failed(text: "\(row) \(when): \(error)")
                }
            }
        }
    }
}
