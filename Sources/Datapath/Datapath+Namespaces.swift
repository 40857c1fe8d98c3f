// Which network namespace is whose: what the socket hooks must know of a dialler before the kernel
// has chosen its source address.

internal import BPF
internal import CDatapath
package import Model

extension Datapath {
    /// Says from which addresses the programs in a network namespace dial, one of each family at
    /// most. A family that is left out is unknown: what depends on it is left to the packet path.
    ///
    /// - Parameter cookie: the namespace's, `NetworkNamespace.cookie()`.
    package func setNamespace(
        _ cookie: UInt64, dialsFrom addresses: [IPAddress]
    ) throws(DatapathError) {
        do throws(BPFError) {
            try maps.namespaces.update(cookie, namespace_addresses(addresses))
        } catch {
            throw .kernel(error)
        }
    }

    /// Forgets every namespace but these; cookies are never used again.
    package func keepNamespaces(_ cookies: Set<UInt64>) throws(DatapathError) {
        do throws(BPFError) {
            for (cookie, _) in try maps.namespaces.entries() where !cookies.contains(cookie) {
                _ = try maps.namespaces.delete(cookie)
            }
        } catch {
            throw .kernel(error)
        }
    }
}
