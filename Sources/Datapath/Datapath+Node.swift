// The writes that concern the node itself: its ENIs, its veths, its settings and the switch. The
// last shares its entry with the generation, which nobody but `activate` may change.

internal import BPF
internal import CDatapath
internal import Model
internal import Plan

extension Datapath {
    func writeNode(_ operation: Operation) throws(BPFError) {
        switch operation {
        case .setENI(let key, let egress):
            try maps.enis.update(eni_key(key), eni_egress(egress, interface: key.interface))
        case .removeENI(let key): _ = try maps.enis.delete(eni_key(key))
        case .setVeth(let interface, let addresses):
            try maps.veths.update(interface, veth_addresses(addresses))
        case .removeVeth(let interface): _ = try maps.veths.delete(interface)
        case .setNode(let node): try maps.settings.update(0, CDatapath.settings(node))
        case .removeNode: try maps.settings.update(0, CDatapath.settings())
        case .switchServices(let isOn):
            var entry = try maps.control.lookup(0) ?? CDatapath.control()
            entry.services = isOn
            try maps.control.update(0, entry)
        default: break
        }
    }
}

extension MapSet {
    /// The part of a dump that `Datapath.writeNode` wrote.
    func dumpNode(into image: inout Image) throws(BPFError) {
        for (key, value) in try enis.entries() {
            guard let key = key.key, let egress = value.egress else { continue }
            image.apply(.setENI(key, egress))
        }
        for (interface, value) in try veths.entries() {
            image.apply(.setVeth(interface, value.addresses))
        }
        if let node = try settings.lookup(0)?.node { image.apply(.setNode(node)) }
        if try control.lookup(0)?.services == true { image.apply(.switchServices(true)) }
    }
}
