// What scenarios compare: tables of sorted lines without any id, so that they read like what they
// mean and hold for every order of events.

import Kubernetes
import Model
import Plan

extension Stations {
    func lines(of table: Table) -> [String] {
        switch table {
        case .resolved: desired.services.values.joined().map(line).sorted()
        case .image: imageLines
        case .refused: index.refusals.map(\.description)
        case .conflicts: planner.conflicts.map(\.description)
        }
    }

    private func line(_ port: DesiredServicePort) -> String {
        let frontends = port.frontends.map { "\($0)=\($1)" }.sorted().joined(separator: " ")
        let sets = [("cluster", port.clusterBackends), ("local", port.localBackends)]
        let serving = port.servingBackends.filter {
            !port.clusterBackends.contains($0) && !port.localBackends.contains($0)
        }
        return "\(port.name):" + (frontends.isEmpty ? "" : " \(frontends)")
            + sets.map { " \($0) [\(text($1))]" }.joined()
            + (serving.isEmpty ? "" : " serving [\(text(serving))]")
            + (port.sourceRanges.isEmpty
                ? "" : " from [\(port.sourceRanges.map(\.description).joined(separator: " "))]")
            + (port.nodeLocalFrontends.isEmpty ? "" : " node-local")
            + (port.isUsableAnywhere ? "" : " unusable")
    }

    private var imageLines: [String] {
        let heads = image.frontends.map { frontend, head in
            let sets = [("cluster", head.clusterCount), ("local", head.localCount)].map {
                name, count in
                let set: BackendSet = name == "local" ? .local : .cluster
                let backends = (0..<count).map { slot -> String in
                    let key = SlotKey(service: head.id, set: set, slot: slot)
                    guard let id = image[key], let record = image.backends[id] else { return "?" }
                    return socketText(record.backend.address, record.backend.port)
                }
                return " \(name) [\(backends.sorted().joined(separator: " "))]"
            }
            return "\(frontend) \(head.kind)" + sets.joined()
                + (head.internalPolicy == .local ? " internal=local" : "")
                + (head.externalPolicy == .local ? " external=local" : "")
                + (head.affinityTimeoutSeconds == 0
                    ? "" : " affinity=\(head.affinityTimeoutSeconds)")
                + (head.hasSourceRanges ? " from [\(ranges(head.id))]" : "")
                + (head.isUsableAnywhere ? "" : " unusable")
        }
        let draining = image.backends.values.filter { $0.state == .draining }
            .map { "draining \($0.backend)" }
        return heads.sorted() + draining.sorted() + leftovers.sorted()
    }

    /// Slots and backends that no head leads to: there must be none.
    private var leftovers: [String] {
        var counted: Set<SlotKey> = []
        for head in image.frontends.values {
            for (set, count) in [
                (BackendSet.cluster, head.clusterCount), (.local, head.localCount),
            ] {
                for slot in 0..<count {
                    counted.insert(SlotKey(service: head.id, set: set, slot: slot))
                }
            }
        }
        var used: Set<BackendID> = []
        var lines: [String] = []
        for id in image.sourceRanges.keys where image.headCounts[id] == nil {
            lines.append("leftover ranges \(ranges(id))")
        }
        for (list, slots) in image.slots {
            for (slot, id) in slots {
                used.insert(id)
                if !counted.contains(list.key(slot)), image.headCounts[list.service] != nil {
                    lines.append("leftover slot \(list.key(slot))")
                }
            }
        }
        for (id, record) in image.backends where record.state == .active && !used.contains(id) {
            lines.append("leftover backend \(record.backend)")
        }
        return lines
    }

    private func ranges(_ id: ServiceID) -> String {
        (image.sourceRanges[id] ?? []).sorted().map(\.description).joined(separator: " ")
    }

    private func text(_ backends: [Backend]) -> String {
        backends.map { socketText($0.address, $0.port) }.sorted().joined(separator: " ")
    }
}
