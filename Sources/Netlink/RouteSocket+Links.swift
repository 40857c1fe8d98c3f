// Making and changing interfaces. Nothing here is idempotent: adding what exists is EEXIST, naming
// what is not there is ENODEV, both as `NetlinkError.errno`.

import CLibMNL
package import Linux
package import Model

/// Which interface a call means. The kernel looks a name up itself.
package enum LinkSelector: Hashable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
    case index(UInt32)
    case name(String)

    package init(stringLiteral name: String) { self = .name(name) }

    package var description: String {
        switch self {
        case .index(let index): "#\(index)"
        case .name(let name): name
        }
    }

    /// The start of a link request about it.
    func message(
        _ type: some Constant, flags: Int32 = 0, interfaceFlags: UInt32 = 0, change: UInt32 = 0
    ) -> MessageBuilder {
        var message = MessageBuilder(type, flags: flags)
        var header = ifinfomsg()
        header.ifi_flags = interfaceFlags
        header.ifi_change = change
        if case .index(let index) = self { header.ifi_index = Int32(bitPattern: index) }
        message.append(header)
        if case .name(let name) = self { message.attribute(IFLA_IFNAME, name) }
        return message
    }
}

/// One end of a new interface. A name has at most 15 bytes.
package struct NewLink: Sendable {
    package var name: String
    /// Nil: the kernel's choice, random.
    package var mac: MACAddress?
    /// Bytes; nil: the kernel's default, 1500.
    package var mtu: UInt32?
    /// Where it is born; nil: the socket's own namespace.
    package var namespace: NetworkNamespace?

    package init(
        _ name: String, mac: MACAddress? = nil, mtu: UInt32? = nil,
        namespace: NetworkNamespace? = nil
    ) {
        self.name = name
        self.mac = mac
        self.mtu = mtu
        self.namespace = namespace
    }

    func write(into message: inout MessageBuilder) {
        message.attribute(IFLA_IFNAME, name)
        if let mac { message.attribute(IFLA_ADDRESS, mac.octets) }
        if let mtu { message.attribute(IFLA_MTU, mtu) }
        if let namespace {
            message.attribute(IFLA_NET_NS_FD, UInt32(bitPattern: namespace.descriptor.rawValue))
        }
    }
}

extension RouteSocket {
    /// Makes a veth pair, both ends down, each in its namespace at once.
    package func addVeth(_ link: NewLink, peer: NewLink) throws(NetlinkError) {
        try add(link, kind: "veth") { message in
            message.nest(IFLA_INFO_DATA) { message in
                message.nest(VETH_INFO_PEER) { message in
                    message.append(ifinfomsg())
                    peer.write(into: &message)
                }
            }
        }
    }

    /// Makes an interface that swallows what is sent to it; EOPNOTSUPP where the kernel lacks it.
    package func addDummy(_ link: NewLink) throws(NetlinkError) {
        try add(link, kind: "dummy") { _ in }
    }

    private func add(
        _ link: NewLink, kind: String, _ data: (inout MessageBuilder) -> Void
    ) throws(NetlinkError) {
        var message = MessageBuilder(RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL)
        message.append(ifinfomsg())
        link.write(into: &message)
        message.nest(IFLA_LINKINFO) { message in
            message.attribute(IFLA_INFO_KIND, kind)
            data(&message)
        }
        try change(message, "add link", link.name)
    }

    /// Deletes an interface, a veth's peer with it.
    package func deleteLink(_ link: LinkSelector) throws(NetlinkError) {
        try change(link.message(RTM_DELLINK), "delete link", "\(link)")
    }

    /// Sets an interface administratively up or down. Down, its IPv4 routes and all IPv6 addresses
    /// are lost.
    package func setLink(_ link: LinkSelector, up: Bool) throws(NetlinkError) {
        let flag = InterfaceFlag.up
        let message = link.message(RTM_NEWLINK, interfaceFlags: up ? flag : 0, change: flag)
        try change(message, up ? "set link up" : "set link down", "\(link)")
    }

    /// Renames an interface; EBUSY before Linux 6.2 while it is up.
    package func renameLink(_ link: LinkSelector, to name: String) throws(NetlinkError) {
        let message = LinkSelector.index(try index(of: link)).message(RTM_NEWLINK)
        var renaming = message
        renaming.attribute(IFLA_IFNAME, name)
        try change(renaming, "rename link to \(name)", "\(link)")
    }

    /// Sets the MTU, in bytes without the Ethernet header (RTM_NEWLINK, IFLA_MTU).
    package func setMTU(_ mtu: UInt32, of link: LinkSelector) throws(NetlinkError) {
        var message = link.message(RTM_NEWLINK)
        message.attribute(IFLA_MTU, mtu)
        try change(message, "set MTU \(mtu)", "\(link)")
    }

    /// Sets the Ethernet address (RTM_NEWLINK, IFLA_ADDRESS).
    package func setMAC(_ mac: MACAddress, of link: LinkSelector) throws(NetlinkError) {
        var message = link.message(RTM_NEWLINK)
        message.attribute(IFLA_ADDRESS, mac.octets)
        try change(message, "set MAC \(mac)", "\(link)")
    }

    /// Moves an interface; it arrives down, without addresses, and with another index if its own is
    /// taken there.
    package func moveLink(
        _ link: LinkSelector, to namespace: NetworkNamespace
    ) throws(NetlinkError) {
        var message = link.message(RTM_NEWLINK)
        message.attribute(IFLA_NET_NS_FD, UInt32(bitPattern: namespace.descriptor.rawValue))
        try change(message, "move link", "\(link)")
    }

    /// The interface's index; ENODEV when a name is not there.
    package func index(of link: LinkSelector) throws(NetlinkError) -> UInt32 {
        if case .index(let index) = link { return index }
        return try self.link(link).index
    }
}
