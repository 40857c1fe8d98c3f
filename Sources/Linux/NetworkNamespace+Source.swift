// From which addresses the programs of a namespace dial, asked of its own routes: the kernel picks
// a source for a connected datagram socket without sending anything.

import Glibc

extension NetworkNamespace {
    /// The addresses that the kernel gives to what leaves this namespace for the world, at most one
    /// of each family, as octets in network order. Empty while nothing leads out; never a
    /// link-local or loopback address. Enters the namespace on a thread of its own.
    package func sourceAddresses() throws(KernelError) -> [[UInt8]] {
        try run(orElse: { $0 }) { () throws(KernelError) in
            [try Self.sourceV4(), try Self.sourceV6()].compactMap { $0 }
        }
    }

    /// 192.0.2.1, TEST-NET-1 (RFC 5737): nobody is there, and nothing is sent.
    private static func sourceV4() throws(KernelError) -> [UInt8]? {
        var peer = sockaddr_in()
        peer.sin_family = sa_family_t(AF_INET)
        peer.sin_port = in_port_t(9).bigEndian
        peer.sin_addr.s_addr = in_addr_t(0xc000_0201).bigEndian
        guard let own = try source(AF_INET, of: peer) else { return nil }
        let octets = withUnsafeBytes(of: own.sin_addr) { Array($0) }
        return octets[0] == 127 || octets[0] == 0 ? nil : octets
    }

    /// 2001:db8::1 (RFC 3849).
    private static func sourceV6() throws(KernelError) -> [UInt8]? {
        var peer = sockaddr_in6()
        peer.sin6_family = sa_family_t(AF_INET6)
        peer.sin6_port = in_port_t(9).bigEndian
        withUnsafeMutableBytes(of: &peer.sin6_addr) {
            $0.copyBytes(from: [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1])
        }
        guard let own = try source(AF_INET6, of: peer) else { return nil }
        let octets = withUnsafeBytes(of: own.sin6_addr) { Array($0) }
        let isLinkLocal = octets[0] == 0xfe && octets[1] & 0xc0 == 0x80
        return isLinkLocal || octets.dropLast().allSatisfy { $0 == 0 } ? nil : octets
    }

    /// Nil where no route leads to the peer, or the family is not there.
    private static func source<Address>(
        _ family: Int32, of peer: Address
    ) throws(KernelError) -> Address? {
        let kind = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let number = socket(family, kind, 0)
        if number < 0, errno == EAFNOSUPPORT { return nil }
        let probe = FileDescriptor(owning: try check("socket", "family \(family)") { number })
        var own = peer
        var length = socklen_t(MemoryLayout<Address>.size)
        let connected = withUnsafeBytes(of: peer) {
            connect(
                probe.rawValue, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), length)
        }
        guard connected == 0 else { return nil }
        let result = withUnsafeMutableBytes(of: &own) {
            getsockname(
                probe.rawValue, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), &length)
        }
        try check("getsockname", "family \(family)") { result }
        return own
    }
}
