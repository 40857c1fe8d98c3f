// RTM_NEWADDR and RTM_DELADDR into `InterfaceAddress`.

import CLibMNL
import Model

extension InterfaceAddress {
    /// Nil for families other than IPv4 and IPv6.
    init?(_ message: Message) throws(MalformedMessage) {
        let (header, attributes) = try message.split(ifaddrmsg.self)
        // On a point-to-point link IFA_ADDRESS is the peer's; IFA_LOCAL, where present, is ours.
        guard let octets = attributes[IFA_LOCAL] ?? attributes[IFA_ADDRESS],
            let address = IPAddress(header.ifa_family, octets)
        else { return nil }
        self.init(
            interface: header.ifa_index, address: address, prefixLength: Int(header.ifa_prefixlen))
    }
}

extension IPAddress {
    /// An address of the family that a message's header names; nil if the octets do not fit it.
    init?(_ family: UInt8, _ octets: ArraySlice<UInt8>) {
        guard let address = IPAddress(octets: octets), address.family.number == family else {
            return nil
        }
        self = address
    }

    /// 0.0.0.0 or ::.
    static func unspecified(_ family: IPFamily) -> IPAddress {
        family == .v4 ? IPAddress(v4: 0, 0, 0, 0) : unspecifiedV6
    }

    private static let unspecifiedV6: IPAddress = {
        guard let address = IPAddress(octets: [UInt8](repeating: 0, count: 16)) else {
            preconditionFailure("sixteen octets are an address")
        }
        return address
    }()
}

extension IPFamily {
    /// AF_INET or AF_INET6.
    var number: UInt8 { self == .v4 ? AddressFamily.v4 : AddressFamily.v6 }

    /// Nil for any other family, the multicast routing families (128, 129) among them.
    init?(number: UInt8) {
        switch number {
        case AddressFamily.v4: self = .v4
        case AddressFamily.v6: self = .v6
        default: return nil
        }
    }
}

extension CIDR {
    /// A prefix as routes and rules carry it: absent octets with length 0 are "everything".
    init?(_ family: IPFamily, _ octets: ArraySlice<UInt8>?, length: UInt8) {
        guard let octets else {
            self.init(.unspecified(family), prefixLength: Int(length))
            return
        }
        guard let address = IPAddress(family.number, octets) else { return nil }
        self.init(address, prefixLength: Int(length))
    }
}
