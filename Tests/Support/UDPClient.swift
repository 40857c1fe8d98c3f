// A UDP socket as a test sees it, connected or not.

import Glibc
package import Linux
package import Model

/// A UDP socket; closed with its last reference.
package final class UDPClient: TestSocket, @unchecked Sendable {
    /// Opens a socket of a family; IPv6 ones also send to `::ffff:…`.
    package init(
        _ family: IPFamily, in namespace: NetworkNamespace?,
        timeoutMilliseconds: Int = TestSocket.defaultTimeoutMilliseconds
    ) throws(KernelError) {
        try super.init(
            SOCK_DGRAM, family, in: namespace, timeoutMilliseconds: timeoutMilliseconds)
    }

    /// sendto(2).
    package func send(_ text: String, to peer: SocketAddress) throws(KernelError) {
        let bytes = Array(text.utf8)
        let number = descriptor.rawValue
        let count = bytes.withUnsafeBytes { buffer in
            peer.withKernelForm { sendto(number, buffer.baseAddress, buffer.count, 0, $0, $1) }
        }
        if count < 0 { throw .last("sendto", "\(peer)") }
    }

    /// recvfrom(2): a datagram and whom the program believes it to be from.
    package func receiveFrom() throws(KernelError) -> (text: String, peer: SocketAddress) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var result = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
            result = withUnsafeMutablePointer(to: &storage) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    recvfrom(
                        descriptor.rawValue, buffer.baseAddress, buffer.count, 0, $0, &length)
                }
            }
            count = max(0, result)
        }
        guard result >= 0, let peer = SocketAddress(storage) else { throw .last("recvfrom", "") }
        return (String(decoding: bytes, as: UTF8.self), peer)
    }

    /// Sends a datagram and waits for one.
    package func ask(
        _ text: String, to peer: SocketAddress
    ) throws(KernelError) -> (text: String, peer: SocketAddress) {
        try send(text, to: peer)
        return try receiveFrom()
    }

    /// Asks the kernel to queue ICMP errors with who sent them.
    package func reportErrors(_ family: IPFamily) throws(KernelError) {
        if family == .v4 {
            try set(Int32(IPPROTO_IP), IP_RECVERR, Int32(1))
        } else {
            try set(Int32(IPPROTO_IPV6), IPV6_RECVERR, Int32(1))
        }
    }

    /// The next queued ICMP error and its sender, waiting for it; `reportErrors` comes first.
    package func nextError() throws(KernelError) -> (errno: Errno, offender: IPAddress) {
        var ready = pollfd(fd: descriptor.rawValue, events: 0, revents: 0)
        guard poll(&ready, 1, Int32(Self.defaultTimeoutMilliseconds)) > 0 else {
            throw KernelError(call: "poll", subject: "error queue", errno: .timedOut)
        }
        let control = try receiveControl()
        // cmsghdr: length, level, type; then sock_extended_err: errno, origin, type, code, pad,
        // info, data; then the offender's sockaddr.
        let header = MemoryLayout<cmsghdr>.size
        let error = control.dropFirst(header).prefix(4)
        let offender = Array(control.dropFirst(header + 16))
        guard error.count == 4, let address = SocketAddress(kernelForm: offender) else {
            throw KernelError(call: "recvmsg", subject: "error queue", errno: .invalidArgument)
        }
        let number = error.reversed().reduce(0) { $0 << 8 | Int32($1) }
        return (Errno(rawValue: number), address.address)
    }

    private func receiveControl() throws(KernelError) -> [UInt8] {
        var result = 0
        var payload = [UInt8](repeating: 0, count: 2048)
        let control = [UInt8](unsafeUninitializedCapacity: 512) { control, count in
            payload.withUnsafeMutableBytes { payload in
                var vector = iovec(iov_base: payload.baseAddress, iov_len: payload.count)
                withUnsafeMutablePointer(to: &vector) { vector in
                    var message = msghdr()
                    message.msg_iov = vector
                    message.msg_iovlen = 1
                    message.msg_control = UnsafeMutableRawPointer(control.baseAddress)
                    message.msg_controllen = 512
                    result = recvmsg(
                        descriptor.rawValue, &message, Int32(MSG_ERRQUEUE))
                    count = result < 0 ? 0 : Int(message.msg_controllen)
                }
            }
        }
        if result < 0 { throw .last("recvmsg", "error queue") }
        return control
    }
}
