// The process that a lab made by `up` lives with: it answers for ipamd and IMDS until `down`.

import ArgumentParser
import Dispatch
import Glibc
import Lab

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Answer for ipamd and IMDS in a lab's nodes (started by up).",
        shouldDisplay: false)

    @OptionGroup var name: NameOption

    func run() async throws {
        // Away from the terminal of `up`, whose hang-up and Ctrl-C are not for us.
        setsid()
        signal(SIGTERM, SIG_IGN)
        let terminated = DispatchSource.makeSignalSource(signal: SIGTERM, queue: .global())
        let stream = AsyncStream<Void> { continuation in
            terminated.setEventHandler { continuation.finish() }
        }
        terminated.activate()
        let lab = try Lab.open(name.name)
        try await lab.serve()
        for await _ in stream {}
    }
}
