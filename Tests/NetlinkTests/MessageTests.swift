// Messages cut and damaged at every place: read right or refused, never beyond their end.

import CLibMNL
import Testing

@testable import Netlink

@Suite struct MessageTests {
    /// Two messages in one datagram, the first with a payload that needs padding.
    private let datagram = bytes(
        "13000000 1000 0200 07000000 2a000000",  // nlmsghdr, 16 bytes: 19 long
        "616263 00",  // payload and padding
        "10000000 0300 0000 08000000 2a000000")  // nlmsghdr: NLMSG_DONE without payload

    @Test("a datagram of several messages is split at their padded lengths")
    func splitting() throws {
        let messages = try Message.all(in: datagram)
        #expect(messages.map(\.type) == [16, 3])
        #expect(messages.map(\.sequence) == [7, 8])
        #expect(messages.map(\.port) == [42, 42])
        #expect(Array(messages[0].payload) == [0x61, 0x62, 0x63])
        #expect(messages[1].payload.isEmpty)
    }

    @Test("an empty datagram holds no message")
    func empty() throws {
        #expect(try Message.all(in: []).isEmpty)
    }

    @Test("a datagram cut inside a message is refused at every length")
    func truncation() {
        for length in 1..<datagram.count where length != 19 && length != 20 {
            #expect(throws: MalformedMessage.self, "\(length) bytes") {
                _ = try Message.all(in: Array(datagram.prefix(length)))
            }
        }
    }

    @Test("a length that is less than its own header is refused", arguments: UInt8(0)..<16)
    func lyingLength(length: UInt8) {
        var lying = datagram
        lying[0] = length
        let error = #expect(throws: MalformedMessage.self) { _ = try Message.all(in: lying) }
        #expect(error?.needed == 16)
    }

    @Test("attributes are found by type, flags in the type or not, and the last counts")
    func attributes() throws {
        let attributes = try Attributes(
            bytes(
                "0800 0100 01000000",  // nlattr 1: a number
                "0800 0100 02000000",  // nlattr 1 again
                "0700 0380 656e69 00",  // nlattr 3 with NLA_F_NESTED: three bytes and padding
                "0500 0400 ff")[...])  // nlattr 4: one byte, the last without padding
        #expect(try attributes.number(1, as: UInt32.self) == 2)
        #expect(attributes.string(3) == "eni")
        #expect(try attributes.number(4, as: UInt8.self) == 0xff)
        #expect(attributes[2] == nil)
        #expect(try attributes.number(2, as: UInt32.self) == nil)
        #expect(attributes.string(2).isEmpty)
        #expect(attributes.hasOther(than: [1, 3]))
        #expect(!attributes.hasOther(than: [1, 3, 4]))
    }

    @Test("a number that is shorter than its attribute should be is refused")
    func shortNumber() throws {
        let attributes = try Attributes(bytes("0600 0100 0100 0000")[...])
        let error = #expect(throws: MalformedMessage.self) {
            _ = try attributes.number(1, as: UInt32.self)
        }
        #expect(error == MalformedMessage(structure: "UInt32", needed: 4, available: 2))
    }

    @Test("an attribute whose length lies is refused", arguments: [0, 3, 9, 0xff] as [UInt8])
    func lyingAttribute(length: UInt8) {
        var lying = bytes("0800 0100 01000000")
        lying[0] = length
        #expect(throws: MalformedMessage.self) { _ = try Attributes(lying[...]) }
    }

    @Test("what the builder writes is what the headers say")
    func building() {
        var builder = MessageBuilder(RTM_NEWLINK, flags: NLM_F_CREATE | NLM_F_EXCL)
        builder.append(ifinfomsg())
        builder.attribute(IFLA_IFNAME, "eni0")
        builder.nest(IFLA_LINKINFO) { builder in
            builder.attribute(IFLA_INFO_KIND, "veth")
            builder.nest(IFLA_INFO_DATA) { builder in
                builder.nest(VETH_INFO_PEER) { $0.append(ifinfomsg()) }
            }
        }
        builder.attribute(IFLA_MTU, UInt32(9001))
        #expect(
            builder.sealed(flags: NLM_F_REQUEST | NLM_F_ACK, sequence: 7)
                == bytes(
                    "5c000000 1000 0506 07000000 00000000",  // nlmsghdr: port 0
                    "00 00 0000 00000000 00000000 00000000",  // ifinfomsg
                    "0900 0300 656e693000 000000",  // IFLA_IFNAME "eni0", NUL, padding
                    "2800 1280",  // IFLA_LINKINFO, nested
                    "0900 0100 7665746800 000000",  // IFLA_INFO_KIND "veth", NUL, padding
                    "1800 0280",  // IFLA_INFO_DATA, nested
                    "1400 0180",  // VETH_INFO_PEER, nested
                    "00 00 0000 00000000 00000000 00000000",  // the peer's ifinfomsg
                    "0800 0400 29230000"))  // IFLA_MTU 9001
    }
}
