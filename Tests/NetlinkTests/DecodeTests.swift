// One message of each kind as Linux 6.18 sent it (statistics cut out), and what it means. Each is
// also read cut at every length.

import Model
import Testing

@testable import Netlink

@Suite struct DecodeTests {
    static let link = bytes(
        "6c000000 1000 0000 00000000 00000000",  // nlmsghdr: 108 bytes, RTM_NEWLINK
        "00 00 0100 03000000 43100100 01000000",  // ifinfomsg: Ethernet, index 3, IFF_UP and more
        "0900 0300 656e693000 000000",  // IFLA_IFNAME "eni0"
        "0800 0400 29230000",  // IFLA_MTU 9001
        "0800 0500 02000000",  // IFLA_LINK 2
        "0c00 0600 6e6f717565756500",  // IFLA_QDISC "noqueue"
        "0a00 0100 020000000001 0000",  // IFLA_ADDRESS
        "1000 1200 0900 0100 7665746800 000000",  // IFLA_LINKINFO: IFLA_INFO_KIND "veth"
        "0800 2500 00000000")  // IFLA_LINK_NETNSID 0

    @Test("a link is read")
    func readLink() throws {
        let expected = Link(
            index: 3, name: "eni0", kind: "veth", mac: mac("02:00:00:00:00:01"), mtu: 9001,
            isUp: true,
            hasPeerElsewhere: true, rootQdisc: "noqueue", parentIndex: 2)
        #expect(try Link(message(Self.link)) == expected)
        expectNoCrash(cutting: Self.link) { _ = try Link($0) }
    }

    @Test("a bridge port's state and a wireless event are no links")
    func noLinks() throws {
        var bridge = Self.link
        bridge[16] = 7  // AF_BRIDGE
        #expect(try Link(message(bridge)) == nil)
        let wireless = bytes(
            "34000000 1000 0000 00000000 00000000",  // nlmsghdr
            "00 00 0100 03000000 43100100 00000000",  // ifinfomsg
            "0900 0300 656e693000 000000",  // IFLA_IFNAME
            "0800 0b00 00000000")  // IFLA_WIRELESS
        #expect(try Link(message(wireless)) == nil)
    }

    @Test(
        "addresses are read",
        arguments: [
            (
                bytes(
                    "4c000000 1400 0000 13eb006b e7140000",  // nlmsghdr: RTM_NEWADDR
                    "02 18 80 00 02000000",  // ifaddrmsg: AF_INET, /24, permanent, index 2
                    "0800 0100 0a000005",  // IFA_ADDRESS
                    "0800 0200 0a000005",  // IFA_LOCAL
                    "0700 0300 703000 00",  // IFA_LABEL "p0"
                    "0800 0800 80000000",  // IFA_FLAGS
                    "1400 0600 ffffffff ffffffff dede0400 dede0400"),  // IFA_CACHEINFO
                "10.0.0.5", 24
            ),
            (
                bytes(
                    "48000000 1400 0000 00000000 00000000",  // nlmsghdr: RTM_NEWADDR
                    "0a 40 82 00 02000000",  // ifaddrmsg: AF_INET6, /64, permanent, nodad, index 2
                    "1400 0100 fd000000 00000000 00000000 00000005",  // IFA_ADDRESS
                    "1400 0600 ffffffff ffffffff dede0400 dede0400",  // IFA_CACHEINFO
                    "0800 0800 82000000"),  // IFA_FLAGS
                "fd00::5", 64
            ),
        ])
    func readAddress(datagram: [UInt8], text: String, length: Int) throws {
        let expected = InterfaceAddress(interface: 2, address: address(text), prefixLength: length)
        #expect(try InterfaceAddress(message(datagram)) == expected)
        expectNoCrash(cutting: datagram) { _ = try InterfaceAddress($0) }
    }

    @Test("on a point-to-point link our own address counts, not the peer's")
    func pointToPoint() throws {
        let datagram = bytes(
            "28000000 1400 0000 00000000 00000000",  // nlmsghdr
            "02 20 80 00 02000000",  // ifaddrmsg: /32
            "0800 0100 0a000009",  // IFA_ADDRESS: the peer's
            "0800 0200 0a000005")  // IFA_LOCAL: ours
        #expect(try InterfaceAddress(message(datagram))?.address == address("10.0.0.5"))
    }

    static let routes: [([UInt8], Route)] = [
        (
            bytes(
                "34000000 1800 0006 13eb006b e6140000",  // nlmsghdr: RTM_NEWROUTE
                "02 20 00 00 fe 03 fd 01 00000000",  // rtmsg: /32, main, boot, link, unicast
                "0800 0f00 fe000000",  // RTA_TABLE 254
                "0800 0100 0a000207",  // RTA_DST
                "0800 0400 03000000"),  // RTA_OIF 3
            Route(destination: cidr("10.0.2.7/32"), interface: 3, isLinkScope: true)
        ),
        (
            bytes(
                "34000000 1800 0006 13eb006b e9140000",  // nlmsghdr
                "02 00 00 00 fc 03 00 01 00000000",  // rtmsg: /0, RT_TABLE_COMPAT, unicast
                "0800 0f00 ea030000",  // RTA_TABLE 1002
                "0800 0500 0a000001",  // RTA_GATEWAY
                "0800 0400 02000000"),  // RTA_OIF 2
            Route(
                table: 1002, destination: cidr("0.0.0.0/0"), gateway: address("10.0.0.1"),
                interface: 2)
        ),
        (
            bytes(
                "2c000000 1800 0006 13eb006b f1140000",  // nlmsghdr
                "02 10 00 00 fe 03 00 06 00000000",  // rtmsg: /16, main, universe, blackhole
                "0800 0f00 fe000000",  // RTA_TABLE 254
                "0800 0100 0a090000"),  // RTA_DST
            Route(destination: cidr("10.9.0.0/16"), interface: nil, isUnicast: false)
        ),
        (
            bytes(
                "3c000000 1800 0006 00000000 00000000",  // nlmsghdr
                "02 20 00 00 ff 02 fe 02 00000000",  // rtmsg: /32, local table, kernel, host, local
                "0800 0f00 ff000000",  // RTA_TABLE 255
                "0800 0100 0a000005",  // RTA_DST
                "0800 0700 0a000005",  // RTA_PREFSRC
                "0800 0400 02000000"),  // RTA_OIF 2
            Route(
                table: 255, destination: cidr("10.0.0.5/32"), interface: 2, isUnicast: false,
                isHostScope: true)
        ),
        (
            bytes(
                "74000000 1800 0006 13eb006b ea140000",  // nlmsghdr
                "0a 80 00 00 fe 03 00 01 00000000",  // rtmsg: AF_INET6, /128, main, boot, unicast
                "0800 0f00 fe000000",  // RTA_TABLE 254
                "1400 0100 fd000002 00000000 00000000 00000007",  // RTA_DST
                "0800 0600 00040000",  // RTA_PRIORITY 1024
                "0800 0400 03000000",  // RTA_OIF 3
                "2400 0c00 00000000 00000000 00000000 00000000",  // RTA_CACHEINFO
                "00000000 00000000 00000000 00000000",
                "0500 1400 00 000000"),  // RTA_PREF
            Route(destination: cidr("fd00:2::7/128"), interface: 3, priority: 1024)
        ),
    ]

    @Test("routes are read", arguments: routes)
    func readRoute(datagram: [UInt8], expected: Route) throws {
        #expect(try Route(message(datagram)) == expected)
        expectNoCrash(cutting: datagram) { _ = try Route($0) }
    }

    @Test("a cached route and one for multicast routing are none")
    func noRoutes() throws {
        var cached = Self.routes[0].0
        cached[25] = 2  // RTM_F_CLONED
        #expect(try Route(message(cached)) == nil)
        var multicast = Self.routes[0].0
        multicast[16] = 128  // RTNL_FAMILY_IPMR
        #expect(try Route(message(multicast)) == nil)
    }

    static let rules: [([UInt8], Rule)] = [
        (
            bytes(
                "4c000000 2000 0000 13eb006b eb140000",  // nlmsghdr: RTM_NEWRULE
                "02 10 20 00 fc 00 00 01 00000000",  // fib_rule_hdr: to /16, from /32, lookup
                "0800 0f00 ea030000",  // FRA_TABLE 1002
                "0800 0e00 ffffffff",  // FRA_SUPPRESS_PREFIXLEN off
                "0500 1500 00 000000",  // FRA_PROTOCOL
                "0800 0600 00060000",  // FRA_PRIORITY 1536
                "0800 0100 0a000000",  // FRA_DST
                "0800 0200 0a000207"),  // FRA_SRC
            Rule(
                family: .v4, priority: 1536, source: cidr("10.0.2.7/32"),
                destination: cidr("10.0.0.0/16"), table: 1002)
        ),
        (
            bytes(
                "4c000000 2000 0000 13eb006b ec140000",  // nlmsghdr
                "0a 00 00 00 fe 00 00 01 02000000",  // fib_rule_hdr: AF_INET6, FIB_RULE_INVERT
                "0800 0f00 fe000000",  // FRA_TABLE 254
                "0800 0e00 ffffffff",  // FRA_SUPPRESS_PREFIXLEN off
                "0500 1500 00 000000",  // FRA_PROTOCOL
                "0800 0600 00040000",  // FRA_PRIORITY 1024
                "0800 0a00 80000000",  // FRA_FWMARK
                "0800 1000 80000000"),  // FRA_FWMASK
            Rule(
                family: .v6, priority: 1024, mark: 0x80, markMask: 0x80, table: 254,
                isInverted: true)
        ),
        (
            bytes(
                "3c000000 2000 0000 00000000 00000000",  // nlmsghdr
                "02 00 00 00 fe 00 00 01 00000000",  // fib_rule_hdr
                "0800 0f00 fe000000",  // FRA_TABLE 254
                "0800 0e00 00000000",  // FRA_SUPPRESS_PREFIXLEN 0: default routes do not count
                "0900 0300 656e693000 000000",  // FRA_IIFNAME "eni0"
                "0400 ff00"),  // an attribute that we do not know
            Rule(
                family: .v4, priority: 0, inputInterface: "eni0", table: 254,
                hasOtherSelectors: true)
        ),
    ]

    @Test("rules are read", arguments: rules)
    func readRule(datagram: [UInt8], expected: Rule) throws {
        #expect(try Rule(message(datagram)) == expected)
        expectNoCrash(cutting: datagram) { _ = try Rule($0) }
    }

    static let neighbor = bytes(
        "58000000 1c00 0000 00000000 ee140000",  // nlmsghdr: RTM_NEWNEIGH
        "0a 00 0000 03000000 8000 00 01",  // ndmsg: AF_INET6, index 3, NUD_PERMANENT
        "1400 0100 fd000002 00000000 00000000 00000007",  // NDA_DST
        "0a00 0200 0a0000000007 0000",  // NDA_LLADDR
        "0800 0400 00000000",  // NDA_PROBES
        "1400 0300 00000000 00000000 00000000 01000000")  // NDA_CACHEINFO

    @Test("a neighbour is read, valid only in states that the kernel announces")
    func readNeighbor() throws {
        #expect(
            try Neighbor(message(Self.neighbor))
                == Neighbor(
                    interface: 3, address: address("fd00:2::7"), mac: mac("0a:00:00:00:00:07"),
                    isValid: true))
        for (state, isValid) in [
            (0x00, false), (0x01, false), (0x02, true), (0x04, true), (0x08, true), (0x10, true),
            (0x20, false), (0x40, false), (0x80, true),
        ] as [(UInt8, Bool)] {
            var other = Self.neighbor
            other[24] = state
            let neighbor = try #require(try Neighbor(message(other)))
            #expect(neighbor.isValid == isValid, "state \(state)")
            #expect((neighbor.mac != nil) == isValid)
        }
        expectNoCrash(cutting: Self.neighbor) { _ = try Neighbor($0) }
    }

    @Test("a proxy entry and a bridge's are no neighbours")
    func noNeighbors() throws {
        var proxy = Self.neighbor
        proxy[26] = 0x08  // NTF_PROXY
        #expect(try Neighbor(message(proxy)) == nil)
        var bridge = Self.neighbor
        bridge[16] = 7  // AF_BRIDGE
        #expect(try Neighbor(message(bridge)) == nil)
    }

    static let filter = bytes(
        "54000000 2c00 0000 00000000 00000000",  // nlmsghdr: RTM_NEWTFILTER
        "00 00 0000 03000000 01000000 f2ffffff 00030100",  // tcmsg: #3, handle 1, ingress, pref 1
        "0800 0100 62706600",  // TCA_KIND "bpf"
        "0800 0b00 00000000",  // TCA_CHAIN 0
        "2000 0200",  // TCA_OPTIONS
        "1300 0700 68616e646c655f696e677265737300 00",  // TCA_BPF_NAME "handle_ingress"
        "0800 0b00 2a000000")  // TCA_BPF_ID 42

    @Test("the policy agent's filter is read with its name and program")
    func readFilter() throws {
        #expect(
            try TrafficFilter(message(Self.filter))
                == TrafficFilter(
                    interface: 3, direction: .ingress, priority: 1, handle: 1, kind: "bpf",
                    name: "handle_ingress", programID: 42))
        expectNoCrash(cutting: Self.filter) { _ = try TrafficFilter($0) }
        var egress = Self.filter
        egress[28] = 0xf3
        #expect(try TrafficFilter(message(egress))?.direction == .egress)
        var chained = Self.filter
        chained[48] = 1
        #expect(try TrafficFilter(message(chained)) == nil)
    }

    static let flow = bytes(
        "8c000000 0001 0200 01000000 4d000000",  // nlmsghdr: conntrack, IPCTNL_MSG_CT_NEW
        "02 00 0000",  // nfgenmsg: AF_INET
        "3400 0180",  // CTA_TUPLE_ORIG
        "1400 0180 0800 0100 0a000207 0800 0200 0a640001",  // CTA_TUPLE_IP: source, destination
        "1c00 0280 0500 0100 06 000000",  // CTA_TUPLE_PROTO: TCP,
        "0600 0200 9c40 0000 0600 0300 0050 0000",  // ports 40000 and 80 in network order
        "3400 0280",  // CTA_TUPLE_REPLY
        "1400 0180 0800 0100 0a000309 0800 0200 0a000207",  // CTA_TUPLE_IP
        "1c00 0280 0500 0100 06 000000",  // CTA_TUPLE_PROTO
        "0600 0200 1f90 0000 0600 0300 9c40 0000",  // ports 8080 and 40000
        "0800 0300 000001ae",  // CTA_STATUS, network order
        "0800 0800 00000080")  // CTA_MARK, network order

    @Test("a tracked flow is read with both tuples and its translation")
    func readFlow() throws {
        let entry = try #require(try ConntrackEntry(message(Self.flow)))
        #expect(
            entry.original
                == ConntrackTuple(
                    source: address("10.0.2.7"), destination: address("10.100.0.1"), protocol: 6,
                    sourcePort: 40_000, destinationPort: 80))
        #expect(
            entry.reply
                == ConntrackTuple(
                    source: address("10.0.3.9"), destination: address("10.0.2.7"), protocol: 6,
                    sourcePort: 8_080, destinationPort: 40_000))
        #expect(entry.isDestinationTranslated)
        #expect(!entry.isSourceTranslated)
        #expect(entry.hasSeenReply)
        #expect(entry.mark == 0x80)
        expectNoCrash(cutting: Self.flow) { _ = try ConntrackEntry($0) }
    }
}
