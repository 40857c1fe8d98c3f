// Our agent on one node of a lab, through its command line only: what a user runs is what is
// measured.

import FoundationEssentials
import Glibc
import Lab
import Linux

/// A running `needletail run`.
struct Agent: Sendable {
    let node: LabNode
    private let needletail: String
    private let process: ChildProcess
    private let log: String

    /// Starts the agent on a node; it is not ready yet.
    static func start(
        _ needletail: String, node: LabNode, manifests: String, log: String
    ) async throws -> Agent {
        var command = try node.target().command(
            [needletail, "run", "--services-from", manifests, "--mode", "active"] + node.run)
        command.output = .file(log)
        command.errorOutput = .file(log)
        return Agent(node: node, needletail: needletail, process: try command.start(), log: log)
    }

    /// Returns when the agent says that everything is programmed. A minute at most.
    func waitUntilReady(services: Int) async throws {
        let deadline = Monotonic.now().advanced(byMilliseconds: 60_000)
        while Monotonic.now() < deadline, process.isRunning {
            if let status = try? await status(), status.ready, status.counts.services >= services {
                return
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        let text = (try? File.readText(log)) ?? ""
        throw BenchError.agentNotReady(node: node.name, log: String(text.suffix(4000)))
    }

    /// What the agent's programs have counted, by reason.
    func counters() async throws -> [String: UInt64] {
        let counters = try await status().counters
        return Dictionary(counters.map { ($0.reason, $0.packets) }, uniquingKeysWith: +)
    }

    /// Ends it as an operator would.
    func stop() async {
        process.signal(SIGTERM)
        let process = process
        _ = try? await DedicatedThread.perform {
            let deadline = Monotonic.now().advanced(byMilliseconds: 5_000)
            if try process.waitBlocking(until: deadline) == nil {
                process.kill()
                _ = try process.waitBlocking()
            }
        }
    }

    private func status() async throws -> Status {
        let arguments = [needletail, "status", "-o", "json"] + pairs(["--control", "--bpffs"])
        let result = try await node.target().command(arguments).perform()
        guard result.succeeded else {
            throw BenchError.failed(command: "needletail status", result: result)
        }
        return try JSONDecoder().decode(Status.self, from: Data(result.standardOutput))
    }

    /// Those of the node's own arguments that other commands take too.
    private func pairs(_ names: [String]) -> [String] {
        names.flatMap { name -> [String] in
            guard let index = node.run.firstIndex(of: name), index + 1 < node.run.count else {
                return []
            }
            return [name, node.run[index + 1]]
        }
    }
}

/// The parts of `needletail status -o json` that are read here.
private struct Status: Decodable {
    struct Counter: Decodable {
        var reason: String
        var packets: UInt64
    }

    struct Counts: Decodable {
        var services: Int
    }

    var ready: Bool
    var counts: Counts
    var counters: [Counter]
}
