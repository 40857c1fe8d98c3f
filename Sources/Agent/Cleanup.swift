// `needletail cleanup`: takes everything of ours away and nothing else. Refuses while an agent
// lives, which would put it all back.

import Datapath
import Glibc
import HTTP
import Inspect
import Linux

/// The end of Needletail on a node.
package struct Cleanup: Sendable {
    package var bpffs: String
    package var control: String
    package var stateDirectory: String

    package init(bpffs: String, control: String, stateDirectory: String) {
        self.bpffs = bpffs
        self.control = control
        self.stateDirectory = stateDirectory
    }

    /// Call in the node's network namespace. Idempotent.
    ///
    /// - Returns: what was removed, a path or a description each; empty if there was nothing.
    /// - Throws: when an agent lives, or something of ours can't be removed.
    package func run() async throws -> [String] {
        guard (try? await HTTPClient.get("/v1/status", from: .unix(control))) == nil else {
            throw AgentAlive(control: control)
        }
        var removed: [String] = []
        if (try? Directory.entries(stateDirectory)) != nil {
            let lock = try AgentLock.take(stateDirectory: stateDirectory, bpffs: bpffs)
            removed += try removeDatapath()
            if let ports = try ReservedPorts(stateDirectory: stateDirectory).release() {
                removed.append("ports \(ports) in \(ReservedPorts.setting)")
            }
            // Last, so that no agent begins in between.
            for file in [
                AwayView.servicesPath(in: stateDirectory), AgentLock.path(in: stateDirectory),
            ]
            where unlink(file) == 0 { removed.append(file) }
            _ = consume lock
            if rmdir(stateDirectory) == 0 { removed.append(stateDirectory) }
        } else {
            removed += try removeDatapath()
        }
        if unlink(control) == 0 { removed.append(control) }
        return removed
    }

    private func removeDatapath() throws -> [String] {
        let datapath = PinnedDatapath(bpffs: bpffs)
        let existed = datapath.exists
        try datapath.cleanUp()
        return existed ? ["programs, links and maps pinned in \(bpffs)"] : []
    }
}

/// Cleaning up under a running agent would achieve nothing.
package struct AgentAlive: Error, Hashable, Sendable, CustomStringConvertible {
    package var control: String
    package var description: String { "an agent answers at \(control); stop it first" }
}
