// Looking at labs.

import ArgumentParser
import Lab

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print what a lab is made of.")

    @OptionGroup var name: NameOption
    @OptionGroup var output: OutputOption
    @Flag(help: "Print what the router dropped instead, and why.") var drops = false

    func run() async throws {
        let lab = try Lab.open(name.name)
        guard drops else { return try output.print(lab.status) }
        for entry in try lab.routerCounters().entries {
            print(entry.packets, entry.drop.rawValue, entry.leg, entry.source, entry.destination)
        }
    }
}
