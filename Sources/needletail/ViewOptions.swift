// What the commands beside `run` have in common: where the agent is, and how to print.

import Agent
import ArgumentParser
import FoundationEssentials
import HTTP
import Inspect
import Model

/// `-o`
enum OutputFormat: String, ExpressibleByArgument, CaseIterable { case table, json }

/// The flags of all commands that look at a node.
struct ViewOptions: ParsableArguments {
    @Option(help: "The agent's socket. Default: /run/needletail/control.sock.")
    var control: String?
    @Option(help: "The pin directory. Default: /sys/fs/bpf/needletail.")
    var bpffs: String?
    @Option(help: "Last known state. Default: /var/lib/needletail.")
    var stateDir: String?
    @Option(name: [.short, .long], help: "table or json.")
    var output = OutputFormat.table

    /// The same places as `run` would use, by the same precedence.
    var places: Configuration {
        get throws {
            let environment = ProcessInfo.processInfo.environment
            let texts: [Setting: String?] = [
                .control: control, .bpffs: bpffs, .stateDirectory: stateDir,
            ]
            let wanted: Set<Setting> = [.control, .bpffs, .stateDirectory, .ipamCheckpoint]
            let layers = OptionLayers([
                texts.compactMapValues { $0.map { Given([$0], .commandLine) } },
                OptionLayers.environment(environment).filter { wanted.contains($0.key) },
            ])
            return try Configuration(layers, environment: [:], hostName: "")
        }
    }

    func print(_ document: some Document) throws {
        switch output {
        case .table: Output.write(Data(document.table.utf8))
        case .json: Output.write(try document.json)
        }
    }

    /// The agent's answer, or nil with the reason on stderr when it is away.
    func ask<Answer: Document>(_ path: String, _: Answer.Type) async throws -> Answer? {
        do {
            let response = try await HTTPClient.get(path, from: .unix(try places.control))
            let body = Data(response.bytes)
            guard response.status == 200 else {
                throw AgentFailure(message: String(decoding: body, as: UTF8.self))
            }
            return try Answer(json: body)
        } catch let failure as HTTPClient.Failure {
            Message.write("needletail: \(failure)")
            return nil
        }
    }

    /// The pinned maps and the last state, announced on stderr.
    func away() throws -> AwayView {
        let places = try places
        let away = AwayView(
            bpffs: places.bpffs, stateDirectory: places.stateDirectory,
            ipamCheckpoint: places.ipamCheckpoint)
        Message.write(
            away.isPinned
                ? "needletail: showing what is pinned in \(places.bpffs), and the last state"
                : "needletail: nothing is pinned in \(places.bpffs)")
        return away
    }
}

/// The agent answered, but not with what was asked for.
struct AgentFailure: Error, CustomStringConvertible {
    var message: String
    var description: String { "the agent says: \(message)" }
}
