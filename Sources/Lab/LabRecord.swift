// A lab on disk: what another process needs to go on with it. The stand-ins answer from this file,
// so that a pod added by any process is in their next answer.

import FoundationEssentials
import Linux

/// The content of `lab.json`.
struct LabRecord: Hashable, Sendable, Codable {
    var configuration: LabConfiguration
    var status: LabStatus

    /// Reads a lab's record; `notFound` without one.
    static func read(_ paths: LabPaths) throws -> LabRecord {
        let bytes: [UInt8]
        do throws(KernelError) {
            bytes = try File.read(paths.record)
        } catch {
            guard error.errno == .noEntry else { throw error }
            throw LabError.notFound("lab \(paths.name)")
        }
        do {
            return try JSONDecoder().decode(LabRecord.self, from: Data(bytes))
        } catch {
            throw LabError.damaged(path: paths.record, reason: "\(error)")
        }
    }

    /// Writes record and checkpoints; readers always see whole files.
    func write(_ paths: LabPaths) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        try File.replace(paths.record, with: Array(try encoder.encode(self)))
        for node in status.nodes {
            let answers = IPAMDAnswers(
                node: node, version: configuration.ipamdVersion, configuration: configuration)
            let path = paths.checkpoint(node.name)
            let bytes = Array("\(answers.checkpoint)\n".utf8)
            // A rename wakes whoever watches the file: only when there is something to see.
            if (try? File.read(path)) != bytes { try File.replace(path, with: bytes) }
        }
    }
}
