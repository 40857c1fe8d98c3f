// Options that several commands share, and how a lab is shown.

import ArgumentParser
import FoundationEssentials
import Lab

/// `--name`.
struct NameOption: ParsableArguments {
    @Option(help: "The lab's name.")
    var name = "lab"
}

/// `-o`.
struct OutputOption: ParsableArguments {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case table
        case json
    }

    @Option(name: .shortAndLong, help: "table or json.")
    var output = Format.table

    /// Prints a lab on stdout.
    func print(_ status: LabStatus) throws {
        switch output {
        case .table: Swift.print(Picture.draw(status), terminator: "")
        case .json:
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            Swift.print(String(decoding: try encoder.encode(status), as: UTF8.self))
        }
    }
}
