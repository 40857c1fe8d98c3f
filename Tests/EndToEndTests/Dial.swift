// A program in a pod that dials: scripts/dial.py, started in the pod's namespace and cgroup.

import Foundation
import Lab
import Linux

/// What the program saw.
struct Dialled: Decodable {
    /// Server name → answers.
    var servers: [String: Int]
    /// Addresses under which servers saw it.
    var clients: [String]
    /// getpeername, "ADDRESS PORT".
    var peers: [String]
    /// recvfrom, "ADDRESS PORT".
    var sources: [String]
    /// errno name → times.
    var errors: [String: Int]
    var rounds: Int?
    var broken: Int?
    var bytes: Int?
    var least: Int?

    var answers: Int { servers.values.reduce(0, +) }
}

/// The program, ready to be started.
struct Dial {
    enum Mode: String, CaseIterable {
        case tcp
        case udpConnected = "udp-connected"
        case udpUnconnected = "udp-unconnected"
    }

    static let script: String = {
        let url = Bundle.module.url(
            forResource: "dial", withExtension: "py", subdirectory: "Scripts")
        return url?.path ?? "dial.py"
    }()

    static func command(
        _ lab: Lab, _ target: String, _ mode: String, _ address: String, _ port: UInt16,
        _ count: Int
    ) throws -> Command {
        try lab.target(target).command(
            ["python3", script, mode, address, "\(port)", "\(count)"])
    }

    /// Dials `count` times and waits for the end.
    static func run(
        _ lab: Lab, _ target: String, _ mode: Mode, _ address: String, _ port: UInt16,
        count: Int = 1
    ) async throws -> Dialled {
        let command = try command(lab, target, mode.rawValue, address, port, count)
        let result = try await command.perform()
        guard result.succeeded else { throw Failed(text: result.errorOutput) }
        return try JSONDecoder().decode(Dialled.self, from: Data(result.standardOutput))
    }

    struct Failed: Error, CustomStringConvertible {
        let text: String
        var description: String { "dial.py: \(text)" }
    }
}
