// `needletail run`: reads the settings, says what can't be had, and hands over to the agent.

import Agent
import ArgumentParser
import FoundationEssentials

/// Runs the agent in the foreground.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs the agent in the foreground.",
        discussion: """
            Each flag has an environment variable, NEEDLETAIL_ and the flag in upper case with _, \
            and a key in the file given by --config. Flag beats environment beats file beats a \
            KubeProxyConfiguration given by --kube-proxy-config.
            """)

    @OptionGroup var arguments: RunArguments

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let layers = try OptionLayers.resolve(
            commandLine: arguments.layer, environment: environment)
        let configuration = try Configuration(
            layers, environment: environment, hostName: HostName.current())
        let refusals = Unsupported(configuration).refusals
        guard refusals.isEmpty else {
            for refusal in refusals { Message.write("needletail: \(refusal)") }
            throw ExitCode.failure
        }
        try await NodeAgent.run(configuration, log: configuration.logger)
    }
}

/// What the kernel calls this machine.
enum HostName {
    static func current() -> String {
        let text = try? String(contentsOfFile: "/proc/sys/kernel/hostname", encoding: .utf8)
        return text?.split(separator: "\n").first.map(String.init) ?? "localhost"
    }
}
