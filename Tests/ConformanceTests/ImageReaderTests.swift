// The judge judged: rules that a case file may or may not hold, on maps written by hand. Both
// families have the same maps, and every rule is asked of both.

import Model
import Plan
import Testing

/// One Service's addresses in one family, and who dials them.
private struct Places {
    var clusterIP: IPAddress
    var vip: IPAddress
    var node: IPAddress
    var pod: IPAddress
    var remote: IPAddress
    var stranger: IPAddress
    var loopback: IPAddress
}

private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

private func places(_ family: IPFamily) throws -> Places {
    let prefix = family == .v4 ? "10.0.0." : "fd00::"
    return Places(
        clusterIP: try address(prefix + "1"), vip: try address(prefix + "2"),
        node: try address(prefix + "3"), pod: try address(prefix + "4"),
        remote: try address(prefix + "5"), stranger: try address(prefix + "6"),
        loopback: try address(family == .v4 ? "127.0.0.1" : "::1"))
}

/// A Service at its ClusterIP:80, its VIP:80 and node port 30080; the pod is here, the other
/// backend isn't.
private func image(_ places: Places, _ change: (inout ServiceHead) -> Void = { _ in }) -> Image {
    var image = Image()
    let id = ServiceID(rawValue: 1)
    for (number, address) in [(UInt32(1), places.pod), (2, places.remote)] {
        let backend = Backend(address: address, port: 8080, protocol: .tcp)
        image.apply(.setBackend(BackendID(rawValue: number), backend, .active))
        let slot = SlotKey(service: id, set: .cluster, slot: number - 1)
        image.apply(.setSlot(slot, BackendID(rawValue: number)))
    }
    let slot = SlotKey(service: id, set: .local, slot: 0)
    image.apply(.setSlot(slot, BackendID(rawValue: 1)))
    for (address, port, kind) in [
        (places.clusterIP, UInt16(80), FrontendKind.clusterIP), (places.vip, 80, .loadBalancer),
        (.unspecified(places.node.family), 30080, .nodePort),
    ] {
        var head = ServiceHead(
            id: id, kind: kind, clusterCount: 2, localCount: 1, internalPolicy: .cluster,
            externalPolicy: .cluster, affinityTimeoutSeconds: 0, isUsableAnywhere: true)
        change(&head)
        image.apply(
            .setFrontend(Frontend(address: address, port: port, protocol: .tcp), head))
    }
    image.apply(.setLocalAddress(places.node, acceptsNodePorts: true))
    image.apply(.setLocalAddress(places.loopback, acceptsNodePorts: false))
    return image
}

private func config(_ detection: CaseConfig.Detection = .interface(prefix: "eni")) -> CaseConfig {
    CaseConfig(
        detection: detection, nodePortAddresses: [], localhostNodePorts: true,
        masqueradesAll: false, serviceCIDRs: [])
}

private func flow(
    _ sender: CaseFlow.Sender, _ source: IPAddress, _ destination: IPAddress, _ port: UInt16
) -> CaseFlow {
    let any = Expectation(outcome: .pass)
    return CaseFlow(
        number: 0, sender: sender, source: source,
        destination: Frontend(address: destination, port: port, protocol: .tcp), wanted: any,
        wantedWithoutDetection: any, asksForMemory: false, isRemembered: false)
}

private func dnat(_ backends: [IPAddress], masqueraded: [IPAddress]) -> Expectation {
    Expectation(
        outcome: .dnat, backends: Set(backends.map { socketText($0, 8080) }),
        masqueraded: Set(masqueraded.map { socketText($0, 8080) }))
}

@Suite struct ImageReaderTests {
    @Test(
        "a pod keeps its source to a ClusterIP but for the pick of itself",
        arguments: IPFamily.allCases)
    func clusterIP(family: IPFamily) throws {
        let places = try places(family)
        let all = [places.pod, places.remote]
        let reader = ImageReader(image: image(places), config: config())
        let from = { (sender: CaseFlow.Sender, source: IPAddress) throws in
            try reader.read(flow(sender, source, places.clusterIP, 80)).possible
        }
        #expect(try from(.localPod, places.stranger) == [dnat(all, masqueraded: [])])
        #expect(try from(.localPod, places.pod) == [dnat(all, masqueraded: [places.pod])])
        #expect(try from(.external, places.stranger) == [dnat(all, masqueraded: all)])

        var everything = reader
        everything.config.masqueradesAll = true
        let reading = try everything.read(flow(.localPod, places.stranger, places.clusterIP, 80))
        #expect(reading.possible == [dnat(all, masqueraded: all)])
    }

    @Test(
        "under external Local pods and the host reach every backend, others this node's only",
        arguments: IPFamily.allCases)
    func externalLocal(family: IPFamily) throws {
        let places = try places(family)
        let all = [places.pod, places.remote]
        let maps = image(places) { $0.externalPolicy = .local }
        for (destination, port) in [(places.vip, UInt16(80)), (places.node, 30080)] {
            let from = { (sender: CaseFlow.Sender, source: IPAddress, config: CaseConfig) throws in
                try ImageReader(image: maps, config: config)
                    .read(flow(sender, source, destination, port)).possible
            }
            let outside = [dnat([places.pod], masqueraded: [])]
            let detecting = config()
            #expect(
                try from(.localPod, places.stranger, detecting) == [dnat(all, masqueraded: [])])
            #expect(try from(.host, places.node, detecting) == [dnat(all, masqueraded: all)])
            #expect(try from(.external, places.stranger, detecting) == outside)
            #expect(try from(.localPod, places.stranger, config(.none)) == outside)
            // A detector that takes the node for a pod decides first.
            let ranges = config(.source([CIDR(host: places.node), CIDR(host: places.stranger)]))
            #expect(try from(.host, places.node, ranges) == [dnat(all, masqueraded: [])])
            // Only the first range of a family counts.
            #expect(try from(.localPod, places.stranger, ranges) == outside)
        }
    }

    @Test("nothing anywhere rejects, nothing here drops", arguments: IPFamily.allCases)
    func empty(family: IPFamily) throws {
        let places = try places(family)
        let outside = flow(.external, places.stranger, places.vip, 80)
        var reader = ImageReader(
            image: image(places) { $0.isUsableAnywhere = false }, config: config())
        #expect(try reader.read(outside).possible == [Expectation(outcome: .reject)])
        reader.image = image(places) {
            $0.externalPolicy = .local
            $0.localCount = 0
        }
        #expect(try reader.read(outside).possible == [Expectation(outcome: .drop)])
    }

    @Test("a node port answers on the node's addresses alone", arguments: IPFamily.allCases)
    func nodePort(family: IPFamily) throws {
        let places = try places(family)
        var reader = ImageReader(image: image(places), config: config())
        reader.config.localhostNodePorts = false
        let untouched = [Expectation(outcome: .pass)]
        for destination in [places.vip, places.remote, places.loopback] {
            let dialled = flow(.external, places.stranger, destination, 30080)
            #expect(try reader.read(dialled).possible == untouched)
        }
        #expect(
            try reader.read(flow(.external, places.stranger, places.node, 80)).possible == untouched
        )
    }

    @Test("who is in no range is dropped at load balancer addresses alone, first of all")
    func ranges() throws {
        for family in IPFamily.allCases {
            let places = try places(family)
            var maps = image(places) { $0.hasSourceRanges = $0.kind == .loadBalancer }
            let outside = flow(.external, places.stranger, places.vip, 80)
            func outcome(_ dialled: CaseFlow) throws -> Outcome? {
                try ImageReader(image: maps, config: config()).read(dialled).possible.first?.outcome
            }
            #expect(try outcome(outside) == .drop)
            maps.apply(.setSourceRange(ServiceID(rawValue: 2), CIDR(host: places.stranger)))
            #expect(try outcome(outside) == .drop, "another Service's range")
            #expect(try outcome(flow(.external, places.stranger, places.node, 30080)) == .dnat)
            maps.apply(.setSourceRange(ServiceID(rawValue: 1), CIDR(host: places.stranger)))
            #expect(try outcome(outside) == .dnat)
            maps = image(places) {
                $0.hasSourceRanges = true
                $0.isUsableAnywhere = false
            }
            #expect(try outcome(outside) == .drop, "barred before it is refused")
        }
    }

    @Test("what the maps lack leaves the outcomes that are possible, with a name for it")
    func gaps() throws {
        let places = try places(.v4)
        var reader = ImageReader(image: image(places), config: config())
        reader.config.serviceCIDRs = [try #require(CIDR("10.0.0.0/24"))]
        let gap = { (destination: IPAddress, port: UInt16) throws in
            let reading = try reader.read(flow(.host, places.node, destination, port))
            return reading.possible.count == 2 ? reading.gap : nil
        }
        #expect(try gap(places.clusterIP, 81) == "undefined ports of a ClusterIP")
        #expect(try gap(places.stranger, 80) == "unallocated addresses of a ServiceCIDR")
        #expect(try gap(places.loopback, 30080) == "loopback node ports")
        #expect(try gap(places.clusterIP, 80) == nil)
    }

    @Test("maps that contradict themselves are an error, whatever is expected")
    func broken() throws {
        let places = try places(.v6)
        let dialled = flow(.external, places.stranger, places.clusterIP, 80)
        var missing = image(places)
        missing.apply(.removeBackend(BackendID(rawValue: 2), .v6))
        let tooMany = image(places) { $0.clusterCount = 3 }
        let nothing = image(places) { $0.clusterCount = 0 }
        for maps in [missing, tooMany, nothing] {
            #expect(throws: BrokenImage.self) {
                try ImageReader(image: maps, config: config()).read(dialled)
            }
        }
    }
}
