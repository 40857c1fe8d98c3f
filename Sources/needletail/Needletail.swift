// The command line of the product. Exit status 0 good, 1 a finding or failure, 2 wrong usage; data
// goes to stdout and messages to stderr.

import Agent
import ArgumentParser
import Glibc

/// `needletail`
struct Needletail: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "needletail",
        abstract: "Carries a Kubernetes node's service and pod traffic by eBPF.",
        subcommands: [
            RunCommand.self, StatusCommand.self, ServicesCommand.self, PodsCommand.self,
            ENIsCommand.self, FlowsCommand.self, CleanupCommand.self,
        ])
}

/// Where the process begins, and where an error becomes an exit status.
@main enum Main {
    /// EX_USAGE of ArgumentParser is our 2.
    private static let usage: Int32 = 2

    static func main() async {
        do {
            var command = try Needletail.parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let error as UsageError {
            finish("needletail: \(error)", usage)
        } catch {
            let code = Needletail.exitCode(for: error)
            if code == .validationFailure { finish(Needletail.fullMessage(for: error), usage) }
            if error is CleanExit || error is ExitCode || code.isSuccess {
                Needletail.exit(withError: error)
            }
            finish("needletail: \(error)", code.rawValue)
        }
    }

    private static func finish(_ message: String, _ status: Int32) -> Never {
        Message.write(message)
        exit(status)
    }
}
