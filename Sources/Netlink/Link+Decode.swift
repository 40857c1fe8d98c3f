// RTM_NEWLINK and RTM_DELLINK into `Link`.

import CLibMNL
import Model

extension Link {
    /// Nil for what is no whole link: bridge port state (AF_BRIDGE) and wireless events come as the
    /// same message type, and a bridge port's RTM_DELLINK does not mean that the link is gone.
    init?(_ message: Message) throws(MalformedMessage) {
        let (header, attributes) = try message.split(ifinfomsg.self)
        guard header.ifi_family == AddressFamily.unspecified,
            let mtu = try attributes.number(IFLA_MTU, as: UInt32.self)
        else { return nil }
        let isEthernet = header.ifi_type == HardwareType.ethernet
        self.init(
            index: UInt32(bitPattern: header.ifi_index),
            name: attributes.string(IFLA_IFNAME),
            kind: try attributes.nested(IFLA_LINKINFO).string(IFLA_INFO_KIND),
            mac: isEthernet ? attributes[IFLA_ADDRESS].flatMap { MACAddress(octets: $0) } : nil,
            mtu: mtu,
            isUp: header.ifi_flags & InterfaceFlag.up != 0,
            isLoopback: header.ifi_flags & InterfaceFlag.loopback != 0,
            hasPeerElsewhere: attributes.contains(IFLA_LINK_NETNSID),
            rootQdisc: attributes.string(IFLA_QDISC),
            parentIndex: try attributes.number(IFLA_LINK) ?? 0)
    }
}
