// The two programs that the lab can't do without: nft for the router's rules, iptables-restore for
// the CNI's. One fork each for a whole ruleset, since forks are what is slow under emulation.

import Linux

/// Runs a program in a namespace.
enum Tool {
    /// Runs it to its end.
    /// - Returns: its standard output. Throws `LabError.failed` with its stderr.
    @discardableResult
    static func run(
        _ arguments: [String], input: String = "", in namespace: NetworkNamespace
    ) throws -> String {
        let command = Command(arguments, input: Array(input.utf8), namespace: namespace)
        let result = try command.run()
        guard result.succeeded else {
            throw LabError.failed(
                command: arguments.joined(separator: " "), exit: "\(result.exit)",
                stderr: result.errorOutput)
        }
        return result.output
    }
}
