// Short ways to write Services and endpoints for one node, `node-a` in zone `a`.

import Model
import Resolve

let hereNode = "node-a"
let farNode = "node-b"

/// A pod's address of either family, by number.
func podAddress(_ n: UInt64, _ family: IPFamily) -> IPAddress {
    let base = family == .v4 ? IPAddress(v4: 10, 0, 1, 0) : IPAddress("fd00:1::")!
    return base.advanced(by: n)!
}

func clusterIP(_ family: IPFamily) -> IPAddress {
    family == .v4 ? IPAddress(v4: 10, 100, 0, 1) : IPAddress("fd00:100::1")!
}

let webName = ObjectName(namespace: "default", name: "web")

/// An endpoint whose address is filled in by family; what a test is about stays readable.
struct Sample {
    var n: UInt64
    var isReady = true
    var isServing = true
    var isTerminating = false
    var node: String? = farNode
    var zones: [String] = []
    var nodes: [String] = []

    func endpoint(_ family: IPFamily) -> Endpoint {
        Endpoint(
            address: podAddress(n, family), isReady: isReady, isServing: isServing,
            isTerminating: isTerminating, nodeName: node, zoneHints: zones, nodeHints: nodes)
    }
}

/// A node's snapshot with one Service `web`, port `http` 80/TCP, in one or both families.
struct Sampled {
    var snapshot: Snapshot
    private var slices = 0

    init(
        _ service: Service, families: [IPFamily] = IPFamily.allCases, zone: String? = "a"
    ) {
        snapshot = Snapshot(settings: Settings(nodeName: hereNode))
        var service = service
        if service.clusterIPs.isEmpty { service.clusterIPs = families.map(clusterIP) }
        snapshot.services[webName] = service
        snapshot.nodes[hereNode] = Node(zone: zone)
    }

    init(_ samples: [Sample], zone: String? = "a") {
        self.init(Self.plain, zone: zone)
        add(samples)
    }

    static let plain = Service(clusterIPs: [], ports: [ServicePort(name: "http", port: 80)])

    /// One more slice in each family.
    mutating func add(
        _ samples: [Sample], families: [IPFamily] = IPFamily.allCases,
        ports: [EndpointPort] = [EndpointPort(name: "http", port: 8080)]
    ) {
        for family in families {
            let slice = EndpointSlice(
                service: webName, family: family, ports: ports,
                endpoints: samples.map { $0.endpoint(family) })
            add(slice)
        }
    }

    mutating func add(_ slice: EndpointSlice) {
        slices += 1
        let name = ObjectName(namespace: "default", name: "web-\(slices)")
        snapshot.endpointSlices[name] = slice
        snapshot.slicesByService[slice.service, default: []].insert(name)
    }

    func ports(_ family: IPFamily) -> [DesiredServicePort] {
        Resolve.service(webName, in: snapshot).filter { $0.name.family == family }
    }

    /// Numbers of the pods in a set of the first port.
    func numbers(
        _ set: KeyPath<DesiredServicePort, [Backend]>, _ family: IPFamily
    ) -> [UInt64] {
        guard let port = ports(family).first else { return [] }
        return port[keyPath: set].compactMap { backend in
            (0..<256).first { podAddress($0, family) == backend.address }
        }
    }

    func isUsable(_ family: IPFamily) -> Bool? { ports(family).first?.isUsableAnywhere }
}
