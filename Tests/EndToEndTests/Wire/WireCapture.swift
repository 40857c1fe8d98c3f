// The independent checker as a process: capture.py, which listens in every place while rows are
// dialled and judges the flows it is told of when all is over.

import Foundation
import Glibc
import Lab
import Linux

/// What the checker is told of a flow, in capture.py's own form.
struct WireFlow: Encodable {
    struct End: Encodable {
        var place: String?
        var address: String
        var port: UInt16
    }

    var id: Int
    var name: String
    var udp: Bool
    var client: End
    var dialled: End
    /// Nil: no answer, or the backend's packets show on no wire.
    var backend: End?
    /// The client as the backend saw it.
    var seen: End
    var hops: Int
    var answered: Bool
}

/// Packets of some places, from `init` to `judge`.
final class WireCapture {
    struct Report: Decodable {
        var complaints: [String]
        var packets: Int
        /// Packets that were seen at both ends.
        var paired: Int
    }

    private let process: ChildProcess
    private let flows: String

    /// Returns once all places are heard.
    init(_ lab: Lab, places: [String]) async throws {
        let directory = "/run/needletail-lab/\(lab.name)"
        let ready = "\(directory)/capture-\(UInt32.random(in: 0...UInt32.max))"
        flows = ready + ".flows"
        let listeners = try places.map { "\($0)=\(try lab.target($0).namespace.path)" }
        process = try Command(
            ["python3", Script.path("capture"), ready, flows] + listeners
        ).start()
        let process = process
        do {
            try await wait("the capture listens") {
                access(ready, F_OK) == 0 || !process.isRunning
            }
        } catch {
            process.kill()
            throw error
        }
    }

    /// Stops listening and judges.
    func judge(_ list: [WireFlow]) async throws -> Report {
        try JSONEncoder().encode(list).write(to: URL(filePath: flows))
        process.signal(SIGTERM)
        let process = process
        let result = try await DedicatedThread.perform {
            try process.collect(until: .now().advanced(byMilliseconds: 120_000))
        }
        guard result.succeeded else { throw Dial.Failed(text: result.errorOutput) }
        return try JSONDecoder().decode(Report.self, from: Data(result.standardOutput))
    }

    deinit { process.kill() }
}

/// The programs beside the tests.
enum Script {
    static func path(_ name: String) -> String {
        let url = Bundle.module.url(
            forResource: name, withExtension: "py", subdirectory: "Scripts")
        return url?.path ?? "\(name).py"
    }
}
