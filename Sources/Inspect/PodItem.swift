// `needletail pods`: one item per pod address on this node, with the shortcuts that its packets
// take, or the reason why they take the kernel's path.

import Model
import Plan

/// One pod address.
package struct PodItem: DocumentItem {
    package static let kind = "Pod"
    package static let columns = [
        "ADDRESS", "POD", "VETH", "ENI", "WATCHED", "FROM-PODS", "TO-ENI",
    ]

    /// The way out of the node for this pod.
    package struct ENI: Codable, Sendable, Equatable {
        package var interface: String
        package var index: UInt32
        package var nextHop: String
        /// Absent until the neighbour is resolved.
        package var nextHopMAC: String?
    }

    package var address: String
    /// Absent when nobody told.
    package var namespace: String?
    package var name: String?
    /// The host's end of its pair.
    package var veth: String
    package var vethIndex: UInt32
    /// Absent until the neighbour is resolved.
    package var podMAC: String?
    /// Why nothing goes around the kernel's path on its veth; absent if nothing watches it.
    package var watched: String?
    /// Our programs sit on its veth, on both sides.
    package var attached: Bool
    /// Absent while it is not sure by which ENI the pod must leave.
    package var eni: ENI?
    /// `shortcut`, or why packets from other pods and ENIs take the stack.
    package var fromPods: String
    /// `shortcut`, or why packets to other nodes take the stack.
    package var toENI: String

    package var rows: [[String]] {
        let pod = namespace.flatMap { namespace in name.map { "\(namespace)/\($0)" } }
        return [[address, pod ?? "", veth, eni?.interface ?? "", watched ?? "no", fromPods, toENI]]
    }
}

extension DocumentList where Item == PodItem {
    /// Every pod address that the maps hold, in order.
    package init(_ view: NodeView) {
        let names = view.podNamesByVeth
        self.init(
            view.image.pods.values.sorted { $0.address < $1.address }.map {
                PodItem($0, names[$0.veth], view)
            })
    }
}

extension PodItem {
    fileprivate init(_ pod: DesiredPod, _ pairName: ObjectName?, _ view: NodeView) {
        address = pod.address.description
        let known = view.podNames[pod.address] ?? pairName
        namespace = known?.namespace
        name = known?.name
        veth = view.interfaceName(pod.veth, pod.vethMAC)
        vethIndex = pod.veth
        podMAC = pod.podMAC?.description
        watched = pod.watched.map { view.knowsWatchReasons ? $0.description : "yes" }
        attached = view.image.attachments[pod.veth] == .pod
        eni = pod.eni.map {
            ENI(
                interface: view.interfaceName($0.interface, $0.mac), index: $0.interface,
                nextHop: $0.nextHop.description, nextHopMAC: $0.nextHopMAC?.description)
        }
        fromPods =
            if pod.watched != nil { "stack: watched" } else if pod.podMAC == nil {
                "stack: pod's MAC unknown"
            } else { "shortcut" }
        toENI =
            if pod.watched != nil { "stack: watched" } else if pod.eni == nil {
                "stack: ENI not sure"
            } else if pod.eni?.nextHopMAC == nil { "stack: next hop unknown" } else {
                "shortcut"
            }
    }
}

extension WatchReason {
    /// Short, for a column.
    package var description: String {
        switch self {
        case .unknown: "not looked at yet"
        case .filter(let name): "filter \(name)"
        case .policyAgent: "filters of the network policy agent"
        case .program: "tcx program"
        case .qdisc(let kind): "qdisc \(kind)"
        }
    }
}
