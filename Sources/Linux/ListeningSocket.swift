// A TCP socket that listens. It belongs to the network namespace of the thread that opens it, for
// good: name the namespace, since a pool's threads are in whichever one their parent was in.

import Glibc

/// Opens listening sockets.
package enum ListeningSocket {
    /// Connections that wait to be accepted.
    private static let backlog: Int32 = 128

    /// Binds and listens. An unspecified IPv6 address takes IPv4 clients too only if `isDualStack`:
    /// else each family can have a socket of its own on one port.
    ///
    /// - Parameter octets: the address in network order, 4 or 16 of them.
    /// - Parameter port: host order; 0 lets the kernel choose.
    /// - Returns: the descriptor, which is the caller's to close.
    /// - Throws: EADDRINUSE, EADDRNOTAVAIL (not this host's address, or not usable yet), EMFILE, …
    package static func open(
        _ octets: [UInt8], port: UInt16, isDualStack: Bool = false, in namespace: NetworkNamespace
    ) async throws -> Int32 {
        try await namespace.perform {
            let socket = try bound(octets, port, isDualStack)
            try check("listen", "port \(port)") { listen(socket.rawValue, backlog) }
            return socket.release()
        }
    }

    private static func bound(
        _ octets: [UInt8], _ port: UInt16, _ isDualStack: Bool
    ) throws(KernelError) -> FileDescriptor {
        let isV6 = octets.count == 16
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = FileDescriptor(
            owning: try check("socket", isV6 ? "TCP, IPv6" : "TCP, IPv4") {
                socket(isV6 ? AF_INET6 : AF_INET, type, 0)
            })
        // Connections that are ending must not keep a port that nobody listens on.
        try set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        if isV6 { try set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, isDualStack ? 0 : 1) }
        try check("bind", "port \(port)") {
            isV6
                ? bind(descriptor, form6(octets, port)) : bind(descriptor, form4(octets, port))
        }
        return descriptor
    }

    private static func form4(_ octets: [UInt8], _ port: UInt16) -> sockaddr_in {
        var form = sockaddr_in()
        form.sin_family = sa_family_t(AF_INET)
        form.sin_port = port.bigEndian
        withUnsafeMutableBytes(of: &form.sin_addr) { $0.copyBytes(from: octets) }
        return form
    }

    private static func form6(_ octets: [UInt8], _ port: UInt16) -> sockaddr_in6 {
        var form = sockaddr_in6()
        form.sin6_family = sa_family_t(AF_INET6)
        form.sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &form.sin6_addr) { $0.copyBytes(from: octets) }
        return form
    }

    private static func bind<Form>(
        _ descriptor: borrowing FileDescriptor, _ form: Form
    ) -> Int32 {
        let number = descriptor.rawValue
        return withUnsafePointer(to: form) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(number, $0, socklen_t(MemoryLayout<Form>.size))
            }
        }
    }

    private static func set(
        _ descriptor: borrowing FileDescriptor, _ level: Int32, _ option: Int32, _ value: Int32
    ) throws(KernelError) {
        let number = descriptor.rawValue
        var value = value
        try check("setsockopt", "\(level)/\(option)") {
            setsockopt(number, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
        }
    }
}
