// What sources tell the reconciler. A Change is folded by key at once, so that memory is bounded
// by the number of objects and a burst of events collapses by construction.

/// Who can tell something; nothing is pruned until every expected source has spoken completely.
package enum Source: String, Hashable, Sendable, CaseIterable {
    case services
    case network
}

/// One thing that a source learnt.
package enum Change: Sendable {
    /// Nil: the object is gone.
    case service(ObjectName, Service?)
    case endpointSlice(ObjectName, EndpointSlice?)
    case node(String, Node?)
    case serviceCIDR(String, ServiceCIDR?)
    case network(NetworkEvent)
    /// A complete dump: replaces everything known of the network.
    case networkState(NetworkState)
    /// The source has told everything that exists.
    case complete(Source)
}
