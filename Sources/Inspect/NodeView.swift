// What a view is made of: one value that the running agent fills from what it knows, and the
// command line, when no agent answers, from the pinned maps and the kernel. Every document is built
// from it by the same pure functions, so that both ways read alike.

package import Model
package import Plan

/// The node as it is shown.
package struct NodeView: Sendable {
    /// What the maps hold.
    package var image = Image()
    /// Links, addresses and routes of the namespace, for names and the primary ENI.
    package var network = NetworkState()
    /// Which service port a frontend belongs to, where known: the maps hold ids only.
    package var serviceNames: [Frontend: ServicePortName] = [:]
    /// Health ports of Services as the agent serves them.
    package var healthPorts: [HealthPortState] = []
    /// Which pod has an address, where known.
    package var podNames: [IPAddress: ObjectName] = [:]
    /// Maps tell that a pod is watched, not by what.
    package var knowsWatchReasons = true

    package init() {}

    /// The interface's name; its number when the kernel no longer has it, or has another one under
    /// that number, as in a namespace that is not the node's.
    func interfaceName(_ index: UInt32, _ mac: MACAddress?) -> String {
        guard let link = network.links[index], mac == nil || link.mac == mac else {
            return "#\(index)"
        }
        return link.name
    }

    /// The pod behind each veth: a pod of both families is often named by one address only.
    var podNamesByVeth: [UInt32: ObjectName] {
        podNames.reduce(into: [:]) { names, entry in
            if let pod = image.pods[entry.key] { names[pod.veth] = entry.value }
        }
    }

    /// Where the main table's default routes lead: the primary ENI.
    var primaryInterfaces: Set<UInt32> {
        let routes = network.routes.values.filter { $0.table == Route.mainTable && $0.isDefault }
        return Set(
            IPFamily.allCases.compactMap { family in
                routes.filter { $0.destination.family == family }
                    .min { $0.priority < $1.priority }?.interface
            })
    }
}
