// What must hold for a datapath at any moment, written without the planner's own bookkeeping: it
// looks only at what the maps hold.

import Model

@testable import Plan

/// What is wrong with an image; empty when every packet meets only true things.
///
/// - Parameters:
///   - allowed: the backends that each service port may lead to at this moment.
///   - sticky: service ports that keep their clients, before and after the write.
///   - verdicts: what each frontend may say of each sender at this moment.
func flaws(
    of image: Image, allowed: [ServiceID: Set<Backend>]? = nil, sticky: Set<ServiceID> = [],
    verdicts: [Frontend: [IPAddress: Set<Bool>]] = [:]
) -> [String] {
    var flaws: [String] = []
    for (frontend, senders) in verdicts {
        guard let head = image.frontends[frontend] else { continue }
        for (sender, may) in senders where !may.contains(admits(sender, head, in: image)) {
            flaws.append("\(frontend) is wrong about \(sender), now and after")
        }
    }
    for (frontend, head) in image.frontends
    where head.hasSourceRanges && head.kind != .loadBalancer {
        flaws.append("\(frontend), \(head.kind), has source ranges")
    }
    for (list, slots) in image.slots {
        if list.service.rawValue == 0 { flaws.append("service id 0 has slots") }
        for (slot, id) in slots where image.backends[id] == nil {
            flaws.append("slot \(slot) of \(list) names the missing backend \(id)")
        }
    }
    for id in image.backends.keys where id.rawValue == 0 { flaws.append("backend id 0 \(id)") }
    for (frontend, head) in image.frontends {
        for (set, count) in [(BackendSet.cluster, head.clusterCount), (.local, head.localCount)] {
            let slots = image.slots[SlotList(service: head.id, set: set)] ?? [:]
            for slot in 0..<count {
                guard let id = slots[slot], let backend = image.backends[id]?.backend else {
                    flaws.append("\(frontend) counts the missing slot \(slot) of \(set)")
                    continue
                }
                if sticky.contains(head.id), head.affinityTimeoutSeconds > 0,
                    image.members[head.id]?[id] == nil
                {
                    flaws.append("\(frontend) with affinity leads to \(id), which is no member")
                }
                if let allowed, allowed[head.id]?.contains(backend) != true {
                    flaws.append("\(frontend) leads to \(backend), in neither old nor new set")
                }
            }
        }
    }
    return flaws
}

/// Whether the frontend with this head takes flows from this sender.
func admits(_ sender: IPAddress, _ head: ServiceHead, in image: Image) -> Bool {
    !head.hasSourceRanges
        || (image.sourceRanges[head.id] ?? []).contains { $0.contains(sender) }
}

/// Where the frontends lead, by set: what a client can notice of an image.
func reachable(in image: Image) -> [Frontend: [BackendSet: [Backend]]] {
    image.frontends.mapValues { head in
        var sets: [BackendSet: [Backend]] = [:]
        for (set, count) in [(BackendSet.cluster, head.clusterCount), (.local, head.localCount)] {
            let slots = image.slots[SlotList(service: head.id, set: set)] ?? [:]
            sets[set] = (0..<count).compactMap { slots[$0] }
                .compactMap { image.backends[$0]?.backend }.sorted()
        }
        return sets
    }
}
