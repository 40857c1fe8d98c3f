// What the agent tells about flows: the list, and service names for the log.

import Datapath
import Inspect
import Model

extension AgentState {
    /// Every flow, with the names that we know.
    func flows() async throws -> DocumentList<FlowItem> {
        guard let datapath else { return DocumentList([]) }
        return DocumentList(try datapath.flows(), try await view())
    }

    /// `namespace/name:port` by what the maps call it; empty when the maps can't be read.
    func serviceNames() async -> [UInt32: String] {
        guard let view = try? await view() else { return [:] }
        return ServiceNames(view).all.mapValues(\.description)
    }
}
