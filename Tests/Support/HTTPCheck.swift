// A load balancer's check: one request on a connection of its own, from a namespace.

package import Linux
import Model

/// What a check was told.
package struct HTTPCheck: Hashable, Sendable {
    package var status = 0
    /// Status line and headers.
    package var head = ""
    package var body = ""

    /// Whether the header is there with exactly this value.
    package func has(_ header: String, _ value: String) -> Bool {
        head.split(separator: "\r\n").contains { $0 == "\(header): \(value)" }
    }

    /// Asks and waits for the end of the connection. ECONNREFUSED where nothing listens.
    /// - Parameter line: method and target.
    package static func ask(
        _ place: SocketAddress, in namespace: NetworkNamespace, _ line: String = "GET /"
    ) async throws -> HTTPCheck {
        // Never on a thread of the pool: a server in this process makes its answer there.
        let text = try await DedicatedThread.perform {
            let client = try TCPClient(to: place, in: namespace, timeoutMilliseconds: 60_000)
            let request = "\(line) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            try client.send(Array(request.utf8))
            var bytes: [UInt8] = []
            while case let chunk = try client.receive(), !chunk.isEmpty { bytes += chunk }
            return String(decoding: bytes, as: UTF8.self)
        }
        let end = text.firstRange(of: "\r\n\r\n")
        let head = String(text[..<(end?.lowerBound ?? text.endIndex)])
        let words = head.split(separator: " ")
        return HTTPCheck(
            status: words.count > 1 ? Int(words[1]) ?? 0 : 0, head: head,
            body: end.map { String(text[$0.upperBound...]) } ?? "")
    }

    /// The same; nil where nothing listens, or where it stopped listening under our hands.
    package static func answer(
        _ place: SocketAddress, in namespace: NetworkNamespace, _ line: String = "GET /"
    ) async throws -> HTTPCheck? {
        do {
            let check = try await ask(place, in: namespace, line)
            return check.status == 0 ? nil : check
        } catch let error as KernelError where [refused, reset].contains(error.errno) {
            return nil
        }
    }

    private static let refused = Errno(rawValue: 111)
    private static let reset = Errno(rawValue: 104)
}
