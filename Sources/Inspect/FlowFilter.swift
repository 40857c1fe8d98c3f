// Which flows somebody wants to see. Pure; works on the items as they are shown, so that the
// agent's list and the one made of the pinned maps are filtered alike.

package import Model

/// Conditions that a flow meets all of; an absent one is met by every flow.
package struct FlowFilter: Hashable, Sendable {
    /// The service's name.
    package var service: ObjectName?
    /// The pod on either end.
    package var pod: ObjectName?
    /// The client's address.
    package var source: CIDR?
    /// The address that was dialled, or the backend's.
    package var destination: CIDR?

    package init() {}

    /// Whether the flow meets every condition.
    package func matches(_ item: FlowItem) -> Bool {
        if let service, item.namespace != service.namespace || item.name != service.name {
            return false
        }
        if let pod, ![item.sourcePod, item.backendPod].contains(pod.description) { return false }
        if let source, !Self.contains(source, item.source) { return false }
        if let destination,
            ![item.destination, item.backend].contains(where: { Self.contains(destination, $0) })
        {
            return false
        }
        return true
    }

    private static func contains(_ cidr: CIDR, _ text: String) -> Bool {
        IPAddress(text).map { cidr.contains($0) } ?? false
    }
}

extension DocumentList where Item == FlowItem {
    /// The flows that the filter lets through, in their order.
    package func filtered(_ filter: FlowFilter) -> DocumentList {
        var list = self
        list.items = items.filter(filter.matches)
        return list
    }
}
