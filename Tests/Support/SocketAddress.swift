// Where a socket is or goes, and the kernel's form of it.

import Glibc
package import Model

/// An address with a port.
package struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    package let address: IPAddress
    package let port: UInt16

    package init(_ address: IPAddress, _ port: UInt16) {
        self.address = address
        self.port = port
    }

    package var description: String {
        address.family == .v4 ? "\(address):\(port)" : "[\(address)]:\(port)"
    }

    /// `::ffff:a.b.c.d` for an IPv4 address, as a program with one dual-stack socket dials it.
    package var mapped: SocketAddress {
        guard address.family == .v4 else { return self }
        let octets = [UInt8](repeating: 0, count: 10) + [0xff, 0xff] + address.octets
        return SocketAddress(IPAddress(octets: octets) ?? address, port)
    }

    /// Calls with the sockaddr_in or sockaddr_in6.
    func withKernelForm<T>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> T) -> T {
        switch address.family {
        case .v4:
            var form = sockaddr_in()
            form.sin_family = sa_family_t(AF_INET)
            form.sin_port = port.bigEndian
            withUnsafeMutableBytes(of: &form.sin_addr) { $0.copyBytes(from: address.octets) }
            return Self.call(form, body)
        case .v6:
            var form = sockaddr_in6()
            form.sin6_family = sa_family_t(AF_INET6)
            form.sin6_port = port.bigEndian
            withUnsafeMutableBytes(of: &form.sin6_addr) { $0.copyBytes(from: address.octets) }
            return Self.call(form, body)
        }
    }

    private static func call<Form, T>(
        _ form: Form, _ body: (UnsafePointer<sockaddr>, socklen_t) -> T
    ) -> T {
        withUnsafePointer(to: form) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<Form>.size))
            }
        }
    }

    /// Reads what a call filled in; nil when it is of another family. `::ffff:…` stays as it is.
    init?(_ storage: sockaddr_storage) {
        let bytes = withUnsafeBytes(of: storage) { Array($0) }
        self.init(kernelForm: bytes)
    }

    /// Reads the octets of a sockaddr_in or sockaddr_in6.
    init?(kernelForm bytes: [UInt8]) {
        guard bytes.count >= 8 else { return nil }
        let octets: ArraySlice<UInt8>
        switch Int32(bytes[0]) {
        case AF_INET: octets = bytes[4..<8]
        case AF_INET6 where bytes.count >= 24: octets = bytes[8..<24]
        default: return nil
        }
        guard let address = IPAddress(octets: octets) else { return nil }
        self.init(address, UInt16(bytes[2]) << 8 | UInt16(bytes[3]))
    }
}
