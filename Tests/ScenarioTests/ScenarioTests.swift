// Plays every scenario: plain, with one write in ten failing, with the changes of a step shuffled
// and programmed one by one, and with a new agent after each step. Each ends by deleting
// everything.

import Kubernetes
import Linux
import Model
import Plan
import Randomness
import Testing

private let folder =
    "/" + #filePath.split(separator: "/").dropLast().joined(separator: "/") + "/Scenarios"
private let names = ((try? Directory.entries(folder)) ?? []).filter { $0.hasSuffix(".txt") }

private func load(_ name: String) throws -> Scenario {
    try Scenario(File.readText("\(folder)/\(name)"))
}

/// How the steps are carried out.
private struct Manner {
    var seed: UInt64 = 1
    var failsOneIn: Int?
    var isShuffled = false
    var restarts = false
}

private func play(_ name: String, _ manner: Manner) throws {
    let scenario = try load(name)
    var stations = Stations(seed: manner.seed, failsOneIn: manner.failsOneIn)
    func carryOut(_ inputs: [Input]) {
        let changes = stations.changes(of: inputs)
        if manner.isShuffled {
            for change in stations.shuffle(changes) { stations.carryOut([change]) }
        } else {
            stations.carryOut(changes)
        }
        if manner.restarts { stations.restart() }
    }
    for (number, step) in scenario.steps.enumerated() {
        carryOut(step.inputs)
        for (table, expected) in step.expected {
            let found = stations.lines(of: table)
            #expect(
                found == expected,
                """
                \(name), step \(number + 1), \(table.rawValue), seed \(manner.seed): found
                \(found.joined(separator: "\n"))
                """)
        }
    }
    carryOut(stations.index.paths.sorted().map(Input.remove))
    #expect(stations.desired == Desired(), "\(name): something is still desired")
    #expect(stations.image == Image(), "\(name): something is still in the maps")
}

@Suite struct ScenarioTests {
    @Test("there are scenarios, and each begins with a sentence and expects something")
    func shape() throws {
        #expect(names.count >= 15)
        for name in names {
            let scenario = try load(name)
            #expect(scenario.title.hasSuffix("."), "\(name)")
            #expect(scenario.steps.allSatisfy { !$0.expected.isEmpty }, "\(name)")
        }
    }

    @Test("a scenario as it is written", arguments: names)
    func plain(name: String) throws { try play(name, Manner()) }

    @Test("the same with one write in ten failing", arguments: names)
    func failing(name: String) throws {
        let seed = SeededRandom.fresh().seed
        for run in UInt64(0)..<5 { try play(name, Manner(seed: seed &+ run, failsOneIn: 10)) }
    }

    @Test("the same with the changes of a step in any order, one by one", arguments: names)
    func shuffled(name: String) throws {
        let seed = SeededRandom.fresh().seed
        for run in UInt64(0)..<5 { try play(name, Manner(seed: seed &+ run, isShuffled: true)) }
    }

    @Test("the same with a new agent after each step", arguments: names)
    func restarting(name: String) throws {
        let seed = SeededRandom.fresh().seed
        for run in UInt64(0)..<3 {
            try play(name, Manner(seed: seed &+ run, failsOneIn: 10, restarts: true))
        }
    }
}
