// Everything that we were told, as one value: the only input of Resolve.

/// The folded sum of all Changes. Owned by the reconciler; Resolve reads it and changes nothing.
package struct Snapshot: Sendable {
    package var settings: Settings
    package var services: [ObjectName: Service] = [:]
    package var endpointSlices: [ObjectName: EndpointSlice] = [:]
    /// Slices by the Service that their label names; kept with `endpointSlices` so that one
    /// Service's resolution never walks them all.
    package var slicesByService: [ObjectName: Set<ObjectName>] = [:]
    package var nodes: [String: Node] = [:]
    /// This node's object as it was last seen: a deleted one still says what it said.
    package var ownNode: Node?
    package var serviceCIDRs: [String: ServiceCIDR] = [:]
    private var networkState = NetworkState()
    /// Always the index of `network`.
    package private(set) var networkIndex = NetworkIndex()
    package var podHistory = PodHistory()
    package var complete: Set<Source> = []

    package init(settings: Settings) { self.settings = settings }

    /// Setting it, or a part of it, indexes everything anew: single events go through `apply`.
    package var network: NetworkState {
        get { networkState }
        set {
            networkState = newValue
            networkIndex = NetworkIndex(newValue)
        }
    }

    /// Folds one event into `network` and its index, without what the kernel leaves unsaid
    /// (`NetworkState.unannounced(by:)`). False when it told nothing new.
    @discardableResult
    package mutating func applyAlone(_ event: NetworkEvent) -> Bool {
        networkIndex.follow(event, from: networkState)
        return networkState.applyAlone(event)
    }
}
