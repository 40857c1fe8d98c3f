// A cluster from the text of one manifest, folded as the agent folds it.

import Kubernetes
import Model
import Testing

extension Snapshot {
    /// Every object of the text; one that is refused fails the test.
    init(manifest: String, nodeName: String = "node1") throws {
        self.init(settings: Settings(nodeName: nodeName))
        var index = ManifestIndex()
        for change in index.update("cluster.json", .contents(Array(manifest.utf8))) {
            switch change {
            case .service(let name, let service): services[name] = service
            case .endpointSlice(let name, let slice):
                endpointSlices[name] = slice
                if let slice { slicesByService[slice.service, default: []].insert(name) }
            case .node(let name, let node): nodes[name] = node
            default: Issue.record("no object of a cluster: \(change)")
            }
        }
        try #require(index.refusals == [])
    }
}
