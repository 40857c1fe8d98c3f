// A lab for the matrix, and one pass over it: dial every row while the checker listens, and compare
// what each end saw with what the rules of a Service want.

import Foundation
import Lab
import Linux
import Model
import Support
import Testing

/// Two nodes of which the first is under test, with servers on both.
final class WireLab {
    let lab: Lab
    let agent: AgentProcess
    let addresses: WireAddresses
    private var servers: [EchoServer] = []
    /// Dials so far by place: ports of one place differ, and collide with those of others.
    private var dialled: [String: UInt16] = [:]

    /// Places whose packets the checker hears.
    static let places = [
        "internet", "client", "node2", "node2/pod1", "node2/pod3", "node1/pod1", "node1/pod2",
        "node1/pod3", "node1/pod4",
    ]
    /// Places that compute their checksums themselves; the others leave them to a device.
    private static let withoutOffload = ["internet", "node2/pod1", "node1/pod1", "node1/pod3"]

    /// - Parameters:
    ///   - answer: what the servers at `WireService.backendPort` say; nil: there are none.
    ///   - mixesOffloads: some places leave their checksums to a device and some do not.
    init(
        answer: ((WireBackend) -> EchoServer.Answer)? = { .identify($0.rawValue) },
        mixesOffloads: Bool = true
    ) async throws {
        let lab = try await Lab.up(
            LabConfiguration(name: "wire-\(UInt32.random(in: 0...UInt32.max))"))
        self.lab = lab
        let node = lab.nodes[0]
        agent = try AgentProcess(lab, node)
        addresses = WireAddresses(node: node) { [lab] in lab.address($0, $1) }
        for frontend in [WireFrontend.externalIP, .loadBalancer] {
            try lab.announce(
                IPFamily.allCases.compactMap { WireFrontend.address(frontend, $0) },
                at: node.name)
        }
        if let answer {
            for place in WireBackend.allCases { try serve(place, answer(place)) }
        }
        // Refusals are answered as often as they are asked for.
        try await shell(
            "node1",
            """
            for f in ipv4/icmp_ratelimit ipv6/icmp/ratelimit; do echo 0 >/proc/sys/net/$f; done
            # A namespace's own from Linux 6.13 on.
            for f in icmp_msgs_per_sec icmp_msgs_burst; do
                [ ! -e /proc/sys/net/ipv4/$f ] || echo 1000000 >/proc/sys/net/ipv4/$f
            done
            """)
        for place in mixesOffloads ? Self.withoutOffload : [] {
            try await shell(place, "ethtool -K eth0 tx off >/dev/null")
        }
    }

    private func serve(_ place: WireBackend, _ answer: EchoServer.Answer) throws {
        let namespace = try lab.target(place.rawValue).namespace
        for family in IPFamily.allCases {
            let own = SocketAddress(
                lab.address(place.rawValue, family), WireService.backendPort)
            for transport in [EchoServer.Transport.tcp, .udp] {
                servers.append(
                    try EchoServer(transport, at: own, in: namespace, answer: answer))
            }
        }
    }

    /// Runs a line of shell at a target; throws unless it succeeds.
    @discardableResult
    func shell(_ target: String, _ line: String) async throws -> String {
        let result = try await lab.execute(target, ["sh", "-ec", line])
        guard result.succeeded else { throw Dial.Failed(text: "\(line): \(result.errorOutput)") }
        return result.output
    }

    func startAgent(_ services: [WireService] = WireService.all) async throws {
        for service in services {
            try agent.write("\(service.name).yaml", service.manifest(lab))
        }
        try await agent.start(["--mode", "active"])
    }

    /// Dials every row and returns what was wrong.
    ///
    /// - Parameter wanted: what a row must come to where it is not what the rules of a Service say.
    func pass(
        _ carrier: WireCarrier, _ rows: [WireRow],
        wanted: (WireRow) -> WireExpectation? = { _ in nil }
    ) async throws -> WireFindings {
        let dials = rows.flatMap { row -> [WireDial] in
            let wanted = wanted(row) ?? row.expectation(carrier, addresses)
            return (0..<row.repetitions(wanted)).map { _ in dial(row, wanted) }
        }
        let capture = try await WireCapture(lab, places: Self.places)
        let results = try await WireProbe.run(lab, dials)
        var findings = WireFindings()
        var flows: [WireFlow] = []
        for (index, dial) in dials.enumerated() {
            guard let result = results[index] else {
                findings.add(dial.row, "was not dialled")
                continue
            }
            if let complaint = dial.complaint(result) { findings.add(dial.row, complaint) }
            if dial.row.sender.showsFrontend { flows.append(flow(index, dial, result)) }
        }
        let report = try await capture.judge(flows)
        for complaint in report.complaints { findings.add(complaint) }
        findings.dials = dials.count
        findings.paired = report.paired
        findings.results = results.map { (dials[$0.key], $0.value) }
        return findings
    }

    private func dial(_ row: WireRow, _ wanted: WireExpectation) -> WireDial {
        let frontend = addresses.frontend(row)
        let number = dialled[row.sender.place, default: 0]
        dialled[row.sender.place] = number + 1
        return WireDial(
            row: row, address: frontend.address, port: frontend.port,
            // Every other one from the range that the agent translates to, which is not for
            // sockets of the node.
            ownPort: (number % 2 == 0 || row.sender == .host ? 10_000 : 41_000) + number,
            expectation: wanted,
            // Where a datagram of the host's own is dropped or rejected on its way out, by rules or
            // by a program, its sender is told at once.
            excuses: row.sender == .host && row.isUDP ? ["EPERM", "ENOBUFS"] : [])
    }

    private func flow(_ id: Int, _ dial: WireDial, _ result: WireResult) -> WireFlow {
        let row = dial.row
        let own = lab.address(row.sender.place, row.family)
        let dialled = WireFlow.End(place: nil, address: "\(dial.address)", port: dial.port)
        var flow = WireFlow(
            id: id, name: row.description, udp: row.isUDP,
            client: .init(place: row.sender.place, address: "\(own)", port: dial.ownPort),
            dialled: dialled, backend: nil, seen: dialled, hops: 0,
            answered: result.outcome == "answer")
        if let sighting = result.sighting, let backend = WireBackend(rawValue: sighting.server) {
            flow.hops = row.hops(to: backend)
            flow.seen = .init(
                place: nil, address: "\(sighting.peer.address)", port: sighting.peer.port)
            // On the node itself the translated packet is on no wire.
            if backend != .hostHere {
                flow.backend = .init(
                    place: backend.rawValue,
                    address: "\(lab.address(backend.rawValue, row.family))",
                    port: WireService.backendPort)
            }
        }
        return flow
    }

    /// Fails the test if conntrack knows a flow that passes the node around it: every flow of the
    /// packets' road but those that end in a socket of the node.
    func reportTracked(_ findings: WireFindings, _ tracked: Set<Connection>) {
        var known: [String] = []
        for (dial, result) in findings.results where dial.row.sender.showsFrontend {
            guard let sighting = result.sighting,
                let backend = WireBackend(rawValue: sighting.server), backend != .hostHere
            else { continue }
            let own = SocketAddress(
                lab.address(dial.row.sender.place, dial.row.family), dial.ownPort)
            let server = SocketAddress(
                lab.address(sighting.server, dial.row.family), WireService.backendPort)
            let tuples = [
                Connection(own, SocketAddress(dial.address, dial.port)),
                Connection(own, server), Connection(sighting.peer, server),
            ]
            if !tracked.isDisjoint(with: tuples) { known.append("\(dial.row)") }
        }
        if !known.isEmpty {
            let text = known.prefix(20).joined(separator: "\n")
            Issue.record("conntrack knows \(known.count) of our flows, e.g.\n\(text)")
        }
    }

    /// Fails the test if the VPC's router refused a packet, whyever.
    func routerDroppedNothing() throws {
        let drops = try lab.routerCounters().entries
        guard !drops.isEmpty else { return }
        let text = drops.prefix(20).map {
            "\($0.drop.rawValue) from \($0.leg): \($0.source) → \($0.destination), \($0.packets)"
        }
        Issue.record("the VPC refused \(drops.count) pairs, e.g.\n\(text.joined(separator: "\n"))")
    }

    func end() async throws {
        try await agent.kill()
        for server in servers { server.stop() }
        try await lab.down()
    }
}

extension WireDial {
    /// What is wrong with a result; nil: nothing.
    func complaint(_ result: WireResult) -> String? {
        switch expectation {
        case .refused where result.outcome == "ECONNREFUSED" || excuses.contains(result.outcome):
            return nil
        case .refused: return "\(result.outcome) \(result.text), not refused"
        case .silence where result.outcome == "silence" || excuses.contains(result.outcome):
            return nil
        case .silence: return "\(result.outcome) \(result.text), not silence"
        case .answer(let backends, let clients):
            let wanted = backends.map(\.rawValue).sorted().joined(separator: " or ")
            guard let sighting = result.sighting else {
                return "\(result.outcome), not an answer of \(wanted)"
            }
            if !backends.contains(where: { $0.rawValue == sighting.server }) {
                return "\(sighting.server) answered, not \(wanted)"
            }
            if !clients.contains(sighting.peer.address) {
                return "\(sighting.server) saw \(sighting.peer.address), "
                    + "not \(clients.map(\.description).sorted().joined(separator: " or "))"
            }
            if IPAddress(result.from) != address || result.fromPort != port {
                return "\(result.from) \(result.fromPort) answered, not \(address) \(port)"
            }
            return nil
        }
    }
}

/// What a pass brought to light.
struct WireFindings {
    private(set) var wrong: [String] = []
    var dials = 0
    /// Packets that the checker saw at both ends.
    var paired = 0
    var results: [(dial: WireDial, result: WireResult)] = []

    mutating func add(_ row: WireRow, _ complaint: String) { wrong.append("\(row): \(complaint)") }
    mutating func add(_ complaint: String) { wrong.append(complaint) }

    var isClean: Bool { wrong.isEmpty }

    /// Fails the test if there are any.
    func report(_ location: SourceLocation = #_sourceLocation) {
        if !wrong.isEmpty { Issue.record("\(text)", sourceLocation: location) }
    }

    /// Complaints that differ in more than numbers and transports, for a failure's text.
    var text: String {
        var seen: Set<String> = []
        let different = wrong.filter { complaint in
            seen.insert(
                complaint.replacingOccurrences(of: ", UDP", with: ", TCP").filter { !$0.isNumber }
            ).inserted
        }
        return "\(wrong.count) complaints, e.g.\n" + different.prefix(40).joined(separator: "\n")
    }
}
