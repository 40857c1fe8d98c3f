// Which addresses a namespace dials from, asked of its own routes.

import Glibc
import Linux
import Testing

@Suite("source addresses", .enabled(if: geteuid() == 0, "needs root"))
struct SourceAddressTests {
    @Test("a namespace gives the addresses that its routes choose, none while nothing leads out")
    func addresses() throws {
        let namespace = try NetworkNamespace.anonymous()
        func sh(_ text: String) throws {
            let result = try Command(["sh", "-ec", text], namespace: namespace).run()
            try #require(result.succeeded, "\(result.errorOutput)")
        }
        #expect(try namespace.sourceAddresses() == [])
        try sh("ip link set lo up; ip link add eth0 type veth peer eth1")
        try sh("ip link set eth0 up; ip link set eth1 up")
        // A link-local address is there by now or soon, and is nobody's client address.
        #expect(try namespace.sourceAddresses() == [])
        try sh("ip addr add 10.0.1.10/32 dev eth0; ip route add default dev eth0")
        #expect(try namespace.sourceAddresses() == [[10, 0, 1, 10]])
        try sh("ip addr add fd00::a/128 dev eth0 nodad; ip -6 route add default dev eth0")
        let v6 = [0xfd] + [UInt8](repeating: 0, count: 14) + [10]
        #expect(try namespace.sourceAddresses() == [[10, 0, 1, 10], v6])
        // The routes decide, not the order of the addresses.
        try sh("ip addr add 10.0.1.11/32 dev eth0")
        try sh("ip route replace default dev eth0 src 10.0.1.11")
        #expect(try namespace.sourceAddresses() == [[10, 0, 1, 11], v6])
    }
}
