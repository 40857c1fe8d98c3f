// What the reconciler asks of others, who have hands for it. Nothing comes back but Changes.

package import Model

/// Requests as data, handed in as closures. They are awaited between passes: quick ones only.
package struct Requests: Sendable {
    /// Make the kernel resolve these neighbours (NTF_USE); the answers are neighbour events.
    package var provokeNeighbors: @Sendable ([Neighbor.Key]) async -> Void
    /// Look for programs of others on the tcx hooks of these interfaces, and answer with a
    /// `foreignProgram` event for each, on kernels without tcx too. An interface without an answer
    /// keeps its pods on the kernel's path.
    package var queryPrograms: @Sendable ([UInt32]) async -> Void
    /// Serve exactly these health ports of each Service that is named (none: it has none any more).
    /// Told when what they speak of is programmed, and only what changed.
    package var serveHealthPorts: @Sendable ([ObjectName: [DesiredHealthPort]]) async -> Void

    package init(
        provokeNeighbors: @escaping @Sendable ([Neighbor.Key]) async -> Void,
        queryPrograms: @escaping @Sendable ([UInt32]) async -> Void,
        serveHealthPorts: @escaping @Sendable ([ObjectName: [DesiredHealthPort]]) async -> Void
    ) {
        self.provokeNeighbors = provokeNeighbors
        self.queryPrograms = queryPrograms
        self.serveHealthPorts = serveHealthPorts
    }
}
