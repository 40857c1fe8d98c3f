// `needletail enis`: the node's interfaces into the VPC, with the pods that must leave by each.

import Model
import Plan

/// One elastic network interface of this node.
package struct ENIItem: DocumentItem {
    package static let kind = "ENI"
    package static let columns = ["INTERFACE", "PRIMARY", "MAC", "MTU", "ADDRESSES", "PODS"]

    package var interface: String
    package var index: UInt32
    /// The main table's default route leads out of it.
    package var primary: Bool
    package var mac: String?
    /// Bytes, without the Ethernet header.
    package var mtu: UInt32?
    /// It carries our XDP program.
    package var xdp: Bool
    /// Of the host on this interface; link-local ones are left out.
    package var addresses: [String]
    /// The pod addresses that must leave by it.
    package var pods: [String]

    package var rows: [[String]] {
        [
            [
                interface, primary ? "yes" : "no", mac ?? "", mtu.map(String.init) ?? "",
                addresses.joined(separator: ","), String(pods.count),
            ]
        ]
    }
}

extension DocumentList where Item == ENIItem {
    /// Every interface that carries our ENI programs, the primary one first.
    package init(_ view: NodeView) {
        let pods = Dictionary(grouping: view.image.pods.values) { $0.eni?.interface }
        let primaries = view.primaryInterfaces
        let indices = view.image.attachments.filter { $0.value == .eni }.keys
        let items = indices.map { index in
            let link = view.network.links[index]
            let addresses = view.network.addresses.filter {
                $0.interface == index && !$0.address.isLinkLocal
            }
            return ENIItem(
                interface: view.interfaceName(index, pods[index]?.first?.eni?.mac), index: index,
                primary: primaries.contains(index), mac: link?.mac?.description, mtu: link?.mtu,
                xdp: view.image.xdpInterface == index,
                addresses: addresses.map(\.address).sorted().map(\.description),
                pods: (pods[index] ?? []).map(\.address).sorted().map(\.description))
        }
        self.init(
            items.sorted { ($0.primary ? 0 : 1, $0.index) < ($1.primary ? 0 : 1, $1.index) })
    }
}

extension IPAddress {
    /// fe80::/10 or 169.254.0.0/16.
    fileprivate var isLinkLocal: Bool {
        switch family {
        case .v4: octets[0] == 169 && octets[1] == 254
        case .v6: octets[0] == 0xfe && octets[1] & 0xc0 == 0x80
        }
    }
}
