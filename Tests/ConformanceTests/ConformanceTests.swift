// The case file against everything above the maps: `swift test --filter Conformance`. A line for
// each case in each manner; NEEDLETAIL_CASES=FILE gives other cases of the same schema.

import Glibc
import Linux
import Model
import Plan
import Testing

private let folder = "/" + #filePath.split(separator: "/").dropLast().joined(separator: "/")
private let ownCases = folder + "/cases.jsonl"
/// What the reference's file has no case of: above all what changes at run time.
private let moreCases = folder + "/more.jsonl"

@Suite struct ConformanceTests {
    @Test("every case is what a Service means, with local detection and without")
    func pure() throws {
        let path = getenv("NEEDLETAIL_CASES").map { String(cString: $0) } ?? ownCases
        let report = PureWay.run(try File.readText(path))
        print(report.text)
        for result in report.results where result.kind == .failed {
            Issue.record("\(result.line)")
        }
        #expect(report.count(.ok) > 0, "no case ran")
    }

    @Test("so are the cases that the reference has no line for; the maps decide all of them")
    func more() throws {
        let report = PureWay.run(try File.readText(moreCases))
        for result in report.results where result.kind != .ok { Issue.record("\(result.line)") }
        #expect(report.count(.ok) >= 40)
    }

    @Test("every expectation that is falsified is caught, by name and flow")
    func falsified() throws {
        let (cases, unreadable) = ConformanceCase.read(try File.readText(ownCases))
        #expect(unreadable == [])
        var falsified = 0
        for one in cases {
            for detects in [true, false] {
                let played = PureWay.play(one, detects: detects)
                for (index, judged) in played.flows.enumerated() {
                    let wanted = detects ? judged.flow.wanted : judged.flow.wantedWithoutDetection
                    let reading = try judged.reading.get()
                    for lie in lies(about: wanted) {
                        // Where the maps leave more than one outcome, the others are no lies.
                        if reading.possible.contains(lie) { continue }
                        var changed = played
                        if detects {
                            changed.flows[index].flow.wanted = lie
                        } else {
                            changed.flows[index].flow.wantedWithoutDetection = lie
                        }
                        let suffix = detects ? "" : " no-detection"
                        let name = "FAIL pure \(one.id)\(suffix): flow \(judged.flow.number):"
                        let result = PureWay.judge(changed)
                        #expect(result.line.hasPrefix(name), "\(lie) instead of \(wanted)")
                        falsified += 1
                    }
                }
            }
        }
        #expect(falsified > 1000)
    }

    @Test("so is every falsified answer about health; none is skipped")
    func falsifiedHealth() throws {
        var falsified = 0
        for one in ConformanceCase.read(try File.readText(ownCases)).cases {
            for index in 0..<PureWay.play(one, detects: true).health.count {
                var changed = PureWay.play(one, detects: true)
                changed.health[index].wanted += "?"
                let result = PureWay.judge(changed)
                let name = "FAIL pure \(one.id): \(changed.health[index].name): expected "
                #expect(result.line.contains(name))
                falsified += 1
            }
        }
        #expect(falsified >= 14)
    }

    @Test("once the objects of a case are gone, nothing of them is left in the maps")
    func emptied() throws {
        for one in ConformanceCase.read(try File.readText(ownCases)).cases {
            let first = try #require(one.phases.first?.node)
            var node = PureNode(one.config, node: first)
            for phase in one.phases { node.play(phase) }
            #expect(!node.image.localAddresses.isEmpty)
            node.play(CasePhase(services: [], endpointSlices: [], flows: [], sections: []))
            #expect(node.image.frontends.isEmpty, "\(one.id)")
            #expect(node.image.slots.isEmpty, "\(one.id)")
            #expect(node.image.backends.isEmpty, "\(one.id)")
        }
    }

    @Test("a file without cases, and one that can't be read, is no success")
    func nothing() {
        #expect(PureWay.run("\n").count(.ok) == 0)
        let report = PureWay.run(#"{"id":"odd","config":{"detectLocal":{"mode":"Guess"}}}"# + "\n{")
        #expect(report.count(.failed) == 2)
        #expect(
            report.results.first?.line
                == "FAIL pure odd: config.detectLocal.mode: is an unknown mode"
        )
        #expect(report.text.hasSuffix("\nconformance: 0 ok, 2 failed, 0 skipped"))
    }
}

/// One falsification of each thing that an expectation says.
private func lies(about truth: Expectation) -> [Expectation] {
    var lies = Outcome.allCases.filter { $0 != truth.outcome }.map { outcome in
        var lie = truth
        lie.outcome = outcome
        return lie
    }
    guard truth.outcome == .dnat else { return lies }
    let stranger = "203.0.113.250:1"
    var more = truth
    more.backends.insert(stranger)
    lies.append(more)
    var other = truth
    if let first = other.backends.min() { other.backends.remove(first) }
    lies.append(other)
    if let masqueraded = truth.masqueraded {
        var flipped = truth
        flipped.masqueraded = masqueraded.isEmpty ? truth.backends : []
        lies.append(flipped)
    }
    return lies
}
