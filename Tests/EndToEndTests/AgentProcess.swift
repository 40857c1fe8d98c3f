// The real agent on a lab node: the built `needletail`, started as a node would start it, with a
// directory of manifests. Tests wait for what it says of itself, never for time to pass.

import Foundation
import Glibc
import Lab
import Linux

final class AgentProcess {
    let lab: Lab
    let node: LabNode
    let manifests: String
    private(set) var process: ChildProcess?

    /// The product's binary, beside the test bundle.
    static let binary: String = {
        let own =
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let directories = [
            URL(filePath: own).deletingLastPathComponent(),
            URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent(),
        ]
        for directory in directories {
            let path = directory.appending(path: "needletail").path
            if access(path, X_OK) == 0 { return path }
        }
        return "needletail"
    }()

    init(_ lab: Lab, _ node: LabNode) throws {
        self.lab = lab
        self.node = node
        manifests = "/run/needletail-lab/\(lab.name)/\(node.name)/manifests"
        try Directory.create(manifests)
    }

    /// Puts a file into the manifest directory as `kubectl` users do: written aside, renamed.
    func write(_ name: String, _ text: String) throws {
        let path = "\(manifests)/\(name)"
        try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
    }

    func remove(_ name: String) { unlink("\(manifests)/\(name)") }

    /// Starts it and waits until it is ready.
    func start(_ more: [String] = []) async throws {
        var command = try node.target().command(
            [Self.binary, "run"] + node.run
                + ["--services-from", manifests, "--healthz-bind-address", "127.0.0.1:10256"]
                + more)
        command.output = .inherited
        command.errorOutput = .inherited
        process = try command.start()
        try await wait("the agent of \(node.name) is ready") {
            try await self.status()["ready"] as? Bool == true
        }
    }

    /// What `needletail status -o json` prints; empty when the agent does not answer.
    func status() async throws -> [String: Any] {
        try await json(["status"])
    }

    /// The output of a reading command.
    func json(_ arguments: [String]) async throws -> [String: Any] {
        let result = try await node.target().command(
            [Self.binary] + arguments + place + ["-o", "json"]
        ).perform()
        let object = try? JSONSerialization.jsonObject(with: Data(result.standardOutput))
        return object as? [String: Any] ?? [:]
    }

    /// Runs the product's command line on the node.
    func run(_ arguments: [String]) async throws -> Command.Result {
        try await node.target().command([Self.binary] + arguments + place).perform()
    }

    private var place: [String] {
        var flags: [String] = []
        for flag in ["--control", "--bpffs"] {
            if let index = node.run.firstIndex(of: flag) { flags += [flag, node.run[index + 1]] }
        }
        return flags
    }

    var bpffs: String {
        node.run.firstIndex(of: "--bpffs").map { node.run[$0 + 1] } ?? ""
    }

    /// kill -9: nothing is told to it and nothing cleaned up.
    func kill() async throws {
        process?.kill()
        _ = try await process?.wait()
    }

    /// SIGTERM, as a rollout ends a pod.
    func terminate() async throws {
        process?.signal(SIGTERM)
        _ = try await process?.wait()
    }

    deinit { process?.kill() }
}

/// Polls a fact until it holds; a generous guard turns a fact that never comes into a failure.
func wait(
    _ what: String, _ holds: () async throws -> Bool
) async throws {
    let guardTime = Monotonic.now().advanced(byMilliseconds: 30_000)
    while Monotonic.now() < guardTime {
        if try await holds() { return }
        try await Task.sleep(for: .milliseconds(20))
    }
    throw NeverHeld(what: what)
}

struct NeverHeld: Error, CustomStringConvertible {
    let what: String
    var description: String { "waited in vain until \(what)" }
}
