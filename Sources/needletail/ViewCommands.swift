// The commands that show a list, and `status`. All ask the agent, and look at the maps without it.

import ArgumentParser
import Inspect

/// `needletail status`: exit status 1 unless the agent is ready, nothing fails and no manifest was
/// refused.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Shows whether the agent works, and what it could not do.")
    @OptionGroup var options: ViewOptions

    func run() async throws {
        if let status = try await options.ask("/v1/status", StatusDocument.self) {
            try options.print(status)
            if !status.isGood { throw ExitCode.failure }
        } else {
            try options.print(try options.away().status())
            throw ExitCode.failure
        }
    }
}

/// `needletail services`
struct ServicesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "services", abstract: "Lists service ports, their frontends and backends.")
    @OptionGroup var options: ViewOptions

    func run() async throws {
        try await options.show("/v1/services") { DocumentList<ServiceItem>($0) }
    }
}

/// `needletail pods`
struct PodsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pods", abstract: "Lists this node's pod addresses and their shortcuts.")
    @OptionGroup var options: ViewOptions

    func run() async throws { try await options.show("/v1/pods") { DocumentList<PodItem>($0) } }
}

/// `needletail enis`
struct ENIsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enis", abstract: "Lists this node's network interfaces into the VPC.")
    @OptionGroup var options: ViewOptions

    func run() async throws { try await options.show("/v1/enis") { DocumentList<ENIItem>($0) } }
}

extension ViewOptions {
    /// Prints the agent's list, or the same list made of the pinned maps.
    func show<List: Document>(_ path: String, _ make: (NodeView) -> List) async throws {
        let list = try await ask(path, List.self)
        try print(try list ?? make(try away().view()))
    }
}
