// Cases through the pure way: every phase, every flow, with the detection of the case and without.
// One line for each; what the maps can't decide is named and skipped, and still fails where no
// outcome that is left is the one expected.

import Model

/// What became of one case in one manner.
struct CaseResult: Equatable {
    enum Kind: String {
        case ok
        case failed = "FAIL"
        case skipped = "skip"
    }

    /// `ok pure ID`, `FAIL pure ID: flow 3: expected …, got …`, `skip pure ID: reason`.
    var kind: Kind
    var line: String
}

/// Results in the order of the cases, and their sum.
struct Report {
    var results: [CaseResult] = []

    func count(_ kind: CaseResult.Kind) -> Int { results.count { $0.kind == kind } }

    var text: String {
        (results.map(\.line) + [
            "conformance: \(count(.ok)) ok, \(count(.failed)) failed, \(count(.skipped)) skipped"
        ]).joined(separator: "\n")
    }
}

enum PureWay {
    /// A flow and what the maps said when its phase was programmed.
    struct Judged {
        var flow: CaseFlow
        var reading: Result<Reading, BrokenImage>
    }

    /// A case played in one manner, not judged yet.
    struct Played {
        var id: String
        var detects: Bool
        var flows: [Judged]
        var health: [HealthJudged] = []
        var sections: [String]
        var refusals: [String]
    }

    static func run(_ file: String) -> Report {
        let (cases, unreadable) = ConformanceCase.read(file)
        var report = Report()
        for complaint in unreadable {
            report.results.append(CaseResult(kind: .failed, line: "FAIL pure \(complaint)"))
        }
        for one in cases {
            for detects in [true, false] {
                report.results.append(judge(play(one, detects: detects)))
            }
        }
        return report
    }

    /// - Parameter detects: false to play without local detection, whatever the case says.
    static func play(_ one: ConformanceCase, detects: Bool) -> Played {
        var played = Played(id: one.id, detects: detects, flows: [], sections: [], refusals: [])
        var config = one.config
        if !detects { config.detection = .none }
        var node: PureNode?
        for phase in one.phases {
            if node == nil {
                let first = phase.node ?? CaseNode(name: "node", addresses: [], zone: nil)
                node = PureNode(config, node: first)
            }
            node?.play(phase)
            guard let node else { continue }
            let reader = ImageReader(image: node.image, config: config)
            for flow in phase.flows {
                let reading = Result { () throws(BrokenImage) in try reader.read(flow) }
                played.flows.append(Judged(flow: flow, reading: reading))
            }
            played.health += phase.probes.map { HealthJudged($0, on: node) }
            for asked in phase.healthz {
                played.health.append(
                    HealthJudged(asked, number: played.health.count + 1, nodeName: node.name))
            }
            played.sections += phase.sections
            played.refusals = node.refusals
        }
        return played
    }

    static func judge(_ played: Played) -> CaseResult {
        let suffix = played.detects ? "" : " no-detection"
        var wrong: [String] = []
        var gaps: [String: [Int]] = [:]
        for judged in played.flows {
            let flow = judged.flow
            let wanted = played.detects ? flow.wanted : flow.wantedWithoutDetection
            switch judged.reading {
            case .failure(let broken):
                wrong.append("flow \(flow.number): expected \(wanted), got \(broken)")
            case .success(let reading):
                if !reading.possible.contains(where: { $0.fits(wanted) }) {
                    let got = reading.possible.map(\.description).joined(separator: " or ")
                    wrong.append("flow \(flow.number): expected \(wanted), got \(got)")
                } else if flow.isRemembered, !reading.remembersClients {
                    wrong.append("flow \(flow.number): expected affinity, got none")
                } else if let gap = reading.gap ?? (flow.asksForMemory ? "affinity memory" : nil) {
                    gaps[gap, default: []].append(flow.number)
                }
            }
        }
        for judged in played.health where judged.got != judged.wanted {
            wrong.append("\(judged.name): expected \(judged.wanted), got \(judged.got)")
        }
        if !wrong.isEmpty {
            let refused = played.refusals.isEmpty ? [] : ["refused: \(played.refusals)"]
            let reason = (wrong + refused).joined(separator: "; ")
            return CaseResult(kind: .failed, line: "FAIL pure \(played.id)\(suffix): \(reason)")
        }
        let undecided = gaps.sorted { $0.key < $1.key }.map { gap, numbers in
            "\(gap) (flow \(numbers.map(String.init).joined(separator: ", ")))"
        }
        let reasons = undecided + Set(played.sections).sorted()
        if reasons.isEmpty { return CaseResult(kind: .ok, line: "ok pure \(played.id)\(suffix)") }
        return CaseResult(
            kind: .skipped,
            line: "skip pure \(played.id)\(suffix): the maps don't tell "
                + reasons.joined(separator: ", "))
    }
}

extension Expectation {
    /// Whether this, as a program would have it, is what is wanted.
    fileprivate func fits(_ wanted: Expectation) -> Bool {
        outcome == wanted.outcome && backends == wanted.backends
            && (wanted.masqueraded == nil || wanted.masqueraded == masqueraded)
    }
}
