// Where a server listens, and its text form.

/// A TCP address to listen on.
package struct BindAddress: Hashable, Sendable, CustomStringConvertible {
    package var address: IPAddress
    /// Host order.
    package var port: UInt16

    package init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// Reads `0.0.0.0:10256`, `[::]:10256` or, as kube-proxy does, `:10256` for all IPv4 addresses.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...]),
            port != 0
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        guard let address = host.isEmpty ? .unspecified(.v4) : IPAddress(String(host)) else {
            return nil
        }
        self.init(address: address, port: port)
    }

    package var description: String { socketText(address, port) }
}
