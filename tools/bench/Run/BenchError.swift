// Why a bench stopped. A number that may not mean what its line says is worse than none, so all of
// these end the run.

import BenchFigures
import Linux

/// What the bench gives up on.
enum BenchError: Error, CustomStringConvertible {
    /// A program failed; with what it said.
    case failed(command: String, result: Command.Result)
    /// The agent did not get ready.
    case agentNotReady(node: String, log: String)
    /// Packets did not take the road that the path is named for.
    case wrongRoad(path: Path, placement: Placement, evidence: String)
    /// The lab is too small for the question.
    case noPod(String)
    /// The wish cannot be met.
    case invalid(String)

    var description: String {
        switch self {
        case .failed(let command, let result):
            let said = result.errorOutput.isEmpty ? result.output : result.errorOutput
            return "\(command): \(result.exit)\n\(said)"
        case .agentNotReady(let node, let log):
            return "the agent on \(node) did not get ready; it said:\n\(log)"
        case .wrongRoad(let path, let placement, let evidence):
            return "\(path), \(placement.rawValue): packets took another road: \(evidence)"
        case .noPod(let what): return "the lab has no pod for \(what)"
        case .invalid(let what): return what
        }
    }
}
