// Addresses and neighbours of interfaces. Adding an address twice is EEXIST, removing one that is
// not there EADDRNOTAVAIL; the "replace" and "set" calls are idempotent.

import CLibMNL
package import Model

extension RouteSocket {
    /// Adds an address. IPv6 skips duplicate address detection; the kernel's work queue makes its
    /// local route a moment after the call returns.
    package func addAddress(_ address: InterfaceAddress) throws(NetlinkError) {
        let flags = NLM_F_CREATE | NLM_F_EXCL
        try change(message(RTM_NEWADDR, address, flags: flags), "add address", address.text)
    }

    /// Adds an address or leaves it as it is.
    package func replaceAddress(_ address: InterfaceAddress) throws(NetlinkError) {
        let flags = NLM_F_CREATE | NLM_F_REPLACE
        try change(message(RTM_NEWADDR, address, flags: flags), "replace address", address.text)
    }

    /// Deletes an address with the routes that it brought.
    package func deleteAddress(_ address: InterfaceAddress) throws(NetlinkError) {
        try change(message(RTM_DELADDR, address, flags: 0), "delete address", address.text)
    }

    private func message(
        _ type: Int, _ address: InterfaceAddress, flags: Int32
    ) -> MessageBuilder {
        var message = MessageBuilder(type, flags: flags)
        var header = ifaddrmsg()
        header.ifa_family = address.address.family.number
        header.ifa_prefixlen = UInt8(address.prefixLength)
        header.ifa_index = address.interface
        let isIPv6 = address.address.family == .v6
        if isIPv6 && type == RTM_NEWADDR { header.ifa_flags = UInt8(IFA_F_NODAD) }
        // The kernel takes host scope for granted only with these; `ip` does the same.
        if address.address.isLoopback { header.ifa_scope = UInt8(RT_SCOPE_HOST.number) }
        message.append(header)
        message.attribute(IFA_LOCAL, address.address.octets)
        message.attribute(IFA_ADDRESS, address.address.octets)
        return message
    }

    /// Sets a permanent neighbour, whatever was there.
    package func setNeighbor(
        _ address: IPAddress, mac: MACAddress, interface: UInt32
    ) throws(NetlinkError) {
        var message = neighbor(
            RTM_NEWNEIGH, address, interface, flags: NLM_F_CREATE | NLM_F_REPLACE,
            state: UInt16(NUD_PERMANENT))
        message.attribute(NDA_LLADDR, mac.octets)
        try change(message, "set neighbour", "\(address)")
    }

    /// Deletes a neighbour; ENOENT when it is not there.
    package func deleteNeighbor(_ address: IPAddress, interface: UInt32) throws(NetlinkError) {
        let message = neighbor(RTM_DELNEIGH, address, interface, flags: 0)
        try change(message, "delete neighbour", "\(address)")
    }

    /// Makes the kernel resolve a neighbour now, as if it had a packet for it (NTF_USE). The answer
    /// comes as a neighbour event.
    package func provokeNeighbor(_ address: IPAddress, interface: UInt32) throws(NetlinkError) {
        let message = neighbor(
            RTM_NEWNEIGH, address, interface, flags: NLM_F_CREATE, neighborFlags: UInt8(NTF_USE))
        try change(message, "provoke neighbour", "\(address)")
    }

    private func neighbor(
        _ type: Int, _ address: IPAddress, _ interface: UInt32, flags: Int32, state: UInt16 = 0,
        neighborFlags: UInt8 = 0
    ) -> MessageBuilder {
        var message = MessageBuilder(type, flags: flags)
        var header = ndmsg()
        header.ndm_family = address.family.number
        header.ndm_ifindex = Int32(bitPattern: interface)
        header.ndm_state = state
        header.ndm_flags = neighborFlags
        message.append(header)
        message.attribute(NDA_DST, address.octets)
        return message
    }
}

extension InterfaceAddress {
    fileprivate var text: String { "\(address)/\(prefixLength) on #\(interface)" }
}
