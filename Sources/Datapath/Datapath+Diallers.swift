// What the socket hooks must know of a dialler: the addresses of its network namespace, before the
// kernel has chosen one, and the cgroups whose dials are not theirs.

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

    /// Leaves the dials of these cgroups, by id, and of all below them to the packet path, and
    /// takes up those of all others. What is new is written before what is old goes. Acts if the
    /// configuration says that there are exclusions.
    package func exclude(cgroups: Set<UInt64>) throws(DatapathError) {
        do throws(BPFError) {
            let known = Set(try maps.excludedCgroups.entries().map(\.0))
            var entry = exclusion()
            entry.excluded = true
            for id in cgroups.subtracting(known) { try maps.excludedCgroups.update(id, entry) }
            for id in known.subtracting(cgroups) { _ = try maps.excludedCgroups.delete(id) }
        } catch {
            throw .kernel(error)
        }
    }
}
