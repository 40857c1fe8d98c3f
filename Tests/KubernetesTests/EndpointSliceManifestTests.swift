// EndpointSlices, Nodes and ServiceCIDRs: what is read, what is ignored, what is malformed.

import Model
import Testing

@testable import Kubernetes

private let head = "apiVersion: discovery.k8s.io/v1, kind: EndpointSlice"
private let label = "labels: {kubernetes.io/service-name: web}"

private func read(_ body: String, labels: String = label) -> (EndpointSlice?, String?) {
    let (index, changes) = index("{\(head), metadata: {name: web-1, \(labels)}, \(body)}")
    return (slices(changes)[name("web-1")], index.refusals.first?.reason)
}

@Suite struct EndpointSliceManifestTests {
    @Test("everything a node reads")
    func everything() throws {
        let text = """
            apiVersion: discovery.k8s.io/v1
            kind: EndpointSlice
            metadata:
              name: web-1
              namespace: shop
              labels: {kubernetes.io/service-name: web}
            addressType: IPv6
            ports:
            - {name: http, port: 8080, protocol: TCP}
            - {name: "", port: 53, protocol: UDP}
            - {port: 9}
            - {name: none, port: null}
            - {name: zero, port: 0}
            endpoints:
            - addresses: ["fd00::1", "fd00::2"]
              conditions: {}
              nodeName: node-a
              zone: eu-west-1a
              hints: {forZones: [{name: eu-west-1a}], forNodes: [{name: node-a}, {name: node-b}]}
              targetRef: {kind: Pod, name: web-0}
            - addresses: ["fd00::3"]
              conditions: {ready: false, serving: true, terminating: true}
            - addresses: []
            - addresses: null
            """
        let slice = try #require(slices(index(text).1)[name("web-1", in: "shop")])
        #expect(
            slice
                == EndpointSlice(
                    service: name("web", in: "shop"), family: .v6,
                    ports: [
                        EndpointPort(name: "http", port: 8080),
                        EndpointPort(name: "", protocol: .udp, port: 53),
                    ],
                    endpoints: [
                        Endpoint(
                            address: IPAddress("fd00::1")!, nodeName: "node-a",
                            zoneHints: ["eu-west-1a"], nodeHints: ["node-a", "node-b"]),
                        Endpoint(
                            address: IPAddress("fd00::3")!, isReady: false, isTerminating: true),
                    ]))
    }

    @Test("null endpoints, ports, conditions and hints are normal")
    func nulls() {
        #expect(
            read("addressType: IPv4, endpoints: null, ports: null").0
                == EndpointSlice(service: name("web"), family: .v4, ports: [], endpoints: []))
        #expect(
            read(
                "addressType: IPv4, "
                    + "endpoints: [{addresses: [10.0.0.1], conditions: null, hints: null}]"
            )
            .0?.endpoints == [Endpoint(address: IPAddress("10.0.0.1")!)])
    }

    @Test("absent ready and serving are true, absent terminating is false")
    func conditions() {
        let slice = read(
            "addressType: IPv4, endpoints: [{addresses: [10.0.0.1], conditions: {ready: false}}]"
        ).0
        #expect(slice?.endpoints.map(\.isServing) == [true])
        #expect(slice?.endpoints.map(\.isDraining) == [false])
    }

    @Test("no label, a headless copy and host names are ignored without complaint")
    func ignored() {
        for (body, labels) in [
            ("addressType: IPv4", "labels: {}"), ("addressType: IPv4", "labels: null"),
            ("addressType: FQDN, endpoints: [{addresses: [db.example.com]}]", label),
            (
                "addressType: IPv4",
                "labels: {kubernetes.io/service-name: web, service.kubernetes.io/headless: \"\"}"
            ),
        ] {
            let (slice, reason) = read(body, labels: labels)
            #expect(slice == nil)
            #expect(reason == nil)
        }
    }

    @Test(
        "a malformed slice is refused by field and reason",
        arguments: [
            ("ports: []", "addressType: is missing"),
            ("addressType: IPv5", "addressType: \"IPv5\" is none of FQDN, IPv4, IPv6"),
            (
                "addressType: IPv4, "
                    + "endpoints: [{addresses: [10.0.0.1]}, {addresses: [\"fd00::1\"]}]",
                "endpoints[1].addresses[0]: fd00::1 in a slice of IPv4 addresses"
            ),
            (
                "addressType: IPv4, endpoints: [{addresses: [x]}]",
                "endpoints[0].addresses[0]: \"x\" is no IP address"
            ),
            (
                "addressType: IPv4, endpoints: [{addresses: [10.0.0.1], conditions: {ready: yes}}]",
                "endpoints[0].conditions.ready: is a string, not a boolean"
            ),
            (
                "addressType: IPv4, ports: [{name: a, port: 65536}]",
                "ports[0].port: 65536 is no port number"
            ),
        ])
    func malformed(body: String, reason: String) {
        let (slice, given) = read(body)
        #expect(slice == nil)
        #expect(given == reason)
    }

    @Test("a Node's zone, addresses, pod CIDRs and whether it is leaving")
    func node() throws {
        let text = """
            apiVersion: v1
            kind: Node
            metadata: {name: node-a, labels: {topology.kubernetes.io/zone: eu-west-1a}}
            spec:
              podCIDR: 10.1.0.0/24
              podCIDRs: [10.1.0.0/24, "fd01::/64"]
              taints: [{key: dedicated, effect: NoSchedule}]
            status:
              addresses:
              - {type: ExternalIP, address: 198.51.100.1}
              - {type: InternalIP, address: 10.0.0.11}
              - {type: Hostname, address: node-a}
            """
        let addresses = [IPAddress("10.0.0.11")!, IPAddress("198.51.100.1")!]
        let expected = Node(
            zone: "eu-west-1a", addresses: addresses,
            podCIDRs: [CIDR("10.1.0.0/24")!, CIDR("fd01::/64")!])
        guard case .node("node-a", let node)? = index(text).1.first else {
            Issue.record("no node")
            return
        }
        #expect(node == expected)
        for leaving in [
            "metadata: {name: a, deletionTimestamp: \"2026-11-20T22:00:00Z\"}",
            "metadata: {name: a}, spec: {taints: [{key: ToBeDeletedByClusterAutoscaler}]}",
        ] {
            guard
                case .node(_, let node)? = index("{apiVersion: v1, kind: Node, \(leaving)}").1.first
            else {
                Issue.record("no node")
                return
            }
            #expect(node == Node(isLeaving: true))
        }
    }

    @Test("a ServiceCIDR's ranges, in both versions of the API")
    func serviceCIDR() {
        for version in ["v1", "v1beta1"] {
            let text =
                "{apiVersion: networking.k8s.io/\(version), kind: ServiceCIDR, "
                + "metadata: {name: all}, spec: {cidrs: [10.100.0.0/16, \"fd00:100::/108\"]}}"
            guard case .serviceCIDR("all", let range)? = index(text).1.first else {
                Issue.record("no ServiceCIDR")
                return
            }
            #expect(range?.cidrs == [CIDR("10.100.0.0/16")!, CIDR("fd00:100::/108")!])
        }
    }
}
