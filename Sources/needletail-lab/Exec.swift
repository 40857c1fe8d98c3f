// `exec` becomes the program that it is given, so stdio, signals and the exit status are the
// program's own.

import ArgumentParser
import Lab
import Linux

struct Exec: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a command in a node's, pod's or host's network and cgroup.",
        discussion: "Mounts stay yours: bpffs, cgroup2 and /sys are the machine's.")

    @OptionGroup var name: NameOption
    @Argument(help: "node1, node1/pod2, router, client or internet.") var target: String
    @Argument(parsing: .captureForPassthrough, help: "The command and its arguments, after --.")
    var command: [String]

    func run() throws {
        let words = command.first == "--" ? Array(command.dropFirst()) : command
        guard !words.isEmpty else { throw ValidationError("a command is missing") }
        try Lab.open(name.name).target(target).command(words).replaceProcess()
    }
}
