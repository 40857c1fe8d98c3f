// What each write is called when it fails. People read it: names and addresses, no structs.

internal import Model
internal import Plan

extension Operation {
    /// What is being done to what, for a message.
    var verb: String {
        switch self {
        case .setBackend(let id, let backend, _): "writing backend \(id.rawValue) (\(backend))"
        case .removeBackend(let id, _): "removing backend \(id.rawValue)"
        case .setSlot(let key, _): "writing slot \(key.slot) of service id \(key.service.rawValue)"
        case .removeSlot(let key): "removing slot \(key.slot) of service id \(key.service.rawValue)"
        case .setMember(let service, let id, _):
            "writing backend \(id.rawValue) as a member of service id \(service.rawValue)"
        case .removeMember(let service, let id):
            "removing member \(id.rawValue) of service id \(service.rawValue)"
        case .setSourceRange(let id, let range):
            "writing range \(range) of service id \(id.rawValue)"
        case .removeSourceRange(let id, let range):
            "removing range \(range) of service id \(id.rawValue)"
        case .setFrontend(let frontend, _): "writing frontend \(frontend)"
        case .removeFrontend(let frontend): "removing frontend \(frontend)"
        case .setPod(let pod): "writing pod \(pod.address)"
        case .removePod(let address): "removing pod \(address)"
        case .setLocalAddress(let address, _): "writing local address \(address)"
        case .removeLocalAddress(let address): "removing local address \(address)"
        case .setPrefix(let cidr, _): "writing prefix \(cidr)"
        case .removePrefix(let cidr): "removing prefix \(cidr)"
        case .attach(let interface, let role): "attaching \(role) program to interface \(interface)"
        case .detach(let interface, let role):
            "detaching \(role) program from interface \(interface)"
        case .setENI(let key, _):
            "writing IPv\(key.family.rawValue) egress of interface \(key.interface)"
        case .removeENI(let key):
            "removing IPv\(key.family.rawValue) egress of interface \(key.interface)"
        case .setVeth(let interface, _): "writing the addresses behind interface \(interface)"
        case .removeVeth(let interface): "removing the addresses behind interface \(interface)"
        case .setNode: "writing the node's settings"
        case .removeNode: "clearing the node's settings"
        case .attachXDP(let interface): "attaching the XDP program to interface \(interface)"
        case .detachXDP(let interface): "detaching the XDP program from interface \(interface)"
        case .switchServices(let isOn): "switching translation \(isOn ? "on" : "off")"
        }
    }
}
