// `up` makes a lab and leaves; what must go on answering (ipamd, IMDS) is `serve`, which `up`
// starts from its own executable.

import ArgumentParser
import FoundationEssentials
import Glibc
import Lab
import Linux
import Model

struct Up: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a lab; print its status when all of it is reachable.")

    @OptionGroup var name: NameOption
    @OptionGroup var output: OutputOption
    @Option(help: "Nodes, 1…\(AddressPlan.maximumNodes).") var nodes = 2
    @Option(help: "Pods per node.") var pods = 4
    @Option(help: "ENIs per node, the primary one included.") var enis = 2
    @Option(help: "Whose shapes ipamd's stand-in answers in, 1.11 or newer.")
    var ipamdVersion = CNIVersion(1, 23)
    @Option(help: "MTU of ENIs, bytes.") var eniMTU = 9001
    @Option(help: "MTU of pods, bytes.") var podMTU = 9001
    @Flag(help: "Leave the CNI's iptables chains out (external SNAT).") var noCNIChains = false

    func run() async throws {
        let lab = try await Lab.create(
            LabConfiguration(
                name: name.name, nodes: nodes, pods: pods, enis: enis, ipamdVersion: ipamdVersion,
                eniMTU: eniMTU, podMTU: podMTU, cniChains: !noCNIChains))
        do {
            try startServing(lab)
        } catch {
            try await lab.down()
            throw error
        }
        try output.print(lab.status)
    }

    /// How long the serving process may take to answer.
    private static let timeoutMilliseconds = 30_000

    private func startServing(_ lab: Lab) throws {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        var command = Command([own, "serve", "--name", lab.name])
        command.output = .file(lab.serveLog)
        command.errorOutput = .file(lab.serveLog)
        let server = try command.start()
        let deadline = Monotonic.now().advanced(byMilliseconds: Self.timeoutMilliseconds)
        while lab.servingProcess != server.pid {
            guard server.isRunning, Monotonic.now() < deadline else {
                let log = (try? File.readText(lab.serveLog)) ?? ""
                throw LabError.failed(command: "serve", exit: "not answering", stderr: log)
            }
            usleep(2000)
        }
    }
}

extension CNIVersion: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }
}
