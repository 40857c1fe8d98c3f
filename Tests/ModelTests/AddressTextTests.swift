// Text forms of addresses, prefixes and Ethernet addresses: what is printed is read again, what is
// wrong is refused, and the kernel's own printer agrees with ours.

import Glibc
import Model
import Randomness
import Testing

private func random(_ family: IPFamily, _ random: inout SeededRandom) -> IPAddress {
    // Many zeros, so that runs of them meet every rule of the short form.
    let octets = (0..<family.bits / 8).map { _ in
        random.oneIn(2) ? 0 : UInt8.random(in: 0...255, using: &random)
    }
    return IPAddress(octets: octets)!
}

@Suite struct AddressTextTests {
    @Test(
        "an address is read as it is printed, and printed as the C library prints it",
        arguments: IPFamily.allCases)
    func roundTrip(family: IPFamily) {
        var numbers = SeededRandom.fresh()
        for _ in 0..<3000 {
            let address = random(family, &numbers)
            let text = address.description
            #expect(IPAddress(text) == address, "seed \(numbers.seed): \(text)")
            #expect(IPAddress(octets: address.octets) == address)
            // inet_ntop writes ::ffff:1.2.3.4 and ::1.2.3.4 with dots, RFC 5952 §5 leaves it open.
            if !printed(address).contains(".") || family == .v4 {
                #expect(printed(address) == text, "seed \(numbers.seed)")
            }
            #expect(IPAddress(printed(address)) == address, "seed \(numbers.seed)")
        }
    }

    private func printed(_ address: IPAddress) -> String {
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = address.family == .v4 ? AF_INET : AF_INET6
        _ = inet_ntop(family, address.octets, &buffer, socklen_t(buffer.count))
        return String(
            decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    @Test(
        "the short form of IPv6 is RFC 5952's",
        arguments: [
            ("2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"),
            ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            ("2001:DB8::ABCD", "2001:db8::abcd"), ("0:0:0:0:0:0:0:0", "::"), ("::1", "::1"),
            ("1::", "1::"), ("0:0:1::", "0:0:1::"), ("fe80:0:0:1:0:0:0:1", "fe80:0:0:1::1"),
            ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ])
    func shortForm(text: String, short: String) {
        #expect(IPAddress(text)?.description == short)
    }

    @Test("an IPv4 address inside IPv6 stays IPv6")
    func mapped() {
        let address = IPAddress("::ffff:10.0.0.1")
        #expect(address?.family == .v6)
        #expect(address == IPAddress("::ffff:a00:1"))
        #expect(IPAddress("64:ff9b::192.0.2.33") == IPAddress("64:ff9b::c000:221"))
    }

    @Test(
        "what is no address is refused",
        arguments: [
            "", ".", ":", ":::", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.-4", "1.2.3.+4",
            "1.2.3.4 ", " 1.2.3.4", "1.2.3.", "1..2.3", "0x1.2.3.4", "1.2.3.0004", "1.2.3.4/32",
            "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1::", "12345::", "g::",
            "fe80::1%eth0", "[::1]", "::1.2.3", "::1.2.3.256", "1.2.3.4::", "::1.2.3.4:5", "1:::2",
            ":1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:", "1:2:3:4:5:6:7:1.2.3.4", "+1::", "١.٢.٣.٤",
        ])
    func refused(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("octets of any other number make no address")
    func octetCount() {
        for count in 0...20 where count != 4 && count != 16 {
            #expect(IPAddress(octets: [UInt8](repeating: 1, count: count)) == nil)
        }
    }

    @Test(
        "what kind of address it is",
        arguments: [
            ("127.0.0.1", "loopback"), ("127.255.0.9", "loopback"), ("::1", "loopback"),
            ("169.254.1.1", "link-local"), ("fe80::1", "link-local"), ("febf::1", "link-local"),
            ("224.0.0.1", "multicast"), ("239.255.255.255", "multicast"), ("ff02::1", "multicast"),
            ("0.0.0.0", "unspecified"), ("::", "unspecified"), ("10.0.0.1", ""), ("fec0::1", ""),
            ("128.0.0.1", ""), ("240.0.0.1", ""), ("169.255.0.1", ""), ("::2", ""), ("fe00::1", ""),
        ])
    func kinds(text: String, kind: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.isLoopback == (kind == "loopback"))
        #expect(address.isLinkLocal == (kind == "link-local"))
        #expect(address.isMulticast == (kind == "multicast"))
        #expect(address.isUnspecified == (kind == "unspecified"))
    }

    @Test("counting on carries over and ends with the family")
    func advanced() {
        #expect(IPAddress("10.0.0.255")?.advanced(by: 1) == IPAddress("10.0.1.0"))
        #expect(IPAddress("255.255.255.255")?.advanced(by: 1) == nil)
        #expect(IPAddress("::ffff:ffff:ffff:ffff")?.advanced(by: 1) == IPAddress("0:0:0:1::"))
        let last = IPAddress("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
        #expect(last?.advanced(by: 0) == last)
        #expect(last?.advanced(by: 1) == nil)
    }

    @Test("addresses sort by number, IPv4 before IPv6")
    func order() {
        let sorted = ["9.0.0.1", "10.0.0.1", "10.0.0.2", "::1", "9::", "10::"].map {
            IPAddress($0)!
        }
        #expect(sorted.shuffled().sorted() == sorted)
    }

    @Test("a socket's text has brackets around IPv6")
    func socket() {
        #expect(socketText(IPAddress("10.0.0.1")!, 80) == "10.0.0.1:80")
        #expect(socketText(IPAddress("fd00::1")!, 80) == "[fd00::1]:80")
    }
}

@Suite struct CIDRTextTests {
    @Test("a prefix is read as it is printed, without its host bits", arguments: IPFamily.allCases)
    func roundTrip(family: IPFamily) {
        var numbers = SeededRandom.fresh()
        for _ in 0..<2000 {
            let address = random(family, &numbers)
            let length = Int.random(in: 0...family.bits, using: &numbers)
            let prefix = CIDR(address, prefixLength: length)!
            #expect(CIDR(prefix.description) == prefix, "seed \(numbers.seed)")
            #expect(prefix.contains(address))
            #expect(CIDR(prefix.address, prefixLength: length) == prefix)
            let bits = { (address: IPAddress) in
                address.octets.flatMap { octet in (0..<8).map { octet >> (7 - $0) & 1 } }
            }
            let other = random(family, &numbers)
            let isInside = bits(other).prefix(length) == bits(address).prefix(length)
            #expect(prefix.contains(other) == isInside, "seed \(numbers.seed): \(prefix) \(other)")
        }
    }

    @Test("a bare address is the prefix of that one address")
    func bare() {
        #expect(CIDR("10.0.0.1")?.prefixLength == 32)
        #expect(CIDR("fd00::1") == CIDR(host: IPAddress("fd00::1")!))
    }

    @Test(
        "what is no prefix is refused",
        arguments: [
            "", "/", "10.0.0.0/", "/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8",
            "fd00::/129", "10.0.0/8", "10.0.0.0/ 8", "10.0.0.0/8 ", "x/8",
            "10.0.0.0/99999999999999999999",
        ])
    func refused(text: String) {
        #expect(CIDR(text) == nil)
    }

    @Test("nothing is inside a prefix of the other family")
    func families() {
        #expect(CIDR("0.0.0.0/0")?.contains(IPAddress("::")!) == false)
        #expect(CIDR("::/0")?.contains(IPAddress("0.0.0.0")!) == false)
        #expect(CIDR(IPAddress("10.0.0.1")!, prefixLength: 33) == nil)
        #expect(CIDR(IPAddress("10.0.0.1")!, prefixLength: -1) == nil)
    }
}

@Suite struct MACAddressTextTests {
    @Test("an Ethernet address is read as it is printed")
    func roundTrip() {
        var numbers = SeededRandom.fresh()
        for _ in 0..<1000 {
            let octets = (0..<6).map { _ in UInt8.random(in: 0...255, using: &numbers) }
            let mac = MACAddress(octets: octets)!
            #expect(mac.octets == octets)
            #expect(MACAddress(mac.description) == mac, "seed \(numbers.seed): \(mac)")
        }
        #expect(MACAddress("02:00:0A:FF:00:01")?.description == "02:00:0a:ff:00:01")
        #expect(MACAddress("00:00:00:00:00:00")?.isZero == true)
    }

    @Test(
        "what is no Ethernet address is refused",
        arguments: [
            "", "02:00:00:00:00", "02:00:00:00:00:00:00", "02-00-00-00-00-00", "2:0:0:0:0:0",
            "02:00:00:00:00:0g", "02:00:00:00:00:+1", "02:00:00:00:00:-1", " 02:00:00:00:00:01",
            "02:00:00:00:00:011", "020000000001",
        ])
    func refused(text: String) {
        #expect(MACAddress(text) == nil)
    }

    @Test("octets of any other number make no Ethernet address")
    func octetCount() {
        for count in 0...8 where count != 6 {
            #expect(MACAddress(octets: [UInt8](repeating: 1, count: count)) == nil)
        }
    }
}
