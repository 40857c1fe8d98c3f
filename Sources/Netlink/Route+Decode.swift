// RTM_NEWROUTE and RTM_DELROUTE into `Route`.

import CLibMNL
import Model

extension Route {
    /// Nil for other families and for cached entries (RTM_F_CLONED), which are no routes.
    init?(_ message: Message) throws(MalformedMessage) {
        let (header, attributes) = try message.split(rtmsg.self)
        guard let family = IPFamily(number: header.rtm_family),
            Int32(bitPattern: header.rtm_flags) & RTM_F_CLONED == 0,
            let destination = CIDR(family, attributes[RTA_DST], length: header.rtm_dst_len)
        else { return nil }
        self.init(
            // RTA_TABLE holds what does not fit the header's byte.
            table: try attributes.number(RTA_TABLE) ?? UInt32(header.rtm_table),
            destination: destination,
            gateway: attributes[RTA_GATEWAY].flatMap { IPAddress(family.number, $0) },
            interface: try attributes.number(RTA_OIF),
            priority: try attributes.number(RTA_PRIORITY) ?? 0,
            isLinkScope: Int(header.rtm_scope) == RT_SCOPE_LINK.number,
            isUnicast: Int(header.rtm_type) == RTN_UNICAST.number,
            isHostScope: Int(header.rtm_scope) == RT_SCOPE_HOST.number)
    }
}
