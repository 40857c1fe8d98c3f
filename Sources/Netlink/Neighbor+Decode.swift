// RTM_NEWNEIGH and RTM_DELNEIGH into `Neighbor`.

import CLibMNL
import Model

extension Neighbor {
    /// States in which the kernel sends to the entry's address.
    private static let validStates: UInt16 =
        UInt16(NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT)

    /// Nil for bridge entries and proxies.
    ///
    /// An entry counts as valid only in states that the kernel announces: it makes NUD_NOARP
    /// entries (multicast, loopback) and NUD_INCOMPLETE ones without a word.
    init?(_ message: Message) throws(MalformedMessage) {
        let (header, attributes) = try message.split(ndmsg.self)
        guard Int32(header.ndm_flags) & NTF_PROXY == 0, let octets = attributes[NDA_DST],
            let address = IPAddress(header.ndm_family, octets)
        else { return nil }
        let isValid = header.ndm_state & Self.validStates != 0
        self.init(
            interface: UInt32(bitPattern: header.ndm_ifindex), address: address,
            mac: isValid ? attributes[NDA_LLADDR].flatMap { MACAddress(octets: $0) } : nil,
            isValid: isValid)
    }
}
