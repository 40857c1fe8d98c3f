// `needletail cleanup`: takes everything of ours off the node.

import Agent
import ArgumentParser
import Inspect

/// Removes programs, maps and files.
struct CleanupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cleanup",
        abstract: "Removes everything of Needletail's from this node, once the agent is stopped.")
    @OptionGroup var options: ViewOptions

    func run() async throws {
        let places = try options.places
        let removed = try await Cleanup(
            bpffs: places.bpffs, control: places.control, stateDirectory: places.stateDirectory
        ).run()
        try options.print(CleanupDocument(removed: removed))
    }
}
