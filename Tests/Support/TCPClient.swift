// A TCP connection as a test sees it.

import Glibc
package import Linux
import Model

/// A connected TCP socket; closed with its last reference.
package final class TCPClient: TestSocket, @unchecked Sendable {
    /// Dials. A peer in `::ffff:…` form makes an IPv6 socket, as Java's are.
    package init(
        to peer: SocketAddress, in namespace: NetworkNamespace?, from own: SocketAddress? = nil,
        timeoutMilliseconds: Int = TestSocket.defaultTimeoutMilliseconds
    ) throws(KernelError) {
        try super.init(
            SOCK_STREAM, peer.address.family, in: namespace,
            timeoutMilliseconds: timeoutMilliseconds)
        if let own { try bind(own) }
        try connect(peer)
    }

    /// Exactly that many bytes; ENODATA (61) when the stream ends before.
    package func receive(exactly count: Int) throws(KernelError) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let chunk = try receive(upTo: count - bytes.count)
            if chunk.isEmpty {
                throw KernelError(
                    call: "recv", subject: "\(bytes.count) of \(count)", errno: Errno(rawValue: 61))
            }
            bytes += chunk
        }
        return bytes
    }

    /// Sends a text and waits for its echo, which it returns.
    package func echo(_ text: String) throws(KernelError) -> String {
        let bytes = Array(text.utf8)
        try send(bytes)
        return String(decoding: try receive(exactly: bytes.count), as: UTF8.self)
    }

    /// Sends a text and returns the first answer, whatever its length.
    package func ask(_ text: String) throws(KernelError) -> String {
        try send(Array(text.utf8))
        return String(decoding: try receive(), as: UTF8.self)
    }
}
