// Files in, Changes out: who speaks for an object, what stays when something is refused, and what
// real API answers look like.

import Model
import Testing

@testable import Kubernetes

@Suite struct ManifestIndexTests {
    @Test("a malformed object is refused by name, the others of its file go on")
    func others() {
        let (index, changes) = index(
            serviceText("a") + "---\n" + serviceText("b", "10.100.0") + "---\n" + serviceText("c"))
        #expect(summary(changes) == ["service default/a", "service default/c"])
        #expect(
            index.refusals == [
                ManifestRefusal(
                    file: "a.yaml", object: "Service default/b",
                    reason: "spec.clusterIP: \"10.100.0\" is no IP address")
            ])
    }

    @Test("a refused object keeps its last good state, and goes with its file")
    func lastGood() {
        var index = ManifestIndex()
        func update(_ text: String) -> [String] {
            summary(index.update("a.yaml", .contents(Array(text.utf8))))
        }
        #expect(update(serviceText("a")) == ["service default/a"])
        #expect(update(serviceText("a", "nonsense")) == [])
        #expect(index.refusals.count == 1)
        #expect(update(serviceText("a")) == [])
        #expect(index.refusals == [])
        #expect(update(serviceText("a", "nonsense")) == [])
        #expect(summary(index.update("a.yaml", .removed)) == ["-service default/a"])
        #expect(index.refusals == [])
    }

    @Test("a file that can't be parsed or read leaves its objects as they were")
    func unparsable() {
        var (index, _) = index(serviceText("a"))
        #expect(summary(index.update("a.yaml", .contents(Array("a: [".utf8)))) == [])
        #expect(index.refusals.map(\.object) == [""])
        #expect(summary(index.update("a.yaml", .unreadable(reason: "open: EACCES"))) == [])
        #expect(index.refusals.map(\.reason) == ["open: EACCES"])
        #expect(summary(index.update("a.yaml", .contents([]))) == ["-service default/a"])
        #expect(index.refusals == [])
    }

    @Test("of two files with one object the first path speaks, and the other is named")
    func twoFiles() {
        var (index, _) = index(serviceText("x", "10.100.0.2"), path: "b.yaml")
        let first = Array(serviceText("x", "10.100.0.1").utf8)
        let changes = index.update("a.yaml", .contents(first))
        #expect(services(changes)[name("x")]?.clusterIPs == [IPAddress("10.100.0.1")!])
        #expect(
            index.refusals == [
                ManifestRefusal(
                    file: "b.yaml", object: "Service default/x", reason: "already in a.yaml")
            ])
        let back = index.update("a.yaml", .removed)
        #expect(services(back)[name("x")]?.clusterIPs == [IPAddress("10.100.0.2")!])
        #expect(index.refusals == [])
        #expect(summary(index.update("b.yaml", .removed)) == ["-service default/x"])
    }

    @Test("of one object twice in a file the first counts")
    func twice() {
        let (index, changes) = index(
            serviceText("x", "10.100.0.1") + "---\n" + serviceText("x", "10.100.0.2"))
        #expect(services(changes)[name("x")]?.clusterIPs == [IPAddress("10.100.0.1")!])
        #expect(index.refusals.map(\.reason) == ["already in this file"])
    }

    @Test("what didn't change makes no Change")
    func unchanged() {
        var (index, _) = index(serviceText("a") + "---\n" + serviceText("b"))
        let text = serviceText("b") + "---\n" + serviceText("a") + "---\n" + serviceText("c")
        #expect(
            summary(index.update("a.yaml", .contents(Array(text.utf8)))) == ["service default/c"])
    }

    @Test("kinds that a node doesn't read are ignored, also one called Service elsewhere")
    func otherKinds() {
        let (index, changes) = index(
            """
            {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}
            ---
            {apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: web}}
            """)
        #expect(changes.isEmpty)
        #expect(index.refusals == [])
        #expect(index.ignored(in: "a.yaml").count == 2)
    }

    @Test("an object without kind, version or name is refused by its place")
    func nameless() {
        let (index, changes) = index(
            """
            {metadata: {name: web}}
            ---
            {apiVersion: v1, kind: Service, metadata: {}}
            ---
            just text
            ---
            {apiVersion: v1, kind: List, items: [{kind: Service}, {apiVersion: v1, kind: Service}]}
            """)
        #expect(changes.isEmpty)
        #expect(
            index.refusals.map { "\($0.object): \($0.reason)" } == [
                "document 1: has no apiVersion or no kind",
                "document 2 (Service): metadata.name: is missing",
                "document 3: is a string, not an object",
                "document 4, item 1: has no apiVersion or no kind",
                "document 4, item 2 (Service): metadata.name: is missing",
            ])
    }

    @Test("lists of every kind hold objects, also within each other")
    func lists() {
        let (index, changes) = index(
            """
            apiVersion: v1
            kind: List
            items:
            - {apiVersion: v1, kind: Node, metadata: {name: node-a}}
            - apiVersion: v1
              kind: ServiceList
              items: [{metadata: {name: web}, spec: {}}]
            - apiVersion: discovery.k8s.io/v1
              kind: EndpointSliceList
              items:
              - metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
                addressType: IPv4
            """)
        #expect(
            summary(changes) == ["node node-a", "service default/web", "slice default/web-1"])
        #expect(index.refusals == [])
    }

    @Test("the same namespaced name is another object in another namespace")
    func namespaces() {
        let (_, changes) = index(
            """
            {apiVersion: v1, kind: Service, metadata: {name: a, namespace: x}}
            ---
            {apiVersion: v1, kind: Service, metadata: {name: a, namespace: ""}}
            """)
        #expect(summary(changes) == ["service default/a", "service x/a"])
    }

    @Test(
        "the objects behind the recorded cluster are read as they were written, as JSON and as YAML"
    )
    func recordedObjects() throws {
        for path in ["objects.json", "objects.yaml"] {
            var index = ManifestIndex()
            let changes = index.update(path, .contents(try fixture("objects.json")))
            #expect(services(changes).count == 42)
            // Of 47 slices one has no label, one is headless and one is of host names.
            #expect(slices(changes).count == 44)
            #expect(index.refusals == [])
        }
    }

    @Test("LIST answers of a real API server are read without a complaint")
    func recordedLists() throws {
        var index = ManifestIndex()
        let read = services(
            index.update("s.json", .contents(try fixture("list-services.json"))))
        let found = slices(
            index.update("e.json", .contents(try fixture("list-endpointslices.json"))))
        let nodes = index.update("n.json", .contents(try fixture("list-nodes.json")))
        #expect(index.refusals == [])
        #expect(nodes.count == 6)
        let dns = try #require(read[name("kube-dns", in: "kube-system")])
        #expect(dns.clusterIPs == [IPAddress("10.100.0.10")!])
        #expect(dns.ports.map(\.protocol) == [.udp, .tcp, .tcp])
        #expect(read.values.filter { $0.clusterIPs.count == 2 }.count == 1)
        #expect(read.values.filter(\.belongsToAnotherProxy).count == 1)
        #expect(read.values.filter { $0.type == .externalName }.count == 1)
        #expect(found.values.filter { $0.family == .v6 }.count == 2)
        #expect(found.values.contains { $0.endpoints.contains(where: \.isDraining) })
    }
}
