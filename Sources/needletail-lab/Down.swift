// Taking labs down.

import ArgumentParser
import Lab

struct Down: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Remove a lab and end what runs in it; without a name: labs whose owner is dead.")

    @Option(help: "The lab's name.") var name: String?
    @Flag(help: "Every lab on this machine.") var all = false

    func run() throws {
        if let name { return try Lab.remove(name) }
        guard all else {
            for name in try Lab.removeLeftovers() { print("removed \(name)") }
            return
        }
        for lab in try Lab.all() {
            try Lab.remove(lab.name)
            print("removed \(lab.name)")
        }
    }
}
