// What people and scripts read: tables, JSON, and that both say what the maps hold.

import FoundationEssentials
import Inspect
import Model
import Plan
import Testing

@testable import Datapath

private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

/// One service with two backends in each family, one pod in each, two ENIs.
private func sampleView() throws -> NodeView {
    var view = NodeView()
    let name = ObjectName(namespace: "default", name: "web")
    let families = [
        ("10.100.0.10", ["10.0.1.5", "10.0.2.6"], "10.0.1.5", "10.0.0.1"),
        ("fd00:100::a", ["fd00::15", "fd00::26"], "fd00::15", "fe80:ec2::1"),
    ]
    for (number, (cluster, backends, pod, gateway)) in families.enumerated() {
        let id = ServiceID(rawValue: UInt32(number + 1))
        let frontend = Frontend(address: try address(cluster), port: 80, protocol: .tcp)
        view.serviceNames[frontend] = ServicePortName(
            service: name, port: "http", protocol: .tcp, family: frontend.address.family)
        for (slot, text) in backends.enumerated() {
            let backend = BackendID(rawValue: UInt32(number * 10 + slot + 1))
            let target = Backend(address: try address(text), port: 8080, protocol: .tcp)
            view.image.apply(.setBackend(backend, target, slot == 0 ? .active : .draining))
            view.image.apply(
                .setSlot(SlotKey(service: id, set: .cluster, slot: UInt32(slot)), backend))
        }
        view.image.apply(
            .setFrontend(
                frontend,
                ServiceHead(
                    id: id, kind: .clusterIP, clusterCount: 2, localCount: 0,
                    internalPolicy: .cluster, externalPolicy: .local, affinityTimeoutSeconds: 30,
                    isUsableAnywhere: true)))
        let mac = try #require(MACAddress("02:00:00:00:00:01"))
        view.image.apply(
            .setPod(
                DesiredPod(
                    address: try address(pod), veth: 7, vethMAC: mac, mtu: 9001,
                    podMAC: number == 0 ? mac : nil, watched: nil,
                    eni: PodENI(
                        interface: 3, mac: mac, mtu: 9001, nextHop: try address(gateway),
                        nextHopMAC: number == 0 ? mac : nil))))
    }
    view.podNames[try address("10.0.1.5")] = ObjectName(namespace: "default", name: "web-0")
    for (index, name) in [(UInt32(2), "eth0"), (3, "eth1"), (7, "eni0123456789a")] {
        view.network.links[index] = Link(
            index: index, name: name, kind: "", mac: MACAddress("02:00:00:00:00:01"), mtu: 9001,
            isUp: true)
    }
    view.image.apply(.attach(2, .eni))
    view.image.apply(.attach(3, .eni))
    view.image.apply(.attach(7, .pod))
    let route = Route(destination: try #require(CIDR("0.0.0.0/0")), interface: 2)
    view.network.routes[route.key] = route
    for text in ["10.0.0.4", "fd00::4", "fe80::1"] {
        view.network.addresses.insert(
            InterfaceAddress(interface: 2, address: try address(text), prefixLength: 24))
    }
    return view
}

/// The sample's service: open in IPv4, its port taken in IPv6.
private let healthPorts = IPFamily.allCases.map { family in
    let desired = DesiredHealthPort(
        service: ObjectName(namespace: "default", name: "web"), family: family, port: 31000,
        addresses: [.unspecified(family)], readyLocalEndpoints: 2)
    return HealthPortState(
        desired: desired,
        failures: family == .v4 ? [:] : [.unspecified(.v6): "bind port 31000: EADDRINUSE"])
}

@Suite struct DocumentTests {
    @Test("status counts health ports, and fails by a Service's name where one can't be opened")
    func failingHealthPort() throws {
        var view = try sampleView()
        view.healthPorts = healthPorts
        var status = StatusDocument(agent: "running")
        status.ready = true
        status.counts = StatusDocument.Counts(view)
        #expect(status.isGood)
        status.add(healthPorts)
        #expect(status.counts.healthPorts == 2)
        #expect(!status.isGood)
        #expect(
            status.table.contains(
                "service default/web: health port [::]:31000: bind port 31000: EADDRINUSE"))
    }

    @Test(
        "a service's table names it, its frontend, its policies and its backends in both families")
    func services() throws {
        var view = try sampleView()
        view.healthPorts = healthPorts
        let list = DocumentList<ServiceItem>(view)
        #expect(list.items[0].healthCheck?.state == "listening")
        #expect(list.items[1].healthCheck?.reason == "bind port 31000: EADDRINUSE")
        #expect(
            list.table == """
                SERVICE      PORT  FRONTEND              KIND       POLICY                      \
                HEALTH        BACKENDS
                default/web  http  10.100.0.10:80/TCP    clusterIP  cluster/local,affinity=30s  \
                31000=2       10.0.1.5:8080,10.0.2.6:8080(draining)
                default/web  http  [fd00:100::a]:80/TCP  clusterIP  cluster/local,affinity=30s  \
                31000 failed  [fd00::15]:8080,[fd00::26]:8080(draining)

                """)
    }

    @Test("a service that only the maps know is shown by its id, after those with names")
    func unnamed() throws {
        var view = try sampleView()
        let known = try #require(view.serviceNames.keys.max())
        view.serviceNames = [known: view.serviceNames[known]!]
        let items = DocumentList<ServiceItem>(view).items
        #expect(items.map(\.name) == ["web", nil])
        #expect(items[1].rows[0][0] == "id 1")
    }

    @Test("a service without backends says what its clients get")
    func withoutBackends() throws {
        var view = NodeView()
        for (text, usable) in [("10.100.0.1", true), ("fd00:100::1", false)] {
            view.image.apply(
                .setFrontend(
                    Frontend(address: try address(text), port: 53, protocol: .udp),
                    ServiceHead(
                        id: ServiceID(rawValue: usable ? 1 : 2), kind: .clusterIP, clusterCount: 0,
                        localCount: 0, internalPolicy: .local, externalPolicy: .local,
                        affinityTimeoutSeconds: 0, isUsableAnywhere: usable)))
        }
        let rows = DocumentList<ServiceItem>(view).items.flatMap(\.rows)
        #expect(rows.map { $0[5] } == ["-", "-"])
        #expect(rows.map { $0[6] } == ["none (drop)", "none (reject)"])
    }

    @Test("a pod's row says which shortcuts it has, and why not")
    func pods() throws {
        var view = try sampleView()
        let items = DocumentList<PodItem>(view).items
        #expect(
            items[0].rows == [
                [
                    "10.0.1.5", "default/web-0", "eni0123456789a", "eth1", "no", "shortcut",
                    "shortcut",
                ]
            ])
        #expect(items[1].fromPods == "stack: pod's MAC unknown")
        #expect(items[1].toENI == "stack: next hop unknown")
        var pod = try #require(view.image.pods[address("fd00::15")])
        pod.watched = .filter("handle_ingress")
        view.image.apply(.setPod(pod))
        #expect(DocumentList<PodItem>(view).items[1].watched == "filter handle_ingress")
        #expect(DocumentList<PodItem>(view).items[1].toENI == "stack: watched")
        view.knowsWatchReasons = false
        #expect(DocumentList<PodItem>(view).items[1].watched == "yes")
    }

    @Test("ENIs come with the primary one first, their addresses and the pods that leave by them")
    func enis() throws {
        let items = DocumentList<ENIItem>(try sampleView()).items
        #expect(items.map(\.interface) == ["eth0", "eth1"])
        #expect(items.map(\.primary) == [true, false])
        #expect(items[0].addresses == ["10.0.0.4", "fd00::4"])
        #expect(items[1].pods == ["10.0.1.5", "fd00::15"])
    }

    @Test("an interface that the kernel no longer has is shown by its number")
    func vanished() throws {
        var view = try sampleView()
        view.network = NetworkState()
        #expect(DocumentList<ENIItem>(view).items.map(\.interface) == ["#2", "#3"])
        #expect(DocumentList<PodItem>(view).items[0].veth == "#7")
    }

    @Test("an interface that has a pod's number and not its MAC is another one")
    func foreignNamespace() throws {
        var view = try sampleView()
        view.network.links[7]?.mac = MACAddress("02:00:00:00:00:99")
        #expect(DocumentList<PodItem>(view).items.map(\.veth) == ["#7", "#7"])
    }

    @Test("the name of one of a pod's addresses names the others behind its veth")
    func pairName() throws {
        let items = DocumentList<PodItem>(try sampleView()).items
        #expect(items.map(\.name) == ["web-0", "web-0"])
    }

    @Test("hooks are counted by program, and one that is off is a failure")
    func hooks() {
        func state(_ hook: String, _ target: String, _ isAttached: Bool) -> AttachState {
            AttachState(hook: hook, target: target, program: "p", isAttached: isAttached)
        }
        var status = StatusDocument(agent: "running")
        status.add([
            state("tcx ingress", "interface 2", true), state("tcx ingress", "interface 3", true),
            state("tcx ingress", "interface 4", false),
        ])
        #expect(status.hooks == [.init(hook: "tcx ingress", program: "p", count: 2)])
        #expect(status.failing == [.init(unit: "tcx ingress on interface 4", reason: "p is off")])
    }

    @Test("status is good only if the agent is ready, nothing fails and nothing was refused")
    func good() {
        var status = StatusDocument(agent: "running")
        #expect(!status.isGood)
        status.ready = true
        #expect(status.isGood)
        status.failing = [.init(unit: "pod 10.0.0.1", reason: "the map is full")]
        #expect(!status.isGood)
        status.failing = []
        status.refusals = [.init(source: "/m", reason: "no YAML")]
        #expect(!status.isGood)
    }

    @Test("every document survives JSON, in its envelope and with lowerCamelCase keys")
    func json() throws {
        let view = try sampleView()
        let services = DocumentList<ServiceItem>(view)
        let text = String(decoding: try services.json, as: UTF8.self)
        #expect(text.contains("\"apiVersion\" : \"needletail/v1\""))
        #expect(text.contains("\"kind\" : \"ServiceList\""))
        #expect(text.contains("\"affinityTimeoutSeconds\" : 30"))
        #expect(try DocumentList(json: services.json) == services)
        let pods = DocumentList<PodItem>(view)
        #expect(try DocumentList(json: pods.json) == pods)
        let enis = DocumentList<ENIItem>(view)
        #expect(try DocumentList(json: enis.json) == enis)
        var status = StatusDocument(agent: "running")
        status.counts = StatusDocument.Counts(view)
        #expect(try StatusDocument(json: status.json) == status)
    }

    @Test("status shows what fails and what was refused before the counters")
    func status() throws {
        var status = StatusDocument(agent: "running")
        status.startedAt = "2026-01-01T00:00:00Z"
        status.awaitedSources = ["services"]
        status.counts = StatusDocument.Counts(try sampleView())
        status.failing = [.init(unit: "pod 10.0.0.1", reason: "the map is full")]
        status.refusals = [.init(source: "/m/web.yaml", reason: "no YAML")]
        status.hooks = [.init(hook: "tcx/ingress", program: "pod", count: 2)]
        status.counters = [.init(reason: "podToPod", packets: 3, bytes: 200)]
        #expect(
            status.table == """
                NODE        unknown
                AGENT       running since 2026-01-01T00:00:00Z
                READY       no: waiting for services
                MODE        unknown
                GENERATION  unknown
                SERVICES    2 (2 frontends, 4 backends)
                PODS        2 (0 watched)
                ENIS        2
                HOST        0 addresses, 0 prefixes
                FAILING     pod 10.0.0.1: the map is full
                REFUSED     /m/web.yaml: no YAML

                PROGRAM  HOOK         ATTACHED
                pod      tcx/ingress  2

                COUNTER   PACKETS  BYTES
                podToPod  3        200

                """)
    }

    @Test("a table is aligned, has no trailing blanks and marks empty cells")
    func table() {
        let table = TextTable(
            columns: ["A", "LONG", "C"], rows: [["xxx", "", "z"], ["", "y", ""]])
        #expect(table.text == "A    LONG  C\nxxx  -     z\n-    y     -\n")
    }
}
