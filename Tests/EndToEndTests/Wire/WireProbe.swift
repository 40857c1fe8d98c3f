// Dialling many rows at once: probe.py, one process a sender, in the sender's network and in or
// out of the agent's sight.

import Foundation
import Lab
import Linux
import Model
import Support

/// What became of one dial.
struct WireResult: Decodable {
    var id: Int
    /// `answer`, `silence` or the name of an errno.
    var outcome: String
    /// What the server said.
    var text: String
    /// Who answered, as the socket says.
    var from: String
    var fromPort: UInt16

    var sighting: EchoServer.Sighting? { EchoServer.Sighting(text) }
}

/// A dial to be made.
struct WireDial {
    let row: WireRow
    let address: IPAddress
    let port: UInt16
    /// The sender's own; of one sender's dials no two may have the same.
    let ownPort: UInt16
    let expectation: WireExpectation
    /// Outcomes that are as good as refusal or silence.
    let excuses: Set<String>
}

enum WireProbe {
    /// How long an answer may take on a machine that is busy with something else.
    private static let patience = 20.0
    /// How long nothing is waited for: less than TCP's first repetition.
    private static let silence = 0.9

    private struct Request: Encodable {
        var id: Int
        var udp: Bool
        var address: String
        var port: UInt16
        var own: UInt16
        var seconds: Double
    }

    /// Dials everything, all senders side by side; results by the dials' index.
    static func run(_ lab: Lab, _ dials: [WireDial]) async throws -> [Int: WireResult] {
        let bySender = Dictionary(grouping: dials.indices) { dials[$0].row.sender }
        return try await withThrowingTaskGroup(of: [WireResult].self) { group in
            for (sender, indices) in bySender {
                let requests = indices.map { index in
                    Request(
                        id: index, udp: dials[index].row.isUDP,
                        address: "\(dials[index].address)", port: dials[index].port,
                        own: dials[index].ownPort,
                        seconds: dials[index].expectation == .silence ? silence : patience)
                }
                let command = try command(lab, sender, JSONEncoder().encode(requests))
                group.addTask {
                    let result = try await command.perform(timeoutMilliseconds: 120_000)
                    guard result.succeeded else { throw Dial.Failed(text: result.errorOutput) }
                    return try JSONDecoder().decode(
                        [WireResult].self, from: Data(result.standardOutput))
                }
            }
            var all: [Int: WireResult] = [:]
            for try await results in group {
                for result in results { all[result.id] = result }
            }
            return all
        }
    }

    private static func command(
        _ lab: Lab, _ sender: WireSender, _ input: Data
    ) throws -> Command {
        let target = try lab.target(sender.place)
        let arguments = ["python3", Script.path("probe")]
        guard sender.isPerPacket else { return target.command(arguments, input: Array(input)) }
        // Our own cgroup, which no agent has.
        return Command(arguments, input: Array(input), namespace: target.namespace)
    }
}
