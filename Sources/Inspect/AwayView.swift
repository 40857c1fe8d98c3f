// The view without an agent: pinned maps for what happens to packets, the kernel for interfaces,
// and what the agent and ipamd left on disk for names. What can't be had is left out, for a partial
// answer is what somebody needs whose agent does not start.

import Datapath
import FoundationEssentials
import IPAM
import Model
import Netlink

/// Reads what an agent that is away left behind. Changes nothing.
package struct AwayView: Sendable {
    /// The pin directory.
    package var bpffs: String
    package var stateDirectory: String
    /// A path; nil is off.
    package var ipamCheckpoint: String?

    package init(bpffs: String, stateDirectory: String, ipamCheckpoint: String?) {
        self.bpffs = bpffs
        self.stateDirectory = stateDirectory
        self.ipamCheckpoint = ipamCheckpoint
    }

    /// Where the agent keeps the list of services as it last was: a ServiceList document.
    package static func servicesPath(in stateDirectory: String) -> String {
        "\(stateDirectory)/services.json"
    }

    /// Whether there is anything to show.
    package var isPinned: Bool { PinnedDatapath(bpffs: bpffs).exists }

    /// - Throws: `DatapathError` when maps are pinned and can't be read.
    package func view() throws -> NodeView {
        var view = NodeView()
        view.knowsWatchReasons = false
        guard isPinned else { return view }
        view.image = try PinnedDatapath(bpffs: bpffs).image()
        view.network = (try? network()) ?? NetworkState()
        view.serviceNames = serviceNames
        view.podNames = podNames
        return view
    }

    /// Every flow in the pinned tables, with the names that can be had.
    package func flows() throws -> DocumentList<FlowItem> {
        guard isPinned else { return DocumentList([]) }
        return DocumentList(try PinnedDatapath(bpffs: bpffs).flows(), try view())
    }

    /// What `status` can tell of an agent that does not answer.
    package func status() throws -> StatusDocument {
        var status = StatusDocument(agent: "away")
        guard isPinned else { return status }
        let datapath = PinnedDatapath(bpffs: bpffs)
        status.generation = try datapath.generation()
        status.counts = StatusDocument.Counts(try view())
        status.add(try datapath.flowTables())
        status.add(try datapath.counters())
        return status
    }

    private func network() throws -> NetworkState {
        let socket = try RouteSocket()
        var state = NetworkState()
        for link in try socket.links() { state.links[link.index] = link }
        state.addresses = Set(try socket.addresses())
        for route in try socket.routes() { state.routes[route.key] = route }
        return state
    }

    private var serviceNames: [Frontend: ServicePortName] {
        guard let data = read(Self.servicesPath(in: stateDirectory)),
            let list = try? DocumentList<ServiceItem>(json: data)
        else { return [:] }
        return list.items.reduce(into: [:]) { names, item in
            guard let name = item.portName else { return }
            for frontend in item.frontends {
                guard let address = IPAddress(frontend.address) else { continue }
                names[
                    Frontend(address: address, port: frontend.port, protocol: name.protocol)] = name
            }
        }
    }

    private var podNames: [IPAddress: ObjectName] {
        ipamCheckpoint.flatMap(read).flatMap { try? Checkpoint(json: $0) }?.pods ?? [:]
    }

    private func read(_ path: String) -> Data? { try? Data(contentsOf: URL(filePath: path)) }
}

extension ServiceItem {
    /// Nil for an item without a name.
    fileprivate var portName: ServicePortName? {
        guard let namespace, let name, let port, let kind = L4Protocol(`protocol`),
            let family = IPFamily(rawValue: family)
        else { return nil }
        return ServicePortName(
            service: ObjectName(namespace: namespace, name: name), port: port, protocol: kind,
            family: family)
    }
}
