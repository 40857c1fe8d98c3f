// The lab's command line. It is never in the product's image. Here is wiring only: what a lab is
// and does lives in Lab.

import ArgumentParser
import Glibc
import Linux

struct NeedletailLab: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "needletail-lab",
        abstract: "EKS nodes made of network namespaces.",
        subcommands: [
            Up.self, Status.self, Exec.self, PodCommand.self, ENICommand.self, FilterCommand.self,
            Down.self, Serve.self,
        ])
}

/// Where the process begins, and where an error becomes an exit status: 1 a failure, 2 wrong usage.
@main enum Main {
    /// EX_USAGE of ArgumentParser is our 2.
    private static let usage: Int32 = 2

    static func main() async {
        do {
            var command = try NeedletailLab.parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            let code = NeedletailLab.exitCode(for: error)
            guard code == .validationFailure else { NeedletailLab.exit(withError: error) }
            let message = Array((NeedletailLab.fullMessage(for: error) + "\n").utf8)
            // A copy, since the descriptor closes itself.
            try? FileDescriptor(owning: dup(STDERR_FILENO)).writeAll(message, subject: "stderr")
            exit(usage)
        }
    }
}
