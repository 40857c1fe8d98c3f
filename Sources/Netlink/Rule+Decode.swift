// RTM_NEWRULE and RTM_DELRULE into `Rule`.

import CLibMNL
import Model

extension Rule {
    /// Attributes that the value holds or that select nothing. FRA_SUPPRESS_PREFIXLEN is in every
    /// rule, mostly with -1, "off".
    private static let plainAttributes: Set<Int> = [
        FRA_PRIORITY, FRA_SRC, FRA_DST, FRA_FWMARK, FRA_FWMASK, FRA_IIFNAME, FRA_TABLE,
        FRA_PROTOCOL, FRA_SUPPRESS_PREFIXLEN, FRA_PAD,
    ].reduce(into: []) { $0.insert($1.number) }

    /// Nil for families other than IPv4 and IPv6 (multicast routing has rules too).
    init?(_ message: Message) throws(MalformedMessage) {
        let (header, attributes) = try message.split(fib_rule_hdr.self)
        guard let family = IPFamily(number: header.family) else { return nil }
        let table: UInt32 =
            Int(header.action) == FR_ACT_TO_TBL.number
            ? try attributes.number(FRA_TABLE) ?? UInt32(header.table) : 0
        let suppressed = try attributes.number(FRA_SUPPRESS_PREFIXLEN) ?? UInt32.max
        self.init(
            family: family,
            priority: try attributes.number(FRA_PRIORITY) ?? 0,
            source: attributes[FRA_SRC].flatMap { CIDR(family, $0, length: header.src_len) },
            destination: attributes[FRA_DST].flatMap { CIDR(family, $0, length: header.dst_len) },
            mark: try attributes.number(FRA_FWMARK) ?? 0,
            markMask: try attributes.number(FRA_FWMASK) ?? 0,
            inputInterface: attributes.string(FRA_IIFNAME),
            table: table,
            isInverted: Int(header.flags) & FIB_RULE_INVERT.number != 0,
            hasOtherSelectors: header.tos != 0 || suppressed != UInt32.max
                || attributes.hasOther(than: Self.plainAttributes))
    }
}
