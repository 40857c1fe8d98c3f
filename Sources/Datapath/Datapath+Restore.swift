// Maps to values: what an earlier agent left, or what is programmed now. Entries that we would
// never write are skipped here and overwritten by the first full pass.

internal import BPF
internal import CDatapath
internal import Model
package import Plan

extension Datapath {
    /// Plan's protocol: what the pinned maps hold, as operations would have made it.
    package func restore() async throws -> Image {
        var image = try maps.dump()
        for (interface, role) in try foundHooks().roles { image.apply(.attach(interface, role)) }
        for interface in xdp.found() { image.apply(.attachXDP(interface)) }
        return image
    }
}

extension MapSet {
    /// Everything in the maps, as Plan knows it; attachments are links, not map entries.
    func dump() throws(DatapathError) -> Image {
        do throws(BPFError) {
            var image = Image()
            try dumpServices(into: &image)
            try dumpPods(into: &image)
            try dumpNode(into: &image)
            for (key, value) in try localAddresses4.entries() {
                image.apply(.setLocalAddress(key.value, acceptsNodePorts: value.accepts_node_ports))
            }
            for (key, value) in try localAddresses6.entries() {
                image.apply(.setLocalAddress(key.value, acceptsNodePorts: value.accepts_node_ports))
            }
            for (key, value) in try prefixes4.entries() {
                if let cidr = key.cidr { image.apply(.setPrefix(cidr, value.value)) }
            }
            for (key, value) in try prefixes6.entries() {
                if let cidr = key.cidr { image.apply(.setPrefix(cidr, value.value)) }
            }
            return image
        } catch {
            throw .kernel(error)
        }
    }

    private func dumpServices(into image: inout Image) throws(BPFError) {
        for (id, value) in try backends4.entries() {
            guard let backend = value.backend else { continue }
            image.apply(.setBackend(BackendID(rawValue: id), backend, value.stateValue))
        }
        for (id, value) in try backends6.entries() {
            guard let backend = value.backend else { continue }
            image.apply(.setBackend(BackendID(rawValue: id), backend, value.stateValue))
        }
        for (key, value) in try slots.entries() {
            image.apply(.setSlot(key.key, BackendID(rawValue: value.backend_id)))
        }
        for (key, value) in try members.entries() {
            image.apply(
                .setMember(
                    ServiceID(rawValue: key.service_id), BackendID(rawValue: key.backend_id),
                    value.membership))
        }
        for (key, value) in try sourceRanges4.entries() where value.allowed {
            guard let (id, range) = key.range else { continue }
            image.apply(.setSourceRange(id, range))
        }
        for (key, value) in try sourceRanges6.entries() where value.allowed {
            guard let (id, range) = key.range else { continue }
            image.apply(.setSourceRange(id, range))
        }
        for (key, value) in try services4.entries() {
            guard let frontend = key.frontend, let head = value.head else { continue }
            image.apply(.setFrontend(frontend, head))
        }
        for (key, value) in try services6.entries() {
            guard let frontend = key.frontend, let head = value.head else { continue }
            image.apply(.setFrontend(frontend, head))
        }
    }

    private func dumpPods(into image: inout Image) throws(BPFError) {
        for (key, value) in try podToVeth4.entries() {
            let eni = try podToENI4.lookup(key)?.eni
            if let pod = value.pod(at: key.value, eni: eni) { image.apply(.setPod(pod)) }
        }
        for (key, value) in try podToVeth6.entries() {
            let eni = try podToENI6.lookup(key)?.eni
            if let pod = value.pod(at: key.value, eni: eni) { image.apply(.setPod(pod)) }
        }
    }
}
